"""A call's timeout bounds the whole call, and nothing is sent after it.

The delays add up to more than the timeout, and each of them is shorter: only what bounds the whole call ends it.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from genauth_email import APITimeoutError, AsyncAuthenticationClient

from tests.clients import KINDS, ClientFactory, no_pauses, on_httpx
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step

EMAIL = "test@example.com"
TIMEOUT, STEP = 0.6, 0.25
HEAD, BODY = SUCCESS.split(b"\r\n\r\n")
GetAddrInfo = Callable[..., list[Any]]


@pytest.fixture(autouse=True)
def without_pauses() -> Generator[None]:
    with no_pauses():
        yield


class SlowServer(RawServer):
    """Takes its time for the TLS handshake, for the headers and for the body."""

    def __init__(self, tls: ssl.SSLContext, step: float) -> None:
        script = (
            Step(HEAD + b"\r\n\r\n", delay=step),
            Step(BODY, at_once=True, reading="nothing", delay=step),
        )
        super().__init__(*script, tls=tls, handshake_delay=step)


EXACT = [*((kind, False) for kind in KINDS), ("asyncio", True), ("trio", True)]
"""The kinds of clients, on connections of their own and on a user's, whose every call ends with its timeout."""


def each_of(kinds: list[tuple[str, bool]]) -> pytest.MarkDecorator:
    ids = [f"{kind}-{'an http_client' if users else 'own connections'}" for kind, users in kinds]
    return pytest.mark.parametrize(("make_client", "users"), kinds, indirect=["make_client"], ids=ids)


exact = each_of(EXACT)
each_step = each_of([*EXACT, ("sync", True)])
"""With those whose every step ends with the timeout, and where a step of many reads may not."""

users_async = pytest.mark.parametrize("make_client", ["asyncio", "trio"], indirect=True)


def own_or_users(make_client: ClientFactory, *, users: bool) -> dict[str, Any]:
    return {"http_client": make_client.http_client()} if users else {}


@each_step
def test_the_steps_of_a_call_share_its_timeout(make_client: ClientFactory, tls: ssl.SSLContext, users: bool) -> None:
    with SlowServer(tls, STEP) as server:
        client = make_client(server.url, **own_or_users(make_client, users=users))
        with pytest.raises(APITimeoutError) as caught:
            client.send_email(CHANNEL, EMAIL, timeout=TIMEOUT)
        assert caught.value.delivery == "unknown"
        client.close()
        assert len(server.received) == 1


@each_step
def test_a_response_that_is_complete_in_time_is_returned(
    make_client: ClientFactory, tls: ssl.SSLContext, users: bool
) -> None:
    with SlowServer(tls, STEP) as server:
        client = make_client(server.url, **own_or_users(make_client, users=users))
        assert client.send_email(CHANNEL, EMAIL, timeout=60).request_id == "r-1"


@contextmanager
def full_port() -> Generator[tuple[str, int]]:
    """An address to which no connection can be made, and that refuses none."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):
            yield listener.getsockname()


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], list[str]]], None]:
    """Has the name `genauth.test` resolve to the addresses that a function returns."""
    original: GetAddrInfo = socket.getaddrinfo

    def install(addresses: Callable[[], list[str]]) -> None:
        def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> list[Any]:
            if host not in ("genauth.test", b"genauth.test"):
                return original(host, port, *args, **options)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port))) for address in addresses()]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return install


@exact
def test_the_addresses_of_a_name_share_the_timeout(
    make_client: ClientFactory, resolve: Callable[[Callable[[], list[str]]], None], users: bool
) -> None:
    # The port is full on one address of the loopback interface, and free on the last one.
    with full_port() as (_, port), RawServer(listening=False) as server:
        server.listener.close()
        with socket.create_server(("127.0.0.9", port)) as live:
            resolve(lambda: ["127.0.0.1", "127.0.0.9"])
            options = own_or_users(make_client, users=users)
            client = make_client(f"http://genauth.test:{port}", max_retries=0, **options)
            with pytest.raises(APITimeoutError) as caught:
                client.send_email(CHANNEL, EMAIL, timeout=TIMEOUT)
            # The live one was reached within the timeout: it was sent the request, and has not responded.
            assert caught.value.delivery == "unknown"
            connection, _ = live.accept()
            with connection:
                assert EMAIL.encode() in connection.recv(65536)


@exact
def test_dead_addresses_alone_are_not_sent(
    make_client: ClientFactory, resolve: Callable[[Callable[[], list[str]]], None], users: bool
) -> None:
    with full_port() as (_, port):
        resolve(lambda: ["127.0.0.1"] * 5)
        client = make_client(f"http://genauth.test:{port}", **own_or_users(make_client, users=users))
        began = time.monotonic()
        with pytest.raises(APITimeoutError) as caught:
            client.send_email(CHANNEL, EMAIL, timeout=TIMEOUT)
        assert caught.value.delivery == "not_sent"
        # Were each of them given the whole timeout, it would be five times as much.
        assert time.monotonic() - began < 5 * TIMEOUT


@each_step
def test_a_name_lookup_that_outlasts_the_timeout_is_followed_by_no_request(
    make_client: ClientFactory, resolve: Callable[[Callable[[], list[str]]], None], users: bool
) -> None:
    def slow() -> list[str]:
        time.sleep(STEP)
        return ["127.0.0.1"]

    resolve(slow)
    with RawServer() as server:
        client = make_client(f"http://genauth.test:{server.address[1]}", **own_or_users(make_client, users=users))
        with pytest.raises(APITimeoutError) as caught:
            client.send_email(CHANNEL, EMAIL, timeout=STEP / 5)
        assert caught.value.delivery == "not_sent"
        client.close()
        assert server.finish() == []


ENDLESS = {
    "headers": Step(b"HTTP/1.1 200 OK\r\nx: ", more=b"x", pause=STEP / 10),
    "interim responses": Step(more=b"HTTP/1.1 100 Continue\r\n\r\n", pause=STEP / 10),
    "a body": Step(b"HTTP/1.1 200 OK\r\n\r\n", more=b" ", pause=STEP / 10),
    "the size of a chunk": Step(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", more=b"x", pause=STEP / 10),
}


@users_async
@pytest.mark.parametrize("what", ENDLESS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_comes_byte_by_byte_through_an_http_client_ends_with_the_timeout(
    make_client: ClientFactory, tls: ssl.SSLContext, scheme: str, what: str
) -> None:
    # For connections of our own this is in the table of faults.
    with RawServer(Step(SUCCESS), ENDLESS[what], tls=tls if scheme == "https" else None) as server:
        client = make_client(server.url, http_client=make_client.http_client())
        client.send_email(CHANNEL, EMAIL)  # A slow machine then spends none of the timeout on connecting.
        with pytest.raises(APITimeoutError) as caught:
            client.send_email(CHANNEL, EMAIL, timeout=STEP)
        assert caught.value.delivery == "unknown"
        server.wait_for_open(0)


@on_httpx
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_body_that_comes_byte_by_byte_through_an_http_client_ends_with_the_timeout(
    make_client: ClientFactory, tls: ssl.SSLContext, scheme: str
) -> None:
    with RawServer(Step(SUCCESS), ENDLESS["a body"], tls=tls if scheme == "https" else None) as server:
        client = make_client(server.url, http_client=make_client.http_client())
        client.send_email(CHANNEL, EMAIL)  # A slow machine then spends none of the timeout on connecting.
        with pytest.raises(APITimeoutError) as caught:
            client.send_email(CHANNEL, EMAIL, timeout=STEP)
        assert caught.value.delivery == "unknown"
        server.wait_for_open(0)


class TokenAuth(httpx.Auth):
    """Asks for a token first."""

    def __init__(self, url: str) -> None:
        self._url = url

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        yield httpx.Request("GET", self._url)
        yield request


def check_that_a_token_ends_with_the_timeout(make_client: ClientFactory, token: Step) -> None:
    with RawServer(token) as tokens, RawServer() as server:
        client = make_client(server.url, http_client=make_client.http_client(auth=TokenAuth(tokens.url)))
        began = time.monotonic()
        with pytest.raises(APITimeoutError):
            client.send_email(CHANNEL, EMAIL, timeout=STEP)
        assert time.monotonic() - began < 4  # Without a limit of ours, httpx would wait for five seconds.
        assert server.connections == 0


@on_httpx
def test_a_silent_server_of_the_authentication_of_an_http_client_ends_with_the_timeout(
    make_client: ClientFactory,
) -> None:
    check_that_a_token_ends_with_the_timeout(make_client, Step(then="hold"))


@users_async
def test_a_slow_server_of_the_authentication_of_an_http_client_ends_with_the_timeout(
    make_client: ClientFactory,
) -> None:
    check_that_a_token_ends_with_the_timeout(make_client, ENDLESS["headers"])


def test_a_silent_proxy_is_not_sent(make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(Step(reading="nothing", then="hold")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        client = make_client("https://example.genauth.ai")
        with pytest.raises(APITimeoutError) as caught:
            client.send_email(CHANNEL, EMAIL, timeout=STEP)
        assert caught.value.delivery == "not_sent"
        client.close()


# What blocks an event loop blocks no thread, so these two are about async clients alone.
@pytest.mark.parametrize("http_client", [None, "aiohttp"])
def test_a_request_is_not_begun_when_the_loop_was_blocked_until_its_deadline(http_client: Any) -> None:
    async def main(url: str) -> None:
        async with AsyncAuthenticationClient("app123", url, http_client=http_client) as client:
            await client.send_email(CHANNEL, "first@example.com")
            call = asyncio.create_task(client.send_email(CHANNEL, EMAIL, timeout=STEP / 5))
            asyncio.get_running_loop().call_soon(time.sleep, STEP)
            with pytest.raises(APITimeoutError):
                await call

    with RawServer(Step(SUCCESS), Step(then="hold")) as server:
        asyncio.run(main(server.url))


@pytest.mark.parametrize("http_client", [None, "aiohttp"])
def test_a_connection_that_was_closed_while_the_loop_was_blocked_is_not_used(http_client: Any) -> None:
    async def main(server: RawServer) -> None:
        async with AsyncAuthenticationClient("app123", server.url, http_client=http_client) as client:
            await client.send_email(CHANNEL, "first@example.com")
            # This blocks the loop, as a frozen process does: it is not told that the connection has ended.
            server.disturb(Step(then="close"))
            assert (await client.send_email(CHANNEL, EMAIL)).request_id == "r-1"

    with RawServer() as server:
        asyncio.run(main(server))
        assert server.connections == 2
