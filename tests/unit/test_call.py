"""A call without a socket, on a clock that stands still. tests/client/ judges what it logs and tells `on_attempt`."""

import json
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest

from runtime import call as module
from runtime.call import Call
from runtime.errors import APIConnectionError, APIError, APITimeoutError, GenAuthError, InvalidResponseError
from runtime.http import httpx
from runtime.options import Options
from runtime.transport.request import Attempt, HTTPRequest
from runtime.types import AttemptDetails, Operation, Request, Response
from tests.clock import Clock

from .library_errors import BEFORE_SENDING, REFUSALS
from .specification import DEDUPLICATED, OPERATION, SPECIFICATION, RequestDto, ResponseDto, TeapotError

URL = "https://example.genauth.ai/tea"
REQUEST = Request("POST", URL, RequestDto("test@example.com"), "s3cret-token")
OPTIONS: dict[str, Any] = {
    "app_host": "https://example.genauth.ai",
    "timeout": 8.0,
    "max_retries": 3,
    "retry_unknown": False,
    "on_attempt": None,
}
REPEATED: dict[str, Any] = {"operation": DEDUPLICATED, "retry_unknown": True, "timeout": 300.0}
"""Options of a call that is repeated for up to 55 seconds while its outcome is unknown."""

NO_TIMEOUT = httpx.Timeout(None)
REFUSED = httpx.ConnectError("refused")
RESET = httpx.ReadError("reset")
PROXY = httpx.ProxyError("forbidden")
TeaCall = Call[ResponseDto]


class Reply(NamedTuple):
    """A response with a body, or with a DTO for a `statusCode`."""

    content: bytes | int
    status: int = 200
    retry_after: str | None = None
    times_sent: int = 1


class Lost(NamedTuple):
    """A request that was sent and ended in an error of the library."""

    error: httpx.RequestError
    times_sent: int = 1


class End(NamedTuple):
    """The end of an attempt: the pause before the next one, and the response or error if the call ended now."""

    pause: float | None
    result: Any


def new_call(operation: Operation[ResponseDto] = OPERATION, **options: Any) -> TeaCall:
    http_request = HTTPRequest("POST", httpx.URL(URL), {}, b"{}")
    return Call(operation, REQUEST, http_request, Options(SPECIFICATION, {**OPTIONS, **options}), SPECIFICATION)


@pytest.fixture(autouse=True)
def longest_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each backoff the longest possible."""
    monkeypatch.setattr(module, "uniform", lambda least, most: most)


@pytest.fixture
def call(clock: Clock) -> TeaCall:
    return new_call()


@pytest.fixture
def repeated(clock: Clock) -> TeaCall:
    return new_call(**REPEATED)


def begin(call: TeaCall) -> Attempt:
    attempt = call.begin_attempt()
    assert attempt is not None
    return attempt


def finish(call: TeaCall, attempt: Attempt, failure: httpx.RequestError | None = None) -> End:
    pause = call.finish_attempt(attempt, failure)
    try:
        return End(pause, call.result())
    except GenAuthError as error:
        return End(pause, error)


def fail(call: TeaCall, failure: httpx.RequestError | Lost) -> End:
    """End an attempt without a response. The request was sent unless the error shows otherwise."""
    if not isinstance(failure, Lost):
        failure = Lost(failure, int(type(failure) not in BEFORE_SENDING + REFUSALS))
    attempt = begin(call)
    attempt.times_sent = failure.times_sent
    attempt.body_started = attempt.times_sent > 0
    return finish(call, attempt, failure.error)


def respond(call: TeaCall, *reply: Any, failure: httpx.RequestError | None = None, **more: Any) -> End:
    """End an attempt with a `Reply`. With `failure`, the body broke off."""
    content, status, retry_after, times_sent = Reply(*reply, **more)
    attempt = begin(call)
    attempt.body_started = times_sent > 0
    attempt.times_sent = times_sent
    attempt.reader.start(status, httpx.Headers({} if retry_after is None else {"Retry-After": retry_after}))
    attempt.reader.feed(content if isinstance(content, bytes) else document(content))
    return finish(call, attempt, failure)


def document(status_code: int, **more: object) -> bytes:
    return json.dumps({"statusCode": status_code, "message": "Said.", **more}).encode()


def play(call: TeaCall, clock: Clock, steps: list[Any]) -> list[End]:
    """End attempts as `steps` say. A number there is the time that passes."""
    ends: list[End] = []
    for step in steps:
        if isinstance(step, float):
            clock.advance(step)
        else:
            ends.append(respond(call, *step) if isinstance(step, Reply) else fail(call, step))
    return ends


# The result of one attempt


@pytest.mark.parametrize(("status", "status_code"), [(202, 200), (200, 500), (503, 503)])
def test_response_of_the_api_is_the_result_whatever_it_says(call: TeaCall, status: int, status_code: int) -> None:
    pause, response = respond(call, status_code, status, "1")
    assert pause is None
    assert isinstance(response, Response)
    assert (response.http_status, response.parsed) == (status, ResponseDto(status_code, "Said."))
    assert (response.content, response.headers["retry-after"]) == (document(status_code), "1")
    assert response.request is REQUEST
    assert response.earlier_error is None


@pytest.mark.parametrize("times_sent", [0, 1])
@pytest.mark.parametrize("kind", [httpx.ProxyError, httpx.ReadError, httpx.ReadTimeout])
def test_error_after_the_response_began_concerns_its_body_unless_it_is_a_timeout(
    call: TeaCall, kind: type[httpx.RequestError], times_sent: int
) -> None:
    failure = kind("it failed")
    error = respond(call, 200, times_sent=times_sent, failure=failure).result
    assert error.delivery == "unknown"
    if isinstance(failure, httpx.TimeoutException):
        assert type(error) is APITimeoutError
        assert error.__cause__ is failure
    else:
        assert type(error) is InvalidResponseError
        assert str(error).startswith("HTTP 200 with a body that is not a ResponseDto: it broke off: it failed [POST")
        assert error.content == document(200)


def test_response_that_came_too_late_is_a_timeout(call: TeaCall, clock: Clock) -> None:
    attempt = begin(call)
    attempt.body_started = True
    attempt.reader.start(200, httpx.Headers())
    clock.advance(9)
    attempt.reader.feed(document(200)[:5])
    attempt.reader.feed(document(200)[5:])
    error = finish(call, attempt).result
    assert type(error) is APITimeoutError
    assert str(error) == f"ReadTimeout: the response was not complete in time [{REQUEST}]"
    assert error.delivery == "unknown"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b"[]", "an object is expected, not list"),
        (b'{"message": "Said."}', "'statusCode' is missing"),
        (b'{"statusCode": 200, "message": 1}', "message: a string is expected"),
    ],
)
def test_other_response_is_an_error_with_the_reason(call: TeaCall, content: bytes, reason: str) -> None:
    error = respond(call, content, retry_after="1").result
    assert type(error) is InvalidResponseError
    assert (error.http_status, error.headers["retry-after"], error.content) == (200, "1", content)
    assert str(error).startswith(f"HTTP 200 with a body that is not a ResponseDto: {reason}")
    assert error.__cause__ is not None
    assert reason.removesuffix(" is missing") in str(error.__cause__)


# Which attempts are followed by another, and when

Pauses = tuple[dict[str, Any], list[Any], list[float | None]]
IN_THE_INTERVAL: dict[str, tuple[list[Any], list[float | None]]] = {
    "in the interval": ([54.0, RESET], [0.5]),
    "close to its end": ([54.5, RESET], [0.25]),
    "at its end": ([55.0, RESET], [None]),
    "after its end": ([56.0, Lost(httpx.ConnectError("refused"))], [None]),
    "time within it": ([RESET, 40.0, Reply(b"", 503, "14")], [0.5, 14.0]),
    "time at its end": ([RESET, 40.0, Reply(b"", 503, "15")], [0.5, None]),
}
PAUSES: dict[str, Pauses] = {
    # The number of retries, and the pauses.
    "one retry": ({"max_retries": 1}, [REFUSED] * 2, [0.5, None]),
    "five seconds at most": ({"max_retries": 9, "timeout": 1000.0}, [REFUSED] * 6, [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]),
    "half of the remaining time": ({}, [6.0, REFUSED], [0.5]),
    "nothing is left": ({}, [8.0, REFUSED], [None]),
    # The API's own 503.
    "503 without a time": ({}, [Reply(503)] * 4, [0.5, 1.0, 2.0, None]),
    "503 with no pause at all": ({}, [Reply(503, 200, "0")], [0.0]),
    "503 with a time that fits": ({}, [4.0, Reply(503, 200, "3")], [3.0]),
    "503 with a time that does not fit": ({}, [4.0, Reply(503, 200, "4")], [None]),
    "503 with less than a minute": ({"timeout": NO_TIMEOUT}, [Reply(503, 200, "59")], [59.0]),
    "503 with a minute": ({"timeout": NO_TIMEOUT}, [Reply(503, 200, "60")], [None]),
    # Unknown outcomes.
    "without the interval": ({"retry_unknown": True}, [RESET, Reply(500), Reply(b"", 503, "3")], [None] * 3),
    "without the option": ({"operation": DEDUPLICATED}, [RESET, Reply(500), Reply(b"", 503, "3")], [None] * 3),
    "refusal": (REPEATED, [Reply(400)], [None]),
    "refusal by the interval": (REPEATED, [Reply(429, 200, "0")], [None]),
    "refusal by the proxy afterwards": (REPEATED, [RESET, PROXY], [0.5, None]),
    "no connection afterwards": (REPEATED, [RESET, REFUSED], [0.5, 1.0]),
    "503 afterwards": (REPEATED, [RESET, Reply(503, 503, "3")], [0.5, 3.0]),
    "gateway with a time": (REPEATED, [Reply(b"", 503, "30")], [30.0]),
    "gateway with a time that does not fit": (REPEATED, [Reply(b"", 503, "55")], [None]),
    "close to the deadline": (REPEATED | {"timeout": 20.0}, [19.5, RESET], [0.25]),
    **{
        f"{name}, {timeout}": (REPEATED | {"timeout": timeout}, steps, pauses)
        for timeout in (300.0, NO_TIMEOUT)
        for name, (steps, pauses) in IN_THE_INTERVAL.items()
    },
    # A request that a user's own client sent more than once.
    "503 after two sendings": ({}, [Reply(503, 200, "3", times_sent=2)], [None]),
    "no connection for a third": ({}, [Lost(REFUSED, times_sent=2)], [None]),
    "two sendings, refusal": (REPEATED, [Reply(400, times_sent=2)], [0.5]),
    "two sendings, 429": (REPEATED, [Reply(429, times_sent=2)], [None]),
}


@pytest.mark.parametrize("name", PAUSES)
def test_pause_or_end_after_each_attempt(clock: Clock, name: str) -> None:
    options, steps, pauses = PAUSES[name]
    assert [end.pause for end in play(new_call(**options), clock, steps)] == pauses


def test_backoff_is_random_between_zero_and_the_longest(call: TeaCall, monkeypatch: pytest.MonkeyPatch) -> None:
    uniform = Mock(return_value=0.125)
    monkeypatch.setattr(module, "uniform", uniform)
    assert fail(call, REFUSED).pause == 0.125
    uniform.assert_called_once_with(0, 0.5)


@pytest.mark.parametrize("late", [0.0, 1.0])
@pytest.mark.parametrize(("failure", "seconds"), [(REFUSED, 300), (RESET, 55)], ids=["deadline", "interval"])
def test_attempt_that_would_begin_too_late_is_not_made(
    repeated: TeaCall, clock: Clock, failure: httpx.RequestError, seconds: float, late: float
) -> None:
    before = fail(repeated, failure).result
    clock.advance(seconds + late)
    assert repeated.begin_attempt() is None
    with pytest.raises(APIConnectionError) as caught:
        repeated.result()
    assert caught.value is before


def test_unknown_outcome_is_repeated_until_five_seconds_before_the_interval_ends(
    repeated: TeaCall, clock: Clock
) -> None:
    start = clock.now
    attempt = begin(repeated)
    assert (attempt.send_by, attempt.deadline) == (start + 300, start + 300)
    clock.advance(30)
    attempt.body_started = True
    # The interval may have begun when the call did.
    assert finish(repeated, attempt, RESET).pause == 0.5
    attempt = begin(repeated)
    assert (attempt.send_by, attempt.deadline) == (start + 55, start + 300)
    # The response to it may take as long as any other.
    attempt.body_started = True
    assert attempt.remaining("read") == 270.0


# What is known after several attempts


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (Lost(httpx.ConnectError("it failed")), APIConnectionError),
        (RESET, APIConnectionError),
        (httpx.ReadTimeout("too slow"), APITimeoutError),
        (Reply(500), APIError),
        (Reply(400, 202), APIError),
        (Reply(200, 500), APIError),
        (Reply(b"<h1>"), InvalidResponseError),
        (Reply(b"<h1>", 418), TeapotError),
    ],
    ids=repr,
)
def test_unknown_outcome_is_retried_and_remembered(clock: Clock, step: object, kind: type[GenAuthError]) -> None:
    told: list[AttemptDetails] = []
    [end, last] = play(new_call(**REPEATED, on_attempt=told.append), clock, [step, Reply(200)])
    assert end.pause == 0.5
    assert type(last.result.earlier_error) is kind
    assert last.result.earlier_error.delivery == "unknown"
    assert [each.error for each in told] == [kind.__name__, None]


@pytest.mark.parametrize("steps", [[REFUSED], [Reply(503)], [Reply(400)], [REFUSED, Reply(503, 200, "0")]])
def test_known_outcome_is_not_remembered(repeated: TeaCall, clock: Clock, steps: list[Any]) -> None:
    assert play(repeated, clock, [*steps, Reply(200)])[-1].result.earlier_error is None


@pytest.mark.parametrize("status_code", [200, 429])
@pytest.mark.parametrize("more", [[], [httpx.ReadTimeout("too slow")], [REFUSED]], ids=repr)
def test_response_after_an_unknown_outcome_has_the_first_such_error(
    repeated: TeaCall, clock: Clock, more: list[Any], status_code: int
) -> None:
    first, *_, last = play(repeated, clock, [RESET, *more, Reply(status_code, times_sent=2)])
    assert last.result.parsed == ResponseDto(status_code, "Said.")
    assert last.result.earlier_error is first.result


@pytest.mark.parametrize("failure", [REFUSED, PROXY], ids=["transient", "lasting"])
def test_error_before_the_request_is_unknown_after_an_unknown_outcome(
    repeated: TeaCall, failure: httpx.RequestError
) -> None:
    first = fail(repeated, RESET).result
    error = fail(repeated, failure).result
    assert str(error).startswith(f"{type(failure).__name__}: {failure} [")
    assert (error.delivery, error.retryable) == ("unknown", False)
    assert error.__cause__ is failure
    assert respond(repeated, 200).result.earlier_error is first


@pytest.mark.parametrize("status_code", [200, 400, 500])
def test_response_to_a_request_sent_twice_has_an_earlier_error(call: TeaCall, status_code: int) -> None:
    response = respond(call, status_code, times_sent=2).result
    assert response.parsed.status_code == status_code
    error = response.earlier_error
    assert type(error) is APIConnectionError
    assert str(error) == f"the request was sent 2 times by the http_client [{REQUEST}]"
    assert error.delivery == "unknown"


def test_error_before_a_request_is_sent_a_third_time_is_unknown(call: TeaCall) -> None:
    attempt = begin(call)
    attempt.times_sent = 2
    error = finish(call, attempt, REFUSED).result
    assert str(error).startswith("ConnectError: refused")
    assert error.delivery == "unknown"
