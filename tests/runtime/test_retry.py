import logging
import math
import ssl

import pytest
import stamina

from runtime.errors import APIConnectionError, APIError, Delivery, InvalidResponseError
from runtime.http import httpcore, httpx
from runtime.retry import (
    Outcome,
    RetryableError,
    RetryPolicy,
    delivery_of_outcome,
    is_transient,
    library_errors,
    retry_after_refusal,
    return_or_raise,
)
from runtime.types import Request, Response

from .clock import Clock
from .library_errors import CERTIFICATE, END, LATER, REFUSALS, because_of, tls_error
from .specification import ResponseDto

REQUEST = Request("POST", "https://example.genauth.ai/")


def response(status_code: int, status: int = 200, retry_after: str | None = None) -> Response[ResponseDto]:
    headers = httpx.Headers({} if retry_after is None else {"Retry-After": retry_after})
    return Response(REQUEST, status, headers, b"", ResponseDto(status_code, "Said."))


def failure(delivery: Delivery = "not_sent", cause: BaseException | None = None) -> APIConnectionError:
    error = APIConnectionError("it failed", delivery=delivery)
    error.__cause__ = cause
    return error


def retryable(retry_after: int | None = None) -> RetryableError:
    """An error of connecting, or a refusal with a time to come again."""
    if retry_after is None:
        return RetryableError("ConnectError", failure(cause=httpx.ConnectError("refused")))
    return RetryableError("statusCode 503", response(503, 503, str(retry_after)))


def policy_at(clock: Clock, seconds: float = 8.0, max_retries: int = 3) -> RetryPolicy:
    """A policy of a call whose first attempt has failed at once."""
    policy = RetryPolicy(max_retries, seconds, None)
    policy.stamina_arguments()
    return policy


def test_stamina_makes_the_first_attempt_and_each_retry(clock: Clock) -> None:
    arguments = RetryPolicy(3, 8.0, None).stamina_arguments()
    assert arguments["attempts"] == 4
    assert arguments["timeout"] is None


@pytest.mark.parametrize(("left", "longest"), [(8.0, 2.0), (12.0, 3.0), (20.0, 5.0), (1000.0, 5.0), (math.inf, 5.0)])
def test_backoffs_fit_into_the_time_left_and_are_never_longer_than_5_seconds(
    clock: Clock, left: float, longest: float
) -> None:
    assert RetryPolicy(3, left, None).stamina_arguments()["wait_max"] == longest


def test_time_of_the_first_attempt_is_not_left(clock: Clock) -> None:
    policy = RetryPolicy(3, 8.0, None)
    clock.advance(4)
    assert policy.stamina_arguments()["wait_max"] == 1.0


def test_nothing_is_left_after_the_deadline(clock: Clock) -> None:
    policy = RetryPolicy(3, 8.0, None)
    clock.advance(9)
    assert policy.stamina_arguments()["wait_max"] == 0
    assert policy.backoff(retryable()) is False


def test_stamina_takes_the_arguments(clock: Clock) -> None:
    policy = RetryPolicy(2, 8.0, None)
    made = []
    with stamina.set_testing(True, attempts=99, cap=True), pytest.raises(RetryableError):  # noqa: PT012
        for attempt in stamina.retry_context(**policy.stamina_arguments()):
            with attempt:
                made.append(attempt.num)
                raise retryable()
    assert made == [1, 2, 3]


def test_stamina_takes_a_backoff_of_no_seconds_for_a_retry(clock: Clock) -> None:
    policy = RetryPolicy(1, 8.0, None)
    made = []
    with pytest.raises(RetryableError):  # noqa: PT012
        for attempt in stamina.retry_context(**policy.stamina_arguments()):
            with attempt:
                made.append(attempt.num)
                raise retryable(retry_after=0)
    assert made == [1, 2]


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), APIConnectionError("refused"), KeyboardInterrupt()])
def test_other_errors_are_never_retried(clock: Clock, error: BaseException) -> None:
    policy = policy_at(clock)
    assert policy.backoff(error) is False
    assert policy.last_error is None


def test_retryable_error_is_retried_after_a_backoff_of_stamina(clock: Clock) -> None:
    policy = policy_at(clock, seconds=8.0)
    error = retryable()
    assert policy.backoff(error) is True
    assert policy.last_error is error


# The longest backoff is 2 seconds.
@pytest.mark.parametrize(("passed", "retried"), [(5.75, True), (6.0, False), (7.0, False), (9.0, False)])
def test_no_retry_where_the_longest_backoff_would_outlast_the_call(clock: Clock, passed: float, retried: bool) -> None:
    policy = policy_at(clock, seconds=8.0)
    clock.advance(passed)
    error = retryable()
    assert policy.backoff(error) is retried
    assert policy.last_error is (error if retried else None)


def test_retry_waits_as_long_as_the_server_says(clock: Clock) -> None:
    policy = policy_at(clock, seconds=8.0)
    error = retryable(retry_after=7)
    assert policy.backoff(error) == 7.0
    assert policy.last_error is error


@pytest.mark.parametrize("retry_after", [4, 5])
def test_no_retry_where_the_server_asks_for_more_time_than_is_left(clock: Clock, retry_after: int) -> None:
    policy = policy_at(clock, seconds=8.0)
    clock.advance(4)
    assert policy.backoff(retryable(retry_after)) is False
    assert policy.last_error is None


def test_server_may_ask_for_no_wait_at_all(clock: Clock) -> None:
    backoff = policy_at(clock).backoff(retryable(retry_after=0))
    assert backoff is not False
    assert backoff == 0


def test_call_without_a_deadline_waits_less_than_a_minute_for_the_server(clock: Clock) -> None:
    policy = policy_at(clock, seconds=math.inf)
    assert policy.backoff(retryable(59)) == 59.0
    assert policy.backoff(retryable(60)) is False
    assert policy.backoff(retryable()) is True
    clock.advance(1e9)
    assert policy.backoff(retryable()) is True


CONNECT = httpx.ConnectError("refused")


def repeating(seconds: float = 300.0, interval: float = 60.0) -> RetryPolicy:
    """A policy of a call that may be repeated where its outcome is unknown."""
    return RetryPolicy(3, seconds, interval)


@pytest.mark.parametrize(
    ("outcome", "delivery"),
    [
        (response(200), None),
        (response(200, 500), None),
        (response(400), "not_sent"),
        (response(429, 429), "not_sent"),
        (response(503), "not_sent"),
        (response(500), "unknown"),
        (response(599, 503), "unknown"),
        (failure("not_sent"), "not_sent"),
        (failure("unknown"), "unknown"),
        (InvalidResponseError("a login page"), "unknown"),
        (APIError("refused", delivery="not_sent"), "not_sent"),
    ],
)
def test_delivery_of_an_outcome(outcome: Outcome, delivery: Delivery | None) -> None:
    assert delivery_of_outcome(outcome) == delivery


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("status_code", [400, 404, 499, 503])
def test_refusal_tells_when_to_come_again(status_code: int, status: int) -> None:
    assert retry_after_refusal(response(status_code, status, "3")) == 3.0
    assert retry_after_refusal(response(status_code, status)) is None
    assert retry_after_refusal(response(status_code, status, "soon")) is None


@pytest.mark.parametrize(
    ("status_code", "status"),
    [(200, 503), (429, 429), (429, 503), (500, 503), (399, 503), (502, 429), (503, 200), (503, 500), (400, 400)],
)
def test_no_other_response_tells_when_to_come_again(status_code: int, status: int) -> None:
    assert retry_after_refusal(response(status_code, status, "3")) is None


UNKNOWN: list[Outcome] = [
    failure("unknown", httpx.ReadError("reset")),
    failure("unknown", CONNECT),
    InvalidResponseError("a login page"),
    APIError("HTTP 503", delivery="unknown"),
    response(500),
    response(500, 503, "3"),
]
SAFE: list[Outcome] = [failure("not_sent", CONNECT), response(503, 503, "3"), response(400, 429, "0")]
FINAL: list[Outcome] = [
    response(200),
    response(200, 503, "3"),
    response(400),
    response(429, 429, "3"),
    response(503),
    failure("not_sent", httpx.ProxyError("forbidden")),
    failure("not_sent", because_of(httpx.ConnectError("it failed"), CERTIFICATE)),
    failure("not_sent"),
]


@pytest.mark.parametrize("outcome", UNKNOWN)
def test_unknown_outcome_is_repeated_only_within_a_deduplication_interval(clock: Clock, outcome: Outcome) -> None:
    assert not RetryPolicy(3, 8.0, None).is_safe_to_retry(outcome, 1)
    assert repeating().is_safe_to_retry(outcome, 1)


@pytest.mark.parametrize("policy", [RetryPolicy(3, 8.0, None), repeating()])
def test_transient_error_and_refusal_are_safe_to_retry_with_an_interval_or_without(policy: RetryPolicy) -> None:
    assert [policy.is_safe_to_retry(outcome, 1) for outcome in SAFE] == [True] * len(SAFE)


@pytest.mark.parametrize("policy", [RetryPolicy(3, 8.0, None), repeating()])
@pytest.mark.parametrize("outcome", FINAL)
def test_what_would_end_the_same_way_is_final_with_an_interval_or_without(
    policy: RetryPolicy, outcome: Outcome
) -> None:
    assert not policy.is_safe_to_retry(outcome, 1)


@pytest.mark.parametrize("outcome", [*UNKNOWN, *SAFE, *FINAL])
def test_what_was_sent_more_than_once_is_unknown_unless_it_was_carried_out(outcome: Outcome) -> None:
    assert not RetryPolicy(3, 8.0, None).is_safe_to_retry(outcome, 2)
    assert repeating().is_safe_to_retry(outcome, 2) is (delivery_of_outcome(outcome) is not None)


@pytest.mark.parametrize("outcome", [*UNKNOWN, *SAFE, *FINAL])
def test_what_was_not_sent_is_judged_as_what_was_sent_once(outcome: Outcome) -> None:
    for policy in (RetryPolicy(3, 8.0, None), repeating()):
        assert policy.is_safe_to_retry(outcome, 0) is policy.is_safe_to_retry(outcome, 1)


def test_request_may_be_sent_until_the_deadline_while_no_outcome_is_unknown(clock: Clock) -> None:
    start = clock.now
    policy = repeating(seconds=300.0, interval=60.0)
    assert policy.unknown_error is None
    clock.advance(100)
    assert policy.send_by == policy.deadline == start + 300


def test_unknown_outcome_is_repeated_until_5_seconds_before_the_interval_ends(clock: Clock) -> None:
    start = clock.now
    policy = repeating(seconds=300.0, interval=60.0)
    clock.advance(30)
    policy.unknown_error = failure("unknown")
    # The interval may have begun when the call did.
    assert policy.send_by == start + 55
    assert policy.deadline == start + 300


def test_unknown_outcome_is_repeated_until_the_deadline_if_that_is_earlier(clock: Clock) -> None:
    policy = repeating(seconds=10.0, interval=60.0)
    policy.unknown_error = failure("unknown")
    assert policy.send_by == policy.deadline == clock.now + 10


def test_unknown_outcome_does_not_matter_without_an_interval(clock: Clock) -> None:
    policy = RetryPolicy(3, 300.0, None)
    policy.unknown_error = failure("unknown")
    assert policy.send_by == policy.deadline == clock.now + 300


def unknown_at(clock: Clock, passed: float, seconds: float = 300.0) -> RetryPolicy:
    """A policy of a call whose first attempt ended after `passed` seconds, with an unknown outcome."""
    policy = repeating(seconds)
    clock.advance(passed)
    policy.unknown_error = failure("unknown")
    policy.stamina_arguments()
    return policy


def unknown() -> RetryableError:
    return RetryableError("ReadError", failure("unknown", httpx.ReadError("reset")))


@pytest.mark.parametrize(("passed", "longest"), [(0.0, 5.0), (43.0, 3.0), (51.0, 1.0), (55.0, 0.0), (100.0, 0.0)])
def test_backoffs_fit_into_the_interval(clock: Clock, passed: float, longest: float) -> None:
    policy = unknown_at(clock, passed)
    assert policy.stamina_arguments()["wait_max"] == longest


@pytest.mark.parametrize(("passed", "retried"), [(0.0, True), (49.75, True), (50.0, False), (55.0, False)])
@pytest.mark.parametrize("seconds", [300.0, math.inf])
def test_no_retry_where_the_longest_backoff_would_outlast_the_interval(
    clock: Clock, seconds: float, passed: float, retried: bool
) -> None:
    policy = unknown_at(clock, 0.0, seconds)  # The longest backoff is 5 seconds.
    clock.advance(passed)
    assert policy.backoff(unknown()) is retried
    assert (policy.last_error is not None) is retried


@pytest.mark.parametrize(("retry_after", "retried"), [(14, True), (15, False), (16, False)])
@pytest.mark.parametrize("seconds", [300.0, math.inf])
def test_no_retry_where_the_server_asks_to_come_again_after_the_interval(
    clock: Clock, seconds: float, retry_after: int, retried: bool
) -> None:
    policy = unknown_at(clock, 40.0, seconds)
    assert policy.backoff(retryable(retry_after)) == (retry_after if retried else False)
    assert (policy.last_error is not None) is retried


@pytest.mark.parametrize("delivery", ["not_sent", "unknown"])
def test_transient_error_after_an_unknown_one_is_retried_within_the_interval_only(
    clock: Clock, delivery: Delivery
) -> None:
    policy = unknown_at(clock, 40.0)
    outcome = failure(delivery, CONNECT)
    assert policy.is_safe_to_retry(outcome, 1)
    assert policy.backoff(RetryableError("ConnectError", outcome)) is True
    clock.advance(15.0)
    assert policy.backoff(RetryableError("ConnectError", outcome)) is False


def test_retry_after_of_an_unknown_outcome_is_not_waited_for(clock: Clock) -> None:
    policy = unknown_at(clock, 0.0)
    assert policy.backoff(RetryableError("statusCode 500", response(500, 503, "30"))) is True


def test_retryable_error_says_why_it_is_one() -> None:
    assert str(retryable()) == "ConnectError"


def test_outcome_that_is_a_response_is_returned() -> None:
    outcome = response(503)
    assert return_or_raise(outcome) is outcome


def test_outcome_that_is_an_error_is_raised_with_its_cause() -> None:
    cause = httpx.ConnectError("refused")
    error = failure(cause=cause)
    with pytest.raises(APIConnectionError) as caught:
        return_or_raise(error)
    assert caught.value is error
    assert caught.value.__cause__ is cause
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("cause", [ConnectionRefusedError(111, "refused"), OSError("no route"), END, None])
def test_refused_connection_and_the_end_within_a_handshake_are_transient(cause: OSError | None) -> None:
    causes = [cause] if cause else []
    assert is_transient(because_of(httpx.ConnectError("it failed"), httpcore.ConnectError("it failed"), *causes))


@pytest.mark.parametrize("cause", [CERTIFICATE, tls_error("WRONG_VERSION_NUMBER"), tls_error("SSLV3_ALERT")])
def test_tls_says_again_what_it_has_said(cause: ssl.SSLError) -> None:
    assert not is_transient(because_of(httpx.ConnectError("it failed"), httpcore.ConnectError("it failed"), cause))
    # httpcore can have it as an argument only.
    assert not is_transient(because_of(httpx.ConnectError("it failed"), httpcore.ConnectError(cause)))


@pytest.mark.parametrize("kind", [httpx.ConnectTimeout, httpx.PoolTimeout])
def test_timeouts_before_the_request_are_transient(kind: type[httpx.RequestError]) -> None:
    assert is_transient(kind("it took too long"))


@pytest.mark.parametrize("error", [*(kind("it failed") for kind in REFUSALS + LATER), OSError("it failed"), None])
def test_no_other_error_is_transient(error: BaseException | None) -> None:
    assert is_transient(error) is False


def test_library_errors_are_those_of_the_chain_and_in_arguments_each_once() -> None:
    inner = OSError("refused")
    middle = httpcore.ConnectError(inner)
    outer = because_of(httpx.ConnectError("refused"), middle, inner)
    assert list(library_errors(outer)) == [outer, middle, inner]
    alone = httpcore.ConnectError(inner)
    assert list(library_errors(alone)) == [alone, inner]


def test_library_errors_are_no_contexts() -> None:
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


@pytest.mark.parametrize(("caused_by", "shown"), [(retryable(), False), (ValueError("theirs"), True)])
def test_only_retries_of_others_are_logged_by_stamina(caused_by: Exception, shown: bool) -> None:
    record = logging.makeLogRecord({"stamina.caused_by": repr(caused_by)})
    assert bool(logging.getLogger("stamina").filter(record)) is shown


def test_other_records_of_stamina_are_logged() -> None:
    assert logging.getLogger("stamina").filter(logging.makeLogRecord({}))
