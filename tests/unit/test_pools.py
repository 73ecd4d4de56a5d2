"""The sync and the async pool have the same tests, on connections that are none."""

import asyncio
import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Protocol

import pytest

from runtime.http import httpcore
from runtime.transport import pools as module
from runtime.transport.environment import Proxies
from runtime.transport.idle import Connection, Limits
from runtime.transport.network import AsyncBackend
from runtime.transport.pools import AsyncPool, SyncPool, _aclose, _get_proxy
from runtime.transport.request import ATTEMPT, STEPS, Attempt
from tests.clock import Clock

from .interruptions import interruptions

URL = "https://example.genauth.ai/"
OTHER_URL = "https://other.genauth.ai/"
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Inner:
    """A connection of httpcore.

    Attributes:
        failure: What a request raises.
        body_failure: What closing the body raises.
        close_failure: What closing the connection raises.
        attempts: The attempts whose requests it was given.
    """

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.failure: BaseException | None = None
        self.body_failure: BaseException | None = None
        self.close_failure: BaseException | None = None
        self.attempts: list[Attempt] = []
        self.headers: list[tuple[bytes, bytes]] = []
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
        return httpcore.Response(200, headers=self.headers, content=Body(self))

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        return self.handle_request(request)

    def close(self) -> None:
        self.closed = True
        raise_if(self.close_failure)

    async def aclose(self) -> None:
        self.close()


class Body:
    """The body of a response of httpcore, sync and async."""

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
    """All connections that are made."""
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


class Pool(Protocol):
    """Either pool, as one that blocks."""

    def send(self, url: str = URL, attempt: Attempt | None = None) -> httpcore.Response: ...
    def end(self, response: httpcore.Response) -> None: ...
    def close(self) -> None: ...


def request(url: str, attempt: Attempt) -> httpcore.Request:
    return httpcore.Request("POST", url, extensions={ATTEMPT: attempt})


def new_attempt(seconds: float = 30.0) -> Attempt:
    return Attempt(dict.fromkeys(STEPS, seconds), float("inf"), float("inf"))


class BlockingSync:
    def __init__(self, limits: Limits) -> None:
        self.pool = SyncPool(limits, CONTEXT)

    def send(self, url: str = URL, attempt: Attempt | None = None) -> httpcore.Response:
        return self.pool.handle_request(request(url, attempt or new_attempt()))

    def end(self, response: httpcore.Response) -> None:
        response.close()

    def close(self) -> None:
        self.pool.close()


class BlockingAsync:
    def __init__(self, limits: Limits, runner: asyncio.Runner) -> None:
        self.pool = AsyncPool(limits, CONTEXT)
        self.runner = runner

    def send(self, url: str = URL, attempt: Attempt | None = None) -> httpcore.Response:
        return self.runner.run(self.pool.handle_async_request(request(url, attempt or new_attempt())))

    def end(self, response: httpcore.Response) -> None:
        self.runner.run(response.aclose())

    def close(self) -> None:
        self.runner.run(self.pool.aclose())


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


class MakePool(Protocol):
    def __call__(self, max_connections: int | None = None, max_keepalive_connections: int = 100) -> Pool: ...


@pytest.fixture
def make_pool(kind: str, runner: asyncio.Runner, made: list[Inner]) -> MakePool:
    def make_pool(max_connections: int | None = None, max_keepalive_connections: int = 100) -> Pool:
        limits = Limits(max_connections, max_keepalive_connections, 30.0)
        return BlockingSync(limits) if kind == "sync" else BlockingAsync(limits, runner)

    return make_pool


def test_connection_is_used_again_once_its_response_has_ended(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool()
    first, second = pool.send(), pool.send()
    assert len(made) == 2
    pool.end(first)
    pool.end(second)
    attempt = new_attempt()
    pool.send(attempt=attempt)
    assert len(made) == 2
    assert made[1].attempts[1] is attempt


def test_hosts_have_their_own_connections(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool()
    pool.end(pool.send())
    pool.end(pool.send(OTHER_URL))
    assert len(made) == 2


def test_connection_that_the_server_has_closed_is_closed_and_replaced(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool()
    for response in [pool.send(), pool.send()]:
        pool.end(response)
    for each in made:
        each.available = False
    pool.send()
    assert [each.closed for each in made] == [True, True, False]


def test_connection_is_not_used_again_after_the_time_that_its_server_says(
    clock: Clock, make_pool: MakePool, made: list[Inner]
) -> None:
    pool = make_pool()
    response = pool.send()
    pool.end(response)
    made[0].headers = [(b"keep-alive", b"timeout=5")]
    pool.end(pool.send())
    clock.advance(4)
    pool.end(pool.send())
    clock.advance(5)
    pool.send()
    assert len(made) == 2


@pytest.mark.parametrize(
    ("body_started", "failure", "result"),
    [
        (False, httpcore.ReadError("cut"), httpcore.ConnectError),
        (True, httpcore.ReadError("cut"), httpcore.ReadError),
        (False, KeyboardInterrupt(), KeyboardInterrupt),
        (True, KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_failed_request_costs_its_connection_and_no_place(
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


def test_request_waits_in_vain_where_all_connections_are_in_use(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool(2)
    responses = [pool.send(), pool.send()]
    with pytest.raises(httpcore.PoolTimeout, match=r"^all 2 connections are in use$"):
        pool.send(attempt=new_attempt(0.001))
    assert len(made) == 2
    pool.end(responses[0])
    pool.end(responses[0])  # A second time changes nothing.
    pool.send()
    with pytest.raises(httpcore.PoolTimeout):
        pool.send(attempt=new_attempt(0.001))


def test_requests_do_not_wait_for_each_other_without_a_limit(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool()
    for _ in range(200):
        pool.send(attempt=new_attempt(0.001))
    assert len(made) == 200


def test_idle_connection_makes_way_for_one_to_another_host(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool(2)
    responses = [pool.send(), pool.send()]
    for response in responses:
        pool.end(response)
    pool.send(OTHER_URL)
    assert [each.closed for each in made] == [True, False, False]


def test_no_more_idle_connections_are_kept_than_are_allowed(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool(max_keepalive_connections=2)
    for response in [pool.send() for _ in range(4)]:
        pool.end(response)
    assert [each.closed for each in made] == [True, True, False, False]


def test_closed_pool_has_no_connection_left_when_the_last_response_ends(make_pool: MakePool, made: list[Inner]) -> None:
    pool = make_pool()
    idle, used = pool.send(), pool.send()
    pool.end(idle)
    pool.close()
    assert [each.closed for each in made] == [True, False]
    pool.end(used)
    assert made[1].closed


# A connection is given back last.


@pytest.mark.parametrize("failure", [OSError("reset"), KeyboardInterrupt()])
def test_connection_is_closed_where_its_response_cannot_end(
    make_pool: MakePool, made: list[Inner], failure: BaseException
) -> None:
    pool = make_pool(1)
    response = pool.send()
    made[0].body_failure = failure
    with pytest.raises(type(failure)):
        pool.end(response)
    assert made[0].closed
    pool.send()
    assert len(made) == 2


@pytest.mark.parametrize("failure", [OSError("reset"), KeyboardInterrupt()])
def test_connection_is_closed_where_one_that_makes_way_for_it_cannot_be(
    make_pool: MakePool, made: list[Inner], failure: BaseException
) -> None:
    pool = make_pool(2, max_keepalive_connections=1)
    first, second = pool.send(), pool.send()
    pool.end(first)
    made[0].close_failure = failure
    with pytest.raises(type(failure)):
        pool.end(second)
    assert [each.closed for each in made] == [True, True]
    pool.send()
    pool.send()
    assert len(made) == 4


def test_connection_is_closed_where_the_task_is_cancelled_while_another_makes_way_for_it(
    made: list[Inner], runner: asyncio.Runner
) -> None:
    async def cancel() -> None:
        pool = AsyncPool(Limits(2, 1, 30.0), CONTEXT)
        first, second = [await pool.handle_async_request(request(URL, new_attempt())) for _ in range(2)]
        await first.aclose()
        waiting = asyncio.Event()

        async def close_for_ever() -> None:
            waiting.set()
            await asyncio.Event().wait()

        made[0].aclose = close_for_ever  # type: ignore[method-assign]
        task = asyncio.create_task(second.aclose())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert made[1].closed
        for _ in range(2):
            await pool.handle_async_request(request(URL, new_attempt(0.001)))
        assert len(made) == 4

    runner.run(cancel())


def inner_of(response: httpcore.Response) -> Inner:
    stream: Any = response.stream
    inner = stream._connection.inner
    assert isinstance(inner, Inner)
    return inner


@pytest.mark.parametrize("close_failure", [None, OSError("reset")])
def test_nothing_touches_a_connection_that_another_call_may_have(
    made: list[Inner], close_failure: BaseException | None
) -> None:
    calls: list[httpcore.Response] = []
    pool = BlockingSync(Limits(None, 100, 30.0))
    for interruption in interruptions(module, lambda: calls.append(pool.send())):
        made.clear()
        calls.clear()
        pool.pool = SyncPool(Limits(None, 1, 30.0), CONTEXT)
        idle, ending = pool.send(), pool.send()
        pool.end(idle)
        inner_of(idle).close_failure = close_failure
        with interruption, suppress(OSError):
            pool.end(ending)
        for other in calls:
            assert not inner_of(other).closed
            assert inner_of(pool.send()) is not inner_of(other)


def test_call_in_the_middle_of_another_has_a_connection_of_its_own(made: list[Inner]) -> None:
    calls: list[httpcore.Response] = []
    pool = BlockingSync(Limits(None, 100, 30.0))
    for interruption in interruptions(module, lambda: calls.append(pool.send())):
        made.clear()
        calls.clear()
        pool.pool = SyncPool(Limits(2, 2, 30.0), CONTEXT)
        for response in [pool.send(), pool.send()]:
            pool.end(response)
        with interruption:
            response = pool.send()
        assert all(inner_of(other) is not inner_of(response) for other in calls)
        assert not any(each.closed for each in made)
        for other in [response, *calls]:
            pool.end(other)
        assert pool.pool._connections.cap.used == 0


# What else there is.


def test_forked_process_leaves_the_connections_of_its_parent_alone(
    monkeypatch: pytest.MonkeyPatch, made: list[Inner]
) -> None:
    pool = BlockingSync(Limits(2, 2, 30.0))
    idle, used = pool.send(), pool.send()
    pool.end(idle)
    process = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: process + 1)
    # It has all places, whatever its parent uses, and closes its own copies of the sockets.
    pool.end(pool.send())
    pool.send()
    pool.send()
    assert [each.closed for each in made] == [True, False, False, False]
    pool.end(used)
    assert made[1].closed


def test_proxy_is_the_one_of_the_host_with_its_port_and_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    origin = httpcore.Origin(b"https", b"example.genauth.ai", 443)
    assert _get_proxy(Proxies(), origin, CONTEXT) is None
    monkeypatch.setenv("HTTPS_PROXY", "https://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "other.genauth.ai,example.genauth.ai:8443")
    proxies = Proxies()
    proxy = _get_proxy(proxies, origin, CONTEXT)
    assert proxy is not None
    assert proxy.url.host == b"proxy"
    assert proxy.ssl_context is CONTEXT
    for scheme, host, port in (
        (b"https", b"other.genauth.ai", 443),
        (b"https", b"example.genauth.ai", 8443),
        (b"http", b"example.genauth.ai", 80),
    ):
        assert _get_proxy(proxies, httpcore.Origin(scheme, host, port), CONTEXT) is None


def connections(*failures: BaseException | None) -> list[Any]:
    made = []
    for failure in failures:
        backend = AsyncBackend()
        inner = Inner(backend)
        inner.close_failure = failure
        made.append(Connection(inner, httpcore.Origin(b"https", b"example.genauth.ai", 443), backend))
    return made


def test_more_connections_are_closed_than_calls_can_be_nested(runner: asyncio.Runner) -> None:
    many = connections(*[None] * 2 * sys.getrecursionlimit())
    runner.run(_aclose(many))
    assert all(each.inner.closed for each in many)


def test_all_connections_are_closed_even_if_the_task_is_cancelled_or_one_fails(runner: asyncio.Runner) -> None:
    three = connections(asyncio.CancelledError(), OSError("reset"), None)
    with pytest.raises(OSError, match="reset"):
        runner.run(_aclose(three))
    assert all(each.inner.closed for each in three)
