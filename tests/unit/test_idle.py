import math
import sys
from collections.abc import Callable
from typing import Any

import pytest

from runtime.http import httpcore, httpx
from runtime.transport import idle as module
from runtime.transport.idle import (
    DEFAULT_ASYNC_LIMITS,
    DEFAULT_LIMITS,
    Connection,
    IdleConnections,
    Limits,
    parse_keep_alive,
    raise_library_error,
)
from runtime.transport.network import SyncBackend
from runtime.transport.request import Attempt
from tests.clock import Clock
from tests.interruptions import interruptions

ORIGIN = httpcore.Origin(b"https", b"example.genauth.ai", 443)
OTHER = httpcore.Origin(b"https", b"other.genauth.ai", 443)

Idle = IdleConnections[SyncBackend]


class State:
    """The state of an httpcore connection."""

    def __init__(self, *, available: bool = True, expired: bool = False, idle: bool = True) -> None:
        self.is_available = lambda: available
        self.has_expired = lambda: expired
        self.is_idle = lambda: idle


def connection(origin: httpcore.Origin = ORIGIN, inner: Any = None) -> Connection[SyncBackend]:
    return Connection(inner, origin, SyncBackend())


def kept(idle: Idle, number: int, origin: httpcore.Origin = ORIGIN) -> list[Connection[SyncBackend]]:
    """Put that many connections into the pool, and return them, the oldest first."""
    connections = [connection(origin) for _ in range(number)]
    for each in connections:
        assert idle.push(each) == []
    return connections


@pytest.fixture
def idle(clock: Clock) -> Idle:
    return IdleConnections(Limits(None, 100, 30.0))


@pytest.fixture(autouse=True)
def nothing_is_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_unread_data", lambda inner, stream: False)


def test_most_recently_used_connection_is_taken_first(idle: Idle) -> None:
    connections = kept(idle, 3)
    assert idle.pop(OTHER) is None
    assert [idle.pop(ORIGIN) for _ in range(4)] == [*reversed(connections), None]
    assert idle.evict(most=0) == []


def test_connection_expires_after_its_last_use(idle: Idle, clock: Clock) -> None:
    [old] = kept(idle, 1)
    clock.advance(20)
    [young] = kept(idle, 1)
    clock.advance(10)
    assert idle.evict(most=100) == []
    clock.advance(5)
    assert idle.pop(ORIGIN) is young
    assert idle.pop(ORIGIN) is None
    idle.push(young)
    clock.advance(30)
    assert idle.evict(most=100) == [old]
    assert idle.pop(ORIGIN) is young


def test_connection_is_kept_no_longer_than_its_server_keeps_it(idle: Idle, clock: Clock) -> None:
    short, long = connection(), connection()
    short.keep_alive = 4
    idle.push(long)
    idle.push(short)
    clock.advance(5)
    assert idle.evict(most=100) == [short]
    assert idle.pop(ORIGIN) is long


@pytest.mark.parametrize(("most", "evicted"), [(4, 0), (3, 0), (2, 1), (0, 3), (-1, 3)])
def test_oldest_connections_are_evicted_if_there_are_too_many(idle: Idle, most: int, evicted: int) -> None:
    connections = kept(idle, 3)
    assert idle.evict(most) == connections[:evicted]
    assert [idle.pop(ORIGIN) for _ in range(3 - evicted)] == [*reversed(connections[evicted:])]


def test_oldest_and_expired_connections_make_room_for_a_new_one(clock: Clock) -> None:
    idle: Idle = IdleConnections(Limits(None, 2, 30.0))
    first, second = kept(idle, 2)
    new = connection(inner=State())
    assert idle.make_room(new) == [first]
    assert idle.make_room(new) == []
    idle.push(new)
    clock.advance(31)
    assert idle.make_room(connection(inner=State())) == [second, new]
    # The pool keeps none, or it is closed.
    assert IdleConnections[SyncBackend](Limits(None, 0, 30.0)).make_room(new) == [new]
    [last] = kept(idle, 1)
    assert idle.close() == [last]
    assert idle.make_room(new) == idle.push(new) == [new]


@pytest.mark.parametrize(("is_idle", "unread"), [(False, False), (True, True)])
def test_connection_with_unread_data_is_not_kept_and_evicts_no_other(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, is_idle: bool, unread: bool
) -> None:
    monkeypatch.setattr(module, "has_unread_data", lambda inner, stream: unread)
    idle: Idle = IdleConnections(Limits(None, 1, 30.0))
    [other] = kept(idle, 1)
    new = connection(inner=State(idle=is_idle))
    assert idle.make_room(new) == [new]
    assert idle.pop(ORIGIN) is other


@pytest.mark.parametrize(
    ("state", "reusable"),
    [(State(), True), (State(available=False), False), (State(expired=True), False)],
    ids=["idle", "in use", "closed by the server"],
)
def test_connection_is_reusable_while_the_server_keeps_it(state: State, reusable: bool) -> None:
    assert connection(inner=state).is_reusable() is reusable


def test_connection_and_its_socket_are_closed() -> None:
    assert connection(inner=None).parts() == []
    made = connection(inner="connection")
    assert made.parts() == ["connection"]
    made.backend.stream = socket = httpcore.NetworkStream()
    assert made.parts() == ["connection", socket]


# Actions of another thread or a signal handler in the middle

Owned = list[Connection[SyncBackend]]


def taken(idle: Idle) -> Owned:
    return [each] if (each := idle.pop(ORIGIN)) else []


USES: dict[str, Callable[[Idle, Owned], object]] = {
    "pop": lambda idle, owned: owned.extend(taken(idle)),
    "pop and push": lambda idle, owned: owned.extend(each for one in taken(idle) for each in idle.push(one)),
    "push": lambda idle, owned: owned.extend(idle.push(owned.pop())),
    "evict": lambda idle, owned: owned.extend(idle.evict(most=1)),
    "close": lambda idle, owned: owned.extend(idle.close()),
}


@pytest.mark.parametrize("inner", USES)
@pytest.mark.parametrize("outer", USES)
def test_each_connection_has_one_owner_whatever_interrupts(clock: Clock, outer: str, inner: str) -> None:
    state: dict[str, Any] = {}
    for interruption in interruptions(module.__name__, lambda: USES[inner](state["idle"], state["inner"])):
        idle: Idle = IdleConnections(Limits(None, 100, 30.0))
        state.update(idle=idle, inner=[connection()])
        mine = [connection()]
        everything = [*mine, *state["inner"], *kept(idle, 3)]
        with interruption:
            USES[outer](idle, mine)
        owners = [*mine, *state["inner"], *idle.close()]
        assert sorted(map(id, owners)) == sorted(map(id, everything))


# Keep-alive headers and errors


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ((b"Keep-Alive", b"timeout=5, max=1000"), 4),
        ((b"keep-alive", b"max=1000, Timeout = 60"), 59),
        ((b"keep-alive", b"timeout=0"), -1),
        ((b"keep-alive", b"max=1000"), math.inf),
        ((b"keep-alive", b"timeout=soon"), math.inf),
        ((b"x-keep-alive", b"timeout=5"), math.inf),
    ],
)
def test_servers_keep_alive_time_is_read(header: tuple[bytes, bytes], seconds: float) -> None:
    assert parse_keep_alive([(b"date", b"today"), header]) == seconds


def test_limits_equal_httpxs_with_a_very_large_number_for_none() -> None:
    unlimited = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None)
    limited = httpx.Limits(max_connections=3, max_keepalive_connections=2, keepalive_expiry=1.0)
    assert Limits.from_httpx(unlimited) == Limits(None, sys.maxsize, math.inf)
    assert Limits.from_httpx(limited) == Limits(3, 2, 1.0)
    # By default, only an async client limits the connections in use.
    assert Limits.from_httpx(DEFAULT_LIMITS) == Limits(None, 100, 30.0)
    assert Limits.from_httpx(DEFAULT_ASYNC_LIMITS) == Limits(100, 100, 30.0)


def attempt(*, body_started: bool = False) -> Attempt:
    attempt = Attempt({}, math.inf, math.inf)
    attempt.body_started = body_started
    return attempt


def raised_as(error: Exception, *, module: str = "", body_started: bool = False) -> Exception:
    """Return the error that an error raised in the code of a module becomes."""
    with pytest.raises(type(error)):
        exec("raise error", {"__name__": module, "error": error})
    # A real call would not have the frame of this function.
    traceback = error.__traceback__
    with pytest.raises(Exception) as caught:  # noqa: PT011  The caller looks at it.
        raise_library_error(error.with_traceback(traceback and traceback.tb_next), attempt(body_started=body_started))
    assert caught.value is error or caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (httpcore.ReadTimeout, httpcore.ConnectTimeout),
        (httpcore.WriteTimeout, httpcore.ConnectTimeout),
        (httpcore.ReadError, httpcore.ConnectError),
        (httpcore.WriteError, httpcore.ConnectError),
        (httpcore.RemoteProtocolError, httpcore.ConnectError),
    ],
)
def test_error_before_the_body_is_a_connect_error(kind: type[Exception], result: type[Exception]) -> None:
    error = raised_as(kind("it failed"))
    assert type(error) is result
    assert str(error) == "it failed"
    later = kind("it failed")
    assert raised_as(later, body_started=True) is later


@pytest.mark.parametrize(("body_started", "kind"), [(False, httpcore.ConnectError), (True, httpcore.ReadError)])
@pytest.mark.parametrize("module", ["threading", "anyio.to_thread", "httpcore._sync", "runtime.transport"])
def test_any_other_library_error_is_a_connection_error(body_started: bool, kind: type[Exception], module: str) -> None:
    result = raised_as(RuntimeError("can't start new thread"), module=module, body_started=body_started)
    assert type(result) is kind
    assert str(result) == "RuntimeError: can't start new thread"


class GarbageError(Exception):
    """An error of socksio, which need not be installed."""

    __module__ = "socksio.exceptions"


@pytest.mark.parametrize("error", [GarbageError("said test@example.com"), AssertionError()], ids=["socksio", "assert"])
def test_a_response_that_is_not_socks_is_a_proxy_error_that_quotes_nothing(error: Exception) -> None:
    result = raised_as(error, module="httpcore._sync.socks_proxy")
    assert type(result) is httpcore.ProxyError
    assert str(result) == "the response of the proxy is not SOCKS"


@pytest.mark.parametrize(
    ("error", "module"),
    [
        *((kind("no"), "httpcore") for kind in (httpcore.ConnectTimeout, httpcore.ProxyError, httpx.ReadTimeout)),
        # Raised by a signal handler.
        *((kind("theirs"), "theirs.handlers") for kind in (ValueError, AssertionError)),
    ],
    ids=repr,
)
def test_other_errors_pass_unchanged(error: Exception, module: str) -> None:
    assert raised_as(error, module=module) is error


class TimeUpError(Exception):
    """Raised by a signal handler."""


def test_copy_of_a_signal_handlers_error_passes_unchanged() -> None:
    # Python's codecs raise such a copy of an error that interrupts them.
    copy = TimeUpError("encoding with 'idna' codec failed")
    try:
        raise TimeUpError
    except TimeUpError as error:
        copy.__cause__ = error
    with pytest.raises(TimeUpError) as caught:
        raise_library_error(copy, attempt())
    assert caught.value is copy
