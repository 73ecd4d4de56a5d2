"""The sync and the async pool have the same tests, on fake connections."""

import asyncio
import os
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from runtime.http import httpcore
from runtime.transport import pools as module
from runtime.transport.environment import Proxies
from runtime.transport.idle import Connection, Limits
from runtime.transport.network import AsyncBackend
from runtime.transport.pools import AsyncPool, SyncPool, _aclose, _get_proxy
from runtime.transport.request import ATTEMPT, STEPS, Attempt
from tests.interruptions import interruptions

from .coroutines import Blocking

URL = "https://example.genauth.ai/"
OTHER_URL = "https://other.genauth.ai/"
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Inner:
    """A fake httpcore connection.

    Attributes:
        failure: The error that a request raises.
        body_failure: The error that closing the body raises.
        close_failure: The error that closing the connection raises.
        attempts: The attempts whose requests it received.
    """

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.failure: BaseException | None = None
        self.body_failure: BaseException | None = None
        self.close_failure: BaseException | None = None
        self.attempts: list[Attempt] = []
        self.available = True
        self.closed = False

    def is_available(self) -> bool:
        return self.available

    def has_expired(self) -> bool:
        return False

    def is_idle(self) -> bool:
        return not self.closed

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        assert not self.closed
        self.attempts.append(self.backend.attempt)
        raise_if(self.failure)
        return httpcore.Response(200, content=Body(self))

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        return self.handle_request(request)

    def close(self) -> None:
        self.closed = True
        raise_if(self.close_failure)

    async def aclose(self) -> None:
        self.close()


class Body:
    """The sync and async body of an httpcore response."""

    def __init__(self, inner: Inner) -> None:
        self.inner = inner

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"{}"])

    async def __aiter__(self) -> Any:
        yield b"{}"

    def close(self) -> None:
        raise_if(self.inner.body_failure)

    async def aclose(self) -> None:
        self.close()


def raise_if(failure: BaseException | None) -> None:
    if failure is not None:
        raise failure


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Inner]:
    """All connections made so far."""
    made: list[Inner] = []

    class Factory:
        def __init__(self, context: ssl.SSLContext, proxy: object, *, network_backend: object) -> None:
            self._backend = network_backend

        def create_connection(self, origin: httpcore.Origin) -> Inner:
            made.append(Inner(self._backend))
            return made[-1]

    monkeypatch.setattr(httpcore, "ConnectionPool", Factory)
    monkeypatch.setattr(httpcore, "AsyncConnectionPool", Factory)
    monkeypatch.setattr(module, "_get_proxy", lambda proxies, origin, context: None)
    monkeypatch.setattr("runtime.transport.idle.has_unread_data", lambda inner, stream: False)
    return made


def request(url: str, attempt: Attempt) -> httpcore.Request:
    return httpcore.Request("POST", url, extensions={ATTEMPT: attempt})


def new_attempt(seconds: float = 30.0) -> Attempt:
    return Attempt(dict.fromkeys(STEPS, seconds), float("inf"), float("inf"))


class Pool:
    """Either pool, with blocking methods."""

    def __init__(self, inner: SyncPool | AsyncPool, run: Any = None) -> None:
        self._blocking = Blocking(inner, run)
        self._run = run
        self.close = self._blocking.close

    def send(self, url: str = URL, attempt: Attempt | None = None) -> httpcore.Response:
        response = self._blocking.handle_request(request(url, attempt or new_attempt()))
        assert isinstance(response, httpcore.Response)
        return response

    def end(self, *responses: httpcore.Response) -> None:
        for response in responses:
            self._run(response.aclose()) if self._blocking.is_async else response.close()


def sync_pool(max_connections: int | None, max_keepalive_connections: int) -> Pool:
    return Pool(SyncPool(Limits(max_connections, max_keepalive_connections, 30.0), CONTEXT))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


MakePool = Callable[..., Pool]


@pytest.fixture(params=[SyncPool, AsyncPool])
def make_pool(request: pytest.FixtureRequest, runner: asyncio.Runner, made: list[Inner]) -> MakePool:
    def make_pool(max_connections: int | None = None, max_keepalive_connections: int = 100) -> Pool:
        limits = Limits(max_connections, max_keepalive_connections, 30.0)
        return Pool(request.param(limits, CONTEXT), runner.run)

    return make_pool


def test_connection_is_reused_once_its_response_has_ended(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool()
    first, second = pool.send(), pool.send()
    assert len(made) == 2
    pool.end(first, second)
    attempt = new_attempt()
    pool.send(attempt=attempt)
    assert len(made) == 2
    assert made[1].attempts[1] is attempt


def test_connection_closed_by_the_server_is_closed_and_replaced(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool()
    pool.end(pool.send(), pool.send())
    for each in made:
        each.available = False
    pool.send()
    assert [each.closed for each in made] == [True, True, False]


@pytest.mark.parametrize(
    ("body_started", "failure", "result"),
    [
        (False, httpcore.ReadError("cut"), httpcore.ConnectError),
        (True, httpcore.ReadError("cut"), httpcore.ReadError),
        (False, KeyboardInterrupt(), KeyboardInterrupt),
        (True, KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_failed_request_closes_its_connection_and_frees_its_place(
    make_pool: MakePool,
    made: list[Inner],
    body_started: bool,
    failure: BaseException,
    result: type[BaseException],
) -> None:
    pool = make_pool(1)
    pool.end(pool.send())
    made[0].failure = failure
    attempt = new_attempt()
    attempt.body_started = body_started
    with pytest.raises(result) as caught:
        pool.send(attempt=attempt)
    assert type(caught.value) is result
    assert made[0].closed
    pool.send()
    assert len(made) == 2


def test_request_times_out_if_all_connections_are_in_use(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool(2)
    responses = [pool.send(), pool.send()]
    with pytest.raises(httpcore.PoolTimeout, match=r"^all 2 connections are in use$"):
        pool.send(attempt=new_attempt(0.001))
    assert len(made) == 2
    pool.end(responses[0], responses[0])  # Ending it twice changes nothing.
    pool.send()
    with pytest.raises(httpcore.PoolTimeout):
        pool.send(attempt=new_attempt(0.001))


def test_requests_without_a_limit_do_not_wait_for_each_other(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool()
    for _ in range(200):
        pool.send(attempt=new_attempt(0.001))
    assert len(made) == 200


def test_hosts_have_their_own_connections_and_an_idle_one_makes_way_for_another(
    make_pool: MakePool, made: list[Inner]
) -> None:
    pool = make_pool(2)
    pool.end(pool.send(), pool.send())
    pool.send(OTHER_URL)
    assert [each.closed for each in made] == [True, False, False]


def test_idle_connections_above_the_limit_are_not_kept(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool(max_keepalive_connections=2)
    pool.end(*[pool.send() for _ in range(4)])
    assert [each.closed for each in made] == [True, True, False, False]


def test_closed_pool_has_no_connection_left_when_the_last_response_ends(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool()
    idle, used = pool.send(), pool.send()
    pool.end(idle)
    pool.close()
    assert [each.closed for each in made] == [True, False]
    pool.end(used)
    assert made[1].closed


# Returning a connection is the last step


@pytest.mark.parametrize("failure", [OSError("reset"), KeyboardInterrupt()])
@pytest.mark.parametrize("fails", ["its response", "another that makes way"])
def test_connection_is_closed_and_its_place_freed_if_ending_a_response_fails(
    make_pool: MakePool, made: list[Inner], fails: str, failure: BaseException
) -> None:
    pool = make_pool(2, max_keepalive_connections=1)
    first, second = pool.send(), pool.send()
    pool.end(first)
    if fails == "its response":
        made[1].body_failure = failure
    else:
        made[0].close_failure = failure
    with pytest.raises(type(failure)):
        pool.end(second)
    assert made[1].closed
    pool.send()
    pool.send()
    assert len(made) == (3 if fails == "its response" else 4)


def inner_of(response: httpcore.Response) -> Inner:
    stream: Any = response.stream
    inner = stream._connection.inner
    assert isinstance(inner, Inner)
    return inner


@pytest.mark.parametrize("close_failure", [None, OSError("reset")])
def test_nothing_touches_a_connection_that_another_call_may_use(
    made: list[Inner], close_failure: BaseException | None
) -> None:
    calls: list[httpcore.Response] = []
    pools = [sync_pool(None, 1)]
    for interruption in interruptions(module.__name__, lambda: calls.append(pools[-1].send())):
        made.clear()
        calls.clear()
        pools.append(pool := sync_pool(None, 1))
        idle, ending = pool.send(), pool.send()
        pool.end(idle)
        inner_of(idle).close_failure = close_failure
        with interruption, suppress(OSError):
            pool.end(ending)
        for other in calls:
            assert not inner_of(other).closed
            assert inner_of(pool.send()) is not inner_of(other)


# Forks, proxies and closing


def test_forked_process_leaves_the_connections_of_its_parent_alone(
    monkeypatch: pytest.MonkeyPatch, made: list[Inner]
) -> None:
    pool = sync_pool(2, 2)
    idle, used = pool.send(), pool.send()
    pool.end(idle)
    process = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: process + 1)
    # The child has all places, whatever its parent uses, and closes its copies of the sockets.
    pool.end(pool.send())
    pool.send()
    pool.send()
    assert [each.closed for each in made] == [True, False, False, False]
    pool.end(used)
    assert made[1].closed


def test_proxy_depends_on_the_host_port_and_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"https": "https://proxy:3128", "no": "other.genauth.ai,example.genauth.ai:8443"}
    monkeypatch.setattr("runtime.transport.environment.getproxies", settings.copy)

    def proxy_for(scheme: bytes, host: bytes, port: int) -> httpcore.Proxy | None:
        return _get_proxy(Proxies(), httpcore.Origin(scheme, host, port), CONTEXT)

    proxy = proxy_for(b"https", b"example.genauth.ai", 443)
    assert proxy is not None
    assert (proxy.url.host, proxy.ssl_context) == (b"proxy", CONTEXT)
    assert proxy_for(b"https", b"other.genauth.ai", 443) is None
    assert proxy_for(b"https", b"example.genauth.ai", 8443) is None
    assert proxy_for(b"http", b"example.genauth.ai", 80) is None


def test_all_of_many_connections_are_closed_even_if_the_task_is_cancelled_or_one_fails(runner: asyncio.Runner) -> None:
    connections = []
    # If closing one were nested in closing another, so many would exceed the recursion limit.
    for failure in (asyncio.CancelledError(), OSError("reset"), *[None] * 2 * sys.getrecursionlimit()):
        inner = Inner(backend := AsyncBackend())
        inner.close_failure = failure
        connections.append(Connection(inner, httpcore.Origin(b"https", b"example.genauth.ai", 443), backend))
    with pytest.raises(OSError, match="reset"):
        runner.run(_aclose(connections))
    assert all(each.inner.closed for each in connections)
