"""A call is retried only if the operation was certainly not carried out and the cause may pass."""

import math
import socket
import traceback
from typing import Any

import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    APITimeoutError,
    GenAuthError,
    InvalidArgumentError,
    InvalidResponseError,
    ServiceUnavailableError,
)
from genauth_email.api.email import send_email

from tests.clients import ClientFactory, before_transport, pauses_replaced
from tests.clock import Clock
from tests.servers.raw import SUCCESS, RawServer, Step

from .helpers import AT_ONCE, BODY, MockNetwork, after, dto, error_of, refusal, requests_to, send

OK = httpx.Response(200, content=dto(200))
REFUSED = httpx.ConnectError("refused")
NO_LIMIT = httpx.Timeout(None)
pytestmark = pytest.mark.usefixtures("no_pauses")


def busy(retry_after: str, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=dto(503), headers={"retry-after": retry_after, **headers})


# On the wire. `tests/faults/` tests for each fault how often the request is sent.


def test_a_refused_connection_is_retried(make_client: ClientFactory) -> None:
    with RawServer(listening=False) as server, pauses_replaced(lambda seconds: server.listen()):
        client = make_client(server.url)
        assert send(client).request_id == "r-1"
        assert len(requests_to(server, client)) == 1


def test_a_connection_that_takes_too_long_is_retried(make_client: ClientFactory) -> None:
    with RawServer(listening=False) as server:
        server.listener.listen(0)
        # This takes the only place in the queue.
        with socket.create_connection(server.address), pauses_replaced(lambda seconds: server.listen()):
            client = make_client(server.url, timeout=httpx.Timeout(10, connect=0.2))
            assert send(client).request_id == "r-1"
        assert len(requests_to(server, client)) == 1


def test_a_retry_is_the_same_request_byte_for_byte(make_client: ClientFactory) -> None:
    with RawServer(*[refusal(503, AT_ONCE | {"set-cookie": "session=1"})] * 2) as server:
        client = make_client(server.url, access_token="s3cret-token", lang="en-US", real_ip="203.0.113.9")
        send(client)
        first, *others = requests_to(server, client)
    assert others == [first, first]
    assert b"authorization: s3cret-token\r\n" in first
    assert b"accept-encoding: identity\r\n" in first
    assert first.endswith(b'"email":"test@example.com"}')


@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_truncated_response_is_never_retried(make_client: ClientFactory, then: Any) -> None:
    cuts = range(0, len(SUCCESS), 3)
    with RawServer(*(Step(SUCCESS[:cut], then=then) for cut in cuts)) as server:
        client = make_client(server.url, max_retries=5)
        for _ in cuts:
            error = error_of(client)
            assert isinstance(error, APIConnectionError | InvalidResponseError)
            assert error.delivery == "unknown"
        assert len(requests_to(server, client)) == len(cuts)


# The number of retries, and their time


@before_transport
@pytest.mark.parametrize(
    ("options", "attempts"), [({}, 3), *(({"max_retries": number}, number + 1) for number in (0, 1, 2, 5))]
)
def test_there_are_as_many_retries_as_allowed_and_two_by_default(
    make_client: ClientFactory, options: dict[str, Any], attempts: int
) -> None:
    network = MockNetwork(REFUSED)
    client = network.new_client(make_client)
    for each in (network.new_client(make_client, **options), client.with_options(**options)):
        network.play(REFUSED)
        error_of(each, APIConnectionError)
        assert len(network.requests) == attempts


# For each attempt, the time for connecting and for each other step. An attempt takes three seconds.
@before_transport
@pytest.mark.parametrize(
    ("of_client", "of_call", "attempts"),
    [
        (httpx.Timeout(10, connect=4), None, [(4, 10), (4, 7), (4, 4), (1, 1)]),
        (httpx.Timeout(None, connect=4), None, [(4, None)] * 5),
        (10, 5, [(5, 5), (2, 2)]),
    ],
)
def test_an_attempt_has_the_rest_of_the_calls_timeout(
    make_client: ClientFactory, clock: Clock, of_client: Any, of_call: Any, attempts: list[tuple[float, float | None]]
) -> None:
    network = MockNetwork(after(clock, 3, httpx.ConnectTimeout("slow")))
    error_of(network.new_client(make_client, max_retries=4, timeout=of_client), APITimeoutError, timeout=of_call)
    assert network.timeouts == [httpx.Timeout(other, connect=connect).as_dict() for connect, other in attempts]


@before_transport
def test_no_attempt_is_made_after_the_time_is_up(make_client: ClientFactory, clock: Clock) -> None:
    network = MockNetwork(REFUSED)
    with pauses_replaced(lambda seconds: clock.advance(10)):
        assert error_of(network.new_client(make_client, timeout=10), APIConnectionError).delivery == "not_sent"
    assert len(network.requests) == 1


@before_transport
@pytest.mark.parametrize(
    ("timeout", "retry_after", "attempts"),
    [(10, "1", 2), (10, "2", 1), (10, "3", 1), (NO_LIMIT, "59", 2), (NO_LIMIT, "60", 1), (NO_LIMIT, "9" * 20, 1)],
)
def test_a_retry_after_has_to_fit_into_the_remaining_time_or_a_minute(
    make_client: ClientFactory, clock: Clock, timeout: float | httpx.Timeout, retry_after: str, attempts: int
) -> None:
    network = MockNetwork(after(clock, 8, busy(retry_after)))
    error = error_of(network.new_client(make_client, timeout=timeout, max_retries=1), ServiceUnavailableError)
    assert (error.delivery, error.retryable, error.retry_after) == ("not_sent", True, float(retry_after))
    assert len(network.requests) == attempts


def pauses_of(
    make_client: ClientFactory, clock: Clock, outcome: Exception | httpx.Response, **options: Any
) -> list[float]:
    """Return the seconds of each pause of a call whose attempts have that outcome, and let them pass."""
    pauses: list[float] = []

    def note(seconds: float) -> None:
        pauses.append(seconds)
        clock.advance(seconds)

    with pauses_replaced(note):
        error_of(MockNetwork(outcome).new_client(make_client, **options))
    return pauses


@before_transport
@pytest.mark.parametrize(
    ("refusal", "timeout", "pause"),
    [
        (busy("3"), 10, 3),
        (busy("Mon, 01 Jan 2001 01:00:03 +0100", date="Mon, 01 Jan 2001 00:00:00 GMT"), 10, 3),
        (busy("61"), 300, 61),
    ],
    ids=["seconds", "a date of another zone", "long"],
)
def test_a_retry_is_made_when_the_server_asks_for_it(
    make_client: ClientFactory, clock: Clock, refusal: httpx.Response, timeout: float, pause: float
) -> None:
    assert pauses_of(make_client, clock, refusal, timeout=timeout) == [pause] * 2


@before_transport
@pytest.mark.parametrize("timeout", [0.001, 0.3, 10, NO_LIMIT])
def test_the_pauses_fit_into_the_timeout(
    make_client: ClientFactory, clock: Clock, timeout: float | httpx.Timeout
) -> None:
    pauses = pauses_of(make_client, clock, REFUSED, timeout=timeout, max_retries=10)
    assert pauses
    assert all(pause > 0 for pause in pauses)
    assert sum(pauses) <= (timeout if isinstance(timeout, int | float) else math.inf)


# The caller's result


@before_transport
@pytest.mark.parametrize(
    ("outcomes", "kind", "cause"),
    [
        ([REFUSED, busy("0"), httpx.ReadTimeout("silence")], APITimeoutError, httpx.ReadTimeout),
        ([REFUSED, httpx.Response(200, content=dto(400))], InvalidArgumentError, None),
        ([REFUSED, REFUSED, busy("0")], ServiceUnavailableError, None),
    ],
)
def test_the_caller_gets_the_last_outcome(
    make_client: ClientFactory, outcomes: list[Any], kind: type[GenAuthError], cause: type[Exception] | None
) -> None:
    network = MockNetwork(*outcomes)
    error = error_of(network.new_client(make_client), kind)
    assert type(error.__cause__) is (cause or type(None))
    assert error.delivery == ("unknown" if cause else "not_sent")
    assert len(network.requests) == len(outcomes)


@before_transport
@pytest.mark.parametrize("max_retries", [0, 2])
def test_a_traceback_shows_the_cause_and_nothing_of_the_retries(make_client: ClientFactory, max_retries: int) -> None:
    failures = [httpx.ConnectError(f"number {number}") for number in range(3)]
    error = error_of(MockNetwork(*failures).new_client(make_client, max_retries=max_retries), APIConnectionError)

    assert error.__cause__ is failures[max_retries]
    shown = "".join(traceback.format_exception(error))
    assert f"httpx.ConnectError: number {max_retries}\n" in shown
    assert "During handling" not in shown
    assert [failure for failure in failures if str(failure) in shown] == [failures[max_retries]]


@before_transport
@pytest.mark.parametrize("detailed", [True, False])
def test_an_endpoint_function_retries_like_the_method(make_client: ClientFactory, detailed: bool) -> None:
    network = MockNetwork(REFUSED, busy("0"), OK)
    client = network.new_client(make_client)
    response = client.call(send_email, detailed=detailed, body=BODY)
    assert (response.parsed if detailed else response).message == "As asked."
    assert len(network.requests) == 3


@before_transport
def test_a_detailed_function_returns_the_last_failure_of_the_api(make_client: ClientFactory) -> None:
    network = MockNetwork(REFUSED, busy("0"))
    response = network.new_client(make_client).call(send_email, detailed=True, body=BODY)
    assert (response.http_status, response.parsed.status_code) == (200, 503)
    assert len(network.requests) == 3
