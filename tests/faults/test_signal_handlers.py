"""A signal handler can use the client, or close it, at any moment of a call that its own thread makes."""

import faulthandler
import gc
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import httpx
import pytest
from genauth_email import APITimeoutError, AuthenticationClient

from tests.contract.facts import CHANNEL
from tests.servers.load import LoadServer

PATIENCE = 60
LIMITS = {
    "one is kept": httpx.Limits(max_keepalive_connections=1, keepalive_expiry=30),
    "one connection": httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30),
}


class Handler:
    """What a signal handler does before one of the lines of the package that are run in a thread.

    Attributes:
        done: Whether it has done it.
    """

    def __init__(self, line: int, action: Callable[[], object]) -> None:
        self.done = False
        self._left = line
        self._action = action

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if self.done or not str(frame.f_globals.get("__name__")).startswith("genauth_email._runtime"):
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
        # What waits for itself would wait for ever. This ends the process, and shows where it waits.
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        sys.settrace(self.trace)
        try:
            yield
        finally:
            sys.settrace(None)
            faulthandler.cancel_dump_traceback_later()


def at_each_line(play: Callable[[Handler], None], action: Callable[[int], object]) -> int:
    """Do something at the first line of what is played, then at the second, and so on. Return how many there are."""
    line = 0
    while True:
        handler = Handler(line, partial(action, line))
        play(handler)
        if not handler.done:
            return line
        line += 1


@pytest.fixture(scope="module")
def servers() -> Generator[tuple[LoadServer, LoadServer]]:
    """Two hosts, so that connections to one are evicted for those to the other."""
    with LoadServer() as one, LoadServer() as other:
        yield one, other


def call(client: AuthenticationClient, email: str, timeout: float = 20) -> None:
    """Make a call, which gets its own response."""
    assert client.send_email(CHANNEL, email, timeout=timeout).message == email


@pytest.mark.parametrize("limits", LIMITS)
def test_a_signal_handler_can_make_a_call_at_any_moment_of_another(
    servers: tuple[LoadServer, LoadServer], limits: str
) -> None:
    one, other = servers
    ended = list[str]()

    def call_in_handler(number: int) -> None:
        try:
            # With one connection, the interrupted call has it until the handler is done.
            call(client, f"inner-{number}@example.com", timeout=0.01 if limits == "one connection" else 20)
            ended.append("response")
        except APITimeoutError:
            assert limits == "one connection"
            ended.append("timeout")

    def play(handler: Handler) -> None:
        # This connection is evicted when the other one is given back, or made.
        call(elsewhere, "elsewhere@example.com")
        with handler.installed():
            call(client, "outer@example.com")

    with AuthenticationClient("app123", one.url, limits=LIMITS[limits]) as client:
        elsewhere = client.with_options(app_host=other.url)
        lines = at_each_line(play, call_in_handler)
        # All connections can still be used.
        call(client, "after@example.com")
        call(elsewhere, "after@example.com")
    assert lines == len(ended) > 100
    assert "response" in ended


@pytest.mark.parametrize("limits", LIMITS)
def test_a_signal_handler_can_close_the_client_at_any_moment_of_a_call(
    servers: tuple[LoadServer, LoadServer], limits: str
) -> None:
    one, other = servers
    ended = list[str]()
    client = AuthenticationClient("app123", one.url)

    def play(handler: Handler) -> None:
        nonlocal client
        client = AuthenticationClient("app123", one.url, limits=LIMITS[limits])
        call(client.with_options(app_host=other.url), "elsewhere@example.com")
        try:
            with handler.installed():
                call(client, "outer@example.com")
            ended.append("response")
        except RuntimeError as error:
            # It had not begun to send.
            ended.append(str(error))
        client.close()
        idle: Any = client._transport._http_client._transport._pool._connections.idle  # type: ignore[attr-defined]
        assert idle.pop(httpx.URL(one.url)) is None
        assert list(idle._idle) == []

    lines = at_each_line(play, lambda _: client.close())
    assert lines > 100
    assert set(ended) == {"response", "The client is closed, so it cannot send a request."}


def test_a_call_can_be_made_and_interrupted_while_its_client_is_closed(servers: tuple[LoadServer, LoadServer]) -> None:
    one, other = servers
    ended = list[str]()
    client = AuthenticationClient("app123", one.url)

    def call_in_handler(number: int) -> None:
        try:
            call(client, f"inner-{number}@example.com")
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

    assert at_each_line(play, call_in_handler) == len(ended) > 5


class TimeUpError(Exception):
    """What a soft time limit raises."""


# A connection that was taken out to be closed is closed by the garbage collection.
@pytest.mark.filterwarnings("ignore:unclosed .*socket:ResourceWarning")
def test_what_a_signal_handler_raises_passes_unchanged_at_any_moment(servers: tuple[LoadServer, LoadServer]) -> None:
    one, other = servers

    raised = list[tuple[bool, BaseException | None]]()

    def raise_it(_: int) -> None:
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
        assert at_each_line(play, raise_it) == len(raised) > 100
        call(client, "after@example.com")
    assert set(raised) == {(True, None)}
    gc.collect()


# Real signals, at random moments, also in the middle of the libraries and of their C code.
PROGRAM = """
import faulthandler, random, signal, sys
import httpx
from genauth_email import APITimeoutError, AuthenticationClient

faulthandler.dump_traceback_later(90, exit=True)
connections = int(sys.argv[3])
limits = httpx.Limits(max_connections=connections or None, max_keepalive_connections=2, keepalive_expiry=30)
clients = [AuthenticationClient("app123", sys.argv[1], limits=limits)]
chance, handled, inside = random.Random(1), 0, False

def call(email, timeout=20.0):
    assert clients[0].send_email("A_CHANNEL", email, timeout=timeout).message == email

def handler(*_):
    global handled, inside
    if inside:
        return
    inside, number = True, handled
    try:
        if sys.argv[4] == "close":
            clients[0].close()
            clients[0] = AuthenticationClient("app123", sys.argv[1], limits=limits)
        call(f"inner-{number}@example.com", 0.02 if connections == 1 else 20.0)
    except APITimeoutError:
        assert connections == 1
    finally:
        handled += 1
        inside = False

signal.signal(signal.SIGALRM, handler)
elsewhere = AuthenticationClient("app123", sys.argv[2])
for number in range(400):
    client = clients[0]
    signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00005, 0.002))
    try:
        client.with_options(app_host=sys.argv[1 + number % 2]).send_email("A_CHANNEL", f"outer-{number}@example.com")
    except RuntimeError as error:
        assert "client is closed" in str(error) and sys.argv[4] == "close", error
    signal.setitimer(signal.ITIMER_REAL, 0)
assert handled > 50, handled
call("after@example.com")
""".replace("A_CHANNEL", CHANNEL)


@pytest.mark.parametrize("action", ["call", "close"])
@pytest.mark.parametrize("connections", [0, 1, 2])
def test_real_signals_at_any_moment_end_in_two_responses(
    servers: tuple[LoadServer, LoadServer], connections: int, action: str
) -> None:
    one, other = servers
    command = [
        sys.executable,
        "-W",
        "ignore::ResourceWarning",
        "-c",
        PROGRAM,
        one.url,
        other.url,
        f"{connections}",
        action,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
