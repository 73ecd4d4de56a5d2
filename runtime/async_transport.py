"""How an async client sends a request. Each class is the async twin of one in `sync_transport`."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Sequence
from contextlib import AsyncExitStack, contextmanager
from time import monotonic
from types import TracebackType
from typing import Any, Protocol, Self, cast

import anyio

from .environment import ssl_context
from .event_loops import PerLoop
from .http import Httpx2AsyncClient, httpcore, httpx, httpx_error, httpx_headers, library_of
from .internals import AsyncPoolTransport
from .network import AsyncBackend
from .pool import (
    Connection,
    IdleConnections,
    Limits,
    all_in_use,
    attempt_of,
    connect_error,
    keepalive_of,
    proxy_of,
)
from .request import Attempt, HTTPRequest, track
from .response import ResponseReader
from .sync_transport import NO_COOKIES


class AsyncTransport(Protocol):
    """What an async client sends on: `HttpxTransport`, or the one on aiohttp."""

    async def send(self, request: HTTPRequest, attempt: Attempt, reader: ResponseReader) -> None: ...

    async def aclose(self) -> None: ...


class HttpxTransport:
    """The async twin of `SyncTransport`."""

    def __init__(self, http_client: httpx.AsyncClient | Httpx2AsyncClient | None, limits: httpx.Limits | None) -> None:
        self._is_own = http_client is None
        self._library = library_of(http_client)
        self._http_client: Any = http_client or _OwnClient(transport=AsyncPoolTransport(AsyncPool(Limits.of(limits))))

    async def send(self, request: HTTPRequest, attempt: Attempt, reader: ResponseReader) -> None:
        tracked = track(request, attempt, None if self._is_own else self._http_client)
        with fail_at(attempt):
            try:
                response = await self._http_client.send(tracked, stream=True, follow_redirects=False)
                try:
                    reader.start(response.status_code, httpx_headers(response.headers))
                    if response.is_stream_consumed:
                        reader.feed_consumed(response)
                    else:
                        await self._read(response, reader)
                finally:
                    await _close([response])
            except ssl.SSLError as error:  # Such as the alert of a server that wants a certificate of the client.
                raise httpx.ReadError(str(error)) from error
            except self._library.RequestError as error:
                if self._library is httpx:
                    raise
                raise httpx_error(error) from error
            finally:
                tracked.note_other_body(own=self._is_own)

    async def _read(self, response: httpx.Response, reader: ResponseReader) -> None:
        async for chunk in cast(AsyncIterable[bytes], response.stream):
            if not reader.feed(chunk):
                # Leaving the loop here would leave closing the stream to the garbage collector.
                await _close([response])

    async def aclose(self) -> None:
        if self._is_own:
            await self._http_client.aclose()


class _OwnClient(httpx.AsyncClient):
    @property
    def cookies(self) -> httpx.Cookies:
        return NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        pass


class _LoopPool:
    """The connections of one event loop."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.semaphore = anyio.Semaphore(limits.max_connections)
        self.idle = IdleConnections[AsyncBackend](limits)
        self.closed = False

    async def aclose(self) -> None:
        self.closed = True
        await _close_connections(self.idle.evict(all=True))


class AsyncPool:
    """The async twin of `SyncPool`. Its limits are for each event loop."""

    def __init__(self, limits: Limits) -> None:
        self._ssl_context = ssl_context()
        self._loops = PerLoop(lambda: _LoopPool(limits), _LoopPool.aclose)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._loops.aclose()

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        attempt = attempt_of(request)
        pool = await self._loops.get()
        await _acquire(pool, attempt)
        try:
            origin = request.url.origin
            connection = await self._pop(pool, origin) or await self._connect(pool, origin)
            connection.backend.attempt = attempt
            try:
                response = await connection.inner.handle_async_request(request)
            except BaseException as error:
                pool.idle.used.discard(connection)
                await _close_connections([connection])
                if attempt.body_started or not isinstance(error, Exception):
                    raise
                raise connect_error(error) from error
            connection.keepalive = keepalive_of(response.headers)
            response.stream = _PoolStream(response.stream, pool, connection)
            return cast(httpcore.Response, response)
        except BaseException:
            pool.semaphore.release()
            raise

    async def _pop(self, pool: _LoopPool, origin: httpcore.Origin) -> Connection[AsyncBackend] | None:
        while True:
            connection = pool.idle.pop(origin)
            if connection is None or connection.is_reusable():
                return connection
            pool.idle.used.discard(connection)
            await _close_connections([connection])

    async def _connect(self, pool: _LoopPool, origin: httpcore.Origin) -> Connection[AsyncBackend]:
        backend = AsyncBackend()
        factory = httpcore.AsyncConnectionPool(self._ssl_context, proxy_of(origin), network_backend=backend)
        connection = Connection(factory.create_connection(origin), origin, backend)
        pool.idle.used.add(connection)
        await _close_connections(pool.idle.evict())
        return connection


class _PoolStream:
    """The async twin of the one in `sync_transport`."""

    def __init__(self, stream: Any, pool: _LoopPool, connection: Connection[AsyncBackend]) -> None:
        self._stream = stream
        self._pool: _LoopPool | None = pool
        self._connection = connection

    def __aiter__(self) -> AsyncIterator[bytes]:
        return cast(AsyncIterator[bytes], aiter(self._stream))

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            await self._stream.aclose()
            pool.idle.used.discard(self._connection)
            if self._connection.is_clean():
                pool.idle.push(self._connection)
                evicted = pool.idle.evict(all=pool.closed)
            else:
                evicted = [self._connection]
            await _close_connections(evicted)
        except BaseException:
            pool.idle.used.discard(self._connection)
            await _close_connections([self._connection])
            raise
        finally:
            pool.semaphore.release()


async def _acquire(pool: _LoopPool, attempt: Attempt) -> None:
    semaphore = pool.semaphore
    try:
        semaphore.acquire_nowait()
    except anyio.WouldBlock:
        with anyio.move_on_after(attempt.get("pool")) as waiting:
            await semaphore.acquire()
        if waiting.cancelled_caught:
            raise all_in_use(pool.limits) from None


async def _close_connections(connections: Iterable[Connection[AsyncBackend]]) -> None:
    await _close([each for connection in connections for each in connection.to_close()])


async def _close(closable: Sequence[Any]) -> None:
    """Close them all, even if the task is cancelled meanwhile: each closes its socket before it waits."""
    async with AsyncExitStack() as stack:
        for each in reversed(closable):
            stack.push_async_callback(each.aclose)


@contextmanager
def fail_at(attempt: Attempt) -> Generator[None, None, None]:
    """Cancel what is in the block at the deadline of the attempt.

    Raises:
        httpx.TimeoutException: It was cancelled.
    """
    with anyio.move_on_after(max(attempt.deadline - monotonic(), 0)) as scope:
        yield
    if scope.cancelled_caught:
        raise attempt.deadline_exceeded()
