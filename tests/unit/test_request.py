import math
from collections.abc import Callable

import pytest

from runtime.http import httpx
from runtime.transport.request import ATTEMPT, STEPS, Attempt, HTTPRequest, StepTimeouts, TrackedRequest, track
from tests.clock import Clock

from .coroutines import run

CONTENT = b'{"email":"..."}'


def attempt_at(
    clock: Clock, seconds: float | None = 4.0, deadline: float = 8.0, send_by: float | None = None
) -> Attempt:
    """Return an attempt that by default must be sent by its deadline."""
    send_by = deadline if send_by is None else send_by
    return Attempt(dict.fromkeys(STEPS, seconds), clock.now + deadline, clock.now + send_by)


def tracked(attempt: Attempt) -> TrackedRequest:
    url = httpx.URL("https://example.genauth.ai/")
    headers = {"content-length": str(len(CONTENT))}
    return track(HTTPRequest("POST", url, headers, CONTENT), attempt, None)


# The time of a step


@pytest.mark.parametrize(
    ("seconds", "deadline", "send_by", "body_started", "passed", "remaining", "own"),
    [
        # Its own time, or the remaining time.
        (4.0, 8.0, 8.0, False, 4.0, 4.0, 4.0),
        (4.0, 8.0, 8.0, False, 7.875, 0.125, None),
        (None, 8.0, 8.0, False, 3.0, 5.0, None),
        (4.0, math.inf, math.inf, False, 1e9, 4.0, 4.0),
        (None, math.inf, math.inf, False, 1e9, None, None),
        # Before the body, the remaining time to send.
        (4.0, 8.0, 5.0, False, 2.0, 3.0, None),
        (None, math.inf, 5.0, False, 0.0, 5.0, None),
        # After it, only the deadline counts.
        (None, 8.0, 5.0, True, 7.875, 0.125, None),
        (None, math.inf, 5.0, True, 9.0, None, None),
    ],
)
def test_step_may_take_its_own_time_or_the_remaining_time(
    clock: Clock,
    seconds: float | None,
    deadline: float,
    send_by: float,
    body_started: bool,
    passed: float,
    remaining: float | None,
    own: float | None,
) -> None:
    attempt = Attempt({"read": seconds, "write": 1.0}, clock.now + deadline, clock.now + send_by)
    attempt.body_started = body_started
    clock.advance(passed)
    assert (attempt.remaining("read"), attempt.step_timeout("read")) == (remaining, own)


@pytest.mark.parametrize("late", [0.0, 1.0])
@pytest.mark.parametrize(
    ("body_started", "end", "kind", "text"),
    [
        (False, 5.0, httpx.ConnectTimeout, "there was no connection in time"),
        (True, 8.0, httpx.ReadTimeout, "the response was not complete in time"),
    ],
)
def test_nothing_begins_after_the_deadline(
    clock: Clock, body_started: bool, end: float, kind: type[Exception], text: str, late: float
) -> None:
    attempt = attempt_at(clock, send_by=5.0)
    attempt.body_started = body_started
    clock.advance(end + late)
    for ask in (attempt.remaining, attempt.step_timeout):
        with pytest.raises(kind, match=text):
            ask("read")


def test_httpx_and_hooks_see_the_remaining_time_as_a_dictionary(clock: Clock) -> None:
    timeouts = tracked(attempt_at(clock)).extensions["timeout"]
    assert timeouts == dict(timeouts) == dict.fromkeys(STEPS, 4.0)
    assert len(timeouts) == 4
    clock.advance(6)
    assert timeouts["read"] == timeouts.get("read") == 2.0
    assert timeouts.get("sleep", 3.0) == 3.0
    assert "sleep" not in timeouts
    clock.advance(2)
    with pytest.raises(httpx.ConnectTimeout, match="there was no connection in time"):
        timeouts.get("read")


@pytest.mark.parametrize(
    ("own", "seconds", "deadline", "result"),
    [
        (1.0, 4.0, 8.0, 1.0),
        (9.0, 4.0, 8.0, 4.0),
        (None, None, 8.0, 8.0),
        (1.0, None, math.inf, 1.0),
        (None, None, math.inf, None),
    ],
)
def test_request_with_its_own_timeouts_has_the_shorter_ones(
    clock: Clock, own: float | None, seconds: float | None, deadline: float, result: float | None
) -> None:
    assert StepTimeouts(attempt_at(clock, seconds, deadline), {"read": own})["read"] == result


# Whether the body was sent


async def iterate_async(request: TrackedRequest) -> bytes:
    assert isinstance(request.stream, httpx.AsyncByteStream)
    return b"".join([chunk async for chunk in request.stream])


def iterate(request: TrackedRequest) -> bytes:
    assert isinstance(request.stream, httpx.SyncByteStream)
    return b"".join(request.stream)


@pytest.mark.parametrize(
    ("read", "times_sent"),
    [
        pytest.param(iterate, 1, id="iteration"),
        pytest.param(lambda request: run(iterate_async(request)), 1, id="async iteration"),
        pytest.param(lambda request: request.read(), 0, id="read"),
        pytest.param(lambda request: run(request.aread()), 0, id="aread"),
        pytest.param(lambda request: request.content, 0, id="content"),
    ],
)
def test_body_has_started_once_anything_reads_it(
    clock: Clock, read: Callable[[TrackedRequest], bytes], times_sent: int
) -> None:
    attempt = attempt_at(clock)
    request = tracked(attempt)
    stream = request.stream
    assert (attempt.body_started, attempt.times_sent) == (False, 0)
    assert read(request) == CONTENT
    assert (attempt.body_started, attempt.times_sent) == (True, times_sent)
    # Merely inspecting the body is not sending, and keeps the stream that detects it.
    assert request.stream is stream
    # It can be sent again, as an authentication may do.
    assert iterate(request) == run(iterate_async(request)) == CONTENT
    assert attempt.times_sent == times_sent + 2


@pytest.mark.parametrize(("own_client", "times_sent"), [(False, 2), (True, 1)])
def test_body_has_started_if_its_stream_was_replaced(clock: Clock, own_client: bool, times_sent: int) -> None:
    attempt = attempt_at(clock)
    request = tracked(attempt)
    iterate(request)
    attempt.body_started = False
    request.stream = httpx.ByteStream(b"of a hook")
    request.detect_replaced_body(own_client=own_client)
    assert (attempt.body_started, attempt.times_sent) == (True, times_sent)


def test_state_of_the_body_stays_if_its_stream_was_not_replaced(clock: Clock) -> None:
    attempt = attempt_at(clock)
    tracked(attempt).detect_replaced_body(own_client=False)
    assert (attempt.body_started, attempt.times_sent) == (False, 0)


# Headers and parameters


def test_request_has_its_attempt_and_only_the_given_headers(clock: Clock) -> None:
    attempt = attempt_at(clock)
    request = tracked(attempt)
    assert request.extensions[ATTEMPT] is attempt
    assert request.headers.multi_items() == [("content-length", str(len(CONTENT)))]


def test_request_through_an_http_client_also_has_its_headers_and_parameters() -> None:
    request = HTTPRequest("POST", httpx.URL("https://example.genauth.ai/"), {"x-id": "1"}, CONTENT)
    with httpx.Client(headers={"x-id": "2", "x-more": "3"}, params={"a": "b"}) as http_client:
        tracked = track(request, Attempt({}, math.inf, math.inf), http_client)
    assert isinstance(tracked, TrackedRequest)
    assert (tracked.method, str(tracked.url)) == ("POST", "https://example.genauth.ai/?a=b")
    assert (tracked.headers["x-id"], tracked.headers["x-more"]) == ("1", "3")
    assert (request.url, request.headers) == (httpx.URL("https://example.genauth.ai/"), {"x-id": "1"})
