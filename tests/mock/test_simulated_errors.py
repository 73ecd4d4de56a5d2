"""The outcome of a connection error that a user's test, hook or transport raises.

The clients cannot know what such code has done with a request. They only know whether anything read the request body
before the error was raised. `tests/client/test_retries.py` tests transports that leave it alone.
"""

from collections.abc import Callable

import httpx
import pytest
import respx
from genauth_email import APIConnectionError
from pytest_httpx import HTTPXMock

from tests.client.helpers import PATH, MockNetwork, error_of, send
from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.servers import MockServer

HOST = "https://example.genauth.ai"

pytestmark = [before_transport, pytest.mark.usefixtures("no_pauses")]


def assert_is_not_retried(client: BlockingClient, network: MockNetwork) -> None:
    error = error_of(client, APIConnectionError)
    assert str(error).startswith(f"ConnectError: no connection [POST {HOST}")
    assert (error.delivery, error.retryable) == ("unknown", False)
    assert len(network.requests) == 1


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
def test_an_error_of_respx_is_not_retried(make_client: ClientFactory, using: str) -> None:
    network = MockNetwork(httpx.ConnectError("no connection"))
    with respx.mock(using=using) as mock:
        mock.post(HOST + PATH).mock(side_effect=network.transport.handle_request)
        assert_is_not_retried(make_client(HOST), network)


def test_an_error_of_pytest_httpx_is_not_retried(make_client: ClientFactory, httpx_mock: HTTPXMock) -> None:
    network = MockNetwork(httpx.ConnectError("no connection"))
    httpx_mock.add_callback(network.transport.handle_request)
    assert_is_not_retried(make_client(HOST), network)


def test_an_error_of_a_mock_transport_is_not_retried(make_client: ClientFactory) -> None:
    network = MockNetwork(httpx.ConnectError("no connection"))
    transport = httpx.MockTransport(network.transport.handle_request)
    assert_is_not_retried(make_client(HOST, http_client=make_client.http_client(transport=transport)), network)


def replace_body(request: httpx.Request) -> None:
    request.stream = httpx.ByteStream(b"{}")


USES: dict[str, Callable[[httpx.Request], object]] = {
    "read": lambda request: request.read(),
    "asked for as content": lambda request: request.content,
    "replaced": replace_body,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_an_error_of_a_transport_that_has_used_the_body_is_not_retried(
    make_client: ClientFactory, use: Callable[[httpx.Request], object]
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        use(request)
        raise httpx.ConnectError("no connection")

    network = MockNetwork(fail)
    assert_is_not_retried(network.new_client(make_client, HOST), network)


def fail(_: object) -> None:
    raise httpx.ConnectError("The audit cannot be reached.")


def test_an_error_of_a_response_hook_is_not_retried(make_client: ClientFactory, mock_server: MockServer) -> None:
    http_client = make_client.http_client(event_hooks={"response": [make_client.hook(fail)]})
    error = error_of(make_client(mock_server.url, http_client=http_client), APIConnectionError)
    assert "The audit cannot be reached." in str(error)
    assert error.delivery == "unknown"
    assert len(mock_server.received) == 1


@pytest.mark.parametrize("reads", [True, False])
def test_an_error_of_a_request_hook_is_retried_unless_it_has_read_the_body(
    make_client: ClientFactory, mock_server: MockServer, reads: bool
) -> None:
    calls: list[httpx.Request] = []

    def on_request(request: httpx.Request) -> None:
        calls.append(request)
        if reads:
            assert request.content
        fail(request)

    http_client = make_client.http_client(event_hooks={"request": [make_client.hook(on_request)]})
    error = error_of(make_client(mock_server.url, http_client=http_client, max_retries=2), APIConnectionError)
    assert "The audit cannot be reached." in str(error)
    assert error.delivery == ("unknown" if reads else "not_sent")
    assert len(calls) == (1 if reads else 3)
    assert mock_server.received == []


def test_a_runtime_error_of_a_hook_passes_unchanged(make_client: ClientFactory) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("The audit is not set up.")

    http_client = make_client.http_client(event_hooks={"request": [make_client.hook(fail)]})
    # It must not be taken for httpx's error about a closed client.
    with pytest.raises(RuntimeError, match=r"^The audit is not set up\.$"):
        send(make_client(HOST, http_client=http_client))
