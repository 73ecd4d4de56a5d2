"""Every failure in a client's own transport is a `GenAuthError`. Errors of the user's code pass unchanged."""

import os
import socket
import threading
import traceback
from collections.abc import Generator
from typing import Any
from unittest.mock import AsyncMock, Mock

import httpx
import pytest
import trio
from genauth_email import APIConnectionError

from tests.clients import ClientFactory, on_httpx
from tests.servers.raw import RawServer

from .helpers import MockNetwork, error_of, requests_to, send

pytestmark = pytest.mark.usefixtures("no_pauses")

# A mock's frames belong to Python's library. An error raised in a test's function would count as the user's.
BROKEN = RuntimeError("broken inside")
NO_THREAD = Mock(side_effect=RuntimeError("can't start new thread"))


def causes(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *causes(error.__cause__)]


def by_name(server: RawServer) -> str:
    """Return the URL with a host that needs a name lookup."""
    return server.url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("kind", [RuntimeError, ValueError])
def test_a_failed_name_lookup_is_a_connection_error(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    with RawServer() as server:
        client = make_client(by_name(server))
        monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=kind("broken inside")))
        error = error_of(client, APIConnectionError)
        assert server.finish() == []
    assert (error.delivery, error.retryable) == ("not_sent", True)
    if make_client.kind != "aiohttp":
        assert "broken inside" in str(error)
        assert any(type(each) is kind for each in causes(error))


@pytest.mark.parametrize("make_client", ["asyncio", "trio", "aiohttp"], indirect=True)
def test_a_missing_thread_for_a_name_lookup_is_a_connection_error(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer() as server:
        client = make_client(by_name(server))
        monkeypatch.setattr(threading.Thread, "start", NO_THREAD)
        # trio keeps threads for a while, so it might not need a new one.
        monkeypatch.setattr(trio.to_thread, "run_sync", NO_THREAD)
        error = error_of(client, APIConnectionError)
        monkeypatch.undo()
        assert server.finish() == []
    assert (error.delivery, error.retryable) == ("not_sent", True)


@on_httpx
def test_an_error_while_reading_the_response_leaves_the_delivery_unknown(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer() as server:
        client = make_client(server.url)
        for name, mock in (("sync.SyncStream", Mock), ("anyio.AnyIOStream", AsyncMock)):
            monkeypatch.setattr(f"httpcore._backends.{name}.read", mock(side_effect=BROKEN))
        error = error_of(client, APIConnectionError)
        monkeypatch.undo()
        # The connection is not reused.
        assert send(client).status_code == 200
        assert (len(requests_to(server, client)), server.connections) == (2, 2)
    assert (error.delivery, error.retryable) == ("unknown", False)


# Errors of the user's code


class BugError(Exception):
    """A bug in the user's code."""


def raise_a_bug(number: int) -> None:
    account = f"account {number}"
    raise BugError(account)


class BrokenAuth(httpx.Auth):
    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        raise_a_bug(17)
        yield request


@on_httpx
@pytest.mark.parametrize("place", ["request hook", "response hook", "auth", "transport"])
def test_an_error_of_the_users_code_passes_unchanged_and_keeps_its_variables(
    make_client: ClientFactory, place: str
) -> None:
    def break_down(_: object) -> Any:
        raise_a_bug(17)

    broken: dict[str, dict[str, Any]] = {
        "request hook": {"event_hooks": {"request": [make_client.hook(break_down)]}},
        "response hook": {"event_hooks": {"response": [make_client.hook(break_down)]}},
        "auth": {"auth": BrokenAuth()},
        "transport": {"transport": MockNetwork(break_down).transport},
    }
    http_client = make_client.http_client(**{"transport": MockNetwork().transport} | broken[place])
    client = make_client(http_client=http_client)
    with pytest.raises(BugError, match=r"^account 17$") as caught:
        send(client, access_token="s3cret")
    assert caught.value.__cause__ is None
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    variables = {frame.f_code.co_name: dict(frame.f_locals) for frame in frames}
    assert variables["raise_a_bug"] == {"number": 17, "account": "account 17"}
    package = os.path.join("genauth_email", "_runtime")
    ours = [frame.f_locals for frame in frames if package in frame.f_code.co_filename]
    assert "s3cret" not in f"{ours}"
