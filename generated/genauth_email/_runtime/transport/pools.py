"""The connection pools of our own clients, sync and async side by side.

The pools of httpcore do work for each event that grows with the number of waiting requests times the number of open
connections: https://github.com/encode/httpx/issues/3215.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any, Self, cast

import anyio

from ..http import httpcore, httpx
from .cap import Cap
from .environment import Proxies, httpcore_proxy
from .idle import Connection, IdleConnections, Limits, parse_keep_alive, raise_library_error
from .loops import PerLoop
from .network import AsyncBackend, SyncBackend
from .request import ATTEMPT, Attempt


class SyncPool:
    """Connections to all hosts. It is the pool of an `httpx.HTTPTransport`."""

    def __init__(self, limits: Limits, context: ssl.SSLContext) -> None:
        self._limits = limits
        self._context = context
        self._proxies = Proxies()
        self._connections = _ProcessConnections(limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connections.close()

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        attempt = _get_attempt(request)
        connections = self._of_this_process()
        attempt.on_end = partial(connections.cap.leave, attempt)
        if not connections.cap.enter(attempt, attempt.remaining("pool")):
            connections.cap.leave(attempt)
            raise _all_in_use(self._limits)
        try:
            connection = self._get(connections, request.url.origin)
            connection.backend.attempt = attempt
            try:
                response = connection.inner.handle_request(request)
            except BaseException:
                _close([connection])
                raise
        except BaseException as error:
            connections.cap.leave(attempt)
            if not isinstance(error, Exception):
                raise
            raise_library_error(error, attempt)
        connection.keep_alive = parse_keep_alive(response.headers)
        response.stream = _SyncBody(response.stream, connection, connections)
        return cast(httpcore.Response, response)

    def _of_this_process(self) -> _ProcessConnections:
        connections = self._connections
        if connections.process != os.getpid():
            # The process was forked. The parent goes on using the connections, and would get our responses.
            self._connections = _ProcessConnections(self._limits)
            connections.close()
        return self._connections

    def _get(self, connections: _ProcessConnections, origin: httpcore.Origin) -> Connection[SyncBackend]:
        while connection := connections.idle.pop(origin):
            if connection.is_reusable():
                return connection
            _close([connection])
        if self._limits.max_connections is not None:
            _close(connections.idle.evict(most=self._limits.max_connections - connections.cap.used))
        backend = SyncBackend()
        factory = httpcore.ConnectionPool(
            self._context, _get_proxy(self._proxies, origin, self._context), network_backend=backend
        )
        return Connection(factory.create_connection(origin), origin, backend)


class AsyncPool:
    """The async counterpart of `SyncPool`. Its limits are for each event loop."""

    def __init__(self, limits: Limits, context: ssl.SSLContext) -> None:
        self._limits = limits
        self._context = context
        self._proxies = Proxies()
        self._loops = PerLoop(lambda: _LoopConnections(limits), _LoopConnections.aclose)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._loops.aclose()

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        attempt = _get_attempt(request)
        connections = await self._loops.get()
        if not await connections.acquire(attempt):
            raise _all_in_use(self._limits)
        try:
            connection = await self._get(connections, request.url.origin)
            connection.backend.attempt = attempt
            try:
                response = await connection.inner.handle_async_request(request)
            except BaseException:
                await _aclose([connection])
                raise
        except BaseException as error:
            connections.release()
            if not isinstance(error, Exception):
                raise
            raise_library_error(error, attempt)
        connection.keep_alive = parse_keep_alive(response.headers)
        response.stream = _AsyncBody(response.stream, connection, connections)
        return cast(httpcore.Response, response)

    async def _get(self, connections: _LoopConnections, origin: httpcore.Origin) -> Connection[AsyncBackend]:
        while connection := connections.idle.pop(origin):
            if connection.is_reusable():
                return connection
            await _aclose([connection])
        if self._limits.max_connections is not None:
            await _aclose(connections.idle.evict(most=self._limits.max_connections - connections.used))
        backend = AsyncBackend()
        factory = httpcore.AsyncConnectionPool(
            self._context, _get_proxy(self._proxies, origin, self._context), network_backend=backend
        )
        return Connection(factory.create_connection(origin), origin, backend)


class _ProcessConnections:
    """The connections of a sync client in one process."""

    def __init__(self, limits: Limits) -> None:
        self.process = os.getpid()
        self.idle = IdleConnections[SyncBackend](limits)
        self.cap = Cap(limits.max_connections)

    def close(self) -> None:
        _close(self.idle.close())


class _LoopConnections:
    """The connections of an async client in one event loop."""

    def __init__(self, limits: Limits) -> None:
        self.idle = IdleConnections[AsyncBackend](limits)
        self.used = 0
        self._places = None if limits.max_connections is None else anyio.Semaphore(limits.max_connections)

    async def aclose(self) -> None:
        await _aclose(self.idle.close())

    async def acquire(self, attempt: Attempt) -> bool:
        """Begin to use a connection. False: none became free in time."""
        if self._places is not None:
            try:
                self._places.acquire_nowait()
            except anyio.WouldBlock:
                with anyio.move_on_after(attempt.remaining("pool")) as waiting:
                    await self._places.acquire()
                if waiting.cancelled_caught:
                    return False
        self.used += 1
        return True

    def release(self) -> None:
        self.used -= 1
        if self._places is not None:
            self._places.release()


class _SyncBody:
    """The body of a response. Its connection goes back to the pool when it is closed."""

    def __init__(self, stream: Any, connection: Connection[SyncBackend], connections: _ProcessConnections) -> None:
        self._stream = stream
        self._connection = connection
        self._connections: _ProcessConnections | None = connections

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except Exception as error:
            raise_library_error(error, self._connection.backend.attempt)

    def close(self) -> None:
        connections, self._connections = self._connections, None
        if connections is None:
            return
        try:
            self._stream.close()
            in_the_way = connections.idle.make_room(self._connection)
            _close(in_the_way)
        except BaseException:
            _close([self._connection])
            raise
        else:
            # Last: from here on, the connection can belong to another call.
            if self._connection not in in_the_way:
                _close(connections.idle.push(self._connection))
        finally:
            connections.cap.leave(self._connection.backend.attempt)


class _AsyncBody:
    """The async counterpart of `_SyncBody`."""

    def __init__(self, stream: Any, connection: Connection[AsyncBackend], connections: _LoopConnections) -> None:
        self._stream = stream
        self._connection = connection
        self._connections: _LoopConnections | None = connections

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._chunks = aiter(self._stream)
        return self

    # Not an async generator: where the loop over one ends early, closing it is left to the garbage collector.
    async def __anext__(self) -> bytes:
        try:
            return cast(bytes, await anext(self._chunks))
        except StopAsyncIteration:
            raise
        except Exception as error:
            raise_library_error(error, self._connection.backend.attempt)

    async def aclose(self) -> None:
        connections, self._connections = self._connections, None
        if connections is None:
            return
        try:
            await self._stream.aclose()
            in_the_way = connections.idle.make_room(self._connection)
            await _aclose(in_the_way)
        except BaseException:
            await _aclose([self._connection])
            raise
        else:
            # Last: from here on, the connection can belong to another call.
            if self._connection not in in_the_way:
                await _aclose(connections.idle.push(self._connection))
        finally:
            connections.release()


def _get_attempt(request: httpcore.Request) -> Attempt:
    return cast(Attempt, cast(dict[str, Any], request.extensions)[ATTEMPT])


def _get_proxy(proxies: Proxies, origin: httpcore.Origin, context: ssl.SSLContext) -> httpcore.Proxy | None:
    """Return the proxy that the environment named for `origin` when the client was made.

    Raises:
        httpx.ProxyError: It cannot be used.
    """
    url = proxies.find(httpx.URL(scheme=origin.scheme.decode(), host=origin.host.decode(), port=origin.port))
    return None if url is None else httpcore_proxy(url, context)


def _all_in_use(limits: Limits) -> httpcore.PoolTimeout:
    return httpcore.PoolTimeout(f"all {limits.max_connections} connections are in use")


def _close(connections: Iterable[Connection[SyncBackend]]) -> None:
    for connection in connections:
        for each in connection.parts():
            each.close()


async def _aclose(connections: Sequence[Connection[AsyncBackend]]) -> None:
    """Close them all, even if the task is cancelled meanwhile: each closes its socket before it waits."""
    async with AsyncExitStack() as stack:
        for connection in reversed(connections):
            for each in reversed(connection.parts()):
                stack.push_async_callback(each.aclose)
