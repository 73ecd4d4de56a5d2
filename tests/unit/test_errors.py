import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from runtime import errors as module
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

ADDRESS = "test@example.com"
CONTENT = bytes(range(256))
HEADERS = httpx.Headers([("Retry-After", "3"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])

API_ERROR: dict[str, Any] = {
    "status_code": 418,
    "message": "Küche\udc80",
    "api_code": 2333,
    "request_id": "r-1",
    "delivery": "not_sent",
    "retryable": True,
    "retry_after": 3.0,
    **response_details(503, HEADERS, CONTENT),
}
CONNECTION: dict[str, Any] = {"delivery": "not_sent", "retryable": True}

EXAMPLES: dict[type[GenAuthError], dict[str, Any]] = {
    GenAuthError: CONNECTION,
    APIConnectionError: CONNECTION,
    APITimeoutError: CONNECTION,
    APIError: API_ERROR,
    TeapotError: API_ERROR,
    InvalidResponseError: response_details(302, HEADERS, CONTENT),
}


def by_pickle(error: GenAuthError) -> GenAuthError:
    copied = pickle.loads(pickle.dumps(error))
    assert isinstance(copied, GenAuthError)
    return copied


def by_json(error: GenAuthError) -> GenAuthError:
    """Copy an error as Celery does: by class and arguments."""
    return type(error)(*json.loads(json.dumps(error.args)))


def by_copy(error: GenAuthError) -> GenAuthError:
    return copy.copy(error)


def attributes(error: GenAuthError) -> dict[str, object]:
    names = [name for name in dir(type(error)) if isinstance(getattr(type(error), name), property)]
    return {name: getattr(error, name) for name in names if name != "_details"}


def test_every_class_has_an_example() -> None:
    classes = {each for each in vars(module).values() if isinstance(each, type) and issubclass(each, GenAuthError)}
    assert {each for each in classes if not each.__name__.startswith("_")} | {TeapotError} == EXAMPLES.keys()


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("travel", [by_pickle, by_json, by_copy])
def test_error_survives_serialization_unchanged(
    kind: type[GenAuthError], travel: Callable[[GenAuthError], GenAuthError]
) -> None:
    error = kind("it failed", EXAMPLES[kind])
    arrived = travel(error)
    assert type(arrived) is kind
    assert str(arrived) == str(error) == "it failed"
    assert repr(arrived) == repr(error)
    assert attributes(arrived) == attributes(error)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_error_has_the_attributes_of_its_details(kind: type[GenAuthError]) -> None:
    said = attributes(kind("it failed", EXAMPLES[kind]))
    expected = dict(EXAMPLES[kind])
    if "headers" in expected:
        expected.update(headers=HEADERS, content=CONTENT)
    assert {name: said[name] for name in expected} == expected


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_error_made_without_details_has_unknown_delivery(kind: type[GenAuthError]) -> None:
    error = kind()
    assert str(error) == ""
    assert error.delivery == "unknown"
    assert error.retryable is False
    for name in ("status_code", "api_code", "request_id", "http_status", "retry_after"):
        assert getattr(error, name) is None
    assert not any(getattr(error, name, None) for name in ("headers", "content", "message"))


def test_repr_shows_no_details() -> None:
    error = TeapotError("it failed", {"message": ADDRESS, "content": ADDRESS, "delivery": "not_sent"})
    assert repr(error) == "TeapotError('it failed', delivery='not_sent')"


@pytest.mark.parametrize("kind", [APIError, InvalidResponseError])
@pytest.mark.parametrize("travel", [by_pickle, by_json, by_copy])
@pytest.mark.parametrize(
    "headers",
    [
        httpx.Headers([(b"X-Room", "Küche".encode())]),
        httpx.Headers([(b"X-Room", "Küche".encode("latin-1"))]),
        httpx.Headers([("X-Room", "one"), ("X-Room", "two")]),
    ],
    ids=["utf-8", "latin-1", "two"],
)
def test_headers_are_kept_as_httpx_decodes_them(
    kind: type[APIError | InvalidResponseError],
    travel: Callable[[GenAuthError], GenAuthError],
    headers: httpx.Headers,
) -> None:
    error = travel(kind("it failed", response_details(200, headers, b"")))
    assert isinstance(error, APIError | InvalidResponseError)
    assert error.headers["X-ROOM"] == error.headers["x-room"] == headers["X-Room"]
    assert isinstance(error.headers, httpx.Headers)
    assert error.headers.get_list("x-room") == headers.get_list("x-room")


def test_headers_from_a_dictionary_can_be_any_text() -> None:
    assert APIError("it failed", response_details(200, {"X-Room": "厨房"}, b"")).headers["x-room"] == "厨房"


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_copy_with_other_details_is_otherwise_equal(kind: type[GenAuthError]) -> None:
    details = dict(EXAMPLES[kind])
    error = kind("it failed", details)
    before = attributes(error)
    details.clear()
    error.__cause__ = cause = httpx.ConnectError("refused")
    changed = with_details(error, delivery="unknown", retryable=False)
    assert type(changed) is kind
    assert str(changed) == "it failed"
    assert changed.__cause__ is cause
    assert attributes(changed) == {**before, "delivery": "unknown", "retryable": False}
    assert attributes(error) == before


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": " 120 "}, 120.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": DATE}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": DATE}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 09:28:30 +0200", "Date": DATE}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "²"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": DATE, "Date": "today"}, None),
        # -0000 means that the time zone is unknown.
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 -0000", "Date": DATE}, None),
        ({"Retry-After": "Wed, 21 Oct 99999 07:28:30 GMT"}, None),
        ({"Retry-After": f"Wed, 21 Oct {'9' * 20} 07:28:30 GMT"}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date_or_invalid(headers: dict[str, str], seconds: float | None) -> None:
    # Headers from the network can contain any bytes.
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert parse_retry_after(httpx.Headers(raw)) == seconds
