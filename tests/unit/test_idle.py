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

from .interruptions import interruptions

ORIGIN = httpcore.Origin(b"https", b"example.genauth.ai", 443)
OTHER = httpcore.Origin(b"https", b"other.genauth.ai", 443)

Idle = IdleConnections[SyncBackend]


class State:
    """A connection of httpcore, as far as it is asked."""

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


def test_empty_pool_has_no_connection(idle: Idle) -> None:
    assert idle.pop(ORIGIN) is None
    assert idle.evict(most=0) == []


def test_connection_that_was_used_last_is_given_first(idle: Idle) -> None:
    connections = kept(idle, 3)
    assert [idle.pop(ORIGIN) for _ in range(4)] == [*reversed(connections), None]


def test_connections_are_given_to_their_own_origin(idle: Idle) -> None:
    [mine], [other] = kept(idle, 1), kept(idle, 1, OTHER)
    assert idle.pop(httpcore.Origin(b"http", b"example.genauth.ai", 80)) is None
    assert idle.pop(ORIGIN) is mine
    assert idle.pop(ORIGIN) is None
    assert idle.pop(OTHER) is other


def test_connection_is_kept_for_thirty_seconds(idle: Idle, clock: Clock) -> None:
    [each] = kept(idle, 1)
    clock.advance(30)
    assert idle.evict(most=100) == []
    assert idle.pop(ORIGIN) is each


def test_expired_connections_are_not_given_but_evicted(idle: Idle, clock: Clock) -> None:
    [old] = kept(idle, 1)
    clock.advance(20)
    [young] = kept(idle, 1)
    clock.advance(15)
    assert idle.pop(ORIGIN) is young
    assert idle.pop(ORIGIN) is None
    assert idle.evict(most=100) == [old]
    assert idle.evict(most=100) == []


def test_connection_that_is_put_back_has_its_time_again(idle: Idle, clock: Clock) -> None:
    [each] = kept(idle, 1)
    for _ in range(3):
        clock.advance(20)
        assert idle.pop(ORIGIN) is each
        idle.push(each)


def test_connection_is_kept_no_longer_than_its_server_keeps_it(idle: Idle, clock: Clock) -> None:
    short, long = connection(), connection()
    short.keep_alive = 4
    idle.push(long)
    idle.push(short)
    clock.advance(5)
    assert idle.evict(most=100) == [short]
    assert idle.pop(ORIGIN) is long


@pytest.mark.parametrize(("most", "evicted"), [(4, 0), (3, 0), (2, 1), (0, 3), (-1, 3)])
def test_oldest_are_evicted_where_there_are_too_many(idle: Idle, most: int, evicted: int) -> None:
    connections = kept(idle, 3)
    assert idle.evict(most) == connections[:evicted]
    assert [idle.pop(ORIGIN) for _ in range(3 - evicted)] == [*reversed(connections[evicted:])]


def test_room_for_a_connection_is_made_at_the_cost_of_the_oldest_and_the_expired(clock: Clock) -> None:
    idle: Idle = IdleConnections(Limits(None, 2, 30.0))
    first, second = kept(idle, 2)
    new = connection(inner=State())
    assert idle.make_room(new) == [first]
    assert idle.make_room(new) == []
    idle.push(new)
    clock.advance(31)
    assert idle.make_room(connection(inner=State())) == [second, new]


def test_there_is_no_room_where_none_is_kept_or_the_pool_is_closed(idle: Idle) -> None:
    new = connection(inner=State())
    assert IdleConnections[SyncBackend](Limits(None, 0, 30.0)).make_room(new) == [new]
    idle.close()
    assert idle.make_room(new) == [new]


@pytest.mark.parametrize(("is_idle", "unread"), [(False, False), (True, True)])
def test_connection_that_has_more_to_read_cannot_be_kept_and_costs_no_other_its_place(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, is_idle: bool, unread: bool
) -> None:
    monkeypatch.setattr(module, "has_unread_data", lambda inner, stream: unread)
    idle: Idle = IdleConnections(Limits(None, 1, 30.0))
    [other] = kept(idle, 1)
    new = connection(inner=State(idle=is_idle))
    assert idle.make_room(new) == [new]
    assert idle.pop(ORIGIN) is other


def test_connection_and_its_socket_are_asked_for_unread_data(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(module, "has_unread_data", lambda *arguments: asked.append(arguments))
    each = connection(inner=State())
    each.backend.stream = httpcore.NetworkStream()
    assert each.can_be_kept()
    assert asked == [(each.inner, each.backend.stream)]


def test_closing_takes_out_all_and_keeps_none_from_then_on(idle: Idle) -> None:
    connections = kept(idle, 2)
    assert idle.close() == connections
    late = connection()
    assert idle.push(late) == [late]
    assert idle.pop(ORIGIN) is None
    assert idle.close() == []


@pytest.mark.parametrize(
    ("state", "reusable"),
    [(State(), True), (State(available=False), False), (State(expired=True), False)],
    ids=["idle", "in use", "closed by the server"],
)
def test_connection_is_reusable_while_the_server_keeps_it(state: State, reusable: bool) -> None:
    assert connection(inner=state).is_reusable() is reusable


def test_connection_and_its_socket_are_to_be_closed() -> None:
    assert connection(inner=None).parts() == []
    made = connection(inner="connection")
    assert made.parts() == ["connection"]
    made.backend.stream = socket = httpcore.NetworkStream()
    assert made.parts() == ["connection", socket]


# What another thread, or a signal handler, does in the middle.

Use = Callable[[Idle, list[Connection[SyncBackend]]], object]


def pop(idle: Idle, owned: list[Connection[SyncBackend]]) -> None:
    if each := idle.pop(ORIGIN):
        owned.append(each)


def pop_and_push(idle: Idle, owned: list[Connection[SyncBackend]]) -> None:
    if each := idle.pop(ORIGIN):
        owned += idle.push(each)


def push(idle: Idle, owned: list[Connection[SyncBackend]]) -> None:
    owned += idle.push(owned.pop())


def evict(idle: Idle, owned: list[Connection[SyncBackend]]) -> None:
    owned += idle.evict(most=1)


def close(idle: Idle, owned: list[Connection[SyncBackend]]) -> None:
    owned += idle.close()


@pytest.mark.parametrize("inner", [pop, pop_and_push, push, evict, close])
@pytest.mark.parametrize("outer", [pop, pop_and_push, push, evict, close])
def test_each_connection_has_one_owner_whatever_comes_in_the_middle(clock: Clock, outer: Use, inner: Use) -> None:
    state: dict[str, Any] = {}
    for interruption in interruptions(module, lambda: inner(state["idle"], state["inner"])):
        idle: Idle = IdleConnections(Limits(None, 100, 30.0))
        state.update(idle=idle, inner=[connection()])
        mine = [connection()]
        everything = [*mine, *state["inner"], *kept(idle, 3)]
        with interruption:
            outer(idle, mine)
        owners = [*mine, *state["inner"], *idle.close()]
        assert sorted(map(id, owners)) == sorted(map(id, everything))


# Words of the server, and errors.


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
def test_server_says_for_how_long_it_keeps_a_connection(header: tuple[bytes, bytes], seconds: float) -> None:
    assert parse_keep_alive([(b"date", b"today"), header]) == seconds


def test_no_limit_is_a_very_large_one() -> None:
    unlimited = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None)
    assert Limits.from_httpx(unlimited) == Limits(None, sys.maxsize, math.inf)
    assert Limits.from_httpx(httpx.Limits(max_connections=3, max_keepalive_connections=2, keepalive_expiry=1.0)) == (
        3,
        2,
        1.0,
    )


def test_a_hundred_idle_connections_are_kept_and_only_an_async_client_limits_those_in_use() -> None:
    assert Limits.from_httpx(DEFAULT_LIMITS) == Limits(None, 100, 30.0)
    assert Limits.from_httpx(DEFAULT_ASYNC_LIMITS) == Limits(100, 100, 30.0)


def raised(error: Exception, module: str) -> Exception:
    """Have code of a module raise an error."""
    with pytest.raises(type(error)):
        exec("raise error", {"__name__": module, "error": error})
    # The frame of this function would not be there in a call.
    traceback = error.__traceback__
    return error.with_traceback(traceback and traceback.tb_next)


def raised_as(error: Exception, attempt: Attempt) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011  The caller looks at it.
        raise_library_error(error, attempt)
    assert caught.value.__cause__ is (None if caught.value is error else error)
    return caught.value


def attempt(*, body_started: bool = False) -> Attempt:
    attempt = Attempt({}, math.inf, math.inf)
    attempt.body_started = body_started
    return attempt


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
def test_error_before_the_body_is_one_of_connecting(kind: type[Exception], result: type[Exception]) -> None:
    error = raised_as(kind("it failed"), attempt())
    assert type(error) is result
    assert str(error) == "it failed"
    later = kind("it failed")
    assert raised_as(later, attempt(body_started=True)) is later


@pytest.mark.parametrize(
    "error",
    [httpcore.ConnectTimeout(), httpcore.ProxyError(), httpcore.LocalProtocolError(), httpx.ConnectTimeout("")],
    ids=lambda error: f"{type(error).__module__}.{type(error).__name__}",
)
def test_other_errors_of_the_library_are_left_as_they_are(error: Exception) -> None:
    assert raised_as(error, attempt()) is error


@pytest.mark.parametrize(("body_started", "kind"), [(False, httpcore.ConnectError), (True, httpcore.ReadError)])
@pytest.mark.parametrize("module", ["threading", "socket", "anyio.to_thread", "httpcore._sync", "runtime.transport"])
def test_any_other_error_of_the_libraries_is_one_of_the_connection(
    body_started: bool, kind: type[Exception], module: str
) -> None:
    error = raised(RuntimeError("can't start new thread"), module)
    result = raised_as(error, attempt(body_started=body_started))
    assert type(result) is kind
    assert str(result) == "RuntimeError: can't start new thread"


@pytest.mark.parametrize("error", [ValueError("theirs"), AssertionError()])
def test_what_a_signal_handler_raises_is_left_as_it_is(error: Exception) -> None:
    theirs = raised(error, "theirs.handlers")
    assert raised_as(theirs, attempt()) is theirs


class GarbageError(Exception):
    """An error of socksio, which need not be installed."""

    __module__ = "socksio.exceptions"


@pytest.mark.parametrize("error", [GarbageError("said test@example.com"), AssertionError()], ids=["socksio", "assert"])
def test_what_is_not_socks_is_an_error_of_the_proxy_that_quotes_nothing(error: Exception) -> None:
    result = raised_as(raised(error, "httpcore._sync.socks_proxy"), attempt())
    assert type(result) is httpcore.ProxyError
    assert str(result) == "the response of the proxy is not SOCKS"


class TimeUpError(Exception):
    """What a signal handler raises."""


def test_copy_of_what_a_signal_handler_raised_stays_as_it_is() -> None:
    # Python's codecs raise such a copy of what is raised in the middle of them.
    copy = TimeUpError("encoding with 'idna' codec failed")
    try:
        raise TimeUpError
    except TimeUpError as error:
        copy.__cause__ = error
    with pytest.raises(TimeUpError) as caught:
        raise_library_error(copy, Attempt({}, math.inf, math.inf))
    assert caught.value is copy
