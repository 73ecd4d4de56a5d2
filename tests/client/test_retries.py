"""A call is retried only if the operation was certainly not carried out and the cause may pass."""

import math
import socket
import threading
import traceback
from collections.abc import Callable, Generator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    GenAuthError,
    InvalidArgumentError,
    InvalidResponseError,
    ServiceUnavailableError,
)
from genauth_email.api.email import send_email

from tests.clients import ClientFactory, before_transport, on_httpx, pauses_replaced
from tests.clock import Clock
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .helpers import AT_ONCE, BODY, BUSY, MockNetwork, dto, error_of, refusal, requests_to, send

HTML = b"<h1>Try later</h1>"
OK = httpx.Response(200, content=dto(200))
REFUSED = httpx.ConnectError("refused")
pytestmark = pytest.mark.usefixtures("no_pauses")
BeforeRetry = Callable[[Callable[[float], object]], None]


def busy(retry_after: str | None = None, **headers: str) -> httpx.Response:
    more = {} if retry_after is None else {"retry-after": retry_after}
    return httpx.Response(200, content=dto(503), headers=headers | more)


@pytest.fixture
def before_retry() -> Generator[BeforeRetry]:
    """Replaces each pause with a call of a function, which gets the seconds."""
    with ExitStack() as stack:
        yield lambda function: stack.enter_context(pauses_replaced(function))


# Retried


def test_a_refused_connection_is_retried(make_client: ClientFactory, before_retry: BeforeRetry) -> None:
    with RawServer(listening=False) as server:
        before_retry(lambda seconds: server.listen())
        client = make_client(server.url)
        assert send(client).request_id == "r-1"
        assert len(requests_to(server, client)) == 1


def test_a_connection_that_takes_too_long_is_retried(make_client: ClientFactory, before_retry: BeforeRetry) -> None:
    with RawServer(listening=False) as server:
        server.listener.listen(0)
        with socket.create_connection(server.address):  # This takes the only place in the queue.
            before_retry(lambda seconds: server.listen())
            client = make_client(server.url, timeout=httpx.Timeout(10, connect=0.2))
            assert send(client).request_id == "r-1"
        assert len(requests_to(server, client)) == 1


@on_httpx
def test_a_pool_without_a_free_connection_is_retried(make_client: ClientFactory) -> None:
    occupied, free = threading.Event(), threading.Event()

    def occupy() -> None:
        occupied.set()
        free.wait(10)

    sent: list[httpx.Request] = []
    own = make_client.http_client(
        limits=httpx.Limits(max_connections=1), event_hooks={"request": [make_client.hook(sent.append)]}
    )
    response = Step(http(200, dto(200), {"connection": "close"}), then="close", before=occupy)
    with RawServer(response) as server:
        client = make_client(server.url, http_client=own, max_retries=3)
        other = threading.Thread(target=send, args=(client,))
        other.start()
        assert occupied.wait(10)

        error = error_of(client.with_options(timeout=httpx.Timeout(10, pool=0.01)), APITimeoutError)

        assert isinstance(error.__cause__, httpx.PoolTimeout)
        assert error.delivery == "not_sent"
        assert len(sent) == 1 + 4
        free.set()
        other.join()
        assert len(server.finish()) == 1


@before_transport
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_a_retry_sends_a_request_that_was_never_sent(
    make_client: ClientFactory, error: type[httpx.TransportError]
) -> None:
    network = MockNetwork(error("no"), error("no"), OK)
    assert send(network.new_client(make_client)).status_code == 200
    assert len(network.requests) == 3


# A `Retry-After` that cannot be parsed is ignored.
RETRY_AFTERS: dict[str, dict[str, str]] = {
    "none": {},
    "at once": {"retry-after": "0"},
    "seconds": {"retry-after": "2"},
    "spaces": {"retry-after": " 9 "},
    "a date": {"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"},
    "empty": {"retry-after": ""},
    "words": {"retry-after": "soon"},
    "negative": {"retry-after": "-1"},
    "a fraction": {"retry-after": "0.5"},
    "other digits": {"retry-after": "\u0663"},
    "two": {"retry-after": "0, 0"},
    "a date beyond the calendar": {"retry-after": "Fri, 31 Dec 99999 23:59:59 GMT"},
    "a date that does not exist": {"retry-after": "Thu, 30 Feb 2001 00:00:00 GMT"},
}


@before_transport
@pytest.mark.parametrize("headers", RETRY_AFTERS.values(), ids=RETRY_AFTERS)
def test_the_apis_own_503_is_retried(make_client: ClientFactory, headers: dict[str, str]) -> None:
    with RawServer(*[refusal(503, headers)] * 3) as server:
        client = make_client(server.url)
        error = error_of(client, ServiceUnavailableError)
        assert (error.delivery, error.retryable) == ("not_sent", True)
        assert send(client).request_id == "r-1"
        assert len(requests_to(server, client)) == 3 + 1


def test_a_retry_is_the_same_request_byte_for_byte(make_client: ClientFactory) -> None:
    with RawServer(*[refusal(503, AT_ONCE | {"set-cookie": "session=1"})] * 2) as server:
        client = make_client(server.url, access_token="s3cret-token", lang="en-US", real_ip="203.0.113.9")
        send(client)
        first, *others = requests_to(server, client)
    assert others == [first, first]
    assert b"authorization: s3cret-token\r\n" in first
    assert first.endswith(b'"email":"test@example.com"}')


# Not retried

UNKNOWN = {
    "silence": Step(then="hold"),
    "silence within the headers": Step(SUCCESS[:40], then="hold"),
    "silence within the body": Step(SUCCESS[:-5], then="hold"),
    "a reset": Step(then="reset"),
    "a reset before the body is read": Step(then="reset", reading="head"),
    "a reset before anything is read": Step(then="reset", reading="nothing"),
    "a reset within the response": Step(SUCCESS[:-5], then="reset"),
    "a response that is not HTTP": Step(b"220 mail.example.com ESMTP\r\n", then="close"),
    "half a refusal": Step(http(503, HTML, AT_ONCE)[:-5], then="close"),
    "a redirect": Step(http(307, headers={"location": "/elsewhere", **AT_ONCE})),
    "a login page": Step(http(200, HTML, AT_ONCE)),
    "a body that cannot be decoded": Step(http(503, HTML, {"content-encoding": "gzip", **AT_ONCE})),
    "HTTP 500": Step(http(500, HTML, AT_ONCE)),
    "HTTP 502": Step(http(502, HTML, AT_ONCE)),
    "HTTP 504": Step(http(504, HTML, AT_ONCE)),
    "HTTP 429": Step(http(429, HTML, AT_ONCE)),
    "HTTP 503": Step(http(503, HTML, AT_ONCE)),
    "HTTP 503 with an empty body": Step(http(503, b"", AT_ONCE)),
    "HTTP 503 with a wrong type": Step(http(503, b'{"statusCode": "503", "message": ""}', AT_ONCE)),
    "HTTP 502 with a DTO of 503": refusal(503, http_status=502),
    "HTTP 503 with a DTO of 503": refusal(503, http_status=503),
    "HTTP 429 with a DTO of 403": refusal(403, http_status=429),
    "HTTP 201 with a DTO of 503": refusal(503, http_status=201),
    "HTTP 503 with a DTO of success": refusal(200, http_status=503),
    "statusCode 429, the rule of one minute": refusal(429),
    "statusCode 500": refusal(500),
}


@pytest.mark.parametrize("response", UNKNOWN.values(), ids=UNKNOWN)
def test_a_request_that_may_have_been_carried_out_is_never_retried(make_client: ClientFactory, response: Step) -> None:
    with RawServer(response) as server:
        client = make_client(server.url, max_retries=5, timeout=httpx.Timeout(10, read=0.05))
        error = error_of(client)
        assert len(requests_to(server, client)) == (response.reading == "all")
        assert server.connections == 1
    assert (error.delivery, error.retryable) == ("unknown", False)


# None of our transports takes part, so each error comes from the mock.
@before_transport
@pytest.mark.parametrize(
    ("error", "delivery"),
    [
        *((each, "unknown") for each in (httpx.ReadTimeout, httpx.ReadError, httpx.WriteTimeout, httpx.WriteError)),
        *((each, "unknown") for each in (httpx.CloseError, httpx.RemoteProtocolError)),
        *((each, "not_sent") for each in (httpx.ProxyError, httpx.LocalProtocolError, httpx.UnsupportedProtocol)),
    ],
)
def test_an_error_that_would_recur_or_came_after_sending_is_never_retried(
    make_client: ClientFactory, error: type[httpx.TransportError], delivery: str
) -> None:
    network = MockNetwork(error("no"), OK)
    assert error_of(network.new_client(make_client), APIConnectionError).delivery == delivery
    assert len(network.requests) == 1


@before_transport
@pytest.mark.parametrize("status_code", [400, 403, 499])
def test_a_refusal_that_would_recur_is_never_retried(make_client: ClientFactory, status_code: int) -> None:
    network = MockNetwork(httpx.Response(200, content=dto(status_code), headers=AT_ONCE))
    error = error_of(network.new_client(make_client, max_retries=5), APIError)
    assert (error.delivery, error.retryable) == ("not_sent", False)
    assert len(network.requests) == 1


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


def test_an_idle_connection_that_breaks_is_never_retried(make_client: ClientFactory) -> None:
    with RawServer(Step(SUCCESS), Step(then="reset")) as server:
        client = make_client(server.url)
        send(client)
        error_of(client, APIConnectionError)
        assert len(requests_to(server, client)) == 2
        assert server.connections == 1


@before_transport
@pytest.mark.parametrize(
    ("status", "kind"), [(302, InvalidResponseError), (418, APIError), (503, ServiceUnavailableError)]
)
def test_a_dto_of_success_is_one_only_with_http_2xx(
    make_client: ClientFactory, status: int, kind: type[GenAuthError]
) -> None:
    network = MockNetwork(httpx.Response(201, content=dto(200)), httpx.Response(status, content=dto(200)))
    client = network.new_client(make_client)
    assert send(client).message == "As asked."
    error = error_of(client, kind)
    assert str(error).startswith(f"HTTP {status} with statusCode 200")
    assert type(error) is kind
    assert (error.http_status, error.status_code, error.delivery) == (status, 200, "unknown")
    assert len(network.requests) == 2


@before_transport
@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after": "10"},
        {"retry_after": "9" * 400},
        {"retry_after": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"retry_after": "Mon, 01 Jan 2001 00:01:00 GMT", "date": "Mon, 01 Jan 2001 00:00:00 GMT"},
    ],
    ids=["as long as the timeout", "absurd", "a date far away", "a date a minute later"],
)
def test_a_retry_after_that_does_not_fit_ends_the_call(make_client: ClientFactory, headers: dict[str, str]) -> None:
    network = MockNetwork(busy(**headers))
    error = error_of(network.new_client(make_client, timeout=10), ServiceUnavailableError)
    assert (error.delivery, error.retryable) == ("not_sent", True)
    assert error.retry_after >= 10
    assert len(network.requests) == 1


# The number of retries, and their time. A mock network is enough.


@before_transport
@pytest.mark.parametrize(
    ("options", "attempts"), [({}, 3), *(({"max_retries": number}, number + 1) for number in (0, 1, 2, 5))]
)
def test_there_are_as_many_retries_as_allowed_and_two_by_default(
    make_client: ClientFactory, options: dict[str, Any], attempts: int
) -> None:
    network = MockNetwork(REFUSED)
    error_of(network.new_client(make_client, **options), APIConnectionError)
    assert len(network.requests) == attempts


# Transports other than httpcore's read the timeouts as a dictionary.
@before_transport
@pytest.mark.parametrize("as_a_dictionary", [True, False])
def test_an_attempt_has_the_rest_of_the_calls_timeout(
    make_client: ClientFactory, clock: Clock, as_a_dictionary: bool
) -> None:
    seen: list[dict[str, float | None]] = []

    def fail(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.extensions["timeout"]))
        clock.advance(3)
        raise httpx.ConnectTimeout("slow")

    network = MockNetwork(fail)
    timeout = httpx.Timeout(10, connect=4)
    error_of(network.new_client(make_client, max_retries=99, timeout=timeout), APITimeoutError)
    assert (seen if as_a_dictionary else network.timeouts) == [
        {"connect": 4, "read": 10, "write": 10, "pool": 10},
        {"connect": 4, "read": 7, "write": 7, "pool": 7},
        {"connect": 4, "read": 4, "write": 4, "pool": 4},
        {"connect": 1, "read": 1, "write": 1, "pool": 1},
    ]


@before_transport
def test_a_call_without_a_timeout_has_none_in_its_retries(make_client: ClientFactory) -> None:
    timeout = httpx.Timeout(None, connect=4)
    network = MockNetwork(REFUSED)
    error_of(network.new_client(make_client, timeout=timeout), APIConnectionError)
    assert network.timeouts == [timeout.as_dict()] * 3


@before_transport
def test_the_timeout_of_a_call_applies_to_its_retries(make_client: ClientFactory, clock: Clock) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        clock.advance(1)
        raise REFUSED

    network = MockNetwork(fail)
    error_of(network.new_client(make_client, timeout=10), APIConnectionError, timeout=2)
    assert [timeout["read"] for timeout in network.timeouts] == [2, 1]


@before_transport
def test_no_attempt_is_made_after_the_time_is_up(
    make_client: ClientFactory, clock: Clock, before_retry: BeforeRetry
) -> None:
    before_retry(lambda seconds: clock.advance(10))
    network = MockNetwork(REFUSED)
    assert error_of(network.new_client(make_client, timeout=10), APIConnectionError).delivery == "not_sent"
    assert len(network.requests) == 1


@before_transport
@pytest.mark.parametrize(("retry_after", "attempts"), [("1", 2), ("2", 1), ("3", 1)])
def test_a_retry_after_has_to_fit_into_the_remaining_time(
    make_client: ClientFactory, clock: Clock, retry_after: str, attempts: int
) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        clock.advance(8)
        return busy(retry_after)

    network = MockNetwork(refuse)
    error_of(network.new_client(make_client, timeout=10), ServiceUnavailableError)
    assert len(network.requests) == attempts


@before_transport
@pytest.mark.parametrize(("retry_after", "attempts"), [("59", 2), ("60", 1), ("99999999999999999999", 1)])
def test_without_a_timeout_a_retry_after_has_to_be_within_a_minute(
    make_client: ClientFactory, retry_after: str, attempts: int
) -> None:
    network = MockNetwork(busy(retry_after))
    error_of(network.new_client(make_client, timeout=httpx.Timeout(None), max_retries=1), ServiceUnavailableError)
    assert len(network.requests) == attempts


def pauses_of(
    make_client: ClientFactory,
    before_retry: BeforeRetry,
    clock: Clock,
    outcome: Exception | httpx.Response,
    **options: Any,
) -> list[float]:
    """Return the seconds of each pause of a call whose attempts have that outcome, and let them pass."""
    pauses: list[float] = []

    def note(seconds: float) -> None:
        pauses.append(seconds)
        clock.advance(seconds)

    before_retry(note)
    error_of(MockNetwork(outcome).new_client(make_client, **options))
    return pauses


@before_transport
@pytest.mark.parametrize(
    ("refusal", "timeout", "pause"),
    [
        (busy("3"), 10, 3),
        (busy("Mon, 01 Jan 2001 00:00:03 GMT", date="Mon, 01 Jan 2001 00:00:00 GMT"), 10, 3),
        (busy("Mon, 01 Jan 2001 01:00:03 +0100", date="Mon, 01 Jan 2001 00:00:00 GMT"), 10, 3),
        (busy("61"), 300, 61),
    ],
    ids=["seconds", "a date", "a date of another zone", "long"],
)
def test_a_retry_is_made_when_the_server_asks_for_it(
    make_client: ClientFactory,
    before_retry: BeforeRetry,
    clock: Clock,
    refusal: httpx.Response,
    timeout: float,
    pause: float,
) -> None:
    assert pauses_of(make_client, before_retry, clock, refusal, timeout=timeout) == [pause] * 2


@before_transport
@pytest.mark.parametrize("timeout", [0.001, 0.3, 10, httpx.Timeout(None)])
def test_the_pauses_fit_into_the_timeout(
    make_client: ClientFactory, before_retry: BeforeRetry, clock: Clock, timeout: float | httpx.Timeout
) -> None:
    pauses = pauses_of(make_client, before_retry, clock, REFUSED, timeout=timeout, max_retries=10)
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


def test_a_detailed_function_returns_the_response_of_the_last_attempt(make_client: ClientFactory) -> None:
    with RawServer(BUSY, BUSY, BUSY) as server:
        client = make_client(server.url, max_retries=1)
        for status_code in (503, 200):
            response = client.call(send_email, detailed=True, body=BODY)
            assert (response.http_status, response.parsed.status_code) == (200, status_code)
        assert len(requests_to(server, client)) == 4


@before_transport
@pytest.mark.parametrize("detailed", [True, False])
@pytest.mark.parametrize(("error", "attempts"), [(REFUSED, 3), (httpx.ReadTimeout("silence"), 1)])
def test_an_endpoint_function_retries_like_the_method(
    make_client: ClientFactory, detailed: bool, error: Exception, attempts: int
) -> None:
    network = MockNetwork(error)
    with pytest.raises(APIConnectionError):
        network.new_client(make_client).call(send_email, detailed=detailed, body=BODY)
    assert len(network.requests) == attempts
