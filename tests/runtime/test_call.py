import json
import logging
from typing import Any

import pytest

from runtime.call import Call, cause_of, error_message
from runtime.errors import APIConnectionError, APIError, APITimeoutError, GenAuthError, InvalidResponseError
from runtime.http import httpcore, httpx
from runtime.options import Options
from runtime.request import STEPS, HTTPRequest
from runtime.response import ResponseReader
from runtime.retry import RetryableError, library_errors
from runtime.types import Operation, Request, Response

from .clock import Clock
from .library_errors import BEFORE_SENDING, CERTIFICATE, LATER, REFUSALS, because_of, tls_error
from .specification import DEDUPLICATED, OPERATION, SPECIFICATION, RequestDto, ResponseDto, TeapotError

ADDRESS = "test@example.com"
URL = "https://example.genauth.ai/tea"
OPTIONS: dict[str, Any] = {
    "app_host": "https://example.genauth.ai",
    "timeout": 8.0,
    "max_retries": 2,
    "retry_unknown": False,
    "on_attempt": None,
}
TIMEOUTS = (httpx.TimeoutException,)


def new_call(operation: Operation[ResponseDto], **options: Any) -> Call[ResponseDto]:
    request = Request("POST", URL, RequestDto(ADDRESS), "s3cret-token")
    http_request = HTTPRequest("POST", httpx.URL(URL), {}, b"{}")
    return Call(operation, request, http_request, Options(SPECIFICATION, {**OPTIONS, **options}), SPECIFICATION)


@pytest.fixture
def call(clock: Clock) -> Call[ResponseDto]:
    return new_call(OPERATION)


def fail(
    call: Call[ResponseDto], error: httpx.RequestError, *, body_started: bool, content: bytes | None = None
) -> Exception:
    """What an attempt raises for an error of the HTTP library. `content`: what there is of a response."""
    attempt, reader = call.begin_attempt()
    attempt.body_started = body_started
    if content is not None:
        reader.start(200, httpx.Headers())
        reader.feed(content)
    with pytest.raises((GenAuthError, RetryableError)) as caught:
        call.finish_attempt(attempt, reader, error)
    return caught.value


def kind_of(kind: type[httpx.RequestError]) -> type[APIConnectionError]:
    return APITimeoutError if issubclass(kind, TIMEOUTS) else APIConnectionError


@pytest.mark.parametrize("kind", BEFORE_SENDING)
def test_transient_error_before_the_body_is_retryable(call: Call[ResponseDto], kind: type[httpx.RequestError]) -> None:
    error = kind("it failed")
    failure = fail(call, error, body_started=False)
    assert isinstance(failure, RetryableError)
    assert str(failure) == f"{kind.__name__}: it failed"
    assert isinstance(failure.outcome, GenAuthError)
    assert type(failure.outcome) is kind_of(kind)
    assert failure.outcome.delivery == "not_sent"
    assert failure.outcome.__cause__ is error


@pytest.mark.parametrize("kind", REFUSALS)
def test_lasting_error_before_the_body_is_not_sent_and_not_retryable(
    call: Call[ResponseDto], kind: type[httpx.RequestError]
) -> None:
    failure = fail(call, kind("it failed"), body_started=False)
    assert type(failure) is APIConnectionError
    assert failure.delivery == "not_sent"


@pytest.mark.parametrize("kind", LATER)
def test_error_that_claims_to_come_later_is_unknown_whatever_was_asked_for(
    call: Call[ResponseDto], kind: type[httpx.RequestError]
) -> None:
    failure = fail(call, kind("it failed"), body_started=False)
    assert type(failure) is kind_of(kind)
    assert failure.delivery == "unknown"


@pytest.mark.parametrize("kind", BEFORE_SENDING + REFUSALS + LATER)
def test_any_error_after_the_body_is_unknown_and_never_retryable(
    call: Call[ResponseDto], kind: type[httpx.RequestError]
) -> None:
    error = kind("it failed")
    failure = fail(call, error, body_started=True)
    assert type(failure) is kind_of(kind)
    assert failure.delivery == "unknown"
    assert failure.__cause__ is error


@pytest.mark.parametrize("body_started", [False, True])
@pytest.mark.parametrize("kind", [kind for kind in BEFORE_SENDING + REFUSALS + LATER if not issubclass(kind, TIMEOUTS)])
def test_error_after_the_response_began_is_one_of_its_body(
    call: Call[ResponseDto], kind: type[httpx.RequestError], body_started: bool
) -> None:
    failure = fail(call, kind("it failed"), body_started=body_started, content=document(200))
    assert type(failure) is InvalidResponseError
    assert str(failure).startswith("HTTP 200 with a body that is not a ResponseDto: it broke off: it failed [POST")
    assert failure.content == document(200)
    assert failure.delivery == "unknown"


@pytest.mark.parametrize("kind", [httpx.ReadTimeout, httpx.WriteTimeout])
def test_timeout_after_the_response_began_is_a_timeout(call: Call[ResponseDto], kind: type[httpx.RequestError]) -> None:
    error = kind("it failed")
    failure = fail(call, error, body_started=True, content=b"{")
    assert type(failure) is APITimeoutError
    assert str(failure).startswith(f"{kind.__name__}: it failed [POST")
    assert failure.delivery == "unknown"
    assert failure.__cause__ is error


@pytest.mark.parametrize(("message", "reason"), [("it failed", "ReadError: it failed"), ("", "ReadError")])
def test_error_says_what_happened_and_what_was_asked(call: Call[ResponseDto], message: str, reason: str) -> None:
    failure = fail(call, httpx.ReadError(message), body_started=True)
    assert str(failure) == f"{reason} [POST {URL} RequestDto(email='t***@example.com')]"


def test_certificate_error_is_not_sent_and_not_retryable(call: Call[ResponseDto]) -> None:
    error = because_of(httpx.ConnectError(str(CERTIFICATE)), httpcore.ConnectError(CERTIFICATE), CERTIFICATE)
    failure = fail(call, error, body_started=False)
    assert type(failure) is APIConnectionError
    assert failure.delivery == "not_sent"
    assert "CERTIFICATE_VERIFY_FAILED" in str(failure)


@pytest.mark.parametrize(
    "reason", ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"]
)
def test_server_that_does_not_speak_tls_is_told_in_words(reason: str) -> None:
    error = because_of(httpx.ConnectError("it failed"), tls_error(reason))
    assert error_message(error) == "the server does not speak TLS: it may need http:// in place of https://"


def test_other_tls_errors_are_told_as_they_are() -> None:
    assert error_message(because_of(httpx.ConnectError("no certificate"), CERTIFICATE)) == "no certificate"


def test_error_without_words_has_those_of_its_cause() -> None:
    error = because_of(httpx.ReadError(""), httpcore.ReadError(), ConnectionResetError(104, "reset by peer"))
    assert error_message(error) == "[Errno 104] reset by peer"
    assert error_message(httpx.ReadError("")) == ""


def test_what_the_server_sent_is_quoted_nowhere() -> None:
    said = f"illegal status line: bytearray(b'{ADDRESS}')"
    error = because_of(
        httpx.RemoteProtocolError(said), httpcore.RemoteProtocolError(said), Exception(said, 400, f"x: {said}")
    )
    message = error_message(error)
    assert message == "illegal status line"
    cause = cause_of(error, message)
    assert type(cause) is httpx.RemoteProtocolError
    assert str(cause) == "illegal status line"
    assert list(library_errors(cause)) == [cause]
    assert cause.__context__ is None
    # It is not ours to change.
    assert error.args == (said,)
    assert error.__cause__ is not None
    assert error.__cause__.__cause__ is not None
    assert error.__cause__.__cause__.args == (said, 400, f"x: {said}")


def test_error_of_a_quoted_response_has_a_cause_that_quotes_nothing(call: Call[ResponseDto]) -> None:
    error = httpx.RemoteProtocolError(f"illegal status line: bytearray(b'{ADDRESS}')")
    failure = fail(call, error, body_started=True)
    assert str(failure) == f"RemoteProtocolError: illegal status line [{call.request}]"
    assert type(failure.__cause__) is httpx.RemoteProtocolError
    assert ADDRESS not in f"{failure.__cause__!r} {failure.__cause__.__cause__!r} {failure.__cause__.__context__!r}"


def test_error_that_quotes_nothing_is_the_cause_itself() -> None:
    error = because_of(httpx.ReadError("reset"), ConnectionResetError(104, "reset by peer"))
    assert cause_of(error, "reset") is error


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (httpx.ConnectTimeout, "there was no connection in time"),
        (httpx.WriteTimeout, "the request could not be sent in time"),
        (httpx.ReadTimeout, "there was no response in time"),
    ],
)
def test_timeout_of_the_system_is_told_in_words(kind: type[httpx.RequestError], message: str) -> None:
    assert error_message(because_of(kind("timed out"), TimeoutError("timed out"))) == message
    assert error_message(kind("in their words")) == "in their words"
    # An error of the system that is no timeout of ours.
    assert error_message(because_of(kind("no route"), ConnectionError("no route"))) == "no route"


def test_other_timeouts_are_told_as_they_are() -> None:
    error = because_of(httpx.PoolTimeout("all 100 connections are in use"), TimeoutError())
    assert error_message(error) == "all 100 connections are in use"


def test_end_within_a_handshake_of_asyncio_is_told_in_words() -> None:
    error = because_of(httpx.ConnectError("pop from an empty deque"), IndexError("pop from an empty deque"))
    assert error_message(error) == "the connection was closed"


def reader_with(call: Call[ResponseDto], content: bytes, status: int = 200, **headers: str) -> ResponseReader:
    reader = ResponseReader(call.retry_policy.deadline)
    reader.start(status, httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()}))
    reader.feed(content)
    return reader


def finish(call: Call[ResponseDto], reader: ResponseReader) -> Response[ResponseDto]:
    """End an attempt that has a response."""
    attempt, _ = call.begin_attempt()
    attempt.body_started = True
    return call.finish_attempt(attempt, reader, None)


def document(status_code: int, **more: object) -> bytes:
    return json.dumps({"statusCode": status_code, "message": "Said.", **more}).encode()


def read_error(call: Call[ResponseDto], content: bytes, status: int = 200, **headers: str) -> GenAuthError:
    with pytest.raises(GenAuthError) as caught:
        finish(call, reader_with(call, content, status, **headers))
    return caught.value


@pytest.mark.parametrize(("status", "status_code"), [(200, 200), (200, 500), (500, 200), (429, 429), (503, 500)])
def test_response_of_the_api_is_returned_whatever_it_says(
    call: Call[ResponseDto], status: int, status_code: int
) -> None:
    content = document(status_code)
    response = finish(call, reader_with(call, content, status, Retry_After="1"))
    assert response.status_code == status
    assert response.parsed == ResponseDto(status_code, "Said.")
    assert response.content == content
    assert response.headers["retry-after"] == "1"
    assert response.request is call.request


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("status_code", [400, 499, 503])
def test_refusal_with_a_time_to_come_again_is_retryable(call: Call[ResponseDto], status: int, status_code: int) -> None:
    with pytest.raises(RetryableError) as caught:
        finish(call, reader_with(call, document(status_code), status, Retry_After="3"))
    assert str(caught.value) == f"statusCode {status_code}: Said."
    outcome = caught.value.outcome
    assert isinstance(outcome, Response)
    assert (outcome.status_code, outcome.headers["retry-after"]) == (status, "3")
    assert outcome.parsed == ResponseDto(status_code, "Said.")
    assert outcome.earlier_error is None


@pytest.mark.parametrize(
    ("status", "status_code", "retry_after"),
    [(429, 429, "3"), (503, 429, "3"), (503, 500, "3"), (200, 503, "3"), (500, 503, "3"), (503, 503, "soon")],
)
def test_no_other_response_is_retryable(
    call: Call[ResponseDto], status: int, status_code: int, retry_after: str
) -> None:
    reader = reader_with(call, document(status_code), status, Retry_After=retry_after)
    assert finish(call, reader).parsed.status_code == status_code


@pytest.mark.parametrize("status", [200, 204, 302, 399, 600])
def test_body_that_is_no_response_model_is_an_invalid_response(call: Call[ResponseDto], status: int) -> None:
    error = read_error(call, b"<h1>Log in</h1>", status, X_Id="1")
    assert type(error) is InvalidResponseError
    assert error.http_status == status
    assert error.content == b"<h1>Log in</h1>"
    assert error.headers["x-id"] == "1"
    assert error.delivery == "unknown"
    assert str(error).startswith(f"HTTP {status} with a body that is not a ResponseDto: ")


@pytest.mark.parametrize(("status", "kind"), [(400, APIError), (418, TeapotError), (503, APIError), (599, APIError)])
def test_http_error_without_a_response_model_is_unknown(
    call: Call[ResponseDto], status: int, kind: type[APIError]
) -> None:
    error = read_error(call, b"<h1>Busy</h1>", status, Retry_After="1")
    assert type(error) is kind
    assert isinstance(error, APIError)
    assert (error.status_code, error.http_status, error.retry_after) == (status, status, 1.0)
    assert error.delivery == "unknown"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[]", "an object is expected, not list"),
        (b'{"statusCode": 200}', "'message' is missing"),
        (b'{"statusCode": 200, "message": 1}', "message: a string is expected"),
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b"[" * 100_000, "maximum recursion depth exceeded"),
    ],
)
def test_invalid_response_says_what_is_wrong_with_it(call: Call[ResponseDto], content: bytes, reason: str) -> None:
    error = read_error(call, content)
    assert f"not a ResponseDto: {reason}" in str(error)
    assert error.__cause__ is not None
    assert reason.removesuffix(" is missing") in str(error.__cause__)


def test_broken_body_is_an_invalid_response_even_if_it_could_be_read(call: Call[ResponseDto]) -> None:
    reader = reader_with(call, document(200))
    reader.body_error = "it broke off: reset"
    with pytest.raises(InvalidResponseError, match="it broke off: reset"):
        finish(call, reader)


def test_half_a_character_quotes_no_body(call: Call[ResponseDto]) -> None:
    error = read_error(call, b'{"message": "test@example.com \xff"}')
    assert ADDRESS not in repr(error.__cause__)
    assert type(error.__cause__) is ValueError


def test_response_that_came_too_late_is_a_timeout(call: Call[ResponseDto], clock: Clock) -> None:
    reader = reader_with(call, b"")
    clock.advance(9)
    reader.feed(document(200)[:5])
    reader.feed(document(200)[5:])
    with pytest.raises(APITimeoutError, match="ReadTimeout: the response was not complete in time") as caught:
        finish(call, reader)
    assert caught.value.delivery == "unknown"


def test_attempt_has_the_timeouts_and_the_deadline_of_the_call(call: Call[ResponseDto], clock: Clock) -> None:
    assert call.retry_policy.deadline == clock.now + 8
    assert call.http_request.content == b"{}"
    clock.advance(3)
    attempt, reader = call.begin_attempt()
    assert dict(attempt) == dict.fromkeys(STEPS, 8.0)
    assert attempt.deadline == call.retry_policy.deadline
    assert attempt.get("read") == 5.0
    assert not reader.started


def test_retry_is_logged_and_has_a_state_of_its_own(call: Call[ResponseDto], caplog: pytest.LogCaptureFixture) -> None:
    first, _ = call.begin_attempt()
    first.body_started = True
    assert caplog.records == []
    call.retry_policy.last_error = RetryableError("ConnectError: refused", APIConnectionError("refused"))
    second, _ = call.begin_attempt()
    assert not second.body_started
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"{call.request}: retrying after: ConnectError: refused"
    assert ADDRESS not in record.getMessage()


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_retry_that_would_begin_at_the_deadline_raises_the_error_before(
    call: Call[ResponseDto], clock: Clock, late: float
) -> None:
    error = RetryableError("ConnectError", APIConnectionError("refused"))
    call.retry_policy.last_error = error
    clock.advance(8 + late)
    with pytest.raises(RetryableError) as caught:
        call.begin_attempt()
    assert caught.value is error


def test_response_is_logged_with_its_codes_and_time(
    call: Call[ResponseDto], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="runtime")
    attempt = call.begin_attempt()[0]
    clock.advance(0.25)
    call.finish_attempt(attempt, reader_with(call, document(200, requestId=f"r-1 {ADDRESS}")), None)
    assert caplog.messages == [
        f"{call.request}: HTTP 200, statusCode 200, request id r-1 t***@example.com, in 250 ms",
    ]


def test_failures_are_logged_too(call: Call[ResponseDto], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="runtime")
    read_error(call, b"<h1>")
    fail(call, httpx.ReadError("reset"), body_started=True)
    assert caplog.messages == [
        f"{call.request}: HTTP 200, not a ResponseDto, in 0 ms",
        f"{call.request}: ReadError: reset, in 0 ms",
    ]


# What comes of an attempt after one whose outcome is unknown.


@pytest.fixture
def repeatable(clock: Clock) -> Call[ResponseDto]:
    return new_call(DEDUPLICATED, retry_unknown=True, timeout=300.0)


def retry_after_unknown(call: Call[ResponseDto]) -> GenAuthError:
    """Have the first attempt end unknown, and return its error."""
    first = fail(call, httpx.ReadError("reset"), body_started=True)
    assert isinstance(first, RetryableError)
    call.retry_policy.last_error = first
    assert isinstance(first.outcome, GenAuthError)
    return first.outcome


@pytest.mark.parametrize(("operation", "retry_unknown"), [(OPERATION, False), (OPERATION, True), (DEDUPLICATED, False)])
def test_unknown_outcome_is_final_without_the_option_or_the_interval(
    clock: Clock, operation: Operation[ResponseDto], retry_unknown: bool
) -> None:
    call = new_call(operation, retry_unknown=retry_unknown)
    assert type(fail(call, httpx.ReadError("reset"), body_started=True)) is APIConnectionError
    assert finish(call, reader_with(call, document(500))).parsed.status_code == 500


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadError, httpx.ReadTimeout])
def test_unknown_outcome_is_retryable_and_remembered(
    repeatable: Call[ResponseDto], kind: type[httpx.RequestError]
) -> None:
    error = kind("it failed")
    failure = fail(repeatable, error, body_started=True)
    assert isinstance(failure, RetryableError)
    assert str(failure) == f"{kind.__name__}: it failed"
    assert failure.outcome is repeatable.retry_policy.unknown_error
    assert isinstance(failure.outcome, kind_of(kind))
    assert failure.outcome.delivery == "unknown"
    assert failure.outcome.__cause__ is error


def test_response_that_does_not_say_what_happened_is_retryable_and_remembered_as_its_error(
    repeatable: Call[ResponseDto],
) -> None:
    with pytest.raises(RetryableError) as caught:
        finish(repeatable, reader_with(repeatable, document(500)))
    assert str(caught.value) == "statusCode 500: Said."
    outcome = caught.value.outcome
    assert isinstance(outcome, Response)
    assert outcome.parsed.status_code == 500
    assert outcome.earlier_error is None
    error = repeatable.retry_policy.unknown_error
    assert type(error) is APIError
    assert (error.status_code, error.delivery) == (500, "unknown")


def test_gateway_and_login_page_are_retryable_too(repeatable: Call[ResponseDto]) -> None:
    for status, kind in [(418, TeapotError), (503, APIError), (200, InvalidResponseError)]:
        with pytest.raises(RetryableError) as caught:
            finish(repeatable, reader_with(repeatable, b"<h1>", status))
        assert type(caught.value.outcome) is kind
        assert str(caught.value).startswith(f"HTTP {status} with a body that is not a ResponseDto: ")
        assert "[POST" not in str(caught.value)


def test_outcome_that_is_known_is_not_remembered(repeatable: Call[ResponseDto]) -> None:
    fail(repeatable, httpx.ConnectError("refused"), body_started=False)
    finish(repeatable, reader_with(repeatable, document(200)))
    finish(repeatable, reader_with(repeatable, document(429), 429))
    assert repeatable.retry_policy.unknown_error is None


@pytest.mark.parametrize("status_code", [200, 400, 429])
def test_response_after_an_unknown_outcome_has_the_earlier_error(
    repeatable: Call[ResponseDto], status_code: int
) -> None:
    first = retry_after_unknown(repeatable)
    response = finish(repeatable, reader_with(repeatable, document(status_code)))
    assert response.parsed == ResponseDto(status_code, "Said.")
    assert response.earlier_error is first
    assert repeatable.retry_policy.unknown_error is first


def test_refusal_after_an_unknown_outcome_is_retried_and_has_the_earlier_error(repeatable: Call[ResponseDto]) -> None:
    first = retry_after_unknown(repeatable)
    with pytest.raises(RetryableError) as caught:
        finish(repeatable, reader_with(repeatable, document(503), 503, Retry_After="3"))
    assert str(caught.value) == "statusCode 503: Said."
    assert isinstance(caught.value.outcome, Response)
    assert caught.value.outcome.earlier_error is first


def test_transient_error_after_an_unknown_outcome_is_retried_and_unknown(repeatable: Call[ResponseDto]) -> None:
    first = retry_after_unknown(repeatable)
    error = httpx.ConnectError("refused")
    failure = fail(repeatable, error, body_started=False)
    assert isinstance(failure, RetryableError)
    assert str(failure) == "ConnectError: refused"
    assert type(failure.outcome) is APIConnectionError
    assert failure.outcome.delivery == "unknown"
    assert failure.outcome.__cause__ is error
    assert repeatable.retry_policy.unknown_error is first


def test_lasting_error_after_an_unknown_outcome_is_unknown(repeatable: Call[ResponseDto]) -> None:
    retry_after_unknown(repeatable)
    error = httpx.ProxyError("forbidden")
    failure = fail(repeatable, error, body_started=False)
    assert type(failure) is APIConnectionError
    assert str(failure) == f"ProxyError: forbidden [{repeatable.request}]"
    assert failure.delivery == "unknown"
    assert failure.__cause__ is error


def test_first_unknown_outcome_is_the_one_that_is_remembered(repeatable: Call[ResponseDto]) -> None:
    first = retry_after_unknown(repeatable)
    for content in (b"<h1>", document(500)):
        with pytest.raises(RetryableError):
            finish(repeatable, reader_with(repeatable, content))
        assert repeatable.retry_policy.unknown_error is first


def test_retry_of_an_unknown_outcome_has_to_be_sent_within_the_interval(
    repeatable: Call[ResponseDto], clock: Clock
) -> None:
    start = clock.now
    attempt, _ = repeatable.begin_attempt()
    assert (attempt.send_by, attempt.deadline) == (start + 300, start + 300)
    retry_after_unknown(repeatable)
    attempt, reader = repeatable.begin_attempt()
    assert (attempt.send_by, attempt.deadline) == (start + 55, start + 300)
    reader.start(200, httpx.Headers())
    clock.advance(300)
    assert all(reader.feed(b"x") for _ in range(3))


def test_response_to_a_retry_may_take_as_long_as_any_other(repeatable: Call[ResponseDto], clock: Clock) -> None:
    retry_after_unknown(repeatable)
    clock.advance(51)
    attempt, _ = repeatable.begin_attempt()
    assert attempt.get("connect") == 4.0
    attempt.body_started = True
    assert attempt.get("read") == 249.0


def send_twice(call: Call[ResponseDto], reader: ResponseReader) -> Response[ResponseDto]:
    """End an attempt that has a response, and whose request a transport of the user's has sent twice."""
    attempt, _ = call.begin_attempt()
    attempt.body_started = True
    attempt.times_sent = 2
    return call.finish_attempt(attempt, reader, None)


@pytest.mark.parametrize("status_code", [200, 400, 429, 500])
def test_response_to_a_request_that_was_sent_twice_has_an_earlier_error(
    call: Call[ResponseDto], status_code: int
) -> None:
    response = send_twice(call, reader_with(call, document(status_code)))
    assert response.parsed.status_code == status_code
    error = response.earlier_error
    assert type(error) is APIConnectionError
    assert str(error) == f"the request was sent 2 times by the http_client [{call.request}]"
    assert error.delivery == "unknown"
    assert call.retry_policy.unknown_error is error


def test_refusal_of_a_request_that_was_sent_twice_is_not_retried(call: Call[ResponseDto]) -> None:
    response = send_twice(call, reader_with(call, document(503), 503, Retry_After="3"))
    assert response.parsed.status_code == 503
    assert response.earlier_error is not None


def test_refusal_of_a_request_that_was_sent_twice_is_retried_within_the_interval(
    repeatable: Call[ResponseDto],
) -> None:
    with pytest.raises(RetryableError) as caught:
        send_twice(repeatable, reader_with(repeatable, document(400)))
    assert str(caught.value) == "statusCode 400: Said."
    assert isinstance(caught.value.outcome, Response)
    assert caught.value.outcome.earlier_error is repeatable.retry_policy.unknown_error
    assert repeatable.retry_policy.unknown_error is not None
    assert send_twice(repeatable, reader_with(repeatable, document(200))).parsed.status_code == 200


def test_error_before_a_request_is_sent_a_third_time_is_unknown(call: Call[ResponseDto]) -> None:
    attempt, reader = call.begin_attempt()
    attempt.times_sent = 2
    with pytest.raises(APIConnectionError, match="ConnectError: refused") as caught:
        call.finish_attempt(attempt, reader, httpx.ConnectError("refused"))
    assert caught.value.delivery == "unknown"


@pytest.mark.parametrize("times_sent", [0, 1])
def test_request_that_was_sent_once_at_most_has_no_earlier_error(call: Call[ResponseDto], times_sent: int) -> None:
    attempt, _ = call.begin_attempt()
    attempt.times_sent = times_sent
    response = call.finish_attempt(attempt, reader_with(call, document(400)), None)
    assert response.earlier_error is None
    assert call.retry_policy.unknown_error is None


def test_request_that_was_sent_twice_keeps_the_first_unknown_error(repeatable: Call[ResponseDto]) -> None:
    first = retry_after_unknown(repeatable)
    assert send_twice(repeatable, reader_with(repeatable, document(200))).earlier_error is first


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_retry_that_would_begin_after_the_interval_raises_the_error_before(
    repeatable: Call[ResponseDto], clock: Clock, late: float
) -> None:
    retry_after_unknown(repeatable)
    clock.advance(55 + late)
    with pytest.raises(RetryableError) as caught:
        repeatable.begin_attempt()
    assert caught.value is repeatable.retry_policy.last_error


def test_timeouts_of_a_retry_are_no_longer_than_what_is_left_to_send(call: Call[ResponseDto], clock: Clock) -> None:
    call.retry_policy.last_error = RetryableError("ConnectError", APIConnectionError("refused"))
    clock.advance(5)
    attempt, _ = call.begin_attempt()
    assert dict(attempt) == dict.fromkeys(STEPS, 3.0)


def test_timeouts_of_a_retry_that_are_shorter_than_what_is_left_stay(clock: Clock) -> None:
    call = new_call(OPERATION, timeout=httpx.Timeout(2, read=8, pool=None))
    call.retry_policy.last_error = RetryableError("ConnectError", APIConnectionError("refused"))
    clock.advance(5)
    attempt, _ = call.begin_attempt()
    assert dict(attempt) == {"connect": 2, "read": 8, "write": 2, "pool": None}
