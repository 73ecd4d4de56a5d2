"""What an error comes out as that a test, a hook or a transport of the user's raises.

The clients cannot know what such code has done with a request. What counts is whether anything asked for the request
body before the error was raised.
"""

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import respx
from genauth_email import APIConnectionError, APITimeoutError
from pytest_httpx import HTTPXMock

from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.contract.facts import CHANNEL
from tests.servers import MockServer

HOST = "https://example.genauth.ai"
ATTEMPTS = 3
"""Of a call that is retried, with the default number of retries."""

CONNECTING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
BEFORE_SENDING = (httpx.ProxyError, httpx.LocalProtocolError, httpx.UnsupportedProtocol)
AFTER_CONNECTING = (
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.CloseError,
    httpx.RemoteProtocolError,
    httpx.DecodingError,
    httpx.TooManyRedirects,
)
ERRORS = (*CONNECTING, *BEFORE_SENDING, *AFTER_CONNECTING)
# These read the request body before they raise.
TOOLS = ("respx", "respx on httpx", "pytest-httpx", "httpx.MockTransport")
OWN = "a transport that leaves the request body alone"
# For each tool and error: the `delivery`, and the number of attempts.
TABLE = [
    *((tool, error, "unknown", 1) for tool in TOOLS for error in ERRORS),
    *((OWN, error, "not_sent", ATTEMPTS) for error in CONNECTING),
    *((OWN, error, "not_sent", 1) for error in BEFORE_SENDING),
    *((OWN, error, "unknown", 1) for error in AFTER_CONNECTING),
]
Handler = Callable[[httpx.Request], httpx.Response]
Simulate = Callable[[str, Handler], BlockingClient]
pytestmark = [before_transport, pytest.mark.usefixtures("no_pauses")]


def send(client: BlockingClient) -> Any:
    return client.send_email(CHANNEL, "test@example.com")


class Unread(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Gives each request to a handler, with its body unread."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._handler(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._handler(request)


@pytest.fixture
def simulate(make_client: ClientFactory, request: pytest.FixtureRequest) -> Generator[Simulate]:
    """Makes a client on a tool that gives the requests to a handler."""
    with ExitStack() as stack:

        def simulate(tool: str, handler: Handler) -> BlockingClient:
            if tool == OWN:
                return make_client(HOST, http_client=make_client.http_client(transport=Unread(handler)))
            if tool == "httpx.MockTransport":
                transport = httpx.MockTransport(handler)
                return make_client(HOST, http_client=make_client.http_client(transport=transport))
            if tool == "pytest-httpx":
                httpx_mock: HTTPXMock = request.getfixturevalue("httpx_mock")
                httpx_mock.add_callback(handler, is_reusable=True)
            else:
                mock = stack.enter_context(respx.mock(using="httpx" if tool == "respx on httpx" else "httpcore"))
                mock.post(f"{HOST}/api/v3/send-email").mock(side_effect=handler)
            return make_client(HOST)

        yield simulate


@pytest.mark.parametrize(("tool", "error", "delivery", "attempts"), TABLE)
def test_a_simulated_error_comes_out_as_the_table_says(
    simulate: Simulate, tool: str, error: type[httpx.RequestError], delivery: str, attempts: int
) -> None:
    seen: list[httpx.Request] = []
    simulated = error("as the test says")

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raise simulated

    client = simulate(tool, handle)
    with pytest.raises(APIConnectionError) as caught:
        send(client)

    assert type(caught.value) is (APITimeoutError if issubclass(error, httpx.TimeoutException) else APIConnectionError)
    assert (caught.value.delivery, caught.value.retryable) == (delivery, attempts > 1)
    assert len(seen) == attempts
    assert caught.value.__cause__ is simulated
    assert str(caught.value).startswith(f"{error.__name__}: as the test says [POST {HOST}")


# What can be done with a request body.


def read(request: httpx.Request) -> None:
    request.read()


def ask_for_the_content(request: httpx.Request) -> None:
    assert request.content


def stream(request: httpx.Request) -> None:
    assert isinstance(request.stream, httpx.SyncByteStream)
    assert b"".join(request.stream)


def stream_the_first_part(request: httpx.Request) -> None:
    assert isinstance(request.stream, httpx.SyncByteStream)
    assert next(iter(request.stream))


def put_another_in_its_place(request: httpx.Request) -> None:
    request.stream = httpx.ByteStream(b"{}")


async def read_async(request: httpx.Request) -> None:
    await request.aread()


async def ask_for_the_content_async(request: httpx.Request) -> None:
    assert request.content


async def stream_async(request: httpx.Request) -> None:
    assert isinstance(request.stream, httpx.AsyncByteStream)
    assert b"".join([chunk async for chunk in request.stream])


async def stream_the_first_part_async(request: httpx.Request) -> None:
    assert isinstance(request.stream, httpx.AsyncByteStream)
    assert await anext(aiter(request.stream))


async def put_another_in_its_place_async(request: httpx.Request) -> None:
    request.stream = httpx.ByteStream(b"{}")


USES: dict[str, tuple[Callable[[httpx.Request], None], Callable[[httpx.Request], Any]]] = {
    "read": (read, read_async),
    "asked for as content": (ask_for_the_content, ask_for_the_content_async),
    "streamed": (stream, stream_async),
    "streamed in part": (stream_the_first_part, stream_the_first_part_async),
    "replaced": (put_another_in_its_place, put_another_in_its_place_async),
}


# Ways to raise an error.


def plainly(error: httpx.RequestError) -> None:
    raise error


def from_none(error: httpx.RequestError) -> None:
    raise error from None


def from_another(error: httpx.RequestError) -> None:
    raise error from ConnectionResetError()


def inside_an_except(error: httpx.RequestError) -> None:
    try:
        raise ConnectionResetError
    except ConnectionResetError:
        raise error  # noqa: B904  That it has a context is what is tested.


WAYS_TO_RAISE = [plainly, from_none, from_another, inside_an_except]


class FailingTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Uses the request body, and then says that it could not connect."""

    def __init__(self, use: str, raising: Callable[[httpx.RequestError], None], error: httpx.RequestError) -> None:
        self._use, self._use_async = USES[use]
        self._raising = raising
        self._error = error
        self.requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        self._use(request)
        self._raising(self._error)
        raise AssertionError

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        await self._use_async(request)
        self._raising(self._error)
        raise AssertionError


@pytest.mark.parametrize("error", CONNECTING)
@pytest.mark.parametrize("raising", WAYS_TO_RAISE)
@pytest.mark.parametrize("use", USES)
def test_a_transport_that_cannot_connect_after_it_has_used_the_body_is_never_retried(
    make_client: ClientFactory,
    use: str,
    raising: Callable[[httpx.RequestError], None],
    error: type[httpx.RequestError],
) -> None:
    transport = FailingTransport(use, raising, error("no route"))
    client = make_client(HOST, http_client=make_client.http_client(transport=transport), max_retries=5)

    with pytest.raises(APIConnectionError, match="no route") as caught:
        send(client)

    assert caught.value.delivery == "unknown"
    assert transport.requests == 1


@pytest.mark.parametrize("error", CONNECTING)
@pytest.mark.parametrize("raising", WAYS_TO_RAISE)
def test_a_transport_that_cannot_connect_and_leaves_the_body_alone_is_retried(
    make_client: ClientFactory, raising: Callable[[httpx.RequestError], None], error: type[httpx.RequestError]
) -> None:
    class Unconnected(FailingTransport):
        def __init__(self) -> None:
            super().__init__("read", raising, error("no route"))
            self._use, self._use_async = leave_alone, leave_alone_async

    transport = Unconnected()
    client = make_client(HOST, http_client=make_client.http_client(transport=transport))

    with pytest.raises(APIConnectionError, match="no route") as caught:
        send(client)

    assert caught.value.delivery == "not_sent"
    assert transport.requests == ATTEMPTS


def leave_alone(request: httpx.Request) -> None:
    pass


async def leave_alone_async(request: httpx.Request) -> None:
    pass


@pytest.mark.parametrize("error", CONNECTING)
@pytest.mark.parametrize("raising", WAYS_TO_RAISE)
def test_a_response_hook_that_cannot_connect_is_never_retried(
    make_client: ClientFactory,
    mock_server: MockServer,
    raising: Callable[[httpx.RequestError], None],
    error: type[httpx.RequestError],
) -> None:
    def on_response(_: httpx.Response) -> None:
        raising(error("The audit cannot be reached."))

    async def on_response_async(response: httpx.Response) -> None:
        on_response(response)

    hook = on_response if make_client.kind == "sync" else on_response_async
    http_client = make_client.http_client(event_hooks={"response": [hook]})

    with pytest.raises(APIConnectionError, match="The audit cannot be reached") as caught:
        send(make_client(mock_server.url, http_client=http_client))

    assert caught.value.delivery == "unknown"
    assert len(mock_server.received) == 1


@pytest.mark.parametrize("reads", [True, False])
def test_a_request_hook_that_cannot_connect_is_retried_unless_it_has_read_the_body(
    make_client: ClientFactory, mock_server: MockServer, reads: bool
) -> None:
    calls: list[httpx.Request] = []

    def on_request(request: httpx.Request) -> None:
        calls.append(request)
        if reads:
            assert request.content
        raise httpx.ConnectError("The key server cannot be reached.")

    async def on_request_async(request: httpx.Request) -> None:
        on_request(request)

    hook = on_request if make_client.kind == "sync" else on_request_async
    http_client = make_client.http_client(event_hooks={"request": [hook]})

    with pytest.raises(APIConnectionError, match="The key server cannot be reached") as caught:
        send(make_client(mock_server.url, http_client=http_client))

    assert caught.value.delivery == ("unknown" if reads else "not_sent")
    assert len(calls) == (1 if reads else ATTEMPTS)
    assert mock_server.received == []


class Part(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response body that breaks off with an error of connecting."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"statusCode": '
        raise httpx.ConnectError("cut")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"statusCode": '
        raise httpx.ConnectError("cut")


@pytest.mark.parametrize("status", [200, 429, 503])
def test_an_error_of_connecting_within_a_response_is_never_retried(make_client: ClientFactory, status: int) -> None:
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status, headers={"retry-after": "0"}, stream=Part())

    http_client = make_client.http_client(transport=httpx.MockTransport(handle))
    with pytest.raises(Exception, match="it broke off: cut") as caught:
        send(make_client(HOST, http_client=http_client))

    assert getattr(caught.value, "delivery", None) == "unknown"
    assert len(requests) == 1
