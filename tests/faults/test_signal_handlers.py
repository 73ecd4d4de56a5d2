"""A signal handler can use or close the client at any moment of a call in its own thread."""

import faulthandler
import gc
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from itertools import count
from types import FrameType
from typing import Any

import httpx
import pytest
from genauth_email import APITimeoutError, AuthenticationClient

from tests import processes
from tests.servers.load import LoadServer
from tests.servers.raw import SUCCESS, RawServer, Step

from . import programs
from .programs import TimeUpError, call

pytestmark = pytest.mark.usefixtures("unwatched")

PATIENCE = 60
PACKAGE = "genauth_email._runtime"
SHARED = tuple(f"{PACKAGE}.transport.{name}" for name in ("cap", "httpx_transport", "idle", "pools"))
"""The modules with the state that a client's calls share."""

LIMITS = {
    "one is kept": httpx.Limits(max_keepalive_connections=1, keepalive_expiry=30),
    "one connection": httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30),
}


class Handler:
    """A signal handler's action before one of the lines that a thread runs in some modules.

    Attributes:
        done: Whether the action has run.
    """

    def __init__(self, modules: str | tuple[str, ...], line: int, action: Callable[[], object]) -> None:
        self.done = False
        self._modules = modules
        self._left = line
        self._action = action

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if self.done or not str(frame.f_globals.get("__name__")).startswith(self._modules):
            return None
        if event == "line":
            self._left -= 1
            if self._left < 0:
                self.done = True
                sys.settrace(None)
                self._action()
        return self.trace

    @contextmanager
    def installed(self) -> Generator[None]:
        # A deadlock would hang forever. This ends the process, and shows where it hangs.
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        sys.settrace(self.trace)
        try:
            yield
        finally:
            sys.settrace(None)
            faulthandler.cancel_dump_traceback_later()


def at_each_line(play: Callable[[Handler], None], action: Callable[[], object], *, thorough: bool) -> int:
    """Run an action at the first line of what is played, then at the second, and so on. Return the number of lines."""
    for line in count():
        handler = Handler(PACKAGE if thorough else SHARED, line, action)
        play(handler)
        if not handler.done:
            return line
    raise AssertionError


@pytest.fixture(scope="module")
def servers() -> Generator[tuple[LoadServer, LoadServer]]:
    """Two hosts, so that connections to one are evicted for connections to the other."""
    with LoadServer() as one, LoadServer() as other:
        yield one, other


@pytest.mark.parametrize("limits", LIMITS)
def test_a_signal_handler_can_make_a_call_at_any_moment_of_another(
    servers: tuple[LoadServer, LoadServer], limits: str, thorough: bool
) -> None:
    one, other = servers
    ended = list[str]()

    def call_in_handler() -> None:
        try:
            # The interrupted call holds the only connection until the handler is done.
            call(client, "inner@example.com", timeout=0.01 if limits == "one connection" else 20)
            ended.append("response")
        except APITimeoutError:
            assert limits == "one connection"
            ended.append("timeout")

    def play(handler: Handler) -> None:
        # This connection is evicted when the other one is returned or opened.
        call(elsewhere, "elsewhere@example.com")
        with handler.installed():
            call(client, "outer@example.com")

    with AuthenticationClient("app123", one.url, limits=LIMITS[limits]) as client:
        elsewhere = client.with_options(app_host=other.url)
        lines = at_each_line(play, call_in_handler, thorough=thorough)
        # All connections can still be used.
        call(client, "after@example.com")
        call(elsewhere, "after@example.com")
    assert lines == len(ended) > 50
    assert "response" in ended


@pytest.mark.parametrize("limits", LIMITS)
def test_a_signal_handler_can_close_the_client_at_any_moment_of_a_call(
    servers: tuple[LoadServer, LoadServer], limits: str, thorough: bool
) -> None:
    one, other = servers
    ended = set[str]()
    client = AuthenticationClient("app123", one.url)

    def play(handler: Handler) -> None:
        nonlocal client
        client = AuthenticationClient("app123", one.url, limits=LIMITS[limits])
        call(client.with_options(app_host=other.url), "elsewhere@example.com")
        try:
            with handler.installed():
                call(client, "outer@example.com")
            ended.add("response")
        except RuntimeError as error:
            # The call had not begun to send.
            ended.add(str(error))
        client.close()
        idle: Any = client._transport._http_client._transport._pool._connections.idle  # type: ignore[attr-defined]
        assert list(idle._idle) == []

    assert at_each_line(play, lambda: client.close(), thorough=thorough) > 50
    assert ended == {"response", "The client is closed, so it cannot send a request."}


def test_a_call_can_be_made_and_interrupted_while_its_client_is_closed(servers: tuple[LoadServer, LoadServer]) -> None:
    one, other = servers
    ended = list[str]()
    client = AuthenticationClient("app123", one.url)

    def call_in_handler() -> None:
        try:
            call(client, "inner@example.com")
            ended.append("response")
        except RuntimeError:
            ended.append("closed")

    def play(handler: Handler) -> None:
        nonlocal client
        client = AuthenticationClient("app123", one.url)
        call(client, "first@example.com")
        call(client.with_options(app_host=other.url), "elsewhere@example.com")
        with handler.installed():
            client.close()

    assert at_each_line(play, call_in_handler, thorough=True) == len(ended) > 5


# The garbage collector closes a connection that was removed to be closed.
@pytest.mark.filterwarnings("ignore:unclosed .*socket:ResourceWarning")
def test_a_signal_handlers_error_passes_unchanged_at_any_moment(servers: tuple[LoadServer, LoadServer]) -> None:
    one, other = servers
    raised = list[tuple[bool, BaseException | None]]()

    def raise_it() -> None:
        raise TimeUpError

    def play(handler: Handler) -> None:
        call(elsewhere, "elsewhere@example.com")
        try:
            with handler.installed():
                call(client, "outer@example.com")
        except TimeUpError as error:
            raised.append((handler.done, error.__cause__))

    with AuthenticationClient("app123", one.url, limits=LIMITS["one is kept"]) as client:
        elsewhere = client.with_options(app_host=other.url)
        assert at_each_line(play, raise_it, thorough=True) == len(raised) > 100
        call(client, "after@example.com")
    assert set(raised) == {(True, None)}
    gc.collect()


# Real signals come at random moments, even within the libraries and their C code.
@pytest.mark.parametrize("action", ["call", "close", "raise"])
@pytest.mark.parametrize("connections", [None, 1, 2])
def test_real_signals_at_any_moment_harm_no_call_and_lose_no_connection(
    connections: int | None, action: str, thorough: bool
) -> None:
    together = connections or 2
    held = Step(SUCCESS, before=partial(threading.Barrier(together).wait, 30))
    with LoadServer() as one, LoadServer() as other, RawServer(*[held] * together) as last:
        urls = one.url, other.url, last.url
        processes.run(programs.call_while_signals_come, *urls, action, connections, 1500 if thorough else 100)
        received = one.finish().received, other.finish().received
    assert {number for each in received for number in each.values()} == {1}
