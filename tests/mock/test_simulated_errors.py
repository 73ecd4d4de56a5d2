"""The outcome of errors that a user's test, hook or transport raises.

The clients cannot know what such code has done with a request. They only know whether anything read the request body
before the error was raised.
"""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from inspect import isawaitable
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
"""The number of attempts with the default number of retries."""

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
# These read the request body before they raise.
TOOLS = ("respx", "respx on httpx", "pytest-httpx", "httpx.MockTransport")
OWN = "a transport that leaves the request body alone"
# For each tool and error: the `delivery` and the number of attempts.
TABLE = [
    *((tool, error, "unknown", 1) for tool in TOOLS for error in (*CONNECTING, httpx.ProxyError, httpx.ReadError)),
    *((OWN, error, "not_sent", ATTEMPTS) for error in CONNECTING),
    *((OWN, error, "not_sent", 1) for error in BEFORE_SENDING),
    *((OWN, error, "unknown", 1) for error in AFTER_CONNECTING),
]
Handler = Callable[[httpx.Request], httpx.Response]
Simulate = Callable[[str, Handler], BlockingClient]
pytestmark = [before_transport, pytest.mark.usefixtures("no_pauses")]


def send(client: BlockingClient) -> Any:
    return client.send_email(CHANNEL, "test@example.com")


def raised(client: BlockingClient) -> APIConnectionError:
    with pytest.raises(APIConnectionError) as caught:
        send(client)
    return caught.value


class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Uses each request, whose body is unread at first. In an async client, `use` may return an awaitable."""

    def __init__(self, handler: Handler, use: Callable[[httpx.Request], Any] = lambda request: None) -> None:
        self._handler = handler
        self._use = use

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._use(request)
        return self._handler(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        used = self._use(request)
        if isawaitable(used):
            await used
        return self._handler(request)


def client_on(make_client: ClientFactory, **settings: Any) -> BlockingClient:
    return make_client(HOST, http_client=make_client.http_client(**settings))


@pytest.fixture
def simulate(make_client: ClientFactory, request: pytest.FixtureRequest) -> Generator[Simulate]:
    """Makes a client on a tool that passes the requests to a handler."""
    with ExitStack() as stack:

        def simulate(tool: str, handler: Handler) -> BlockingClient:
            if tool == OWN:
                return client_on(make_client, transport=Transport(handler))
            if tool == "httpx.MockTransport":
                return client_on(make_client, transport=httpx.MockTransport(handler))
            if tool == "pytest-httpx":
                httpx_mock: HTTPXMock = request.getfixturevalue("httpx_mock")
                httpx_mock.add_callback(handler, is_reusable=True)
            else:
                mock = stack.enter_context(respx.mock(using="httpx" if tool == "respx on httpx" else "httpcore"))
                mock.post(f"{HOST}/api/v3/send-email").mock(side_effect=handler)
            return make_client(HOST)

        yield simulate


@pytest.mark.parametrize(("tool", "error", "delivery", "attempts"), TABLE)
def test_a_simulated_error_has_the_outcome_in_the_table(
    simulate: Simulate, tool: str, error: type[httpx.RequestError], delivery: str, attempts: int
) -> None:
    seen: list[httpx.Request] = []
    simulated = error("as the test says")

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raise simulated

    ours = raised(simulate(tool, handle))
    assert type(ours) is (APITimeoutError if issubclass(error, httpx.TimeoutException) else APIConnectionError)
    assert (ours.delivery, ours.retryable) == (delivery, attempts > 1)
    assert len(seen) == attempts
    assert ours.__cause__ is simulated
    assert str(ours).startswith(f"{error.__name__}: as the test says [POST {HOST}")


# Uses of a request body before a connect error is raised.


async def stream(request: Any) -> None:
    assert [chunk async for chunk in request.stream]


def replace(request: Any) -> None:
    request.stream = httpx.ByteStream(b"{}")


Uses = tuple[Callable[[Any], Any], Callable[[Any], Any]]
USES: dict[str, Uses] = {
    "read": (lambda request: request.read(), lambda request: request.aread()),
    "asked for as content": (lambda request: request.content, lambda request: request.content),
    "streamed": (lambda request: list(request.stream), stream),
    "streamed in part": (lambda request: next(iter(request.stream)), lambda request: anext(aiter(request.stream))),
    "replaced": (replace, replace),
    "left alone": (lambda request: None, lambda request: None),
}


def plainly(error: Exception) -> None:
    raise error


def from_another(error: Exception) -> None:
    raise error from ConnectionResetError()


def inside_an_except(error: Exception) -> None:
    try:
        raise ConnectionResetError
    except ConnectionResetError:
        raise error  # noqa: B904  The test needs the context.


Raise = Callable[[Exception], None]
WAYS_TO_RAISE: list[Raise] = [plainly, from_another, inside_an_except]


@pytest.mark.parametrize("raising", WAYS_TO_RAISE)
@pytest.mark.parametrize("use", USES)
def test_a_transport_that_cannot_connect_is_retried_only_if_it_does_not_touch_the_body(
    make_client: ClientFactory, use: str, raising: Raise
) -> None:
    requests: list[httpx.Request] = []

    def fail(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        raising(httpx.ConnectError("no route"))
        raise AssertionError

    transport = Transport(fail, USES[use][make_client.kind != "sync"])
    error = raised(client_on(make_client, transport=transport))
    assert str(error).startswith("ConnectError: no route")
    assert error.delivery == ("not_sent" if use == "left alone" else "unknown")
    assert len(requests) == (ATTEMPTS if use == "left alone" else 1)


def hook_of(make_client: ClientFactory, hook: Callable[[Any], None]) -> list[Callable[[Any], Any]]:
    """Return a list with a hook for that kind of client."""

    async def hook_async(message: Any) -> None:
        hook(message)

    return [hook if make_client.kind == "sync" else hook_async]


@pytest.mark.parametrize("error", CONNECTING)
@pytest.mark.parametrize("raising", WAYS_TO_RAISE)
def test_a_response_hook_that_cannot_connect_is_never_retried(
    make_client: ClientFactory, mock_server: MockServer, raising: Raise, error: type[httpx.RequestError]
) -> None:
    hooks = hook_of(make_client, lambda response: raising(error("The audit cannot be reached.")))
    http_client = make_client.http_client(event_hooks={"response": hooks})
    ours = raised(make_client(mock_server.url, http_client=http_client))
    assert "The audit cannot be reached" in str(ours)
    assert ours.delivery == "unknown"
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

    http_client = make_client.http_client(event_hooks={"request": hook_of(make_client, on_request)})
    ours = raised(make_client(mock_server.url, http_client=http_client))
    assert "The key server cannot be reached" in str(ours)
    assert ours.delivery == ("unknown" if reads else "not_sent")
    assert len(calls) == (1 if reads else ATTEMPTS)
    assert mock_server.received == []
