import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from runtime import errors as module
from runtime.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    Delivery,
    GenAuthError,
    InvalidResponseError,
    delivery_of,
    parse_retry_after,
    raise_for_status_code,
)
from runtime.http import httpx
from runtime.types import UNSET, Request, Response

from .specification import RequestDto, ResponseDto, TeapotError

CONTENT = bytes(range(256))
HEADERS = httpx.Headers([("Retry-After", "3"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])

API_ERROR: dict[str, Any] = {
    "status_code": 418,
    "message": "Küche\udc80",
    "api_code": 2333,
    "request_id": "r-1",
    "http_status": 503,
    "headers": HEADERS,
    "content": CONTENT,
    "delivery": "not_sent",
}
INVALID: dict[str, Any] = {"http_status": 302, "headers": HEADERS, "content": CONTENT}

EXAMPLES: dict[type[GenAuthError], dict[str, Any]] = {
    GenAuthError: {"delivery": "not_sent"},
    APIConnectionError: {"delivery": "not_sent"},
    APITimeoutError: {"delivery": "not_sent"},
    APIError: API_ERROR,
    TeapotError: API_ERROR,
    InvalidResponseError: INVALID,
}


def by_pickle(error: GenAuthError) -> GenAuthError:
    copied = pickle.loads(pickle.dumps(error))
    assert isinstance(copied, GenAuthError)
    return copied


def by_json(error: GenAuthError) -> GenAuthError:
    """As Celery sends errors: by class and arguments."""
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
def test_error_travels_with_all_it_says(
    kind: type[GenAuthError], travel: Callable[[GenAuthError], GenAuthError]
) -> None:
    error = kind("it failed", **EXAMPLES[kind])
    arrived = travel(error)
    assert type(arrived) is kind
    assert str(arrived) == str(error) == "it failed"
    assert repr(arrived) == repr(error)
    assert attributes(arrived) == attributes(error)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_error_says_what_it_is_given_by_keyword(kind: type[GenAuthError]) -> None:
    error = kind(text="it failed", **EXAMPLES[kind])
    said = attributes(error)
    assert {name: said[name] for name in EXAMPLES[kind]} == EXAMPLES[kind]


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_error_can_be_made_of_nothing_and_is_of_unknown_delivery(kind: type[GenAuthError]) -> None:
    error = kind()
    assert str(error) == ""
    assert error.delivery == "unknown"
    said = attributes(error)
    assert said.get("http_status", 200) == 200
    assert said.get("headers", {}) == {}
    assert said.get("content", b"") == b""
    assert said.get("status_code", 0) == 0
    assert said.get("message", "") == ""
    assert said.get("api_code") is None


def test_invalid_response_is_always_of_unknown_delivery() -> None:
    assert InvalidResponseError("it failed", **INVALID).delivery == "unknown"


def test_details_of_another_error_are_copied() -> None:
    details = {"delivery": "not_sent"}
    error = GenAuthError("it failed", details)
    details["delivery"] = "unknown"
    assert error.delivery == "not_sent"


def test_repr_shows_no_details() -> None:
    error = TeapotError("it failed", message="test@example.com", content=b"test@example.com", delivery="not_sent")
    assert repr(error) == "TeapotError('it failed', delivery='not_sent')"


@pytest.mark.parametrize("kind", [APIError, InvalidResponseError])
@pytest.mark.parametrize("headers", [{"Retry-After": "3"}, httpx.Headers({"retry-after": "3"})])
def test_names_of_headers_are_compared_without_regard_to_case(
    kind: type[APIError | InvalidResponseError], headers: dict[str, str]
) -> None:
    error = kind("it failed", headers=headers)
    assert error.headers["RETRY-AFTER"] == error.headers["retry-after"] == "3"


@pytest.mark.parametrize("kind", [APIError, InvalidResponseError])
@pytest.mark.parametrize("travel", [by_pickle, by_json, by_copy])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_headers_that_are_not_ascii_stay_as_httpx_reads_them(
    kind: type[APIError | InvalidResponseError], travel: Callable[[GenAuthError], GenAuthError], encoding: str
) -> None:
    headers = httpx.Headers([(b"X-Room", "Küche".encode(encoding)), (b"X-Id", b"1")])
    assert headers["x-room"] == "Küche"
    error = travel(kind("it failed", headers=headers))
    assert isinstance(error, APIError | InvalidResponseError)
    assert dict(error.headers) == {"x-room": "Küche", "x-id": "1"}


def test_headers_of_a_dictionary_can_be_any_text() -> None:
    assert APIError("it failed", headers={"X-Room": "厨房"}).headers["x-room"] == "厨房"


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_error_as_unknown_differs_in_nothing_but_the_delivery(kind: type[GenAuthError]) -> None:
    error = kind("it failed", **EXAMPLES[kind])
    before = attributes(error)
    error.__cause__ = cause = httpx.ConnectError("refused")
    changed = error.as_unknown()
    assert type(changed) is kind
    assert str(changed) == "it failed"
    assert changed.__cause__ is cause
    assert attributes(changed) == {**before, "delivery": "unknown"}
    assert attributes(error) == before
    assert attributes(by_json(changed)) == attributes(changed)


def test_header_that_comes_twice_is_kept_twice() -> None:
    headers = by_json(APIError("it failed", headers=HEADERS)).headers  # type: ignore[attr-defined]
    assert headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_only_an_api_error_takes_part_of_the_delivery_from_its_status_code() -> None:
    told = {code: delivery_of(code) for code in (200, 399, 400, 429, 499, 500, 502, 503, 504)}
    assert {code for code, delivery in told.items() if delivery == "not_sent"} == {400, 429, 499, 503}


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
        # Without a zone it cannot be compared.
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 -0000", "Date": DATE}, None),
        ({"Retry-After": "Wed, 21 Oct 99999 07:28:30 GMT"}, None),
        ({"Retry-After": f"Wed, 21 Oct {'9' * 20} 07:28:30 GMT"}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date_or_invalid(headers: dict[str, str], seconds: float | None) -> None:
    # As they come from the network, where they can be any bytes.
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert parse_retry_after(httpx.Headers(raw)) == seconds


def test_api_error_tells_when_to_come_again() -> None:
    assert APIError("it failed", headers={"retry-after": "3"}).retry_after == 3.0
    assert APIError("it failed").retry_after is None


def response_with(parsed: ResponseDto) -> Response[ResponseDto]:
    request = Request("POST", "https://example.genauth.ai/tea", RequestDto("test@example.com"), "s3cret-token")
    return Response(request, 202, httpx.Headers({"X-Id": "1"}), b"{}", parsed)


def test_success_raises_nothing() -> None:
    raise_for_status_code(response_with(ResponseDto(200, "Sent.", 2333, "r-1")), {200: TeapotError})


def test_failure_raises_the_class_of_its_status_code() -> None:
    with pytest.raises(TeapotError) as caught:
        raise_for_status_code(response_with(ResponseDto(418, "No.", 2333, "r-1")), {418: TeapotError})
    error = caught.value
    assert attributes(error) == {
        "api_code": 2333,
        "content": b"{}",
        "delivery": "not_sent",
        "headers": {"x-id": "1"},
        "http_status": 202,
        "message": "No.",
        "request_id": "r-1",
        "retry_after": None,
        "status_code": 418,
    }
    assert str(error) == (
        "statusCode 418, apiCode 2333: No. "
        "[POST https://example.genauth.ai/tea RequestDto(email='t***@example.com'); request id r-1]"
    )


EARLIER = APIConnectionError("reset")


def after(earlier: GenAuthError | None, status_code: int) -> APIError:
    with pytest.raises(APIError) as caught:
        raise_for_status_code(evolve(response_with(ResponseDto(status_code, "No.")), earlier_error=earlier), {})
    return caught.value


@pytest.mark.parametrize(("status_code", "delivery"), [(400, "not_sent"), (429, "not_sent"), (500, "unknown")])
def test_refusal_after_an_unknown_outcome_is_of_unknown_delivery_and_keeps_the_earlier_error(
    status_code: int, delivery: Delivery
) -> None:
    alone = after(None, status_code)
    assert alone.delivery == delivery
    assert alone.__cause__ is None
    error = after(EARLIER, status_code)
    assert error.delivery == "unknown"
    assert error.__cause__ is EARLIER


def test_only_429_after_an_unknown_outcome_says_that_it_was_carried_out() -> None:
    said = "; the operation was carried out by an earlier attempt of this call, or by another call a moment ago"
    assert str(after(EARLIER, 429)).startswith(f"statusCode 429: No.{said} [POST https://example.genauth.ai/tea ")
    assert str(after(None, 429)).startswith("statusCode 429: No. [POST")
    assert str(after(EARLIER, 400)).startswith("statusCode 400: No. [POST")
    assert after(EARLIER, 429).message == "No."


def test_success_after_an_unknown_outcome_raises_nothing() -> None:
    raise_for_status_code(evolve(response_with(ResponseDto(200, "Sent.")), earlier_error=EARLIER), {200: TeapotError})


def test_failure_that_is_not_documented_is_an_api_error() -> None:
    with pytest.raises(APIError) as caught:
        raise_for_status_code(response_with(ResponseDto(599, "No.")), {418: TeapotError})
    assert type(caught.value) is APIError
    assert caught.value.delivery == "unknown"


def test_failure_without_more_says_so() -> None:
    parsed = ResponseDto(500, "", api_code=UNSET, request_id=UNSET)  # type: ignore[arg-type]
    with pytest.raises(APIError) as caught:
        raise_for_status_code(response_with(parsed), {})
    assert str(caught.value).startswith("statusCode 500: no message [POST")
    assert caught.value.api_code is None
    assert caught.value.request_id is None


def test_text_of_a_failure_masks_what_the_user_sent_and_the_attributes_do_not() -> None:
    said = "test@example.com\nis blocked: s3cret-token"
    with pytest.raises(APIError) as caught:
        raise_for_status_code(response_with(ResponseDto(500, said, None, said)), {})
    assert "test@" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("t***@example.com is blocked: ***") == 2
    assert caught.value.message == said
    assert caught.value.request_id == said
