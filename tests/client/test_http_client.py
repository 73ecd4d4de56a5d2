"""A user's own httpx client is used unchanged, and its owner closes it."""

import gzip
import json
from collections.abc import Callable, Generator
from hashlib import sha256
from typing import Any

import genauth_email
import httpx
import pytest
from genauth_email import (
    APIError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    InvalidResponseError,
)

from tests.clients import BlockingClient, ClientFactory, before_transport, on_httpx
from tests.contract.facts import CHANNEL
from tests.servers import MockServer
from tests.servers.raw import RawServer, Step, http

from .helpers import PATH, SENT, MockNetwork, error_of, refusal, send

NewClient = Callable[..., BlockingClient]


@pytest.fixture
def new_client(make_client: ClientFactory, mock_server: MockServer) -> NewClient:
    """Makes a client on an `http_client` with these settings, for the mock server."""
    return lambda **settings: make_client(mock_server.url, http_client=make_client.http_client(**settings))


# Headers, authentication and cookies


@before_transport
def test_its_headers_are_kept_except_those_that_we_set(new_client: NewClient, mock_server: MockServer) -> None:
    theirs = {
        "User-Agent": "theirs/1.0",
        "Accept": "a/b",
        "Accept-Encoding": "gzip",
        "Authorization": "theirs",
        "Content-Type": "text/plain",
        "X-Genauth-App-Id": "theirs",
        "X-Gateway-Key": "key",
    }
    client = new_client(headers=theirs)
    client.send_email(CHANNEL, "a@example.com", access_token="s3cret-of-the-end-user")
    client.send_email(CHANNEL, "b@example.com")

    sent, without_end_user = (request.headers for request in mock_server.received)
    assert (sent["user-agent"], sent["accept"], sent["x-gateway-key"]) == ("theirs/1.0", "a/b", "key")
    assert (sent["accept-encoding"], sent["content-type"]) == ("identity", "application/json")
    assert (sent["x-genauth-app-id"], sent["authorization"]) == ("app123", "s3cret-of-the-end-user")
    assert without_end_user["authorization"] == "theirs"


@before_transport
def test_our_user_agent_replaces_only_httpxs_default(new_client: NewClient, mock_server: MockServer) -> None:
    send(new_client())
    expected = f"genauth-email/{genauth_email.__version__} python-httpx/{httpx.__version__}"
    assert mock_server.received[0].headers["user-agent"] == expected


@on_httpx
def test_its_auth_is_used_unless_there_is_a_token_of_the_end_user(
    new_client: NewClient, mock_server: MockServer
) -> None:
    client = new_client(auth=httpx.BasicAuth("user", "password"))
    client.send_email(CHANNEL, "one@example.com")
    client.send_email(CHANNEL, "two@example.com", access_token="s3cret-token")
    first, second = (request.headers["authorization"] for request in mock_server.received)
    assert first.startswith("Basic ")
    assert second == "s3cret-token"


class Signing(httpx.Auth):
    """Signs the body, as some gateways require."""

    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["x-signature"] = sha256(request.content).hexdigest()
        yield request


@on_httpx
def test_its_auth_can_sign_the_body(new_client: NewClient, mock_server: MockServer) -> None:
    send(new_client(auth=Signing()))

    (request,) = mock_server.received
    assert request.headers["x-signature"] == sha256(request.body).hexdigest()


@on_httpx
def test_its_cookies_are_sent_and_kept(new_client: NewClient, mock_server: MockServer) -> None:
    client = new_client(cookies={"theirs": "1"})
    mock_server.respond_next(SENT, headers={"set-cookie": "gateway=2; path=/"}, validate=False)

    client.send_email(CHANNEL, "a@example.com")
    client.send_email(CHANNEL, "b@example.com")

    assert [request.headers["cookie"] for request in mock_server.received] == ["theirs=1", "theirs=1; gateway=2"]


# Event hooks


@on_httpx
def test_its_event_hooks_are_called_and_can_read_the_request_body(
    make_client: ClientFactory, new_client: NewClient, mock_server: MockServer
) -> None:
    seen: list[object] = []

    def on_request(request: httpx.Request) -> None:
        request.headers["x-hooked"] = "yes"
        seen.append((request.method, request.url.path, request.content))

    hooks: dict[str, list[Any]] = {
        "request": [make_client.hook(on_request)],
        "response": [make_client.hook(lambda response: seen.append(response.status_code))],
    }
    send(new_client(event_hooks=hooks))

    (request,) = mock_server.received
    assert seen == [("POST", PATH, request.body), 200]
    assert request.headers["x-hooked"] == "yes"


@on_httpx
def test_its_hooks_can_read_a_response(
    make_client: ClientFactory, new_client: NewClient, mock_server: MockServer
) -> None:
    seen: list[bytes] = []

    async def read(response: httpx.Response) -> None:
        seen.append(await response.aread())

    hook = (lambda response: seen.append(response.read())) if make_client.kind == "sync" else read
    body = gzip.compress(json.dumps(SENT).encode())
    mock_server.respond_next(body, headers={"content-encoding": "gzip"}, validate=False)

    assert send(new_client(event_hooks={"response": [hook]})).to_dict() == SENT
    assert seen == [gzip.decompress(body)]


@on_httpx
def test_a_hook_that_reads_the_raw_response_causes_our_error(make_client: ClientFactory) -> None:
    async def read(response: httpx.Response) -> None:
        [chunk async for chunk in response.aiter_raw()]

    hook = (lambda response: list(response.iter_raw())) if make_client.kind == "sync" else read
    with RawServer() as server:
        http_client = make_client.http_client(event_hooks={"response": [hook]})
        error = error_of(make_client(server.url, http_client=http_client), InvalidResponseError)
    assert "a hook has read the body and not kept it" in str(error)
    assert error.delivery == "unknown"
    assert len(server.received) == 1


@on_httpx
def test_a_hooks_error_about_a_response_passes_unchanged(
    make_client: ClientFactory, new_client: NewClient, mock_server: MockServer
) -> None:
    hook = make_client.hook(lambda response: response.raise_for_status())
    mock_server.respond_next(b"", http_status=502, validate=False)
    with pytest.raises(httpx.HTTPStatusError):
        send(new_client(event_hooks={"response": [hook]}))


# The transport


@on_httpx
@pytest.mark.parametrize("status_code", [429, 403, 503], ids=["throttled", "refused", "busy"])
def test_a_refusal_proves_nothing_if_the_request_was_sent_twice(make_client: ClientFactory, status_code: int) -> None:
    challenge = http(401, headers={"www-authenticate": 'Digest realm="gateway", nonce="1", qop="auth"'})
    with RawServer(Step(challenge), refusal(status_code)) as server:
        http_client = make_client.http_client(auth=httpx.DigestAuth("user", "password"))
        error = error_of(make_client(server.url, http_client=http_client), APIError)
    assert (error.status_code, error.delivery) == (status_code, "unknown")
    assert "2 times" in str(error.__cause__)
    assert len(server.received) == 2


@on_httpx
def test_its_mounts_are_used(new_client: NewClient, mock_server: MockServer) -> None:
    network = MockNetwork()
    client = new_client(mounts={"https://mounted.example": network.transport})

    client.with_options(app_host="https://mounted.example").send_email(CHANNEL, "a@example.com")
    client.send_email(CHANNEL, "b@example.com")

    assert [request.url.host for request in network.requests] == ["mounted.example"]
    assert [request.json["email"] for request in mock_server.received] == ["b@example.com"]


@before_transport
def test_its_base_url_is_not_used(new_client: NewClient, mock_server: MockServer) -> None:
    send(new_client(base_url="http://127.0.0.1:1/elsewhere"))
    assert mock_server.received[0].path == PATH


# Ownership


@on_httpx
def test_we_never_close_it(make_client: ClientFactory, mock_server: MockServer) -> None:
    http_client = make_client.http_client()
    client = make_client(mock_server.url, http_client=http_client)
    with client, client.with_options(lang="en-US") as derived:
        derived.send_email(CHANNEL, "a@example.com")
    client.close()
    derived.close()

    assert not http_client.is_closed
    client.send_email(CHANNEL, "b@example.com")
    make_client(mock_server.url, http_client=http_client).send_email(CHANNEL, "c@example.com")


@before_transport
def test_its_settings_stay_as_they_are(make_client: ClientFactory) -> None:
    http_client = make_client.http_client(headers={"x-theirs": "1"}, timeout=3, transport=MockNetwork().transport)
    before = dict(http_client.headers), http_client.timeout, dict(http_client.cookies)

    send(make_client(http_client=http_client, access_token="s3cret-token", lang="en-US", timeout=5))

    assert (dict(http_client.headers), http_client.timeout, dict(http_client.cookies)) == before


@on_httpx
def test_an_error_says_that_its_owner_has_closed_it(make_client: ClientFactory) -> None:
    network = MockNetwork()
    http_client = make_client.http_client(transport=network.transport)
    client = make_client(http_client=http_client)
    client.run(http_client.close if make_client.kind == "sync" else http_client.aclose)

    with pytest.raises(RuntimeError, match="client is closed"):
        send(client)
    assert network.requests == []


SYNC, ASYNC = httpx.Client(verify=False), httpx.AsyncClient(verify=False)


@pytest.mark.parametrize(
    ("kind", "allowed", "given"),
    [
        *(
            (AuthenticationClient, "an httpx.Client", each)
            for each in (ASYNC, httpx.HTTPTransport, "http://proxy.example", httpx.Client)
        ),
        *(
            (AsyncAuthenticationClient, 'an httpx.AsyncClient or "aiohttp"', each)
            for each in (SYNC, httpx.AsyncHTTPTransport, "http://proxy.example")
        ),
    ],
)
def test_another_kind_of_http_client_is_refused(kind: type[Any], allowed: str, given: Any) -> None:
    name = f"{type(given).__module__}.{type(given).__qualname__}"
    with pytest.raises(TypeError, match=f"^http_client of {kind.__name__} must be {allowed}, not {name}$"):
        kind("app123", http_client=given)
