"""A call without a socket, on a clock that stands still."""

import json
import logging
from typing import Any, NamedTuple

import pytest

from runtime import call as module
from runtime.call import Call
from runtime.errors import APIConnectionError, APIError, APITimeoutError, GenAuthError, InvalidResponseError
from runtime.http import httpx
from runtime.options import Options
from runtime.transport.request import STEPS, Attempt, HTTPRequest
from runtime.types import AttemptDetails, Operation, Request, Response
from tests.clock import Clock

from .library_errors import BEFORE_SENDING, CERTIFICATE, LATER, REFUSALS, because_of
from .specification import DEDUPLICATED, OPERATION, SPECIFICATION, RequestDto, ResponseDto, TeapotError

ADDRESS = "test@example.com"
URL = "https://example.genauth.ai/tea"
REQUEST = Request("POST", URL, RequestDto(ADDRESS), "s3cret-token")
OPTIONS: dict[str, Any] = {
    "app_host": "https://example.genauth.ai",
    "timeout": 8.0,
    "max_retries": 3,
    "retry_unknown": False,
    "on_attempt": None,
}
REFUSED = httpx.ConnectError("refused")
RESET = httpx.ReadError("reset")


def new_call(operation: Operation[ResponseDto] = OPERATION, **options: Any) -> Call[ResponseDto]:
    http_request = HTTPRequest("POST", httpx.URL(URL), {}, b"{}")
    return Call(operation, REQUEST, http_request, Options(SPECIFICATION, {**OPTIONS, **options}), SPECIFICATION)


@pytest.fixture(autouse=True)
def longest_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each backoff is the longest that it can be."""
    monkeypatch.setattr(module, "uniform", lambda least, most: most)


@pytest.fixture
def call(clock: Clock) -> Call[ResponseDto]:
    return new_call()


@pytest.fixture
def repeatable(clock: Clock) -> Call[ResponseDto]:
    """A call that is repeated where its outcome is unknown, for up to 55 seconds."""
    return new_call(DEDUPLICATED, retry_unknown=True, timeout=300.0)


class End(NamedTuple):
    """What came of an attempt: the pause before the next one, and the result as it would be now."""

    pause: float | None
    result: Response[ResponseDto] | GenAuthError

    @property
    def error(self) -> GenAuthError:
        assert isinstance(self.result, GenAuthError)
        return self.result

    @property
    def response(self) -> Response[ResponseDto]:
        assert isinstance(self.result, Response)
        return self.result


def begin(call: Call[ResponseDto]) -> Attempt:
    attempt = call.begin_attempt()
    assert attempt is not None
    return attempt


def finish(call: Call[ResponseDto], attempt: Attempt, failure: httpx.RequestError | None = None) -> End:
    pause = call.finish_attempt(attempt, failure)
    try:
        return End(pause, call.result())
    except GenAuthError as error:
        return End(pause, error)


def fail(call: Call[ResponseDto], failure: httpx.RequestError, *, times_sent: int | None = None) -> End:
    """Have an attempt end without a response. Unless the error says that it came before, the request was sent."""
    attempt = begin(call)
    attempt.times_sent = int(type(failure) not in BEFORE_SENDING + REFUSALS) if times_sent is None else times_sent
    attempt.body_started = attempt.times_sent > 0
    return finish(call, attempt, failure)


def respond(
    call: Call[ResponseDto],
    content: bytes | int,
    status: int = 200,
    *,
    times_sent: int = 1,
    failure: httpx.RequestError | None = None,
    **headers: str,
) -> End:
    """Have an attempt end with a response: a body, or a DTO with a `statusCode`. `failure`: the body broke off."""
    attempt = begin(call)
    attempt.body_started = times_sent > 0
    attempt.times_sent = times_sent
    attempt.reader.start(status, httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()}))
    attempt.reader.feed(content if isinstance(content, bytes) else document(content))
    return finish(call, attempt, failure)


def document(status_code: int, **more: object) -> bytes:
    return json.dumps({"statusCode": status_code, "message": "Said.", **more}).encode()


# The result of one attempt.


@pytest.mark.parametrize(
    ("status", "status_code"), [(200, 200), (202, 200), (200, 500), (429, 429), (503, 500), (503, 503), (302, 400)]
)
def test_response_of_the_api_is_the_result_whatever_it_says(
    call: Call[ResponseDto], status: int, status_code: int
) -> None:
    pause, response = respond(call, status_code, status, Retry_After="1")
    assert pause is None
    assert isinstance(response, Response)
    assert response.http_status == status
    assert response.parsed == ResponseDto(status_code, "Said.")
    assert response.content == document(status_code)
    assert response.headers["retry-after"] == "1"
    assert response.request is REQUEST
    assert response.earlier_error is None


@pytest.mark.parametrize(("status", "kind"), [(302, InvalidResponseError), (418, TeapotError), (500, APIError)])
def test_success_with_another_http_status_is_an_error_that_has_what_the_body_says(
    call: Call[ResponseDto], status: int, kind: type[GenAuthError]
) -> None:
    pause, error = respond(call, document(200, apiCode=1, requestId="r-1"), status, Retry_After="1")
    assert pause is None
    assert type(error) is kind
    assert isinstance(error, GenAuthError)
    assert (error.http_status, error.status_code, error.api_code, error.request_id) == (status, 200, 1, "r-1")
    assert (error.delivery, error.retryable, error.retry_after) == ("unknown", False, 1.0)
    assert str(error) == f"HTTP {status} with statusCode 200, apiCode 1, request id r-1 [{REQUEST}]"


def test_error_of_the_library_is_raised_as_ours_with_its_cause(call: Call[ResponseDto]) -> None:
    for failure in (REFUSED, RESET):
        fail(call, failure)
        with pytest.raises(APIConnectionError, match=f"^{type(failure).__name__}: {failure} ") as caught:
            call.result()
        assert caught.value.__cause__ is failure
        assert caught.value.__suppress_context__


@pytest.mark.parametrize("times_sent", [0, 1])
@pytest.mark.parametrize("kind", [kind for kind in REFUSALS + LATER if not issubclass(kind, httpx.TimeoutException)])
def test_error_after_the_response_began_is_one_of_its_body(
    call: Call[ResponseDto], kind: type[httpx.RequestError], times_sent: int
) -> None:
    error = respond(call, document(200), times_sent=times_sent, failure=kind("it failed")).error
    assert type(error) is InvalidResponseError
    assert str(error).startswith("HTTP 200 with a body that is not a ResponseDto: it broke off: it failed [POST")
    assert error.content == document(200)
    assert error.delivery == "unknown"


@pytest.mark.parametrize("kind", [httpx.ReadTimeout, httpx.WriteTimeout])
def test_timeout_after_the_response_began_is_a_timeout(call: Call[ResponseDto], kind: type[httpx.RequestError]) -> None:
    failure = kind("it failed")
    error = respond(call, b"{", failure=failure).error
    assert type(error) is APITimeoutError
    assert error.delivery == "unknown"
    assert error.__cause__ is failure


def test_response_that_came_too_late_is_a_timeout(call: Call[ResponseDto], clock: Clock) -> None:
    attempt = begin(call)
    attempt.body_started = True
    attempt.reader.start(200, httpx.Headers())
    clock.advance(9)
    attempt.reader.feed(document(200)[:5])
    attempt.reader.feed(document(200)[5:])
    error = finish(call, attempt).error
    assert type(error) is APITimeoutError
    assert str(error) == f"ReadTimeout: the response was not complete in time [{REQUEST}]"
    assert error.delivery == "unknown"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<h1>Log in</h1>", "Expecting value: line 1 column 1 (char 0)"),
        (b"[]", "an object is expected, not list"),
        (b'{"message": "Said."}', "'statusCode' is missing"),
        (b'{"statusCode": 200}', "'message' is missing"),
        (b'{"statusCode": 200, "message": 1}', "message: a string is expected"),
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b"[" * 100_000, "maximum recursion depth exceeded"),
    ],
)
def test_other_response_is_an_error_that_says_what_is_wrong_with_it(
    call: Call[ResponseDto], content: bytes, reason: str
) -> None:
    error = respond(call, content, X_Id="1").error
    assert type(error) is InvalidResponseError
    assert (error.http_status, error.headers["x-id"], error.content) == (200, "1", content)
    assert str(error).startswith(f"HTTP 200 with a body that is not a ResponseDto: {reason}")
    assert error.__cause__ is not None
    assert reason.removesuffix(" is missing") in str(error.__cause__)


@pytest.mark.parametrize(("status", "kind"), [(302, InvalidResponseError), (418, TeapotError), (503, APIError)])
def test_class_of_another_response_is_the_one_of_its_http_status(
    call: Call[ResponseDto], status: int, kind: type[GenAuthError]
) -> None:
    pause, error = respond(call, b"<h1>", status, Retry_After="1")
    assert pause is None
    assert type(error) is kind


def test_half_a_character_quotes_no_body(call: Call[ResponseDto]) -> None:
    error = respond(call, b'{"message": "test@example.com \xff"}').error
    assert ADDRESS not in repr(error.__cause__)
    assert type(error.__cause__) is ValueError


# Which attempts are followed by another, and when.


@pytest.mark.parametrize("kind", BEFORE_SENDING)
def test_failure_to_connect_is_retried(call: Call[ResponseDto], kind: type[httpx.RequestError]) -> None:
    pause, error = fail(call, kind("it failed"))
    assert pause is not None
    assert isinstance(error, GenAuthError)
    assert (error.delivery, error.retryable) == ("not_sent", True)


@pytest.mark.parametrize(
    "failure",
    [*(kind("it failed") for kind in REFUSALS + LATER), because_of(httpx.ConnectError("it failed"), CERTIFICATE)],
)
def test_no_other_error_of_the_library_is_retried(call: Call[ResponseDto], failure: httpx.RequestError) -> None:
    assert fail(call, failure).pause is None


@pytest.mark.parametrize(
    ("status", "status_code", "pause"),
    [
        (200, 503, 3.0),
        # No other refusal would be another one the next time.
        (200, 400, None),
        (200, 429, None),
        (200, 500, None),
        # A gateway may speak, after the API has had the request.
        (503, 503, None),
        (202, 503, None),
        (429, 429, None),
        (429, 400, None),
    ],
)
def test_only_a_503_of_the_api_itself_is_retried(
    call: Call[ResponseDto], status: int, status_code: int, pause: float | None
) -> None:
    end = respond(call, status_code, status, Retry_After="3")
    assert end.pause == pause
    assert end.response.parsed.status_code == status_code


def test_503_of_the_api_is_retried_with_a_backoff_where_the_server_names_no_time(call: Call[ResponseDto]) -> None:
    assert [respond(call, 503).pause for _ in range(4)] == [0.5, 1.0, 2.0, None]


@pytest.mark.parametrize("status_code", [200, 400, 429])
def test_response_to_a_retry_is_the_result(call: Call[ResponseDto], status_code: int) -> None:
    fail(call, REFUSED)
    pause, response = respond(call, status_code)
    assert pause is None
    assert isinstance(response, Response)
    assert response.parsed.status_code == status_code
    assert response.earlier_error is None


@pytest.mark.parametrize("max_retries", [0, 1, 5])
def test_request_is_retried_as_often_as_the_option_says(clock: Clock, max_retries: int) -> None:
    call = new_call(max_retries=max_retries)
    pauses = [fail(call, REFUSED).pause for _ in range(max_retries + 1)]
    assert None not in pauses[:-1]
    assert pauses[-1] is None


def test_backoffs_double_up_to_five_seconds(clock: Clock) -> None:
    call = new_call(max_retries=99, timeout=1000.0)
    assert [fail(call, REFUSED).pause for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_backoff_is_any_time_from_none_to_the_longest(call: Call[ResponseDto], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, float]] = []

    def uniform(least: float, most: float) -> float:
        asked.append((least, most))
        return 0.125

    monkeypatch.setattr(module, "uniform", uniform)
    assert fail(call, REFUSED).pause == 0.125
    assert asked == [(0, 0.5)]


@pytest.mark.parametrize(("passed", "pause"), [(6.0, 0.5), (7.5, 0.25), (7.75, 0.125), (8.0, None), (9.0, None)])
def test_backoff_leaves_half_of_the_time_for_the_attempt(
    call: Call[ResponseDto], clock: Clock, passed: float, pause: float | None
) -> None:
    attempt = begin(call)
    clock.advance(passed)
    assert finish(call, attempt, REFUSED).pause == pause


@pytest.mark.parametrize(("passed", "retry_after", "pause"), [(0, 7, 7.0), (0, 8, None), (4, 3, 3.0), (4, 4, None)])
def test_retry_waits_as_long_as_the_server_says_or_is_not_made(
    call: Call[ResponseDto], clock: Clock, passed: float, retry_after: int, pause: float | None
) -> None:
    clock.advance(passed)
    assert respond(call, 503, Retry_After=str(retry_after)).pause == pause


def test_server_may_ask_for_no_pause_at_all(call: Call[ResponseDto]) -> None:
    assert respond(call, 503, Retry_After="0").pause == 0.0


def test_call_without_a_deadline_waits_less_than_a_minute_for_the_server(clock: Clock) -> None:
    call = new_call(timeout=httpx.Timeout(None))
    assert respond(call, 503, Retry_After="59").pause == 59.0
    assert respond(call, 503, Retry_After="60").pause is None
    clock.advance(1e9)
    assert fail(call, REFUSED).pause == 2.0


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_attempt_that_would_begin_at_the_deadline_is_not_made(
    call: Call[ResponseDto], clock: Clock, late: float
) -> None:
    before = fail(call, REFUSED).error
    clock.advance(8 + late)
    assert call.begin_attempt() is None
    with pytest.raises(APIConnectionError) as caught:
        call.result()
    assert caught.value is before


def test_first_attempt_is_made_even_at_the_deadline(call: Call[ResponseDto], clock: Clock) -> None:
    clock.advance(8)
    assert call.begin_attempt() is not None


def test_attempt_has_the_timeouts_and_what_is_left_of_the_call(clock: Clock) -> None:
    call = new_call(timeout=httpx.Timeout(2, read=8))
    deadline = clock.now + 8
    assert call.http_request.content == b"{}"
    fail(call, REFUSED)
    clock.advance(7)
    attempt = begin(call)
    assert attempt.timeouts == {"connect": 2, "read": 8, "write": 2, "pool": 2}
    assert attempt.send_by == attempt.deadline == deadline
    assert [attempt.remaining(step) for step in STEPS] == [1.0] * 4


def test_each_attempt_has_a_state_of_its_own(call: Call[ResponseDto]) -> None:
    first = begin(call)
    first.body_started = True
    first.reader.start(200, httpx.Headers())
    finish(call, first)
    second = begin(call)
    assert not second.body_started
    assert not second.reader.started


# After an attempt whose outcome is unknown.


@pytest.mark.parametrize(("operation", "retry_unknown"), [(OPERATION, False), (OPERATION, True), (DEDUPLICATED, False)])
def test_unknown_outcome_is_final_without_the_option_or_the_interval(
    clock: Clock, operation: Operation[ResponseDto], retry_unknown: bool
) -> None:
    call = new_call(operation, retry_unknown=retry_unknown)
    assert fail(call, RESET).pause is None
    assert respond(call, 500).pause is None
    assert respond(call, b"<h1>", 503, Retry_After="3").pause is None


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadError, httpx.ReadTimeout])
def test_unknown_outcome_is_retried(repeatable: Call[ResponseDto], kind: type[httpx.RequestError]) -> None:
    pause, error = fail(repeatable, kind("it failed"), times_sent=1)
    assert pause == 0.5
    assert isinstance(error, GenAuthError)
    assert error.delivery == "unknown"


def test_response_that_does_not_say_what_happened_is_retried_too(repeatable: Call[ResponseDto]) -> None:
    assert respond(repeatable, 500).pause == 0.5
    error = respond(repeatable, 200).response.earlier_error
    assert type(error) is APIError
    assert (error.status_code, error.delivery) == (500, "unknown")


@pytest.mark.parametrize(("status", "kind"), [(200, InvalidResponseError), (418, TeapotError), (503, APIError)])
def test_gateway_and_login_page_are_retried_too(
    repeatable: Call[ResponseDto], status: int, kind: type[GenAuthError]
) -> None:
    pause, error = respond(repeatable, b"<h1>", status)
    assert pause == 0.5
    assert type(error) is kind


def test_retry_of_an_unknown_outcome_waits_as_long_as_the_server_says(repeatable: Call[ResponseDto]) -> None:
    assert respond(repeatable, 500, 503, Retry_After="30").pause == 30.0
    assert respond(repeatable, b"<h1>", 503, Retry_After="56").pause is None


@pytest.mark.parametrize("status_code", [200, 400, 404])
def test_outcome_that_is_known_is_final(repeatable: Call[ResponseDto], status_code: int) -> None:
    for _ in range(2):
        pause, response = respond(repeatable, status_code)
        assert pause is None
        assert isinstance(response, Response)
        assert response.earlier_error is None


@pytest.mark.parametrize("status", [200, 429])
def test_refusal_by_the_interval_is_unknown_and_never_repeated(repeatable: Call[ResponseDto], status: int) -> None:
    assert respond(repeatable, 429, status, Retry_After="0").pause is None


@pytest.mark.parametrize(("status", "status_code"), [(400, 400), (503, 503), (202, 400), (500, 200)])
def test_failure_with_another_http_status_is_repeated_within_the_interval(
    repeatable: Call[ResponseDto], status: int, status_code: int
) -> None:
    assert respond(repeatable, status_code, status).pause == 0.5
    earlier = respond(repeatable, 200).response.earlier_error
    assert isinstance(earlier, GenAuthError)
    assert (earlier.http_status, earlier.status_code, earlier.delivery) == (status, status_code, "unknown")


def test_outcome_that_is_known_is_not_remembered(repeatable: Call[ResponseDto]) -> None:
    fail(repeatable, REFUSED)
    respond(repeatable, 503, Retry_After="0")
    assert respond(repeatable, 200).response.earlier_error is None


@pytest.mark.parametrize("status_code", [200, 400, 429])
def test_response_after_an_unknown_outcome_has_the_first_such_error(
    repeatable: Call[ResponseDto], status_code: int
) -> None:
    first = fail(repeatable, RESET).error
    fail(repeatable, httpx.ReadTimeout("too slow"))
    pause, response = respond(repeatable, status_code)
    assert pause is None
    assert isinstance(response, Response)
    assert response.parsed == ResponseDto(status_code, "Said.")
    assert response.earlier_error is first


def test_refusal_after_an_unknown_outcome_is_retried_and_has_the_earlier_error(repeatable: Call[ResponseDto]) -> None:
    first = fail(repeatable, RESET).error
    pause, response = respond(repeatable, 503, 503, Retry_After="3")
    assert pause == 3.0
    assert isinstance(response, Response)
    assert response.earlier_error is first


@pytest.mark.parametrize(
    ("failure", "pause"), [(REFUSED, 1.0), (httpx.ProxyError("forbidden"), None)], ids=["transient", "lasting"]
)
def test_error_before_the_request_is_unknown_after_an_unknown_outcome(
    repeatable: Call[ResponseDto], failure: httpx.RequestError, pause: float | None
) -> None:
    first = fail(repeatable, RESET).error
    end = fail(repeatable, failure)
    assert end.pause == pause
    assert str(end.error).startswith(f"{type(failure).__name__}: {failure} [")
    assert (end.error.delivery, end.error.retryable) == ("unknown", False)
    assert end.error.__cause__ is failure
    assert respond(repeatable, 200).response.earlier_error is first


def test_unknown_outcome_is_repeated_until_five_seconds_before_the_interval_ends(
    repeatable: Call[ResponseDto], clock: Clock
) -> None:
    start = clock.now
    attempt = begin(repeatable)
    assert (attempt.send_by, attempt.deadline) == (start + 300, start + 300)
    clock.advance(30)
    attempt.body_started = True
    # The interval may have begun when the call did.
    assert finish(repeatable, attempt, RESET).pause == 0.5
    attempt = begin(repeatable)
    assert (attempt.send_by, attempt.deadline) == (start + 55, start + 300)
    # The response to it may take as long as any other.
    attempt.body_started = True
    assert attempt.remaining("read") == 270.0


def test_unknown_outcome_is_repeated_until_the_deadline_if_that_is_earlier(clock: Clock) -> None:
    call = new_call(DEDUPLICATED, retry_unknown=True, timeout=20.0)
    fail(call, RESET)
    assert begin(call).send_by == clock.now + 20


@pytest.mark.parametrize(("passed", "pause"), [(54.0, 0.5), (54.5, 0.25), (55.0, None), (56.0, None)])
@pytest.mark.parametrize("timeout", [300.0, httpx.Timeout(None)])
@pytest.mark.parametrize("failure", [RESET, httpx.ConnectError("refused")])
def test_pause_after_an_unknown_outcome_fits_into_the_interval(
    clock: Clock, timeout: Any, passed: float, pause: float | None, failure: httpx.RequestError
) -> None:
    call = new_call(DEDUPLICATED, retry_unknown=True, timeout=timeout)
    attempt = begin(call)
    attempt.body_started = True
    clock.advance(passed)
    assert finish(call, attempt, failure).pause == pause


@pytest.mark.parametrize(("retry_after", "pause"), [("14", 14.0), ("15", None)])
@pytest.mark.parametrize("timeout", [300.0, httpx.Timeout(None)])
def test_server_that_asks_to_come_again_after_the_interval_is_not_asked_again(
    clock: Clock, timeout: Any, retry_after: str, pause: float | None
) -> None:
    call = new_call(DEDUPLICATED, retry_unknown=True, timeout=timeout)
    fail(call, RESET)
    clock.advance(40)
    assert respond(call, 503, 503, Retry_After=retry_after).pause == pause


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_attempt_that_would_begin_after_the_interval_is_not_made(
    repeatable: Call[ResponseDto], clock: Clock, late: float
) -> None:
    before = fail(repeatable, RESET).error
    clock.advance(55 + late)
    assert repeatable.begin_attempt() is None
    with pytest.raises(APIConnectionError) as caught:
        repeatable.result()
    assert caught.value is before


# A request that a user's own client has sent more than once.


@pytest.mark.parametrize("status_code", [200, 400, 429, 500, 503])
def test_response_to_a_request_that_was_sent_twice_has_an_earlier_error_and_is_final(
    call: Call[ResponseDto], status_code: int
) -> None:
    pause, response = respond(call, status_code, times_sent=2, Retry_After="3")
    assert pause is None
    assert isinstance(response, Response)
    assert response.parsed.status_code == status_code
    error = response.earlier_error
    assert type(error) is APIConnectionError
    assert str(error) == f"the request was sent 2 times by the http_client [{REQUEST}]"
    assert error.delivery == "unknown"


@pytest.mark.parametrize(("status_code", "pause"), [(200, None), (400, 0.5), (429, None), (500, 0.5)])
def test_response_to_a_request_that_was_sent_twice_is_repeated_within_the_interval_unless_it_is_final(
    repeatable: Call[ResponseDto], status_code: int, pause: float | None
) -> None:
    end = respond(repeatable, status_code, times_sent=2)
    assert end.pause == pause
    assert end.response.earlier_error is not None


def test_error_before_a_request_is_sent_a_third_time_is_unknown_and_final(call: Call[ResponseDto]) -> None:
    attempt = begin(call)
    attempt.times_sent = 2
    pause, error = finish(call, attempt, REFUSED)
    assert pause is None
    assert isinstance(error, APIConnectionError)
    assert str(error).startswith("ConnectError: refused")
    assert error.delivery == "unknown"


def test_request_that_was_sent_twice_keeps_the_first_unknown_error(repeatable: Call[ResponseDto]) -> None:
    first = fail(repeatable, RESET).error
    assert respond(repeatable, 200, times_sent=2).response.earlier_error is first


# What others are told.


def test_retry_is_logged(call: Call[ResponseDto], caplog: pytest.LogCaptureFixture) -> None:
    fail(call, REFUSED)
    assert caplog.records == []
    respond(call, 503, Retry_After="0")
    begin(call)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert caplog.messages == [
        f"{REQUEST}: retrying after: ConnectError: refused",
        f"{REQUEST}: retrying after: statusCode 503",
    ]
    assert ADDRESS not in caplog.text


def test_each_attempt_is_logged_with_its_codes_and_time(
    call: Call[ResponseDto], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="runtime")
    attempt = begin(call)
    clock.advance(0.25)
    attempt.reader.start(200, httpx.Headers())
    attempt.reader.feed(document(200, requestId="r-1"))
    finish(call, attempt)
    respond(call, document(400, apiCode=2333, requestId=f"r-1 {ADDRESS}"), 429)
    respond(call, b"<h1>")
    fail(call, RESET)
    assert [message for message in caplog.messages if "retrying" not in message] == [
        f"{REQUEST}: HTTP 200, statusCode 200, request id r-1, in 250 ms",
        f"{REQUEST}: HTTP 429, statusCode 400, apiCode 2333, request id ***, in 0 ms",
        f"{REQUEST}: HTTP 200, not a ResponseDto, in 0 ms",
        f"{REQUEST}: ReadError: reset, in 0 ms",
    ]


def test_user_is_told_of_each_attempt(clock: Clock) -> None:
    told: list[AttemptDetails] = []
    call = new_call(on_attempt=told.append)
    attempt = begin(call)
    clock.advance(0.25)
    finish(call, attempt, REFUSED)
    respond(call, document(400, apiCode=2333, requestId=f"r-1 {ADDRESS}"), 429)
    respond(call, document(400, requestId="r-2"))
    respond(call, b"<h1>", 502)
    assert told == [
        AttemptDetails("POST", "/tea", 1, 0.25, None, None, None, None, "APIConnectionError", "not_sent"),
        AttemptDetails("POST", "/tea", 2, 0.0, 429, 400, 2333, "***", "APIError", "unknown"),
        AttemptDetails("POST", "/tea", 3, 0.0, 200, 400, None, "r-2", "APIError", "unknown"),
        AttemptDetails("POST", "/tea", 4, 0.0, 502, None, None, None, "APIError", "unknown"),
    ]


def test_error_of_what_is_told_is_logged_and_changes_nothing(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    def fail_to_listen(details: AttemptDetails) -> None:
        raise ValueError("theirs")

    call = new_call(on_attempt=fail_to_listen)
    assert fail(call, REFUSED).pause == 0.5
    [record] = caplog.records
    assert record.getMessage() == "on_attempt raised an exception"
    assert record.exc_info is not None
