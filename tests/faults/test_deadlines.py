"""A call's timeout bounds the whole call, and nothing is sent afterwards.

Each delay is shorter than the timeout, but together they are longer, so only a bound on the whole call ends it. All
cases of a test wait at the same time.
"""

import asyncio
import socket
import ssl
import sys
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest
from genauth_email import APITimeoutError, AsyncAuthenticationClient

from tests.clients import KINDS, BlockingClient, ClientFactory
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step

EMAIL = "test@example.com"
TIMEOUT, STEP = 1.0, 0.4
HEAD, BODY = SUCCESS.split(b"\r\n\r\n")
GetAddrInfo = Callable[..., list[Any]]
MakeClient = Callable[..., BlockingClient]
Resolve = Callable[[Callable[[], list[str]]], None]

EXACT = [*((kind, False) for kind in KINDS), ("asyncio", True), ("trio", True)]
"""The kinds of clients, on their own connections and on a user's, whose every call ends with its timeout."""
EACH_STEP = [*EXACT, ("sync", True)]
"""Also the kinds that bound only each step, so a step of many reads may take longer."""


pytestmark = pytest.mark.usefixtures("no_pauses")


def at_once(check: Callable[..., None], cases: Sequence[tuple[Any, ...]]) -> None:
    """Check all cases in threads. Each begins with the kind of client and whether it is on a user's `http_client`."""

    def run(kind: str, users: bool, *case: Any) -> None:
        with ExitStack() as stack:
            make_client = ClientFactory(kind, stack)
            check(partial(make_client, http_client=make_client.http_client()) if users else make_client, *case)

    failures = []
    with ThreadPoolExecutor(len(cases)) as threads:
        checks = [threads.submit(run, *case) for case in cases]
    for case, each in zip(cases, checks, strict=True):
        if error := each.exception():
            error.add_note(f"{case}")
            failures.append(error)
    if failures:
        raise BaseExceptionGroup("the timeout did not hold", failures)


def check_timeout(client: BlockingClient, timeout: float, delivery: str) -> None:
    with pytest.raises(APITimeoutError) as caught:
        client.send_email(CHANNEL, EMAIL, timeout=timeout)
    assert caught.value.delivery == delivery


def test_the_steps_of_a_call_share_its_timeout(tls: ssl.SSLContext) -> None:
    def check(make_client: MakeClient) -> None:
        headers = Step(HEAD + b"\r\n\r\n", delay=STEP)
        body = Step(BODY, at_once=True, reading="nothing", delay=STEP)
        with RawServer(headers, body, tls=tls, handshake_delay=STEP) as server:
            client = make_client(server.url)
            check_timeout(client, TIMEOUT, "unknown")
            client.close()
            assert len(server.received) == 1

    at_once(check, EACH_STEP)


@contextmanager
def full_port() -> Generator[int]:
    """Yield a port of 127.0.0.1 that neither accepts nor refuses connections."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):
            yield listener.getsockname()[1]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Makes the name `genauth.test` resolve to the addresses that a function returns."""
    original: GetAddrInfo = socket.getaddrinfo

    def getaddrinfo(
        addresses: Callable[[], list[str]], host: str | bytes, port: str | int, *args: Any, **options: Any
    ) -> list[Any]:
        if host not in ("genauth.test", b"genauth.test"):
            return original(host, port, *args, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port))) for address in addresses()]

    return lambda addresses: monkeypatch.setattr(socket, "getaddrinfo", partial(getaddrinfo, addresses))


def test_the_addresses_of_a_name_share_the_timeout(resolve: Resolve) -> None:
    # The port is full on one address of the loopback interface, and free on the last one.
    def check(make_client: MakeClient) -> None:
        with full_port() as port, socket.create_server(("127.0.0.9", port)) as live:
            client = make_client(f"http://genauth.test:{port}", max_retries=0)
            # The live address was reached in time: it received the request, but has not responded.
            check_timeout(client, TIMEOUT, "unknown")
            connection, _ = live.accept()
            with connection:
                assert EMAIL.encode() in connection.recv(65536)

    resolve(lambda: ["127.0.0.1", "127.0.0.9"])
    at_once(check, EXACT)


def test_a_call_to_dead_addresses_ends_with_the_timeout_and_is_not_sent(resolve: Resolve) -> None:
    def check(make_client: MakeClient) -> None:
        with full_port() as port:
            began = time.monotonic()
            check_timeout(make_client(f"http://genauth.test:{port}"), TIMEOUT, "not_sent")
            # It would take longer if each address had the whole timeout, or a share of the whole.
            assert time.monotonic() - began < 2 * TIMEOUT

    resolve(lambda: ["127.0.0.1"] * 5)
    at_once(check, EXACT)


def test_no_request_follows_a_name_lookup_that_outlasts_the_timeout(resolve: Resolve) -> None:
    def slow() -> list[str]:
        time.sleep(STEP)
        return ["127.0.0.1"]

    def check(make_client: MakeClient) -> None:
        with RawServer() as server:
            client = make_client(f"http://genauth.test:{server.address[1]}")
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


def test_a_response_that_drips_through_an_http_client_ends_with_the_timeout(tls: ssl.SSLContext) -> None:
    # The table of faults covers our own connections.
    def check(make_client: MakeClient, what: str, context: ssl.SSLContext | None) -> None:
        with RawServer(Step(SUCCESS), ENDLESS[what], tls=context) as server:
            client = make_client(server.url)
            client.send_email(CHANNEL, EMAIL)  # Connect now, so that a slow machine does not spend the timeout on it.
            check_timeout(client, STEP, "unknown")
            server.wait_for_open(0)

    through_async = [
        (kind, True, what, context) for kind in ("asyncio", "trio") for what in ENDLESS for context in (None, tls)
    ]
    at_once(check, [*through_async, ("sync", True, "a body", None), ("sync", True, "a body", tls)])


def test_a_call_through_a_silent_proxy_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(make_client: MakeClient) -> None:
        client = make_client("https://example.genauth.ai")
        check_timeout(client, STEP, "not_sent")
        client.close()

    with RawServer(*[Step(reading="nothing", then="hold")] * len(KINDS)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        at_once(check, [(kind, False) for kind in KINDS])


# These two tests block the event loop, so they are only about async clients.
# With Python 3.12 or newer, aiohttp sends at once on an idle connection.
@pytest.mark.parametrize(("http_client", "is_idle"), [(None, True), ("aiohttp", sys.version_info < (3, 12))])
def test_a_request_is_not_sent_if_the_loop_was_blocked_until_its_deadline(http_client: Any, is_idle: bool) -> None:
    async def main(url: str) -> None:
        async with AsyncAuthenticationClient("app123", url, http_client=http_client) as client:
            if is_idle:
                await client.send_email(CHANNEL, "first@example.com")
            call = asyncio.create_task(client.send_email(CHANNEL, EMAIL, timeout=STEP / 5))
            asyncio.get_running_loop().call_soon(time.sleep, STEP)
            with pytest.raises(APITimeoutError) as caught:
                await call
            assert caught.value.delivery == "not_sent"

    with RawServer() as server:
        asyncio.run(main(server.url))
        assert len(server.finish()) == is_idle


@pytest.mark.parametrize("http_client", [None, "aiohttp"])
def test_a_connection_closed_while_the_loop_was_blocked_is_not_used(http_client: Any) -> None:
    async def main(server: RawServer) -> None:
        async with AsyncAuthenticationClient("app123", server.url, http_client=http_client) as client:
            await client.send_email(CHANNEL, "first@example.com")
            # This blocks the loop, like a frozen process, so it does not learn that the connection has ended.
            server.disturb(Step(then="close"))
            assert (await client.send_email(CHANNEL, EMAIL)).request_id == "r-1"

    with RawServer() as server:
        asyncio.run(main(server))
        assert server.connections == 2
