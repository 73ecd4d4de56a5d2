"""A call is retried where the operation has certainly not taken place and the cause can pass, and nowhere else."""

import json
import math
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Generator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import trustme
from genauth_email import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    Channel,
    GenAuthError,
    InvalidArgumentError,
    InvalidResponseError,
    SendEmailDto,
    ServiceUnavailableError,
)
from genauth_email.api.email import send_email

from tests.clients import BlockingClient, ClientFactory, before_transport, on_httpx, pauses_replaced
from tests.clock import Clock
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .mock import SENT, MockNetwork

BODY = SendEmailDto(channel=Channel(CHANNEL), email="test@example.com")
HTML = b"<h1>Try later</h1>"
FITTING = {"retry-after": "0"}
pytestmark = pytest.mark.usefixtures("no_pauses")
BeforeRetry = Callable[[Callable[[float], object]], None]


def dto(status_code: int) -> bytes:
    return json.dumps({**SENT, "statusCode": status_code, "message": "As asked."}).encode()


class Outcomes:
    """Raises or returns one outcome after the other, and the last one for ever.

    Attributes:
        timeouts: For each attempt, what an attempt's step may take, as httpcore asks for it.
    """

    def __init__(self, *outcomes: Exception | httpx.Response, takes: Callable[[], None] | None = None) -> None:
        self._outcomes = list(outcomes)
        self._takes = takes
        self.timeouts: list[dict[str, float | None]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        timeout = request.extensions["timeout"]
        self.timeouts.append({step: timeout.get(step) for step in timeout})
        if self._takes is not None:
            self._takes()
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class NoWaitError(Exception):
    """Raised in place of waiting."""


@pytest.fixture
def before_retry() -> Generator[BeforeRetry]:
    """Sets a function to be called with the seconds of each pause, in its place."""
    with ExitStack() as stack:
        yield lambda function: stack.enter_context(pauses_replaced(function))


def client_with(make_client: ClientFactory, outcomes: Outcomes, **options: Any) -> BlockingClient:
    return MockNetwork(outcomes).new_client(make_client, "http://127.0.0.1", **options)


def send(client: BlockingClient) -> Any:
    return client.send_email(CHANNEL, "test@example.com")


def requests_to(server: RawServer, client: BlockingClient) -> list[bytes]:
    client.close()
    return server.finish()


# What is retried.


def test_a_refused_connection_is_retried(make_client: ClientFactory, before_retry: BeforeRetry) -> None:
    with RawServer(listening=False) as server:
        before_retry(lambda seconds: server.listen())
        client = make_client(server.url)
        assert send(client).request_id == "r-1"
        assert len(requests_to(server, client)) == 1


def test_a_connection_that_takes_too_long_is_retried(make_client: ClientFactory, before_retry: BeforeRetry) -> None:
    with RawServer(listening=False) as server:
        server.listener.listen(0)
        with socket.create_connection(server.address):  # It takes the one place in the queue.
            before_retry(lambda seconds: server.listen())
            client = make_client(server.url, timeout=httpx.Timeout(10, connect=0.2))
            assert send(client).request_id == "r-1"
        assert len(requests_to(server, client)) == 1


@on_httpx
def test_a_pool_with_no_connection_free_is_retried(make_client: ClientFactory) -> None:
    occupied, free = threading.Event(), threading.Event()

    def occupy() -> None:
        occupied.set()
        free.wait(10)

    sent: list[str] = []

    def count(request: httpx.Request) -> None:
        sent.append(request.method)

    async def count_async(request: httpx.Request) -> None:
        count(request)

    own = make_client.http_client(
        limits=httpx.Limits(max_connections=1),
        event_hooks={"request": [count if make_client.kind == "sync" else count_async]},
    )
    response = Step(http(200, dto(200), {"connection": "close"}), then="close", before=occupy)
    with RawServer(response) as server:
        client = make_client(server.url, http_client=own, max_retries=3)
        other = threading.Thread(target=send, args=(client,))
        other.start()
        assert occupied.wait(10)

        with pytest.raises(APITimeoutError) as caught:
            send(client.with_options(timeout=httpx.Timeout(10, pool=0.01)))

        assert isinstance(caught.value.__cause__, httpx.PoolTimeout)
        assert caught.value.delivery == "not_sent"
        assert len(sent) == 1 + 4
        free.set()
        other.join()
        assert len(server.finish()) == 1


@on_httpx
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_a_request_that_was_never_sent_is_sent_by_a_retry(
    make_client: ClientFactory, error: type[httpx.TransportError]
) -> None:
    outcomes = Outcomes(error("no"), error("no"), httpx.Response(200, content=dto(200)))
    assert send(client_with(make_client, outcomes)).status_code == 200
    assert len(outcomes.timeouts) == 3


# A `Retry-After` that cannot be read counts as none.
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
    "a date that is none": {"retry-after": "Thu, 30 Feb 2001 00:00:00 GMT"},
}


@before_transport
@pytest.mark.parametrize("headers", RETRY_AFTERS.values(), ids=RETRY_AFTERS.keys())
def test_the_apis_own_503_is_retried(make_client: ClientFactory, headers: dict[str, str]) -> None:
    refusal = Step(http(200, dto(503), headers))
    with RawServer(refusal, refusal, refusal) as server:
        client = make_client(server.url)
        with pytest.raises(ServiceUnavailableError) as caught:
            send(client)
        assert (caught.value.delivery, caught.value.retryable) == ("not_sent", True)
        assert send(client).request_id == "r-1"
        assert len(requests_to(server, client)) == 3 + 1


def test_a_retry_is_the_same_request_byte_for_byte(make_client: ClientFactory) -> None:
    refusal = Step(http(200, dto(503), FITTING | {"set-cookie": "session=1"}))
    with RawServer(refusal, refusal) as server:
        client = make_client(server.url, access_token="s3cret-token", lang="en-US", real_ip="203.0.113.9")
        send(client)
        first, *others = requests_to(server, client)
        assert others == [first, first]
        assert b"authorization: s3cret-token\r\n" in first
        assert first.endswith(b'"email":"test@example.com"}')


# What is not retried.

LOST = {
    "silence": Step(then="hold"),
    "silence within the headers": Step(SUCCESS[:40], then="hold"),
    "silence within the body": Step(SUCCESS[:-5], then="hold"),
    "a reset": Step(then="reset"),
    "a reset before the body is read": Step(then="reset", reading="head"),
    "a reset before anything is read": Step(then="reset", reading="nothing"),
    "a reset within the response": Step(SUCCESS[:-5], then="reset"),
    "what is not HTTP": Step(b"220 mail.example.com ESMTP\r\n", then="close"),
    "half a refusal": Step(http(503, HTML, FITTING)[:-5], then="close"),
    "a redirect": Step(http(307, headers={"location": "/elsewhere", **FITTING})),
    "a login page": Step(http(200, HTML, FITTING)),
    "a body that cannot be decoded": Step(http(503, HTML, {"content-encoding": "gzip", **FITTING})),
    "HTTP 500": Step(http(500, HTML, FITTING)),
    "HTTP 502": Step(http(502, HTML, FITTING)),
    "HTTP 504": Step(http(504, HTML, FITTING)),
    "HTTP 429": Step(http(429, HTML, FITTING)),
    "HTTP 503": Step(http(503, HTML, FITTING)),
    "HTTP 503 with an empty body": Step(http(503, b"", FITTING)),
    "HTTP 503 with a wrong type": Step(http(503, b'{"statusCode": "503", "message": ""}', FITTING)),
    "HTTP 502 with a DTO of 503": Step(http(502, dto(503), FITTING)),
    "HTTP 503 with a DTO of 503": Step(http(503, dto(503), FITTING)),
    "HTTP 429 with a DTO of 403": Step(http(429, dto(403), FITTING)),
    "HTTP 201 with a DTO of 503": Step(http(201, dto(503), FITTING)),
    "HTTP 503 with a DTO of success": Step(http(503, dto(200), FITTING)),
    "statusCode 429, the rule of one minute": Step(http(200, dto(429), FITTING)),
    "statusCode 500": Step(http(200, dto(500), FITTING)),
}


@pytest.mark.parametrize("response", LOST.values(), ids=LOST.keys())
def test_a_request_that_may_have_been_carried_out_is_never_retried(make_client: ClientFactory, response: Step) -> None:
    with RawServer(response) as server:
        client = make_client(server.url, max_retries=5, timeout=httpx.Timeout(10, read=0.05))
        with pytest.raises(GenAuthError) as caught:
            send(client)
        assert len(requests_to(server, client)) == (response.reading == "all")
        assert server.connections == 1
    assert (caught.value.delivery, caught.value.retryable) == ("unknown", False)


@on_httpx
@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout,
        httpx.WriteTimeout,
        httpx.ReadError,
        httpx.WriteError,
        httpx.CloseError,
        httpx.RemoteProtocolError,
    ],
)
def test_an_error_after_the_connection_was_made_is_never_retried(
    make_client: ClientFactory, error: type[httpx.TransportError]
) -> None:
    outcomes = Outcomes(error("no"), httpx.Response(200, content=dto(200)))
    with pytest.raises(APIConnectionError) as caught:
        send(client_with(make_client, outcomes))
    assert len(outcomes.timeouts) == 1
    assert caught.value.delivery == "unknown"


@on_httpx
@pytest.mark.parametrize("error", [httpx.ProxyError, httpx.LocalProtocolError, httpx.UnsupportedProtocol])
def test_an_error_before_sending_that_will_not_pass_is_never_retried(
    make_client: ClientFactory, error: type[httpx.TransportError]
) -> None:
    outcomes = Outcomes(error("no"), httpx.Response(200, content=dto(200)))
    with pytest.raises(APIConnectionError) as caught:
        send(client_with(make_client, outcomes))
    assert len(outcomes.timeouts) == 1
    assert caught.value.delivery == "not_sent"


@pytest.mark.parametrize("status_code", [400, 403, 499])
def test_a_refusal_that_would_recur_is_never_retried(make_client: ClientFactory, status_code: int) -> None:
    with RawServer(Step(http(200, dto(status_code), FITTING))) as server:
        client = make_client(server.url, max_retries=5)
        with pytest.raises(APIError) as caught:
            send(client)
        assert len(requests_to(server, client)) == 1
    assert (caught.value.delivery, caught.value.retryable) == ("not_sent", False)


@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_response_that_is_cut_anywhere_is_never_retried(make_client: ClientFactory, then: Any) -> None:
    cuts = range(len(SUCCESS))
    with RawServer(*(Step(SUCCESS[:cut], then=then) for cut in cuts)) as server:
        client = make_client(server.url, max_retries=5)
        for _ in cuts:
            with pytest.raises((APIConnectionError, InvalidResponseError)) as caught:
                send(client)
            assert caught.value.delivery == "unknown"
        assert len(requests_to(server, client)) == len(cuts)


def test_an_idle_connection_that_breaks_is_never_retried(make_client: ClientFactory) -> None:
    with RawServer(Step(SUCCESS), Step(then="reset")) as server:
        client = make_client(server.url)
        send(client)
        with pytest.raises(APIConnectionError):
            send(client)
        assert len(requests_to(server, client)) == 2
        assert server.connections == 1


@pytest.mark.parametrize(
    ("status", "error"), [(302, InvalidResponseError), (418, APIError), (503, ServiceUnavailableError)]
)
def test_a_dto_of_success_is_one_with_http_2xx_alone(
    make_client: ClientFactory, status: int, error: type[GenAuthError]
) -> None:
    with RawServer(Step(http(201, dto(200), FITTING)), Step(http(status, dto(200), FITTING))) as server:
        client = make_client(server.url)
        assert send(client).message == "As asked."
        with pytest.raises(error, match=f"^HTTP {status} with statusCode 200") as caught:
            send(client)
        assert len(requests_to(server, client)) == 2
    assert type(caught.value) is error
    assert (caught.value.http_status, caught.value.status_code) == (status, 200)
    assert caught.value.delivery == "unknown"


@before_transport
@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "10"},
        {"retry-after": "9" * 400},
        {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"retry-after": "Mon, 01 Jan 2001 00:01:00 GMT", "date": "Mon, 01 Jan 2001 00:00:00 GMT"},
    ],
    ids=["as long as the timeout", "absurd", "a date far away", "a date a minute later"],
)
def test_a_retry_after_that_does_not_fit_ends_the_call(make_client: ClientFactory, headers: dict[str, str]) -> None:
    with RawServer(Step(http(200, dto(503), headers))) as server:
        client = make_client(server.url, timeout=10)
        with pytest.raises(ServiceUnavailableError) as caught:
            send(client)
        assert len(requests_to(server, client)) == 1
    assert (caught.value.delivery, caught.value.retryable) == ("not_sent", True)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after >= 10


def test_a_certificate_that_is_not_trusted_is_never_retried(make_client: ClientFactory) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with RawServer(tls=tls) as server:
        client = make_client(server.url)
        with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            send(client)
        assert requests_to(server, client) == []
        assert server.connections == 1
        assert (caught.value.delivery, caught.value.retryable) == ("not_sent", False)


@on_httpx
@pytest.mark.parametrize("status", [403, 407, 429, 502, 503])
def test_a_proxy_that_refuses_to_connect_is_never_retried(make_client: ClientFactory, status: int) -> None:
    with RawServer(Step(http(status, headers=FITTING), then="close")) as proxy:
        own = make_client.http_client(proxy=proxy.url)
        client = make_client("https://example.genauth.ai", http_client=own)
        with pytest.raises(APIConnectionError, match=str(status)) as caught:
            send(client)
        (request,) = proxy.finish()
        assert request.startswith(b"CONNECT example.genauth.ai:443 ")
        assert (caught.value.delivery, caught.value.retryable) == ("not_sent", False)


# How often, and for how long.


@on_httpx
@pytest.mark.parametrize("max_retries", [0, 1, 2, 5])
def test_there_are_no_more_retries_than_allowed(make_client: ClientFactory, max_retries: int) -> None:
    outcomes = Outcomes(httpx.ConnectError("no"))
    client = client_with(make_client, outcomes, max_retries=max_retries)
    with pytest.raises(APIConnectionError):
        send(client)
    assert len(outcomes.timeouts) == max_retries + 1

    with pytest.raises(APIConnectionError):
        send(client.with_options(max_retries=max_retries + 1))
    assert len(outcomes.timeouts) == 2 * max_retries + 3


@on_httpx
def test_there_are_two_retries_unless_another_number_is_asked_for(make_client: ClientFactory) -> None:
    outcomes = Outcomes(httpx.ConnectError("no"))
    with pytest.raises(APIConnectionError):
        send(client_with(make_client, outcomes))
    assert len(outcomes.timeouts) == 3


@on_httpx
def test_an_attempt_has_what_is_left_of_the_calls_timeout(make_client: ClientFactory, clock: Clock) -> None:
    outcomes = Outcomes(httpx.ConnectTimeout("slow"), takes=lambda: clock.advance(3))
    client = client_with(make_client, outcomes, max_retries=99, timeout=httpx.Timeout(10, connect=4))
    with pytest.raises(APITimeoutError):
        send(client)
    assert outcomes.timeouts == [
        {"connect": 4, "read": 10, "write": 10, "pool": 10},
        {"connect": 4, "read": 7, "write": 7, "pool": 7},
        {"connect": 4, "read": 4, "write": 4, "pool": 4},
        {"connect": 1, "read": 1, "write": 1, "pool": 1},
    ]


# As transports do that are not httpcore's.
@on_httpx
def test_a_transport_that_reads_the_timeouts_as_a_dictionary_has_what_is_left_too(
    make_client: ClientFactory, clock: Clock
) -> None:
    seen: list[dict[str, float | None]] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.extensions["timeout"]))
        clock.advance(3)
        raise httpx.ConnectTimeout("slow")

    timeout = httpx.Timeout(10, connect=4)
    client = MockNetwork(refuse).new_client(make_client, "http://127.0.0.1", max_retries=99, timeout=timeout)
    with pytest.raises(APITimeoutError):
        send(client)
    assert seen == [
        {"connect": 4, "read": 10, "write": 10, "pool": 10},
        {"connect": 4, "read": 7, "write": 7, "pool": 7},
        {"connect": 4, "read": 4, "write": 4, "pool": 4},
        {"connect": 1, "read": 1, "write": 1, "pool": 1},
    ]


@on_httpx
def test_a_call_without_a_timeout_has_none_in_its_retries(make_client: ClientFactory) -> None:
    timeout = httpx.Timeout(None, connect=4)
    outcomes = Outcomes(httpx.ConnectError("no"))
    client = client_with(make_client, outcomes, timeout=timeout)
    with pytest.raises(APIConnectionError):
        send(client)
    assert outcomes.timeouts == [timeout.as_dict()] * 3


@on_httpx
def test_a_timeout_of_one_call_is_that_of_its_retries(make_client: ClientFactory, clock: Clock) -> None:
    outcomes = Outcomes(httpx.ConnectError("no"), takes=lambda: clock.advance(1))
    client = client_with(make_client, outcomes, timeout=10)
    with pytest.raises(APIConnectionError):
        client.send_email(CHANNEL, "test@example.com", timeout=2)
    assert [timeout["read"] for timeout in outcomes.timeouts] == [2, 1]


@on_httpx
def test_no_attempt_is_made_after_the_time_is_up(
    make_client: ClientFactory, clock: Clock, before_retry: BeforeRetry
) -> None:
    before_retry(lambda seconds: clock.advance(10))
    outcomes = Outcomes(httpx.ConnectError("no"))
    with pytest.raises(APIConnectionError) as caught:
        send(client_with(make_client, outcomes, timeout=10))
    assert len(outcomes.timeouts) == 1
    assert caught.value.delivery == "not_sent"


@on_httpx
@pytest.mark.parametrize(("retry_after", "attempts"), [("1", 2), ("2", 1), ("3", 1)])
def test_a_retry_after_has_to_fit_into_what_is_left(
    make_client: ClientFactory, clock: Clock, retry_after: str, attempts: int
) -> None:
    refusal = httpx.Response(200, content=dto(503), headers={"retry-after": retry_after})
    outcomes = Outcomes(refusal, takes=lambda: clock.advance(8))
    with pytest.raises(ServiceUnavailableError):
        send(client_with(make_client, outcomes, timeout=10))
    assert len(outcomes.timeouts) == attempts


@on_httpx
@pytest.mark.parametrize(("retry_after", "attempts"), [("59", 2), ("60", 1), ("99999999999999999999", 1)])
def test_without_a_timeout_a_retry_after_has_to_be_within_a_minute(
    make_client: ClientFactory, retry_after: str, attempts: int
) -> None:
    refusal = httpx.Response(200, content=dto(503), headers={"retry-after": retry_after})
    outcomes = Outcomes(refusal)
    with pytest.raises(ServiceUnavailableError):
        send(client_with(make_client, outcomes, timeout=httpx.Timeout(None), max_retries=1))
    assert len(outcomes.timeouts) == attempts


@on_httpx
@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "3"},
        {"retry-after": "Mon, 01 Jan 2001 00:00:03 GMT", "date": "Mon, 01 Jan 2001 00:00:00 GMT"},
        {"retry-after": "Mon, 01 Jan 2001 01:00:03 +0100", "date": "Mon, 01 Jan 2001 00:00:00 GMT"},
    ],
)
def test_a_retry_is_made_when_the_server_asks_for_it(
    make_client: ClientFactory, before_retry: BeforeRetry, headers: dict[str, str]
) -> None:
    refusal = httpx.Response(200, content=dto(503), headers=headers)
    assert wait_before_a_retry(make_client, before_retry, refusal, timeout=10) == 3


@on_httpx
@pytest.mark.parametrize("timeout", [0.001, 0.1, 10, httpx.Timeout(None)])
def test_a_backoff_is_shorter_than_what_is_left(
    make_client: ClientFactory, before_retry: BeforeRetry, clock: Clock, timeout: float | httpx.Timeout
) -> None:
    wait = wait_before_a_retry(make_client, before_retry, httpx.ConnectError("no"), timeout=timeout)
    assert 0 < wait < (timeout if isinstance(timeout, int | float) else math.inf)


@on_httpx
def test_all_backoffs_together_fit_into_the_timeout(
    make_client: ClientFactory, clock: Clock, before_retry: BeforeRetry
) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        clock.advance(seconds)

    before_retry(wait)
    with pytest.raises(APIConnectionError):
        send(client_with(make_client, Outcomes(httpx.ConnectError("no")), timeout=0.3, max_retries=10))
    assert waits
    assert sum(waits) <= 0.3


@on_httpx
def test_a_long_timeout_leaves_room_for_a_long_retry_after(
    make_client: ClientFactory, before_retry: BeforeRetry
) -> None:
    refusal = httpx.Response(200, content=dto(503), headers={"retry-after": "61"})
    assert wait_before_a_retry(make_client, before_retry, refusal, timeout=300) == 61


def wait_before_a_retry(
    make_client: ClientFactory, before_retry: BeforeRetry, outcome: Exception | httpx.Response, **options: Any
) -> float:
    def note(seconds: float) -> None:
        raise NoWaitError(seconds)

    before_retry(note)
    with pytest.raises(NoWaitError) as caught:
        send(client_with(make_client, Outcomes(outcome), **options))
    wait: float = caught.value.args[0]
    return wait


# What the caller gets.


@on_httpx
def test_the_last_outcome_is_what_the_caller_gets(make_client: ClientFactory) -> None:
    refusal = httpx.Response(200, content=dto(503), headers={"retry-after": "0"})
    last = httpx.ReadTimeout("silence")
    client = client_with(make_client, Outcomes(httpx.ConnectError("no"), refusal, last), max_retries=9)
    with pytest.raises(APITimeoutError, match="ReadTimeout: silence") as caught:
        send(client)
    assert caught.value.delivery == "unknown"
    assert caught.value.__cause__ is last

    client = client_with(make_client, Outcomes(httpx.ConnectError("no"), httpx.Response(200, content=dto(400))))
    with pytest.raises(InvalidArgumentError):
        send(client)

    client = client_with(make_client, Outcomes(httpx.ConnectError("no"), refusal), max_retries=1)
    with pytest.raises(ServiceUnavailableError) as refused:
        send(client)
    assert refused.value.content == dto(503)
    assert refused.value.__cause__ is None


@on_httpx
@pytest.mark.parametrize("max_retries", [0, 2])
def test_a_traceback_shows_the_cause_and_nothing_of_the_retries(make_client: ClientFactory, max_retries: int) -> None:
    failures = [httpx.ConnectError(f"number {number}") for number in range(3)]
    with pytest.raises(APIConnectionError) as caught:
        send(client_with(make_client, Outcomes(*failures), max_retries=max_retries))

    assert caught.value.__cause__ is failures[max_retries]
    shown = "".join(traceback.format_exception(caught.value))
    assert f"httpx.ConnectError: number {max_retries}\n" in shown
    assert "During handling" not in shown
    assert [failure for failure in failures if str(failure) in shown] == [failures[max_retries]]


def test_a_detailed_function_returns_the_response_of_the_last_attempt(make_client: ClientFactory) -> None:
    refusal = Step(http(200, dto(503), FITTING))
    with RawServer(refusal, refusal, refusal) as server:
        client = make_client(server.url, max_retries=1)
        response = client.call(send_email, detailed=True, body=BODY)
        assert (response.http_status, response.parsed.status_code) == (200, 503)

        response = client.call(send_email, detailed=True, body=BODY)
        assert (response.http_status, response.parsed.status_code) == (200, 200)
        assert len(requests_to(server, client)) == 4


@on_httpx
@pytest.mark.parametrize("detailed", [True, False])
def test_an_endpoint_function_retries_as_the_method_does(make_client: ClientFactory, detailed: bool) -> None:
    outcomes = Outcomes(httpx.ConnectError("no"))
    client = client_with(make_client, outcomes)
    with pytest.raises(APIConnectionError):
        client.call(send_email, detailed=detailed, body=BODY)
    assert len(outcomes.timeouts) == 3

    outcomes = Outcomes(httpx.ReadTimeout("silence"))
    client = client_with(make_client, outcomes)
    with pytest.raises(APITimeoutError):
        client.call(send_email, detailed=detailed, body=BODY)
    assert len(outcomes.timeouts) == 1
