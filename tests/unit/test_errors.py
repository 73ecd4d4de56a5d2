"""Errors are made of plain values. tests/client/ pickles and copies every error that a call can raise."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from runtime.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    GenAuthError,
    InvalidResponseError,
    parse_retry_after,
    response_details,
    with_details,
)
from runtime.http import httpx

from .specification import TeapotError

CONTENT = bytes(range(256))
HEADERS = httpx.Headers([("Retry-After", "3"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
PLAIN: dict[str, Any] = {
    "status_code": 418,
    "api_code": 2333,
    "request_id": "r-1",
    "http_status": 503,
    "delivery": "not_sent",
    "retryable": True,
    "retry_after": 3.0,
}


@pytest.mark.parametrize("kind", [GenAuthError, APIConnectionError, APITimeoutError])
def test_error_without_a_response_survives_json(kind: type[GenAuthError]) -> None:
    error = kind("it failed", PLAIN)
    # As Celery copies it.
    copied = kind(*json.loads(json.dumps(error.args)))
    assert str(copied) == "it failed"
    assert repr(copied) == repr(error) == f"{kind.__name__}('it failed', delivery='not_sent')"
    assert {name: getattr(copied, name) for name in PLAIN} == PLAIN


@pytest.mark.parametrize("kind", [APIError, TeapotError, InvalidResponseError])
def test_error_with_a_response_survives_json(kind: type[APIError | InvalidResponseError]) -> None:
    error = kind("it failed", {**response_details(503, HEADERS, CONTENT), "message": "Küche\udc80"})
    copied = kind(*json.loads(json.dumps(error.args)))
    assert (copied.http_status, copied.content) == (503, CONTENT)
    assert isinstance(copied.headers, httpx.Headers)
    assert copied.headers == HEADERS
    assert copied.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert getattr(copied, "message", "Küche\udc80") == "Küche\udc80"
    assert not any(getattr(kind(), name, None) for name in ("headers", "content", "message"))


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        (httpx.Headers([(b"X-Room", "Küche".encode())]), "Küche"),
        (httpx.Headers([(b"X-Room", "Küche".encode("latin-1"))]), "Küche"),
        ({"X-Room": "厨房"}, "厨房"),
    ],
)
def test_headers_are_kept_as_httpx_decodes_them(headers: Mapping[str, str], text: str) -> None:
    assert APIError("it failed", response_details(200, headers, b"")).headers["x-room"] == text


def test_copy_with_other_details_is_otherwise_equal() -> None:
    error = TeapotError("it failed", details := dict(PLAIN))
    details.clear()
    error.__cause__ = cause = httpx.ConnectError("refused")
    changed = with_details(error, delivery="unknown", retryable=False)
    assert (type(changed), str(changed)) == (TeapotError, "it failed")
    assert str(GenAuthError()) == ""
    assert changed.__cause__ is cause
    assert changed.args[1] == PLAIN | {"delivery": "unknown", "retryable": False}
    assert error.args[1] == PLAIN


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (" 120 ", 120.0),
        ("²", None),
        ("Wed, 21 Oct 2026 09:28:30 +0200", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        # -0000 means that the time zone is unknown.
        ("Wed, 21 Oct 2026 07:28:30 -0000", None),
        ("Wed, 21 Oct 99999 07:28:30 GMT", None),
        (f"Wed, 21 Oct {'9' * 20} 07:28:30 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date_or_invalid(retry_after: str, seconds: float | None) -> None:
    # Headers from the network can contain any bytes.
    raw = [(b"Retry-After", retry_after.encode()), (b"Date", DATE.encode())]
    assert parse_retry_after(httpx.Headers(raw)) == seconds
