from copy import copy
from typing import TypeVar

import pytest

from runtime.errors import APIConnectionError, APIError, APITimeoutError, Delivery, GenAuthError
from runtime.http import httpcore, httpx
from runtime.outcomes import (
    api_error,
    connection_error,
    error_message,
    is_transient,
    library_errors,
    raise_for_status_code,
)
from runtime.transport.request import Attempt
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
        assert type(ours) is (APITimeoutError if issubclass(kind, httpx.TimeoutException) else APIConnectionError)
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


@pytest.mark.parametrize(
    ("cause", "transient"),
    [(OSError("no route"), True), (END, True), (CERTIFICATE, False), (tls_error("SSLV3_ALERT"), False)],
)
def test_error_of_tls_would_recur(cause: Exception, transient: bool) -> None:
    # httpcore may have it only as an argument.
    for causes in ((httpcore.ConnectError("it failed"), cause), (httpcore.ConnectError(cause),)):
        error = because_of(httpx.ConnectError("it failed"), *causes)
        assert connection_failed(error, body_started=False).retryable is transient


def test_library_errors_come_from_the_chain_and_from_arguments_each_once_but_not_from_contexts() -> None:
    inner = OSError("refused")
    middle = httpcore.ConnectError(inner)
    outer = because_of(httpx.ConnectError("refused"), middle, inner)
    inner.__cause__ = outer
    inner.__context__ = outer.__context__ = CERTIFICATE
    assert list(library_errors(outer)) == [outer, middle, inner]
    assert is_transient(outer)


# A response of the API


def response_with(
    parsed: ResponseDto, http_status: int = 200, retry_after: str | None = None, interval: float | None = None
) -> Response[ResponseDto]:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    request = evolve(REQUEST, deduplication_interval=interval)
    return Response(request, http_status, httpx.Headers(headers), b"{}", parsed)


@pytest.mark.parametrize("interval", [None, 60.0])
def test_only_4xx_and_503_of_the_api_itself_say_that_nothing_was_sent_and_only_503_is_retryable(
    interval: float | None,
) -> None:
    codes = (399, 400, 429, 499, 500, 502, 503, 504)
    # A gateway may have repeated a request that was carried out before.
    refusals = {400, 429, 499, 503} - ({429} if interval else set())
    for http_status in (200, 201, 202, 302, 400, 429, 500, 503):
        for code in codes:
            alone = response_with(ResponseDto(code, "No."), http_status, interval=interval)
            error = api_error(alone, {})
            assert error.delivery == ("not_sent" if http_status == 200 and code in refusals else "unknown")
            assert error.retryable is (http_status == 200 and code == 503)
            later = api_error(evolve(alone, earlier_error=EARLIER), {})
            assert (later.delivery, later.retryable) == ("unknown", False)


@pytest.mark.parametrize("earlier_error", [None, EARLIER])
def test_failure_is_raised_from_the_earlier_error_and_a_success_never(earlier_error: GenAuthError | None) -> None:
    response = evolve(response_with(ResponseDto(200, "Sent.", 2333, "r-1")), earlier_error=earlier_error)
    raise_for_status_code(response, {200: TeapotError})
    with pytest.raises(TeapotError) as caught:
        raise_for_status_code(evolve(response, parsed=ResponseDto(418, "No.")), ERRORS)
    assert caught.value.__cause__ is earlier_error


def test_failure_has_the_class_of_its_status_code_and_all_that_the_response_has() -> None:
    parsed = ResponseDto(418, f"{ADDRESS}\nis blocked", ApiCode.NO_WATER, "r-1")
    error = api_error(response_with(parsed, 503, "7"), {**ERRORS, 503: APIError})
    assert type(error) is TeapotError
    assert (error.status_code, error.message, error.request_id) == (418, parsed.message, "r-1")
    assert (error.http_status, dict(error.headers), error.content) == (503, {"retry-after": "7"}, b"{}")
    assert str(error) == f"HTTP 503, statusCode 418, apiCode 2333 (There is no water), request id r-1 [{REQUEST}]"
    # It is a plain integer, which JSON can represent.
    assert error.api_code == 2333
    assert type(error.api_code) is int


@pytest.mark.parametrize(
    ("http_status", "status_code", "retry_after", "interval", "seconds"),
    [
        (200, 429, None, 60.0, 60.0),
        (200, 429, "0", 60.0, 0.0),
        (200, 429, None, None, None),
        # The API's interval does not apply to a gateway's limit.
        (429, 429, None, 60.0, None),
        (200, 503, None, 60.0, None),
        (200, 503, "7", None, 7.0),
    ],
)
def test_retry_after_is_the_servers_or_the_interval_for_a_429_of_the_api(
    http_status: int, status_code: int, retry_after: str | None, interval: float | None, seconds: float | None
) -> None:
    error = api_error(response_with(ResponseDto(status_code, "No."), http_status, retry_after, interval), {})
    assert error.retry_after == seconds


def test_only_429_after_an_unknown_outcome_says_that_it_may_have_been_carried_out() -> None:
    said = "; an earlier attempt of this call may have been carried out, or another limit may have been hit"
    for status_code, more in ((400, ""), (429, said)):
        alone = response_with(ResponseDto(status_code, "No."))
        assert str(api_error(alone, {})) == f"statusCode {status_code} [{REQUEST}]"
        error = api_error(evolve(alone, earlier_error=EARLIER), {})
        assert str(error) == f"statusCode {status_code}{more} [{REQUEST}]"
