"""Whatever fails inside a client's own transport is a `GenAuthError`; what the user's code raises stays as it is."""

import os
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Generator
from typing import Any
from unittest.mock import AsyncMock, Mock

import httpx
import pytest
import trio
from genauth_email import APIConnectionError

from tests.clients import BlockingClient, ClientFactory, on_httpx
from tests.contract.facts import CHANNEL
from tests.servers.raw import RawServer

pytestmark = pytest.mark.usefixtures("no_pauses")

# A mock's frames are Python's own. What a function of a test raises is somebody else's.
BROKEN = RuntimeError("broken inside")
NO_THREAD = Mock(side_effect=RuntimeError("can't start new thread"))


def error_of(client: BlockingClient) -> APIConnectionError:
    with pytest.raises(APIConnectionError) as caught:
        client.send_email(CHANNEL, "test@example.com")
    return caught.value


def causes(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *causes(error.__cause__)]


def by_name(server: RawServer) -> str:
    """The URL with a host that has to be looked up."""
    return server.url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("kind", [RuntimeError, MemoryError, ValueError])
def test_a_name_lookup_that_breaks_is_an_error_of_connecting(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    with RawServer() as server:
        client = make_client(by_name(server))
        monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=kind("broken inside")))
        error = error_of(client)
        assert server.finish() == []
    assert (error.delivery, error.retryable) == ("not_sent", True)
    if make_client.kind != "aiohttp":
        assert "broken inside" in str(error)
        assert any(type(each) is kind for each in causes(error))


@pytest.mark.parametrize("make_client", ["asyncio", "trio", "aiohttp"], indirect=True)
def test_no_thread_for_a_name_lookup_is_an_error_of_connecting(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer() as server:
        client = make_client(by_name(server))
        monkeypatch.setattr(threading.Thread, "start", NO_THREAD)
        # trio keeps threads for a while, and would need no new one.
        monkeypatch.setattr(trio.to_thread, "run_sync", NO_THREAD)
        error = error_of(client)
        monkeypatch.undo()
        assert server.finish() == []
    assert (error.delivery, error.retryable) == ("not_sent", True)


@on_httpx
def test_a_response_that_cannot_be_read_leaves_the_delivery_unknown(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer() as server:
        client = make_client(server.url)
        for name, mock in (("sync.SyncStream", Mock), ("anyio.AnyIOStream", AsyncMock)):
            monkeypatch.setattr(f"httpcore._backends.{name}.read", mock(side_effect=BROKEN))
        error = error_of(client)
        monkeypatch.undo()
        # The connection is not used again.
        assert client.send_email(CHANNEL, "test@example.com").status_code == 200
        client.close()
        assert (len(server.finish()), server.connections) == (2, 2)
    assert (error.delivery, error.retryable) == ("unknown", False)


LATE_CALL = """
import asyncio, atexit, sys
from genauth_email import AsyncAuthenticationClient, GenAuthError

client = AsyncAuthenticationClient("app123", sys.argv[1], max_retries=0)

def call():
    try:
        asyncio.run(client.send_email("A_CHANNEL", "test@example.com"))
    except GenAuthError as error:
        print(type(error).__name__, error.delivery)

atexit.register(call)
""".replace("A_CHANNEL", CHANNEL)


def test_a_late_call_at_the_end_of_the_interpreter_is_an_error_of_connecting() -> None:
    with RawServer() as server:
        done = subprocess.run(
            [sys.executable, "-c", LATE_CALL, by_name(server)], capture_output=True, text=True, check=True, timeout=60
        )
    assert (done.stdout, done.stderr) == ("APIConnectionError not_sent\n", "")


# What the user's own code raises.


class BugError(Exception):
    """A bug in the user's code."""


def raise_a_bug(number: int) -> None:
    account = f"account {number}"
    raise BugError(account)


async def raise_a_bug_async(request: object) -> None:
    raise_a_bug(17)


class BrokenAuth(httpx.Auth):
    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        raise_a_bug(17)
        yield request


class BrokenTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise_a_bug(17)
        raise AssertionError

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def hooks(kind: str, event: str) -> dict[str, list[Any]]:
    return {event: [(lambda _: raise_a_bug(17)) if kind == "sync" else raise_a_bug_async]}


@on_httpx
@pytest.mark.parametrize("place", ["request hook", "response hook", "auth", "transport"])
def test_what_the_users_code_raises_passes_unchanged_and_keeps_its_variables(
    make_client: ClientFactory, place: str
) -> None:
    respond = httpx.MockTransport(lambda _: httpx.Response(200, json={"statusCode": 200, "message": ""}))
    broken: dict[str, dict[str, Any]] = {
        "request hook": {"event_hooks": hooks(make_client.kind, "request")},
        "response hook": {"event_hooks": hooks(make_client.kind, "response")},
        "auth": {"auth": BrokenAuth()},
        "transport": {"transport": BrokenTransport()},
    }
    settings = {"transport": respond} | broken[place]
    client = make_client("http://example.com", http_client=make_client.http_client(**settings))
    with pytest.raises(BugError, match=r"^account 17$") as caught:
        client.send_email(CHANNEL, "test@example.com", access_token="s3cret")
    assert caught.value.__cause__ is None
    variables = {
        frame.f_code.co_name: dict(frame.f_locals) for frame, _ in traceback.walk_tb(caught.value.__traceback__)
    }
    assert variables["raise_a_bug"] == {"number": 17, "account": "account 17"}
    ours = [
        frame.f_locals
        for frame, _ in traceback.walk_tb(caught.value.__traceback__)
        if os.path.join("genauth_email", "_runtime") in frame.f_code.co_filename
    ]
    assert not [each for each in ours if "s3cret" in f"{each}"]
