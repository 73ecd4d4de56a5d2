import gc
import math
import sys
from typing import Any

import pytest

from runtime import pool as module
from runtime.http import httpcore, httpx
from runtime.network import SyncBackend
from runtime.pool import (
    DEFAULT_LIMITS,
    Connection,
    IdleConnections,
    Limits,
    all_in_use,
    attempt_of,
    connect_error,
    keepalive_of,
    proxy_of,
)
from runtime.request import Attempt

from .clock import Clock

ORIGIN = httpcore.Origin(b"https", b"example.genauth.ai", 443)
OTHER = httpcore.Origin(b"https", b"other.genauth.ai", 443)


class State:
    """A connection of httpcore, as far as it is asked."""

    def __init__(self, *, available: bool = True, expired: bool = False, idle: bool = True) -> None:
        self.is_available = lambda: available
        self.has_expired = lambda: expired
        self.is_idle = lambda: idle


def connection(origin: httpcore.Origin = ORIGIN, inner: Any = None) -> Connection[SyncBackend]:
    return Connection(inner, origin, SyncBackend())


@pytest.fixture
def idle(clock: Clock) -> IdleConnections[SyncBackend]:
    return IdleConnections(Limits.of(None))


def test_empty_pool_has_no_connection(idle: IdleConnections[SyncBackend]) -> None:
    assert idle.pop(ORIGIN) is None
    assert idle.evict(all=True) == []


def test_connection_that_was_used_last_is_given_first(idle: IdleConnections[SyncBackend]) -> None:
    connections = [connection() for _ in range(3)]
    for each in connections:
        idle.push(each)
    assert [idle.pop(ORIGIN) for _ in range(4)] == [*reversed(connections), None]


def test_connections_are_given_to_their_own_origin(idle: IdleConnections[SyncBackend]) -> None:
    mine, others = connection(ORIGIN), connection(OTHER)
    idle.push(mine)
    idle.push(others)
    assert idle.pop(httpcore.Origin(b"http", b"example.genauth.ai", 80)) is None
    assert idle.pop(ORIGIN) is mine
    assert idle.pop(ORIGIN) is None
    assert idle.pop(OTHER) is others


def test_connection_is_kept_for_thirty_seconds(idle: IdleConnections[SyncBackend], clock: Clock) -> None:
    kept = connection()
    idle.push(kept)
    clock.advance(30)
    assert idle.evict() == []
    assert idle.pop(ORIGIN) is kept


def test_expired_connections_are_not_given_but_evicted(idle: IdleConnections[SyncBackend], clock: Clock) -> None:
    old, young = connection(), connection()
    idle.push(old)
    clock.advance(20)
    idle.push(young)
    clock.advance(15)
    assert idle.pop(ORIGIN) is young
    assert idle.pop(ORIGIN) is None
    assert idle.evict() == [old]
    assert idle.evict() == []


def test_connection_that_is_put_back_has_its_time_again(idle: IdleConnections[SyncBackend], clock: Clock) -> None:
    kept = connection()
    for _ in range(3):
        idle.push(kept)
        clock.advance(20)
        assert idle.pop(ORIGIN) is kept


def test_oldest_are_evicted_where_there_are_too_many(idle: IdleConnections[SyncBackend]) -> None:
    connections = [connection() for _ in range(102)]
    for each in connections:
        idle.push(each)
    assert idle.evict() == connections[:2]
    assert idle.evict() == []
    assert idle.pop(ORIGIN) is connections[-1]


def test_used_connections_leave_less_room_for_idle_ones(
    clock: Clock,
) -> None:
    idle = IdleConnections[SyncBackend](Limits(4, 100, 30.0))
    connections = [connection() for _ in range(4)]
    for each in connections:
        idle.push(each)
    assert idle.evict() == []
    used = connection(OTHER)
    idle.used.add(used)
    assert idle.evict() == connections[:1]
    taken = idle.pop(ORIGIN)
    assert taken is not None
    assert taken is connections[3]
    assert idle.evict() == []
    idle.used.discard(used)
    idle.used.discard(taken)
    idle.push(taken)
    assert idle.evict() == []
    clock.advance(31)
    assert idle.evict() == connections[1:]


def test_no_more_idle_connections_are_kept_than_are_allowed(clock: Clock) -> None:
    idle = IdleConnections[SyncBackend](Limits(100, 2, 30.0))
    connections = [connection() for _ in range(3)]
    for each in connections:
        idle.push(each)
    assert idle.evict() == connections[:1]


def test_connection_is_kept_no_longer_than_its_server_keeps_it(
    idle: IdleConnections[SyncBackend], clock: Clock
) -> None:
    short, long = connection(), connection()
    short.keepalive = 4
    idle.push(long)
    idle.push(short)
    clock.advance(5)
    assert idle.evict() == [short]
    idle.push(short)
    clock.advance(5)
    assert idle.pop(ORIGIN) is long


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
    assert keepalive_of([(b"date", b"today"), header]) == seconds


def test_no_limit_is_a_very_large_one() -> None:
    limits = Limits.of(httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None))
    assert (limits.max_connections, limits.max_keepalive_connections) == (sys.maxsize, sys.maxsize)
    assert limits.keepalive_expiry == math.inf
    assert Limits.of(None) == Limits(100, sys.maxsize, 30.0) == Limits.of(DEFAULT_LIMITS)


def test_used_connection_that_is_lost_leaves_by_itself(idle: IdleConnections[SyncBackend]) -> None:
    lost = connection()
    idle.used.add(lost)
    del lost
    gc.collect()
    assert len(idle.used) == 0


def test_all_can_be_evicted(idle: IdleConnections[SyncBackend]) -> None:
    connections = [connection(), connection(OTHER)]
    for each in connections:
        idle.push(each)
    assert idle.evict(all=True) == connections
    assert idle.evict(all=True) == []


@pytest.mark.parametrize(
    ("state", "reusable"),
    [
        (State(), True),
        (State(available=False), False),
        (State(expired=True), False),
    ],
    ids=["idle", "in use", "closed by the server"],
)
def test_connection_is_reusable_while_the_server_keeps_it(state: State, reusable: bool) -> None:
    assert connection(inner=state).is_reusable() is reusable


@pytest.mark.parametrize(
    ("idle", "trailing", "clean"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_connection_is_clean_after_one_whole_response(
    monkeypatch: pytest.MonkeyPatch, idle: bool, trailing: bool, clean: bool
) -> None:
    monkeypatch.setattr(module, "has_trailing_data", lambda inner: trailing)
    assert connection(inner=State(idle=idle)).is_clean() is clean


def test_connection_and_its_socket_are_to_be_closed() -> None:
    assert connection(inner=None).to_close() == []
    made = connection(inner="connection")
    assert made.to_close() == ["connection"]
    made.backend.stream = socket = httpcore.NetworkStream()
    assert made.to_close() == ["connection", socket]


@pytest.mark.parametrize("kind", [httpcore.ReadTimeout, httpcore.WriteTimeout])
def test_timeout_before_the_body_is_one_of_connecting(kind: type[Exception]) -> None:
    error = connect_error(kind("it failed"))
    assert type(error) is httpcore.ConnectTimeout
    assert str(error) == "it failed"


@pytest.mark.parametrize("kind", [httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError])
def test_error_before_the_body_is_one_of_connecting(kind: type[Exception]) -> None:
    error = connect_error(kind("it failed"))
    assert type(error) is httpcore.ConnectError
    assert str(error) == "it failed"


@pytest.mark.parametrize(
    "error",
    [
        httpcore.ConnectTimeout(),
        httpcore.ProxyError(),
        httpcore.LocalProtocolError(),
        ValueError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_other_errors_are_left_as_they_are(error: Exception) -> None:
    assert connect_error(error) is error


class GarbageError(Exception):
    """An error of socksio, which need not be installed."""

    __module__ = "socksio.exceptions"


@pytest.mark.parametrize("error", [GarbageError("said test@example.com"), AssertionError()], ids=["socksio", "assert"])
def test_what_is_not_socks_is_an_error_of_the_proxy_that_quotes_nothing(error: Exception) -> None:
    result = connect_error(error)
    assert type(result) is httpcore.ProxyError
    assert str(result) == "the response of the proxy is not SOCKS"


def test_attempt_of_a_request_is_its_timeout() -> None:
    attempt = Attempt({}, 8.0, 8.0)
    request = httpcore.Request("GET", "https://example.genauth.ai/", extensions={"timeout": attempt})
    assert attempt_of(request) is attempt


def test_waiting_in_vain_for_a_connection_says_how_many_are_in_use() -> None:
    assert isinstance(all_in_use(Limits.of(None)), httpcore.PoolTimeout)
    assert str(all_in_use(Limits.of(None))) == "all 100 connections are in use"


def test_proxy_of_an_origin_is_the_one_of_its_host_port_and_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    assert proxy_of(ORIGIN) is None
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "other.genauth.ai:443")
    proxy = proxy_of(ORIGIN)
    assert proxy is not None
    assert proxy.url.host == b"proxy"
    assert proxy_of(OTHER) is None
    assert proxy_of(httpcore.Origin(b"http", b"example.genauth.ai", 80)) is None
