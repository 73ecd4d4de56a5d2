from copy import copy
from itertools import count
from typing import TypeVar

import pytest

from runtime.errors import APIConnectionError, APIError, APITimeoutError, Delivery, GenAuthError, InvalidResponseError
from runtime.http import httpcore, httpx
from runtime.outcomes import (
    api_error,
    connection_error,
    delivery_of,
    error_message,
    http_error,
    is_transient,
    library_errors,
    raise_for_status_code,
)
from runtime.transport.request import Attempt
from runtime.transport.response import ResponseReader
from runtime.types import Request, Response

from .library_errors import BEFORE_SENDING, CERTIFICATE, END, LATER, REFUSALS, because_of, tls_error
from .specification import ApiCode, RequestDto, ResponseDto, TeapotError

ADDRESS = "test@example.com"
REQUEST = Request("POST", "https://example.genauth.ai/tea", RequestDto(ADDRESS), "s3cret-token")
ERRORS = {418: TeapotError}
EARLIER = APIConnectionError("reset")


T = TypeVar("T")


def evolve(value: T, **changes: object) -> T:
    changed = copy(value)
    vars(changed).update(changes)
    return changed


# No response


def connection_failed(error: httpx.RequestError, *, body_started: bool) -> APIConnectionError:
    attempt = Attempt({}, float("inf"), float("inf"))
    attempt.body_started = body_started
    return connection_error(error, attempt, REQUEST)


def kind_for(kind: type[httpx.RequestError]) -> type[APIConnectionError]:
    return APITimeoutError if issubclass(kind, httpx.TimeoutException) else APIConnectionError


@pytest.mark.parametrize(
    ("kinds", "body_started", "delivery", "retryable"),
    [
        (BEFORE_SENDING, False, "not_sent", True),
        # These would recur.
        (REFUSALS, False, "not_sent", False),
        # These come after the request, whether or not its body was read.
        (LATER, False, "unknown", False),
        (BEFORE_SENDING + REFUSALS + LATER, True, "unknown", False),
    ],
    ids=["before sending", "refusals", "later", "after the body"],
)
def test_library_error_shows_whether_anything_was_sent(
    kinds: list[type[httpx.RequestError]], body_started: bool, delivery: Delivery, retryable: bool
) -> None:
    for kind in kinds:
        error = kind("it failed")
        ours = connection_failed(error, body_started=body_started)
        assert type(ours) is kind_for(kind)
        assert (ours.delivery, ours.retryable) == (delivery, retryable), kind
        assert ours.__cause__ is error


@pytest.mark.parametrize(("message", "reason"), [("it failed", "ReadError: it failed"), ("", "ReadError")])
def test_error_says_what_happened_and_what_was_asked(message: str, reason: str) -> None:
    ours = connection_failed(httpx.ReadError(message), body_started=True)
    assert str(ours) == f"{reason} [POST https://example.genauth.ai/tea RequestDto(email='t***@example.com')]"


def test_no_data_from_the_server_is_quoted() -> None:
    said = f"illegal status line: bytearray(b'{ADDRESS}')"
    error = because_of(
        httpx.RemoteProtocolError(said), httpcore.RemoteProtocolError(said), Exception(said, 400, f"x: {said}")
    )
    ours = connection_failed(error, body_started=True)
    assert str(ours) == f"RemoteProtocolError: illegal status line [{REQUEST}]"
    cause = ours.__cause__
    assert type(cause) is httpx.RemoteProtocolError
    assert str(cause) == "illegal status line"
    assert list(library_errors(cause)) == [cause]
    assert cause.__context__ is None
    # The original error is not changed.
    assert error.args == (said,)
    assert [each.args for each in library_errors(error)][1:] == [(said,), (said, 400, f"x: {said}")]


MESSAGES: dict[str, tuple[httpx.RequestError, str]] = {
    **{
        reason: (
            because_of(httpx.ConnectError("it failed"), tls_error(reason)),
            "the server does not speak TLS: it may need http:// in place of https://",
        )
        for reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
    },
    "certificate": (because_of(httpx.ConnectError("no certificate"), CERTIFICATE), "no certificate"),
    "cause": (
        because_of(httpx.ReadError(""), httpcore.ReadError(), ConnectionResetError(104, "reset by peer")),
        "[Errno 104] reset by peer",
    ),
    "nothing": (httpx.ReadError(""), ""),
    # asyncio raises this if the peer closes during the TLS handshake.
    "handshake": (
        because_of(httpx.ConnectError("pop from an empty deque"), IndexError("pop from an empty deque")),
        "the connection was closed",
    ),
    "pool": (because_of(httpx.PoolTimeout("all 100 are in use"), TimeoutError()), "all 100 are in use"),
    "own words": (httpx.ReadTimeout("in their words"), "in their words"),
    "no timeout of ours": (because_of(httpx.ConnectTimeout("no route"), ConnectionError("no route")), "no route"),
    **{
        kind.__name__: (because_of(kind("timed out"), TimeoutError("timed out")), message)
        for kind, message in (
            (httpx.ConnectTimeout, "there was no connection in time"),
            (httpx.WriteTimeout, "the request could not be sent in time"),
            (httpx.ReadTimeout, "there was no response in time"),
        )
    },
}


@pytest.mark.parametrize("name", MESSAGES)
def test_error_is_explained(name: str) -> None:
    error, message = MESSAGES[name]
    assert error_message(error) == message


WRAPPED = httpcore.ConnectError("it failed")


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        *((because_of(httpx.ConnectError("it failed"), WRAPPED, each), True) for each in (OSError("no route"), END)),
        *((kind("it failed"), True) for kind in BEFORE_SENDING),
        *((kind("it failed"), False) for kind in REFUSALS + LATER),
        # A TLS error would recur. httpcore may have it only as an argument.
        *(
            (because_of(httpx.ConnectError("it failed"), *causes), False)
            for tls in (CERTIFICATE, tls_error("WRONG_VERSION_NUMBER"), tls_error("SSLV3_ALERT"))
            for causes in ((httpcore.ConnectError("it failed"), tls), (httpcore.ConnectError(tls),))
        ),
    ],
    ids=map(str, count(1)),
)
def test_only_connect_errors_are_transient_but_not_tls_errors(error: httpx.RequestError, transient: bool) -> None:
    assert is_transient(error) is transient
    assert connection_failed(error, body_started=False).retryable is transient


def test_library_errors_come_from_the_chain_and_from_arguments_each_once() -> None:
    inner = OSError("refused")
    middle = httpcore.ConnectError(inner)
    outer = because_of(httpx.ConnectError("refused"), middle, inner)
    assert list(library_errors(outer)) == [outer, middle, inner]
    alone = httpcore.ConnectError(inner)
    assert list(library_errors(alone)) == [alone, inner]


def test_library_errors_exclude_contexts() -> None:
    cause = OSError("refused")
    cause.__context__ = CERTIFICATE
    error = because_of(httpx.ConnectError("refused"), cause)
    error.__context__ = CERTIFICATE
    assert list(library_errors(error)) == [error, cause]
    assert is_transient(error)


def test_library_errors_in_a_circle_come_once() -> None:
    error = httpx.ConnectError("refused")
    error.__cause__ = cause = OSError("refused")
    cause.__cause__ = error
    assert list(library_errors(error)) == [error, cause]


# A response of the API


def response_with(
    parsed: ResponseDto, http_status: int = 200, retry_after: str | None = None, interval: float | None = None
) -> Response[ResponseDto]:
    headers = {"X-Id": "1"} if retry_after is None else {"Retry-After": retry_after}
    request = evolve(REQUEST, deduplication_interval=interval)
    return Response(request, http_status, httpx.Headers(headers), b"{}", parsed)


@pytest.mark.parametrize("interval", [None, 60.0])
def test_only_4xx_and_503_of_the_api_itself_say_that_nothing_was_sent(interval: float | None) -> None:
    codes = (200, 399, 400, 429, 499, 500, 502, 503, 504)
    told = {code for code in codes if delivery_of(code, 200, interval) == "not_sent"}
    # A gateway may have repeated a request that was carried out before.
    assert told == {400, 429, 499, 503} - ({429} if interval else set())
    for http_status in (201, 202, 302, 400, 429, 500, 503):
        assert {delivery_of(code, http_status, interval) for code in codes} == {"unknown"}


@pytest.mark.parametrize("earlier_error", [None, EARLIER])
def test_success_raises_nothing(earlier_error: GenAuthError | None) -> None:
    response = evolve(response_with(ResponseDto(200, "Sent.", 2333, "r-1")), earlier_error=earlier_error)
    raise_for_status_code(response, {200: TeapotError})


def test_failure_raises_the_class_of_its_status_code() -> None:
    with pytest.raises(TeapotError) as caught:
        raise_for_status_code(response_with(ResponseDto(418, "No.", 2333, "r-1")), ERRORS)
    error = caught.value
    assert (error.status_code, error.message, error.api_code, error.request_id) == (418, "No.", 2333, "r-1")
    assert (error.http_status, dict(error.headers), error.content) == (200, {"x-id": "1"}, b"{}")
    assert (error.delivery, error.retryable, error.retry_after) == ("not_sent", False, None)
    assert str(error) == f"statusCode 418, apiCode 2333, request id r-1 [{REQUEST}]"


def test_undocumented_failure_is_an_api_error_with_only_the_given_fields() -> None:
    error = api_error(response_with(ResponseDto(599, "")), ERRORS)
    assert type(error) is APIError
    assert str(error) == f"statusCode 599 [{REQUEST}]"
    assert (error.delivery, error.message, error.api_code, error.request_id) == ("unknown", "", None, None)


def test_failure_with_another_http_status_has_the_class_of_its_status_code_and_unknown_delivery() -> None:
    error = api_error(response_with(ResponseDto(418, "No."), 503, "7"), {**ERRORS, 503: APIError})
    assert type(error) is TeapotError
    assert (error.status_code, error.http_status, error.delivery) == (418, 503, "unknown")
    assert (error.retryable, error.retry_after) == (False, 7.0)
    assert str(error) == f"HTTP 503, statusCode 418 [{REQUEST}]"


def test_code_is_shown_with_the_contracts_explanation() -> None:
    error = api_error(response_with(ResponseDto(418, "No.", ApiCode.NO_WATER)), ERRORS)
    assert str(error) == f"statusCode 418, apiCode 2333 (There is no water) [{REQUEST}]"
    # It is a plain integer, which JSON can represent.
    assert type(error.api_code) is int


def test_texts_of_the_server_are_not_shown_but_kept_as_attributes() -> None:
    said = f"{ADDRESS}\nis blocked: s3cret-token"
    error = api_error(response_with(ResponseDto(500, said, None, said)), {})
    assert str(error) == f"statusCode 500, request id *** [{REQUEST}]"
    assert "blocked" not in repr(error)
    assert (error.message, error.request_id) == (said, said)


@pytest.mark.parametrize("retry_after", [None, "0", "soon"])
def test_only_a_503_of_the_api_itself_is_retryable(retry_after: str | None) -> None:
    for http_status in (200, 202, 429, 500, 503):
        for status_code in (399, 400, 429, 499, 500, 502, 503):
            response = response_with(ResponseDto(status_code, "No."), http_status, retry_after)
            assert api_error(response, {}).retryable is (http_status == 200 and status_code == 503)
            assert api_error(evolve(response, earlier_error=EARLIER), {}).retryable is False


@pytest.mark.parametrize(
    ("http_status", "status_code", "retry_after", "interval", "seconds"),
    [
        (200, 429, None, 60.0, 60.0),
        (200, 429, "soon", 60.0, 60.0),
        (200, 429, "7", 60.0, 7.0),
        (200, 429, "0", 60.0, 0.0),
        (200, 429, None, None, None),
        # The API's interval does not apply to a gateway's limit.
        (429, 429, None, 60.0, None),
        (429, 429, "7", 60.0, 7.0),
        (200, 503, None, 60.0, None),
        (200, 503, "7", None, 7.0),
    ],
)
def test_retry_after_is_the_servers_or_the_interval_for_a_429_of_the_api(
    http_status: int, status_code: int, retry_after: str | None, interval: float | None, seconds: float | None
) -> None:
    error = api_error(response_with(ResponseDto(status_code, "No."), http_status, retry_after, interval), {})
    assert error.retry_after == seconds
    # It is among the details, so it survives serialization.
    assert error.args[1]["retry_after"] == seconds


@pytest.mark.parametrize(("status_code", "delivery"), [(400, "not_sent"), (500, "unknown")])
def test_refusal_after_an_unknown_outcome_has_unknown_delivery_and_keeps_the_earlier_error(
    status_code: int, delivery: Delivery
) -> None:
    response = response_with(ResponseDto(status_code, "No."))
    with pytest.raises(APIError) as caught:
        raise_for_status_code(response, {})
    assert caught.value.delivery == delivery
    assert caught.value.__cause__ is None
    with pytest.raises(APIError) as caught:
        raise_for_status_code(evolve(response, earlier_error=EARLIER), {})
    assert caught.value.delivery == "unknown"
    assert caught.value.__cause__ is EARLIER


def test_only_429_after_an_unknown_outcome_says_that_it_may_have_been_carried_out() -> None:
    said = "; an earlier attempt of this call may have been carried out, or another limit may have been hit"
    for status_code in (400, 429):
        alone = response_with(ResponseDto(status_code, "No."))
        error = api_error(evolve(alone, earlier_error=EARLIER), {})
        more = said if status_code == 429 else ""
        assert str(error) == f"statusCode {status_code}{more} [{REQUEST}]"
        assert str(api_error(alone, {})) == f"statusCode {status_code} [{REQUEST}]"
        assert error.message == "No."


# Another response


def error_by_http_status(http_status: int, body: dict[str, object]) -> GenAuthError:
    reader = ResponseReader(float("inf"))
    reader.start(http_status, httpx.Headers({"Retry-After": "1"}))
    return http_error("a body that is wrong", reader, b"<h1>", REQUEST, ERRORS, body)


@pytest.mark.parametrize(
    ("http_status", "kind"),
    [
        *[(status, InvalidResponseError) for status in (200, 204, 302, 399, 600)],
        *[(status, APIError) for status in (400, 499, 500, 503, 599)],
        (418, TeapotError),
    ],
)
def test_response_from_elsewhere_has_unknown_delivery_and_is_an_api_error_for_an_http_error(
    http_status: int, kind: type[APIError | InvalidResponseError]
) -> None:
    error = error_by_http_status(http_status, {})
    assert type(error) is kind
    assert isinstance(error, APIError | InvalidResponseError)
    assert str(error) == f"HTTP {http_status} with a body that is wrong [{REQUEST}]"
    assert (error.http_status, error.headers["retry-after"], error.content) == (http_status, "1", b"<h1>")
    assert (error.delivery, error.retryable, error.retry_after) == ("unknown", False, 1.0)
    assert (error.status_code, error.api_code, error.request_id) == (None, None, None)
    error = error_by_http_status(http_status, {"status_code": 200, "api_code": 1, "request_id": "r-1"})
    assert (error.status_code, error.api_code, error.request_id) == (200, 1, "r-1")
