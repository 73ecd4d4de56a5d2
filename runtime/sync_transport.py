"""How a sync client sends a request: through an httpx client, its own or the user's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from threading import Lock
from types import TracebackType
from typing import Any, Self, cast
from weakref import WeakSet

from .environment import ssl_context
from .http import Httpx2Client, httpcore, httpx, httpx_error, httpx_headers, library_of
from .internals import PoolTransport
from .network import SyncBackend
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
from .semaphore import FairSemaphore, Permit
from .users_client import bound_auth, extensions_of


class SyncTransport:
    """Sends requests through an httpx client.

    Args:
        http_client: The user's own client. None: one of our own, on a `SyncPool`.
        limits: The limits of that pool. None: the default ones.
    """

    def __init__(self, http_client: httpx.Client | Httpx2Client | None, limits: httpx.Limits | None) -> None:
        self._is_own = http_client is None
        self._library = library_of(http_client)
        self._http_client: Any = http_client or _OwnClient(transport=PoolTransport(SyncPool(Limits.of(limits))))

    def send(self, request: HTTPRequest, attempt: Attempt, reader: ResponseReader) -> None:
        """Send a request, and read the response.

        Raises:
            httpx.RequestError: There was no response, or it broke off.
            RuntimeError: The client is closed.
        """
        tracked = track(request, attempt, None if self._is_own else self._http_client)
        options: dict[str, Any] = {}
        if not self._is_own:
            tracked.extensions.update(extensions_of(attempt))
            options = bound_auth(self._http_client, attempt)
        try:
            # A redirect would take the access token, and the request body, to wherever it points.
            response = self._http_client.send(tracked, stream=True, follow_redirects=False, **options)
            try:
                reader.start(response.status_code, httpx_headers(response.headers))
                if response.is_stream_consumed:
                    reader.feed_consumed(response)
                else:
                    self._read(response, reader)
            finally:
                response.close()
        except self._library.RequestError as error:
            if self._library is httpx:
                raise
            raise httpx_error(error) from error
        finally:
            tracked.note_other_body(own=self._is_own)
            attempt.end()

    def _read(self, response: httpx.Response, reader: ResponseReader) -> None:
        for chunk in cast(Iterable[bytes], response.stream):
            if not reader.feed(chunk):
                # Nothing more can come after this, so the loop ends.
                response.close()

    def close(self) -> None:
        """Close the connections, unless they are the user's."""
        if self._is_own:
            self._http_client.close()


class _NoCookies(httpx.Cookies):
    """Keeps nothing: end users share a client, and must not share a session."""

    def extract_cookies(self, response: httpx.Response) -> None:
        pass


NO_COOKIES = _NoCookies()


class _OwnClient(httpx.Client):
    @property
    def cookies(self) -> httpx.Cookies:
        return NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        pass


class SyncPool:
    """Connections for all hosts together. It is the connection pool of a transport of httpx.

    The pool of httpcore does work for each event that grows with the requests that wait times the connections that
    are open: https://github.com/encode/httpx/issues/3215.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._ssl_context = ssl_context()
        self._closed = False
        self._start()
        _all_pools.add(self)

    def _start(self) -> None:
        self.semaphore = FairSemaphore(self._limits.max_connections)
        self._lock = Lock()
        self._idle = IdleConnections[SyncBackend](self._limits)

    def after_fork_in_child(self) -> None:
        """Leave the connections to the parent process, which goes on using them."""
        idle = self._idle
        # At the moment of the fork another thread may have held the lock.
        self._start()
        _close(idle.evict(all=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        with self._lock:
            idle = self._idle.evict(all=True)
        _close(idle)

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        attempt = attempt_of(request)
        semaphore = self.semaphore
        permit = semaphore.acquire(attempt.get("pool"))
        if permit is None:
            raise all_in_use(self._limits)
        try:
            origin = request.url.origin
            connection = self._pop(origin) or self._connect(origin)
            connection.backend.attempt = attempt
            try:
                response = connection.inner.handle_request(request)
            except BaseException as error:
                self._idle.used.discard(connection)
                _close([connection])
                if attempt.body_started or not isinstance(error, Exception):
                    raise
                raise connect_error(error) from error
            connection.keepalive = keepalive_of(response.headers)
            response.stream = stream = _PoolStream(response.stream, self, connection, permit)
            attempt.on_end(stream.close)
            return cast(httpcore.Response, response)
        except BaseException:
            semaphore.release(permit)
            raise

    def _pop(self, origin: httpcore.Origin) -> Connection[SyncBackend] | None:
        while True:
            with self._lock:
                connection = self._idle.pop(origin)
            if connection is None or connection.is_reusable():
                return connection
            self._idle.used.discard(connection)
            _close([connection])

    def _connect(self, origin: httpcore.Origin) -> Connection[SyncBackend]:
        backend = SyncBackend()
        factory = httpcore.ConnectionPool(self._ssl_context, proxy_of(origin), network_backend=backend)
        connection = Connection(factory.create_connection(origin), origin, backend)
        with self._lock:
            self._idle.used.add(connection)
            evicted = self._idle.evict()
        _close(evicted)
        return connection

    def release(self, connection: Connection[SyncBackend]) -> None:
        """Take back a connection whose response is closed."""
        self._idle.used.discard(connection)
        if connection.is_clean():
            with self._lock:
                self._idle.push(connection)
                evicted = self._idle.evict(all=self._closed)
        else:
            evicted = [connection]
        _close(evicted)


def _close(connections: Iterable[Connection[SyncBackend]]) -> None:
    for connection in connections:
        for each in connection.to_close():
            each.close()


class _PoolStream:
    """The body of a response. Its connection goes back to the pool when it is closed."""

    def __init__(self, stream: Any, pool: SyncPool, connection: Connection[SyncBackend], permit: Permit) -> None:
        self._stream = stream
        self._pool = pool
        self._semaphore = pool.semaphore  # A fork can give the pool another one.
        self._connection = connection
        self._permit: Permit | None = permit

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        permit, self._permit = self._permit, None
        if permit is not None:
            try:
                self._stream.close()
                self._pool.release(self._connection)
            except BaseException:
                _close([self._connection])
                raise
            finally:
                self._semaphore.release(permit)


# A process that was forked must not send on the connections of its parent, who would get the responses.
_all_pools: WeakSet[SyncPool] = WeakSet()


def _after_fork_in_child() -> None:
    for pool in list(_all_pools):
        pool.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
