import math
from collections.abc import Callable

import pytest

from runtime.http import httpx
from runtime.transport.request import ATTEMPT, STEPS, Attempt, HTTPRequest, StepTimeouts, TrackedRequest, shorter, track
from tests.clock import Clock

from .coroutines import run

CONTENT = b'{"email":"..."}'


def attempt_at(
    clock: Clock, seconds: float | None = 4.0, deadline: float = 8.0, send_by: float | None = None
) -> Attempt:
    """An attempt that must be sent by its deadline if nothing else is said."""
    send_by = deadline if send_by is None else send_by
    return Attempt(dict.fromkeys(STEPS, seconds), clock.now + deadline, clock.now + send_by)


def tracked(attempt: Attempt) -> TrackedRequest:
    url = httpx.URL("https://example.genauth.ai/")
    headers = {"content-length": str(len(CONTENT))}
    return track(HTTPRequest("POST", url, headers, CONTENT), attempt, None)


@pytest.mark.parametrize("step", STEPS)
def test_step_may_take_its_own_time_while_more_is_left(clock: Clock, step: str) -> None:
    assert attempt_at(clock, 4.0, deadline=8.0).remaining(step) == 4.0


def test_step_may_take_no_more_than_is_left_at_that_moment(clock: Clock) -> None:
    attempt = attempt_at(clock, 4.0, deadline=8.0)
    left = []
    for _ in range(3):
        left.append(attempt.remaining("read"))
        clock.advance(2.5)
    assert left == [4.0, 4.0, 3.0]


def test_each_step_has_its_own_time(clock: Clock) -> None:
    timeouts = {"connect": 1.0, "read": 2.0, "write": 3.0, "pool": None}
    attempt = Attempt(timeouts, clock.now + 8, clock.now + 8)
    assert [attempt.remaining(step) for step in ("connect", "read", "write", "pool")] == [1.0, 2.0, 3.0, 8.0]


def test_last_moment_before_the_deadline_is_given_too(clock: Clock) -> None:
    attempt = attempt_at(clock, 4.0, deadline=8.0)
    clock.advance(7.875)
    assert attempt.remaining("read") == 0.125


def test_step_without_a_time_of_its_own_may_take_what_is_left(clock: Clock) -> None:
    attempt = attempt_at(clock, None, deadline=8.0)
    clock.advance(3)
    assert attempt.remaining("connect") == 5.0


@pytest.mark.parametrize("seconds", [4.0, None])
def test_infinite_deadline_leaves_each_step_its_own_time(clock: Clock, seconds: float | None) -> None:
    attempt = attempt_at(clock, seconds, deadline=math.inf)
    clock.advance(1e9)
    assert attempt.remaining("read") == seconds


@pytest.mark.parametrize("late", [0.0, 1.0])
@pytest.mark.parametrize("step", STEPS)
def test_nothing_begins_at_the_deadline_or_after(clock: Clock, step: str, late: float) -> None:
    attempt = attempt_at(clock, deadline=8.0)
    clock.advance(8.0 + late)
    with pytest.raises(httpx.ConnectTimeout, match="there was no connection in time"):
        attempt.remaining(step)


def test_deadline_after_the_body_was_asked_for_is_one_of_reading(clock: Clock) -> None:
    attempt = attempt_at(clock, deadline=8.0)
    attempt.body_started = True
    clock.advance(8)
    with pytest.raises(httpx.ReadTimeout, match="the response was not complete in time"):
        attempt.remaining("read")


@pytest.mark.parametrize("late", [0.0, 1.0])
@pytest.mark.parametrize("step", STEPS)
def test_nothing_begins_before_the_body_once_it_is_too_late_to_send(clock: Clock, step: str, late: float) -> None:
    attempt = attempt_at(clock, deadline=8.0, send_by=5.0)
    clock.advance(5.0 + late)
    with pytest.raises(httpx.ConnectTimeout, match="there was no connection in time"):
        attempt.remaining(step)


@pytest.mark.parametrize("seconds", [4.0, None])
@pytest.mark.parametrize("step", STEPS)
def test_step_before_the_body_may_take_what_is_left_to_send(clock: Clock, step: str, seconds: float | None) -> None:
    attempt = attempt_at(clock, seconds, deadline=8.0, send_by=5.0)
    clock.advance(2.0)
    assert attempt.remaining(step) == 3.0


@pytest.mark.parametrize("passed", [0.0, 4.875, 5.0, 7.875])
@pytest.mark.parametrize("step", STEPS)
def test_every_step_goes_on_until_the_deadline_once_the_body_was_asked_for(
    clock: Clock, step: str, passed: float
) -> None:
    attempt = attempt_at(clock, None, deadline=8.0, send_by=5.0)
    attempt.body_started = True
    clock.advance(passed)
    assert attempt.remaining(step) == 8.0 - passed


def test_body_that_was_asked_for_in_time_ends_at_the_deadline(clock: Clock) -> None:
    attempt = attempt_at(clock, deadline=8.0, send_by=5.0)
    attempt.body_started = True
    clock.advance(8.0)
    with pytest.raises(httpx.ReadTimeout, match="the response was not complete in time"):
        attempt.remaining("read")


def test_call_without_a_deadline_can_have_to_be_sent_in_time(clock: Clock) -> None:
    attempt = attempt_at(clock, None, deadline=math.inf, send_by=5.0)
    assert attempt.remaining("connect") == 5.0
    attempt.body_started = True
    assert attempt.remaining("read") is None


@pytest.mark.parametrize(
    ("seconds", "left", "result"),
    [(4.0, 8.0, 4.0), (8.0, 4.0, 4.0), (None, 4.0, 4.0), (4.0, math.inf, 4.0), (None, math.inf, None)],
)
def test_shorter_of_two_times_is_what_a_step_may_take(seconds: float | None, left: float, result: float | None) -> None:
    assert shorter(seconds, left) == result


def test_httpx_and_a_hook_see_what_is_left_as_a_dictionary(clock: Clock) -> None:
    attempt = attempt_at(clock, 4.0, deadline=8.0)
    timeouts = tracked(attempt).extensions["timeout"]
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
    ("own", "seconds", "result"),
    [(1.0, 4.0, 1.0), (None, 4.0, 4.0), (9.0, 4.0, 4.0), (9.0, None, 8.0), (None, None, 8.0)],
)
def test_request_with_timeouts_of_its_own_has_what_is_shorter(
    clock: Clock, own: float | None, seconds: float | None, result: float
) -> None:
    assert StepTimeouts(attempt_at(clock, seconds, deadline=8.0), {"read": own})["read"] == result


@pytest.mark.parametrize("own", [1.0, None])
def test_request_may_take_its_own_time_where_the_attempt_has_no_limit(clock: Clock, own: float | None) -> None:
    assert StepTimeouts(attempt_at(clock, None, deadline=math.inf), {"read": own})["read"] == own


def test_our_own_pools_find_the_attempt(clock: Clock) -> None:
    attempt = attempt_at(clock)
    assert tracked(attempt).extensions[ATTEMPT] is attempt


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
def test_body_has_started_once_anything_asks_for_it(
    clock: Clock, read: Callable[[TrackedRequest], bytes], times_sent: int
) -> None:
    attempt = attempt_at(clock)
    request = tracked(attempt)
    stream = request.stream
    assert not attempt.body_started
    assert attempt.times_sent == 0
    assert read(request) == CONTENT
    assert attempt.body_started
    assert attempt.times_sent == times_sent
    # What only looks at the body is no sending, and leaves the stream that tells of one.
    assert request.stream is stream
    assert iterate(request) == CONTENT
    assert attempt.times_sent == times_sent + 1


def test_async_body_has_started_and_is_sent_once_its_iteration_begins(clock: Clock) -> None:
    attempt = attempt_at(clock)
    stream = tracked(attempt).stream
    assert isinstance(stream, httpx.AsyncByteStream)
    assert not attempt.body_started
    assert attempt.times_sent == 0
    chunks = aiter(stream)
    assert attempt.body_started
    assert attempt.times_sent == 1
    assert run(anext(chunks)) == CONTENT
    with pytest.raises(StopAsyncIteration):
        run(anext(chunks))
    assert attempt.times_sent == 1


def test_body_can_be_sent_again_as_after_an_authentication(clock: Clock) -> None:
    attempt = attempt_at(clock)
    request = tracked(attempt)
    assert [iterate(request), iterate(request)] == [CONTENT] * 2
    assert attempt.times_sent == 2
    assert [run(iterate_async(request)), run(iterate_async(request))] == [CONTENT] * 2
    assert attempt.times_sent == 4


def test_request_has_the_headers_that_it_is_given_and_no_others(clock: Clock) -> None:
    request = tracked(attempt_at(clock))
    assert request.headers.multi_items() == [("content-length", str(len(CONTENT)))]


def test_request_through_a_client_of_the_users_has_the_headers_and_parameters_of_that_too() -> None:
    request = HTTPRequest("POST", httpx.URL("https://example.genauth.ai/"), {"x-id": "1"}, CONTENT)
    with httpx.Client(headers={"x-id": "2", "x-more": "3"}, params={"a": "b"}) as http_client:
        tracked = track(request, Attempt({}, math.inf, math.inf), http_client)
    assert isinstance(tracked, TrackedRequest)
    assert (tracked.method, str(tracked.url)) == ("POST", "https://example.genauth.ai/?a=b")
    assert (tracked.headers["x-id"], tracked.headers["x-more"]) == ("1", "3")
    assert (request.url, request.headers) == (httpx.URL("https://example.genauth.ai/"), {"x-id": "1"})


@pytest.mark.parametrize(("own", "times_sent"), [(False, 2), (True, 1)])
def test_body_has_started_if_another_stream_has_taken_its_place(clock: Clock, own: bool, times_sent: int) -> None:
    attempt = attempt_at(clock)
    request = tracked(attempt)
    iterate(request)
    attempt.body_started = False
    request.stream = httpx.ByteStream(b"of a hook")
    request.detect_replaced_body(own_client=own)
    assert attempt.body_started
    assert attempt.times_sent == times_sent


@pytest.mark.parametrize("started", [False, True])
def test_what_is_known_of_the_body_stays_where_no_other_stream_is(clock: Clock, started: bool) -> None:
    attempt = attempt_at(clock)
    request = tracked(attempt)
    if started:
        iterate(request)
    request.detect_replaced_body(own_client=False)
    assert attempt.body_started is started
    assert attempt.times_sent == int(started)


@pytest.mark.parametrize(
    ("seconds", "passed", "limit"),
    [(4.0, 0.0, 4.0), (4.0, 4.0, 4.0), (4.0, 5.0, None), (8.0, 0.0, 8.0), (8.0, 1.0, None), (None, 0.0, None)],
)
def test_own_limit_of_a_step_is_none_where_the_deadline_comes_first(
    clock: Clock, seconds: float | None, passed: float, limit: float | None
) -> None:
    attempt = attempt_at(clock, seconds, deadline=8.0)
    clock.advance(passed)
    assert attempt.step_timeout("read") == limit


def test_step_without_any_limit_has_none_of_its_own(clock: Clock) -> None:
    assert attempt_at(clock, None, deadline=math.inf).step_timeout("read") is None
    assert attempt_at(clock, 4.0, deadline=math.inf).step_timeout("read") == 4.0


def test_own_limit_is_an_error_at_the_deadline(clock: Clock) -> None:
    attempt = attempt_at(clock, 4.0, deadline=8.0)
    clock.advance(8)
    with pytest.raises(httpx.ConnectTimeout, match="there was no connection in time"):
        attempt.step_timeout("read")
    attempt.body_started = True
    with pytest.raises(httpx.ReadTimeout, match="the response was not complete in time"):
        attempt.step_timeout("read")
