"""The user's own httpx client: used as it is, and left to its owner."""

import asyncio
import gzip
import json
import socket
import ssl
from collections.abc import Generator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    APIError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    InvalidResponseError,
)
from pytest_httpx import HTTPXMock

from tests.clients import ClientFactory, on_httpx
from tests.clock import Clock
from tests.contract.facts import CHANNEL
from tests.servers import MockServer
from tests.servers.raw import RawServer, Step, http

from .mock import SENT, MockNetwork


@on_httpx
def test_its_headers_are_sent(make_client: ClientFactory, mock_server: MockServer) -> None:
    http_client = make_client.http_client(headers={"x-gateway-key": "k", "user-agent": "theirs", "accept": "a/b"})

    make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")

    headers = mock_server.received[0].headers
    assert headers["x-gateway-key"] == "k"
    assert headers["accept"] == "a/b"
    assert headers["user-agent"] == "theirs"
    # What the API wants to know is ours to say.
    assert headers["x-genauth-app-id"] == "app123"
    assert headers["content-type"] == "application/json"


@on_httpx
def test_its_auth_is_used(make_client: ClientFactory, mock_server: MockServer) -> None:
    http_client = make_client.http_client(auth=httpx.BasicAuth("gateway", "key"))

    make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")

    assert mock_server.received[0].headers["authorization"].startswith("Basic ")


@on_httpx
@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError])
@pytest.mark.parametrize("theirs", [httpx.Request("GET", "http://127.0.0.1/audit"), None])
def test_a_hook_whose_own_request_fails_is_never_retried(
    make_client: ClientFactory, mock_server: MockServer, kind: type[httpx.RequestError], theirs: httpx.Request | None
) -> None:
    def on_response(_: httpx.Response) -> None:
        raise kind("The audit cannot be reached.", request=theirs)

    async def on_response_async(response: httpx.Response) -> None:
        on_response(response)

    hook = on_response if make_client.kind == "sync" else on_response_async
    http_client = make_client.http_client(event_hooks={"response": [hook]})

    with pytest.raises(APIConnectionError, match="The audit cannot be reached") as caught:
        make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")

    assert caught.value.delivery == "unknown"
    assert len(mock_server.received) == 1


@on_httpx
def test_an_error_of_a_hook_that_is_about_a_response_is_the_users_own(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    def on_response(response: httpx.Response) -> None:
        response.raise_for_status()

    async def on_response_async(response: httpx.Response) -> None:
        on_response(response)

    hook = on_response if make_client.kind == "sync" else on_response_async
    http_client = make_client.http_client(event_hooks={"response": [hook]})
    mock_server.respond_next(b"", http_status=502, validate=False)

    with pytest.raises(httpx.HTTPStatusError):
        make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")


@on_httpx
def test_its_event_hooks_are_called(make_client: ClientFactory, mock_server: MockServer) -> None:
    seen: list[str] = []

    def on_request(request: httpx.Request) -> None:
        request.headers["x-hooked"] = "yes"
        seen.append(f"{request.method} {request.url.path}")

    def on_response(response: httpx.Response) -> None:
        seen.append(f"{response.status_code}")

    async def on_request_async(request: httpx.Request) -> None:
        on_request(request)

    async def on_response_async(response: httpx.Response) -> None:
        on_response(response)

    hooks = (on_request, on_response) if make_client.kind == "sync" else (on_request_async, on_response_async)
    http_client = make_client.http_client(event_hooks={"request": hooks[:1], "response": hooks[1:]})

    make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")

    assert seen == ["POST /api/v3/send-email", "200"]
    assert mock_server.received[0].headers["x-hooked"] == "yes"


@on_httpx
def test_its_hooks_find_the_body_of_a_request(make_client: ClientFactory, mock_server: MockServer) -> None:
    seen: list[bytes] = []

    def on_request(request: httpx.Request) -> None:
        seen.append(request.content)

    async def on_request_async(request: httpx.Request) -> None:
        on_request(request)

    hook = on_request if make_client.kind == "sync" else on_request_async
    http_client = make_client.http_client(event_hooks={"request": [hook]})

    make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")

    assert seen == [mock_server.received[0].body]


class Signing(httpx.Auth):
    """Signs the body, as gateways want it."""

    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["x-signature"] = sha256(request.content).hexdigest()
        yield request


@on_httpx
def test_its_auth_can_sign_the_body(make_client: ClientFactory, mock_server: MockServer) -> None:
    http_client = make_client.http_client(auth=Signing())

    make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")

    (request,) = mock_server.received
    assert request.headers["x-signature"] == sha256(request.body).hexdigest()


@on_httpx
def test_its_hooks_can_read_a_response(make_client: ClientFactory, mock_server: MockServer) -> None:
    seen: list[bytes] = []

    def on_response(response: httpx.Response) -> None:
        seen.append(response.read())

    async def on_response_async(response: httpx.Response) -> None:
        seen.append(await response.aread())

    hook = on_response if make_client.kind == "sync" else on_response_async
    http_client = make_client.http_client(event_hooks={"response": [hook]})
    body = gzip.compress(json.dumps(SENT).encode())
    mock_server.respond_next(body, headers={"content-encoding": "gzip"}, validate=False)

    response = make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")

    assert response.to_dict() == SENT
    assert seen == [gzip.decompress(body)]


class Misnaming(httpx.MockTransport):
    """Says that it could not connect where the server has hung up, as transports on other libraries do."""

    def __init__(self, error: type[httpx.RequestError]) -> None:
        super().__init__(self._take)
        self._error = error
        self.requests = 0

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        raise self._error("Server disconnected") from ConnectionResetError()


@on_httpx
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_an_error_with_the_wrong_name_is_never_retried(
    make_client: ClientFactory, error: type[httpx.RequestError]
) -> None:
    transport = Misnaming(error)

    with pytest.raises(APIConnectionError) as caught:
        make_client(http_client=make_client.http_client(transport=transport)).send_email(CHANNEL, "test@example.com")

    assert caught.value.delivery == "unknown"
    assert transport.requests == 1


@on_httpx
def test_its_cookies_are_sent_and_kept(make_client: ClientFactory, mock_server: MockServer) -> None:
    http_client = make_client.http_client(cookies={"theirs": "1"})
    client = make_client(mock_server.url, http_client=http_client)
    mock_server.respond_next(SENT, headers={"set-cookie": "gateway=2; path=/"}, validate=False)

    client.send_email(CHANNEL, "a@example.com")
    client.send_email(CHANNEL, "b@example.com")

    assert [request.headers["cookie"] for request in mock_server.received] == ["theirs=1", "theirs=1; gateway=2"]


@on_httpx
def test_our_timeout_holds_with_it_too(make_client: ClientFactory, clock: Clock) -> None:
    network = MockNetwork()
    client = make_client(http_client=make_client.http_client(transport=network.transport, timeout=3))

    client.send_email(CHANNEL, "test@example.com")
    client.send_email(CHANNEL, "test@example.com", timeout=2)

    timeouts = [request.extensions["timeout"] for request in network.requests]
    assert timeouts == [httpx.Timeout(each).as_dict() for each in (10, 2)]


@on_httpx
def test_without_it_a_call_has_ten_seconds(make_client: ClientFactory, httpx_mock: HTTPXMock, clock: Clock) -> None:
    httpx_mock.add_response(json=SENT)

    make_client("http://127.0.0.1").send_email(CHANNEL, "test@example.com")

    (request,) = httpx_mock.get_requests()
    assert request.extensions["timeout"] == httpx.Timeout(10.0).as_dict()


class ForwardProxy(ThreadingHTTPServer):
    """A small forward proxy: it is sent whole URLs, keeps them as `asked`, and fetches them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Forward(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, ForwardProxy)
        self.server.asked.append(self.path)
        body = self.rfile.read(int(self.headers["content-length"]))
        response = httpx.post(self.path, content=body, headers=dict(self.headers), trust_env=False, verify=False)
        self.send_response(response.status_code)
        self.send_header("content-length", str(len(response.content)))
        self.end_headers()
        self.wfile.write(response.content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def proxy() -> Generator[ForwardProxy]:
    with ForwardProxy() as proxy:
        thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


@on_httpx
def test_its_proxy_is_used(make_client: ClientFactory, mock_server: MockServer, proxy: ForwardProxy) -> None:
    client = make_client(mock_server.url, http_client=make_client.http_client(proxy=proxy.url))

    client.send_email(CHANNEL, "a@example.com")
    client.with_options(lang="en-US").send_email(CHANNEL, "b@example.com")

    assert proxy.asked == [f"{mock_server.url}/api/v3/send-email"] * 2
    assert [request.json["email"] for request in mock_server.received] == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_without_it_the_proxy_of_the_environment_is_used(
    make_client: ClientFactory,
    mock_server: MockServer,
    proxy: ForwardProxy,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    scheme: str,
) -> None:
    monkeypatch.setenv(variable, proxy.url.replace("http://", scheme))

    make_client(mock_server.url).send_email(CHANNEL, "test@example.com")

    assert proxy.asked == [f"{mock_server.url}/api/v3/send-email"]
    assert len(mock_server.received) == 1


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*", "example.com, 127.0.0.1"])
def test_without_it_hosts_can_be_exempt_from_the_proxy_of_the_environment(
    make_client: ClientFactory,
    mock_server: MockServer,
    proxy: ForwardProxy,
    monkeypatch: pytest.MonkeyPatch,
    exempt: str,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", exempt)

    make_client(mock_server.url).send_email(CHANNEL, "test@example.com")

    assert proxy.asked == []
    assert len(mock_server.received) == 1


def test_a_connected_client_does_not_take_the_proxy_that_the_environment_names_later(
    make_client: ClientFactory, mock_server: MockServer, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(mock_server.url)
    client.send_email(CHANNEL, "a@example.com")
    monkeypatch.setenv("HTTP_PROXY", proxy.url)

    client.send_email(CHANNEL, "b@example.com")

    assert proxy.asked == []
    assert [request.json["email"] for request in mock_server.received] == ["a@example.com", "b@example.com"]


@on_httpx
def test_its_mounts_are_used(make_client: ClientFactory, mock_server: MockServer) -> None:
    network = MockNetwork()
    http_client = make_client.http_client(mounts={"https://mounted.example": network.transport})
    client = make_client(mock_server.url, http_client=http_client)

    client.with_options(app_host="https://mounted.example").send_email(CHANNEL, "a@example.com")
    client.send_email(CHANNEL, "b@example.com")

    assert [request.url.host for request in network.requests] == ["mounted.example"]
    assert [request.json["email"] for request in mock_server.received] == ["b@example.com"]


@on_httpx
def test_its_base_url_is_not_ours(make_client: ClientFactory, mock_server: MockServer) -> None:
    http_client = make_client.http_client(base_url="http://127.0.0.1:1/elsewhere")

    make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")

    assert mock_server.received[0].path == "/api/v3/send-email"


@on_httpx
def test_a_mock_transport_is_all_the_network_there_is(make_client: ClientFactory) -> None:
    network = MockNetwork()

    response = network.new_client(make_client).send_email(CHANNEL, "test@example.com")

    assert response.to_dict() == SENT
    assert len(network.requests) == 1


@on_httpx
def test_it_is_never_closed_by_us(make_client: ClientFactory, mock_server: MockServer) -> None:
    http_client = make_client.http_client()
    client = make_client(mock_server.url, http_client=http_client)
    with client, client.with_options(lang="en-US") as derived:
        derived.send_email(CHANNEL, "a@example.com")
    client.close()
    derived.close()

    assert not http_client.is_closed
    client.send_email(CHANNEL, "b@example.com")
    make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "c@example.com")


@on_httpx
def test_its_settings_stay_as_they_are(make_client: ClientFactory, mock_server: MockServer) -> None:
    http_client = make_client.http_client(headers={"x-theirs": "1"}, timeout=3)
    before = dict(http_client.headers), http_client.timeout, dict(http_client.cookies)

    make_client(
        mock_server.url, http_client=http_client, access_token="s3cret-token", lang="en-US", timeout=5
    ).send_email(CHANNEL, "test@example.com")

    assert (dict(http_client.headers), http_client.timeout, dict(http_client.cookies)) == before


@on_httpx
def test_once_its_owner_has_closed_it_that_is_said(make_client: ClientFactory) -> None:
    network = MockNetwork()
    http_client = make_client.http_client(transport=network.transport)
    client = make_client(http_client=http_client)
    if make_client.kind == "sync":
        http_client.close()
    else:
        asyncio.run(http_client.aclose())

    with pytest.raises(RuntimeError, match="client is closed"):
        client.send_email(CHANNEL, "test@example.com")
    assert network.requests == []


# These are of one class each, and do no I/O: there is nothing to run once per kind.
@pytest.mark.parametrize(
    "given", [httpx.AsyncClient(verify=False), httpx.HTTPTransport, "http://proxy.example", httpx.Client]
)
def test_the_sync_client_refuses_another_kind_of_http_client(given: Any) -> None:
    name = f"{type(given).__module__}.{type(given).__qualname__}"
    with pytest.raises(TypeError, match=f"^http_client of AuthenticationClient must be an httpx.Client, not {name}$"):
        AuthenticationClient("app123", http_client=given)


@pytest.mark.parametrize("given", [httpx.Client(verify=False), httpx.AsyncHTTPTransport, "http://proxy.example"])
def test_the_async_client_refuses_another_kind_of_http_client(given: Any) -> None:
    name = f"{type(given).__module__}.{type(given).__qualname__}"
    allowed = 'an httpx.AsyncClient or "aiohttp"'
    with pytest.raises(TypeError, match=f"^http_client of AsyncAuthenticationClient must be {allowed}, not {name}$"):
        AsyncAuthenticationClient("app123", http_client=given)


@pytest.fixture
def other_host() -> Generator[socket.socket]:
    """Somewhere that a redirect can point to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("settings", [None, {"follow_redirects": True}], ids=["ours", "theirs follows"])
def test_a_redirect_is_not_followed(
    make_client: ClientFactory,
    mock_server: MockServer,
    other_host: socket.socket,
    status: int,
    settings: dict[str, Any] | None,
) -> None:
    location = f"http://127.0.0.1:{other_host.getsockname()[1]}/api/v3/send-email"
    mock_server.respond_next(b"moved", http_status=status, headers={"location": location}, validate=False)
    http_client = None if settings is None else make_client.http_client(**settings)

    with pytest.raises(InvalidResponseError) as caught:
        make_client(mock_server.url, access_token="s3cret-token", http_client=http_client).send_email(
            CHANNEL, "test@example.com"
        )

    assert (caught.value.http_status, caught.value.headers["Location"]) == (status, location)
    assert caught.value.delivery == "unknown"
    assert len(mock_server.received) == 1
    with pytest.raises(BlockingIOError):
        other_host.accept()


class SendingAgain(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends a request again by itself when the connection breaks, as users' transports do."""

    def __init__(self) -> None:
        self._sync = httpx.HTTPTransport(verify=False)
        self._async = httpx.AsyncHTTPTransport(verify=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._sync.handle_request(request)
        except httpx.RemoteProtocolError:
            return self._sync.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._async.handle_async_request(request)
        except httpx.RemoteProtocolError:
            return await self._async.handle_async_request(request)

    def close(self) -> None:
        self._sync.close()

    async def aclose(self) -> None:
        await self._async.aclose()


@on_httpx
@pytest.mark.parametrize(
    ("status_code", "http_status"), [(429, 200), (403, 200), (503, 200)], ids=["throttled", "refused", "busy"]
)
def test_a_refusal_proves_nothing_if_a_transport_has_sent_the_request_twice(
    make_client: ClientFactory, status_code: int, http_status: int
) -> None:
    body = json.dumps({"statusCode": status_code, "message": ""}).encode()
    script = (Step(then="close"), Step(http(http_status, body, {"retry-after": "0"})))
    with RawServer(*script) as server:
        http_client = make_client.http_client(transport=SendingAgain())
        with pytest.raises(APIError) as caught:
            make_client(server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")
    assert (caught.value.status_code, caught.value.delivery) == (status_code, "unknown")
    assert "2 times" in str(caught.value.__cause__)
    assert len(server.received) == 2


@on_httpx
def test_a_hook_that_reads_the_raw_response_leaves_an_error_of_ours(make_client: ClientFactory) -> None:
    def on_response(response: httpx.Response) -> None:
        list(response.iter_raw())

    async def on_response_async(response: httpx.Response) -> None:
        [chunk async for chunk in response.aiter_raw()]

    hook = on_response if make_client.kind == "sync" else on_response_async
    with RawServer() as server:
        http_client = make_client.http_client(event_hooks={"response": [hook]})
        with pytest.raises(InvalidResponseError, match="a hook has read the body and not kept it") as caught:
            make_client(server.url, http_client=http_client).send_email(CHANNEL, "test@example.com")
    assert caught.value.delivery == "unknown"
    assert len(server.received) == 1


def test_what_the_caller_is_handling_does_not_change_an_error(make_client: ClientFactory) -> None:
    with RawServer(listening=False) as server:
        client = make_client(server.url, max_retries=0)
        with pytest.raises(APIConnectionError) as alone:
            client.send_email(CHANNEL, "test@example.com")
        handled = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number: bytearray(b'x')")
        handled.reason = "WRONG_VERSION_NUMBER"
        before = handled.args
        try:
            raise handled
        except ssl.SSLError:
            with pytest.raises(APIConnectionError) as caught:
                client.send_email(CHANNEL, "test@example.com")
    assert str(caught.value) == str(alone.value)
    assert handled.args == before


@on_httpx
def test_an_error_of_a_certificate_can_be_simulated(make_client: ClientFactory) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("the certificate is bad") from ssl.SSLCertVerificationError("bad certificate")

    network = MockNetwork(fail)
    with pytest.raises(APIConnectionError, match="the certificate is bad"):
        network.new_client(make_client).send_email(CHANNEL, "test@example.com")
    assert len(network.requests) == 1


def test_the_end_users_token_wins_over_an_authentication_of_the_http_client(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    http_client = make_client.http_client(auth=("user", "password"))
    client = make_client(mock_server.url, http_client=http_client)
    client.send_email(CHANNEL, "one@example.com")
    client.send_email(CHANNEL, "two@example.com", access_token="s3cret-token")
    first, second = (request.headers["authorization"] for request in mock_server.received)
    assert first.startswith("Basic ")
    assert second == "s3cret-token"
