"""The user's own httpx client: used as it is, and left to its owner."""

import asyncio
import gzip
import json
import socket
from collections.abc import Generator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    InvalidResponseError,
)
from pytest_httpx import HTTPXMock

from tests.genauth_server import GenAuth
from tests.twins import Connect

from .mock import SENT, Network


def test_its_headers_are_sent(connect: Connect, genauth: GenAuth) -> None:
    http_client = connect.http_client(headers={"x-gateway-key": "k", "user-agent": "theirs", "accept": "a/b"})

    connect(genauth.url, http_client=http_client).send_email("CHANNEL_LOGIN", "test@example.com")

    headers = genauth.received[0].headers
    assert headers["x-gateway-key"] == "k"
    assert headers["accept"] == "a/b"
    # What the API wants to know is ours to say.
    assert headers["user-agent"].startswith("genauth-email/")
    assert headers["x-genauth-app-id"] == "app123"
    assert headers["content-type"] == "application/json"


def test_its_auth_is_used(connect: Connect, genauth: GenAuth) -> None:
    http_client = connect.http_client(auth=httpx.BasicAuth("gateway", "key"))

    connect(genauth.url, http_client=http_client).send_email("CHANNEL_LOGIN", "test@example.com")

    assert genauth.received[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "kind", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
)
@pytest.mark.parametrize("theirs", [httpx.Request("GET", "http://127.0.0.1/audit"), None])
def test_a_hook_whose_own_request_fails_leads_to_no_second_email(
    connect: Connect, genauth: GenAuth, kind: type[httpx.RequestError], theirs: httpx.Request | None
) -> None:
    def on_response(_: httpx.Response) -> None:
        raise kind("The audit cannot be reached.", request=theirs)

    async def on_response_async(response: httpx.Response) -> None:
        on_response(response)

    hook = on_response if connect.kind == "sync" else on_response_async
    http_client = connect.http_client(event_hooks={"response": [hook]})

    with pytest.raises(APIConnectionError, match="The audit cannot be reached") as caught:
        connect(genauth.url, http_client=http_client).send_email("CHANNEL_LOGIN", "test@example.com")

    assert caught.value.delivery == "unknown"
    assert len(genauth.received) == 1


def test_an_error_of_a_hook_that_is_about_an_answer_is_the_users_own(
    connect: Connect, genauth: GenAuth
) -> None:
    def on_response(response: httpx.Response) -> None:
        response.raise_for_status()

    async def on_response_async(response: httpx.Response) -> None:
        on_response(response)

    hook = on_response if connect.kind == "sync" else on_response_async
    http_client = connect.http_client(event_hooks={"response": [hook]})
    genauth.answer_next(b"", http_status=502, judged=False)

    with pytest.raises(httpx.HTTPStatusError):
        connect(genauth.url, http_client=http_client).send_email("CHANNEL_LOGIN", "test@example.com")


def test_its_event_hooks_are_called(connect: Connect, genauth: GenAuth) -> None:
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

    hooks = (on_request, on_response) if connect.kind == "sync" else (on_request_async, on_response_async)
    http_client = connect.http_client(event_hooks={"request": hooks[:1], "response": hooks[1:]})

    connect(genauth.url, http_client=http_client).send_email("CHANNEL_LOGIN", "test@example.com")

    assert seen == ["POST /api/v3/send-email", "200"]
    assert genauth.received[0].headers["x-hooked"] == "yes"


def test_its_hooks_find_the_body_of_a_request(connect: Connect, genauth: GenAuth) -> None:
    seen: list[bytes] = []

    def on_request(request: httpx.Request) -> None:
        seen.append(request.content)

    async def on_request_async(request: httpx.Request) -> None:
        on_request(request)

    hook = on_request if connect.kind == "sync" else on_request_async
    http_client = connect.http_client(event_hooks={"request": [hook]})

    connect(genauth.url, http_client=http_client).send_email("CHANNEL_LOGIN", "test@example.com")

    assert seen == [genauth.received[0].body]


class Signing(httpx.Auth):
    """Signs the body, as gateways want it."""

    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["x-signature"] = sha256(request.content).hexdigest()
        yield request


def test_its_auth_can_sign_the_body(connect: Connect, genauth: GenAuth) -> None:
    http_client = connect.http_client(auth=Signing())

    connect(genauth.url, http_client=http_client).send_email("CHANNEL_LOGIN", "test@example.com")

    (request,) = genauth.received
    assert request.headers["x-signature"] == sha256(request.body).hexdigest()


def test_its_hooks_can_read_an_answer(connect: Connect, genauth: GenAuth) -> None:
    seen: list[bytes] = []

    def on_response(response: httpx.Response) -> None:
        seen.append(response.read())

    async def on_response_async(response: httpx.Response) -> None:
        seen.append(await response.aread())

    hook = on_response if connect.kind == "sync" else on_response_async
    http_client = connect.http_client(event_hooks={"response": [hook]})
    body = gzip.compress(json.dumps(SENT).encode())
    genauth.answer_next(body, headers={"content-encoding": "gzip"}, judged=False)

    answer = connect(genauth.url, http_client=http_client).send_email("CHANNEL_LOGIN", "test@example.com")

    assert answer.to_dict() == SENT
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


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_a_transport_that_misnames_its_errors_leads_to_no_second_email(
    connect: Connect, error: type[httpx.RequestError]
) -> None:
    transport = Misnaming(error)

    with pytest.raises(APIConnectionError) as caught:
        connect(http_client=connect.http_client(transport=transport)).send_email(
            "CHANNEL_LOGIN", "test@example.com"
        )

    assert caught.value.delivery == "unknown"
    assert transport.requests == 1


def test_its_cookies_are_sent_and_kept(connect: Connect, genauth: GenAuth) -> None:
    http_client = connect.http_client(cookies={"theirs": "1"})
    client = connect(genauth.url, http_client=http_client)
    genauth.answer_next(SENT, headers={"set-cookie": "gateway=2; path=/"}, judged=False)

    client.send_email("CHANNEL_LOGIN", "a@example.com")
    client.send_email("CHANNEL_LOGIN", "b@example.com")

    assert [request.headers["cookie"] for request in genauth.received] == ["theirs=1", "theirs=1; gateway=2"]


def test_our_timeout_holds_with_it_too(connect: Connect) -> None:
    network = Network()
    client = connect(http_client=connect.http_client(transport=network.transport, timeout=3))

    client.send_email("CHANNEL_LOGIN", "test@example.com")
    client.send_email("CHANNEL_LOGIN", "test@example.com", timeout=2)

    timeouts = [request.extensions["timeout"] for request in network.requests]
    assert timeouts == [httpx.Timeout(each).as_dict() for each in (10, 2)]


def test_without_it_a_call_has_ten_seconds(connect: Connect, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=SENT)

    connect("http://127.0.0.1").send_email("CHANNEL_LOGIN", "test@example.com")

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
        answer = httpx.post(
            self.path, content=body, headers=dict(self.headers), trust_env=False, verify=False
        )
        self.send_response(answer.status_code)
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

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


def test_its_proxy_is_used(connect: Connect, genauth: GenAuth, proxy: ForwardProxy) -> None:
    client = connect(genauth.url, http_client=connect.http_client(proxy=proxy.url))

    client.send_email("CHANNEL_LOGIN", "a@example.com")
    client.with_options(lang="en-US").send_email("CHANNEL_LOGIN", "b@example.com")

    assert proxy.asked == [f"{genauth.url}/api/v3/send-email"] * 2
    assert [request.json["email"] for request in genauth.received] == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_without_it_the_proxy_of_the_environment_is_used(
    connect: Connect,
    genauth: GenAuth,
    proxy: ForwardProxy,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    scheme: str,
) -> None:
    monkeypatch.setenv(variable, proxy.url.replace("http://", scheme))

    connect(genauth.url).send_email("CHANNEL_LOGIN", "test@example.com")

    assert proxy.asked == [f"{genauth.url}/api/v3/send-email"]
    assert len(genauth.received) == 1


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*", "example.com, 127.0.0.1"])
def test_without_it_hosts_can_be_exempt_from_the_proxy_of_the_environment(
    connect: Connect, genauth: GenAuth, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch, exempt: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", exempt)

    connect(genauth.url).send_email("CHANNEL_LOGIN", "test@example.com")

    assert proxy.asked == []
    assert len(genauth.received) == 1


def test_its_mounts_are_used(connect: Connect, genauth: GenAuth) -> None:
    network = Network()
    http_client = connect.http_client(mounts={"https://mounted.example": network.transport})
    client = connect(genauth.url, http_client=http_client)

    client.with_options(app_host="https://mounted.example").send_email("CHANNEL_LOGIN", "a@example.com")
    client.send_email("CHANNEL_LOGIN", "b@example.com")

    assert [request.url.host for request in network.requests] == ["mounted.example"]
    assert [request.json["email"] for request in genauth.received] == ["b@example.com"]


def test_its_base_url_is_not_ours(connect: Connect, genauth: GenAuth) -> None:
    http_client = connect.http_client(base_url="http://127.0.0.1:1/elsewhere")

    connect(genauth.url, http_client=http_client).send_email("CHANNEL_LOGIN", "test@example.com")

    assert genauth.received[0].path == "/api/v3/send-email"


def test_a_mock_transport_is_all_the_network_there_is(connect: Connect) -> None:
    network = Network()

    answer = network.connect(connect).send_email("CHANNEL_LOGIN", "test@example.com")

    assert answer.to_dict() == SENT
    assert len(network.requests) == 1


def test_it_is_never_closed_by_us(connect: Connect, genauth: GenAuth) -> None:
    http_client = connect.http_client()
    client = connect(genauth.url, http_client=http_client)
    with client, client.with_options(lang="en-US") as derived:
        derived.send_email("CHANNEL_LOGIN", "a@example.com")
    client.close()
    derived.close()

    assert not http_client.is_closed
    client.send_email("CHANNEL_LOGIN", "b@example.com")
    connect(genauth.url, http_client=http_client).send_email("CHANNEL_LOGIN", "c@example.com")


def test_its_settings_stay_as_they_are(connect: Connect, genauth: GenAuth) -> None:
    http_client = connect.http_client(headers={"x-theirs": "1"}, timeout=3)
    before = dict(http_client.headers), http_client.timeout, dict(http_client.cookies)

    connect(genauth.url, http_client=http_client, access_token="tok", lang="en-US", timeout=5).send_email(
        "CHANNEL_LOGIN", "test@example.com"
    )

    assert (dict(http_client.headers), http_client.timeout, dict(http_client.cookies)) == before


def test_once_its_owner_has_closed_it_that_is_said(connect: Connect) -> None:
    network = Network()
    http_client = connect.http_client(transport=network.transport)
    client = connect(http_client=http_client)
    if connect.kind == "sync":
        http_client.close()
    else:
        asyncio.run(http_client.aclose())

    with pytest.raises(RuntimeError, match="client has been closed"):
        client.send_email("CHANNEL_LOGIN", "test@example.com")
    assert network.requests == []


# These are of one class each, and do no I/O: there is nothing to run once per kind.
@pytest.mark.parametrize(
    "given", [httpx.AsyncClient(verify=False), httpx.HTTPTransport, "http://proxy.example", httpx.Client]
)
def test_what_is_no_sync_client_is_refused_by_the_sync_class(given: Any) -> None:
    name = f"{type(given).__module__}.{type(given).__qualname__}"
    with pytest.raises(
        TypeError, match=f"^http_client of AuthenticationClient must be an httpx.Client, not {name}$"
    ):
        AuthenticationClient("app123", http_client=given)


@pytest.mark.parametrize(
    "given", [httpx.Client(verify=False), httpx.AsyncHTTPTransport, "http://proxy.example"]
)
def test_what_is_no_async_client_is_refused_by_the_async_class(given: Any) -> None:
    name = f"{type(given).__module__}.{type(given).__qualname__}"
    with pytest.raises(
        TypeError,
        match=f"^http_client of AsyncAuthenticationClient must be an httpx.AsyncClient, not {name}$",
    ):
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
    connect: Connect,
    genauth: GenAuth,
    other_host: socket.socket,
    status: int,
    settings: dict[str, Any] | None,
) -> None:
    location = f"http://127.0.0.1:{other_host.getsockname()[1]}/api/v3/send-email"
    genauth.answer_next(b"moved", http_status=status, headers={"location": location}, judged=False)
    http_client = None if settings is None else connect.http_client(**settings)

    with pytest.raises(InvalidResponseError) as caught:
        connect(genauth.url, access_token="tok", http_client=http_client).send_email(
            "CHANNEL_LOGIN", "test@example.com"
        )

    assert (caught.value.http_status, caught.value.headers["Location"]) == (status, location)
    assert caught.value.delivery == "unknown"
    assert len(genauth.received) == 1
    with pytest.raises(BlockingIOError):
        other_host.accept()
