"""A call's timeout bounds the whole call, and nothing is sent after it.

The delays add up to more than the timeout, and each of them is shorter: only what bounds the whole call ends it. All
cases of a test wait at once.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from genauth_email import APITimeoutError, AsyncAuthenticationClient

from tests.clients import KINDS, BlockingClient, ClientFactory, no_pauses
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step

EMAIL = "test@example.com"
TIMEOUT, STEP = 1.0, 0.4
HEAD, BODY = SUCCESS.split(b"\r\n\r\n")
GetAddrInfo = Callable[..., list[Any]]
Resolve = Callable[[Callable[[], list[str]]], None]

EXACT = [*((kind, False) for kind in KINDS), ("asyncio", True), ("trio", True)]
"""The kinds of clients, on connections of their own and on a user's, whose every call ends with its timeout."""
EACH_STEP = [*EXACT, ("sync", True)]
"""With those whose every step ends with the timeout, and where a step of many reads may not."""


@pytest.fixture(autouse=True)
def without_pauses() -> Generator[None]:
    with no_pauses():
        yield


def at_once(check: Callable[..., None], cases: Sequence[tuple[Any, ...]]) -> None:
    """Check all cases in threads. Each begins with the kind of the client."""

    def run(kind: str, *case: Any) -> None:
        with ExitStack() as stack:
            check(ClientFactory(kind, stack), *case)

    failures = []
    with ThreadPoolExecutor(len(cases)) as threads:
        checks = [threads.submit(run, *case) for case in cases]
    for case, each in zip(cases, checks, strict=True):
        if error := each.exception():
            error.add_note(f"{case}")
            failures.append(error)
    if failures:
        raise BaseExceptionGroup("the timeout did not hold", failures)


def own_or_users(make_client: ClientFactory, *, users: bool) -> dict[str, Any]:
    return {"http_client": make_client.http_client()} if users else {}


def check_timeout(client: BlockingClient, timeout: float, delivery: str) -> None:
    with pytest.raises(APITimeoutError) as caught:
        client.send_email(CHANNEL, EMAIL, timeout=timeout)
    assert caught.value.delivery == delivery


class SlowServer(RawServer):
    """Takes its time for the TLS handshake, for the headers and for the body."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        script = (
            Step(HEAD + b"\r\n\r\n", delay=STEP),
            Step(BODY, at_once=True, reading="nothing", delay=STEP),
        )
        super().__init__(*script, tls=tls, handshake_delay=STEP)


def test_the_steps_of_a_call_share_its_timeout(tls: ssl.SSLContext) -> None:
    def check(make_client: ClientFactory, users: bool) -> None:
        with SlowServer(tls) as server:
            client = make_client(server.url, **own_or_users(make_client, users=users))
            check_timeout(client, TIMEOUT, "unknown")
            client.close()
            assert len(server.received) == 1

    at_once(check, EACH_STEP)


def test_a_response_that_is_complete_in_time_is_returned(tls: ssl.SSLContext) -> None:
    def check(make_client: ClientFactory, users: bool) -> None:
        with SlowServer(tls) as server:
            client = make_client(server.url, **own_or_users(make_client, users=users))
            assert client.send_email(CHANNEL, EMAIL, timeout=60).request_id == "r-1"

    at_once(check, EACH_STEP)


@contextmanager
def full_port() -> Generator[int]:
    """A port of 127.0.0.1 to which no connection can be made, and that refuses none."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):
            yield listener.getsockname()[1]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Has the name `genauth.test` resolve to the addresses that a function returns."""
    original: GetAddrInfo = socket.getaddrinfo

    def install(addresses: Callable[[], list[str]]) -> None:
        def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> list[Any]:
            if host not in ("genauth.test", b"genauth.test"):
                return original(host, port, *args, **options)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port))) for address in addresses()]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return install


def test_the_addresses_of_a_name_share_the_timeout(resolve: Resolve) -> None:
    # The port is full on one address of the loopback interface, and free on the last one.
    def check(make_client: ClientFactory, users: bool) -> None:
        with full_port() as port, socket.create_server(("127.0.0.9", port)) as live:
            options = own_or_users(make_client, users=users)
            client = make_client(f"http://genauth.test:{port}", max_retries=0, **options)
            # The live one was reached within the timeout: it was sent the request, and has not responded.
            check_timeout(client, TIMEOUT, "unknown")
            connection, _ = live.accept()
            with connection:
                assert EMAIL.encode() in connection.recv(65536)

    resolve(lambda: ["127.0.0.1", "127.0.0.9"])
    at_once(check, EXACT)


def test_dead_addresses_alone_are_not_sent(resolve: Resolve) -> None:
    def check(make_client: ClientFactory, users: bool) -> None:
        with full_port() as port:
            client = make_client(f"http://genauth.test:{port}", **own_or_users(make_client, users=users))
            began = time.monotonic()
            check_timeout(client, TIMEOUT, "not_sent")
            # Were each of them given the whole timeout, or its share of that, it would be more.
            assert time.monotonic() - began < 2 * TIMEOUT

    resolve(lambda: ["127.0.0.1"] * 5)
    at_once(check, EXACT)


def test_a_name_lookup_that_outlasts_the_timeout_is_followed_by_no_request(resolve: Resolve) -> None:
    def slow() -> list[str]:
        time.sleep(STEP)
        return ["127.0.0.1"]

    def check(make_client: ClientFactory, users: bool) -> None:
        with RawServer() as server:
            client = make_client(f"http://genauth.test:{server.address[1]}", **own_or_users(make_client, users=users))
            check_timeout(client, STEP / 5, "not_sent")
            client.close()
            assert server.finish() == []

    resolve(slow)
    at_once(check, EACH_STEP)


ENDLESS = {
    "headers": Step(b"HTTP/1.1 200 OK\r\nx: ", more=b"x", pause=STEP / 10),
    "interim responses": Step(more=b"HTTP/1.1 100 Continue\r\n\r\n", pause=STEP / 10),
    "a body": Step(b"HTTP/1.1 200 OK\r\n\r\n", more=b" ", pause=STEP / 10),
    "the size of a chunk": Step(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", more=b"x", pause=STEP / 10),
}


def test_what_comes_byte_by_byte_through_an_http_client_ends_with_the_timeout(tls: ssl.SSLContext) -> None:
    # For connections of our own this is in the table of faults.
    def check(make_client: ClientFactory, what: str, context: ssl.SSLContext | None) -> None:
        with RawServer(Step(SUCCESS), ENDLESS[what], tls=context) as server:
            client = make_client(server.url, http_client=make_client.http_client())
            client.send_email(CHANNEL, EMAIL)  # A slow machine then spends none of the timeout on connecting.
            check_timeout(client, STEP, "unknown")
            server.wait_for_open(0)

    through_async = [
        (kind, what, context) for kind in ("asyncio", "trio") for what in ENDLESS for context in (None, tls)
    ]
    at_once(check, [*through_async, ("sync", "a body", None), ("sync", "a body", tls)])


class TokenAuth(httpx.Auth):
    """Asks for a token first."""

    def __init__(self, url: str) -> None:
        self._url = url

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        yield httpx.Request("GET", self._url)
        yield request


def test_the_authentication_of_an_http_client_ends_with_the_timeout() -> None:
    def check(make_client: ClientFactory, token: Step) -> None:
        with RawServer(token) as tokens, RawServer() as server:
            client = make_client(server.url, http_client=make_client.http_client(auth=TokenAuth(tokens.url)))
            began = time.monotonic()
            with pytest.raises(APITimeoutError):
                client.send_email(CHANNEL, EMAIL, timeout=STEP)
            assert time.monotonic() - began < 4  # Without a limit of ours, httpx would wait for five seconds.
            assert server.connections == 0

    silent, slow = Step(then="hold"), ENDLESS["headers"]
    at_once(check, [("sync", silent), ("asyncio", silent), ("trio", silent), ("asyncio", slow), ("trio", slow)])


def test_a_silent_proxy_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(make_client: ClientFactory) -> None:
        client = make_client("https://example.genauth.ai")
        check_timeout(client, STEP, "not_sent")
        client.close()

    with RawServer(*[Step(reading="nothing", then="hold")] * len(KINDS)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        at_once(check, [(kind,) for kind in KINDS])


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
