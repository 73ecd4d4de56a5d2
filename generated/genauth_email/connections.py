"""What the clients send on: connections of their own, or the user's `http_client`. Only this module and `client` know httpx."""

from __future__ import annotations

import os
import ssl
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache, lru_cache
from threading import Lock
from time import monotonic
from typing import Any, Final, Generic, Protocol, TypeVar
from urllib.request import getproxies, proxy_bypass
from weakref import WeakSet

import httpx

# As httpx has them.
MAX_CONNECTIONS: Final = 100
KEPT_IDLE: Final = 5.0  # Seconds.

_Transport = TypeVar("_Transport")
_HttpClient = TypeVar("_HttpClient", httpx.Client, httpx.AsyncClient)
Timeout = Mapping[str, float | None]


class Content(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a request."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._rest: Iterator[bytes] = iter(())
        self.taken = False

    def __iter__(self) -> Iterator[bytes]:
        self.taken = True
        return iter((self.content,))

    # No generator: where the sending fails, httpx would leave that to the garbage collection.
    def __aiter__(self) -> AsyncIterator[bytes]:
        self._rest = iter((self.content,))
        return self

    async def __anext__(self) -> bytes:
        self.taken = True
        for content in self._rest:
            return content
        raise StopAsyncIteration


class HttpRequest(httpx.Request):
    """A request that knows whether its body was taken to be sent. Before that, no server can have acted on it."""

    def __init__(
        self, method: str, url: httpx.URL, headers: httpx.Headers, content: bytes, timeout: Timeout
    ) -> None:
        self.body = Content(content)
        super().__init__(
            method, url, headers=headers, stream=self.body, extensions={"timeout": dict(timeout)}
        )

    @property
    def content(self) -> bytes:
        # A hook of the user's expects it to be there. Who took it for what, we cannot know.
        return self.read()

    @property
    def taken(self) -> bool:
        return self.body.taken or self.stream is not self.body

    def begin(self) -> None:
        """Forget what was taken for the attempt before."""
        self.body.taken = False


class HttpResponse(Protocol):
    """What the clients ask of a response of httpx, and of aiohttp's."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> httpx.Headers: ...

    @property
    def is_stream_consumed(self) -> bool: ...

    @property
    def content(self) -> bytes: ...


class _Places:
    """A semaphore that is fair: `threading`'s lets those go first who come while others wait."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._lock = Lock()
        self._waiting: deque[Lock] = deque()

    def acquire(self, timeout: float | None) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        came = False
        try:
            came = turn.acquire(timeout=-1 if timeout is None else timeout)
        finally:
            if not came:
                with self._lock:
                    # It may have come since.
                    given = turn not in self._waiting
                    if not given:
                        self._waiting.remove(turn)
                if given:
                    self.release()
        return came

    def release(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


class _Idle(Generic[_Transport]):
    """The connections that wait for their next request, those used last at the end."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, str, _Transport]] = []

    def take(self, host: str) -> _Transport | None:
        for index in range(len(self._kept) - 1, -1, -1):
            if self._kept[index][1] == host:
                return self._kept.pop(index)[2]
        return None

    def keep(self, host: str, transport: _Transport) -> None:
        self._kept.append((monotonic() + KEPT_IDLE, host, transport))

    def drop(self, *, all: bool = False) -> list[_Transport]:
        """Take out those that nobody wanted for too long, or that are too many."""
        now = monotonic()
        count = len(self._kept) if all else max(len(self._kept) - MAX_CONNECTIONS, 0)
        while count < len(self._kept) and self._kept[count][0] < now:
            count += 1
        dropped = [transport for _, _, transport in self._kept[:count]]
        del self._kept[:count]
        return dropped


class OwnConnections:
    """What all kinds of our own connections share."""

    def __init__(self) -> None:
        self._closed = False
        self._proxies: dict[str, str | None] = {}

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any],
        headers: httpx.Headers,
        content: bytes,
        timeout: Timeout,
    ) -> HttpRequest:
        where, host = _parse(url)
        request = HttpRequest(
            method, where.copy_merge_params(params) if params else where, headers, content, timeout
        )
        request.headers["host"] = host
        request.headers["content-length"] = str(len(content))
        return request

    def _proxy(self, host: str) -> str | None:
        if host not in self._proxies:
            self._proxies[host] = _proxy_for(host)
        return self._proxies[host]

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("Cannot send a request, as the client has been closed.")


class Connections(OwnConnections):
    """Up to 100 connections. Each is a transport of httpx with room for one.

    With all of them in one pool of httpx, the work for each event would grow with the requests that wait times the
    connections that are open: https://github.com/encode/httpx/issues/3215.
    """

    def __init__(self) -> None:
        super().__init__()
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._free = _Places(MAX_CONNECTIONS)
        self._lock = Lock()
        self._idle = _Idle[httpx.HTTPTransport]()

    def begin_in_child(self) -> None:
        """Leave the connections to the parent process, which goes on using them."""
        idle = self._idle
        # At the moment of the fork another thread may have held the lock.
        self._begin()
        for transport in idle.drop(all=True):
            transport.close()

    def close(self) -> None:
        self._closed = True
        with self._lock:
            idle = self._idle.drop(all=True)
        for transport in idle:
            transport.close()

    @contextmanager
    def exchange(self, host: str, request: HttpRequest) -> Generator[httpx.Response, None, None]:
        """Send a request. Its answer can be read as long as the `with` statement lasts.

        Raises:
            httpx.RequestError: There was no answer.
        """
        self._check_open()
        free = self._free
        if not free.acquire(timeout=request.extensions["timeout"]["pool"]):
            raise _all_in_use(request)
        try:
            with self._lock:
                transport = self._idle.take(host)
            if transport is None:
                transport = _open(httpx.HTTPTransport, self._proxy(host))
            try:
                response = transport.handle_request(request)
                yield response
                response.close()
                if _more_came(transport):
                    transport.close()
            except BaseException as error:
                # Who knows what state it is in.
                transport.close()
                if isinstance(error, httpx.RequestError):
                    error.request = request
                raise
            with self._lock:
                self._idle.keep(host, transport)
                dropped = self._idle.drop(all=self._closed)
            for each in dropped:
                each.close()
        finally:
            free.release()


# A process that was forked must not send on the connections of its parent, who would get its answers.
_all: WeakSet[Connections] = WeakSet()


def _begin_in_child() -> None:
    for connections in list(_all):
        connections.begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


class AsyncConnections(OwnConnections):
    """Up to 100 connections, of one event loop. That does not survive a fork, so neither do these."""

    def __init__(self) -> None:
        import anyio

        super().__init__()
        self._free = anyio.Semaphore(MAX_CONNECTIONS)
        self._idle = _Idle[httpx.AsyncHTTPTransport]()

    async def aclose(self) -> None:
        self._closed = True
        for transport in self._idle.drop(all=True):
            await transport.aclose()

    @asynccontextmanager
    async def exchange(
        self, host: str, request: HttpRequest, seconds: float
    ) -> AsyncGenerator[httpx.Response, None]:
        """Send a request. Its answer can be read as long as the `with` statement lasts, but no longer than that.

        Raises:
            httpx.RequestError: There was no answer, or not in time.
        """
        import anyio

        self._check_open()
        with _time_limit(seconds):
            await self._acquire(request)
            try:
                transport = self._idle.take(host)
                if transport is None:
                    transport = _open(httpx.AsyncHTTPTransport, self._proxy(host))
                opened: list[Any] = []

                async def note(event: str, info: Mapping[str, Any]) -> None:
                    if event == "connection.connect_tcp.complete":
                        opened.append(info["return_value"])

                request.extensions["trace"] = note
                try:
                    response = await transport.handle_async_request(request)
                    yield response
                    await response.aclose()
                    if _more_came(transport):
                        await transport.aclose()
                except BaseException as error:
                    # Who knows what state it is in. One that is cancelled while it shakes hands, httpcore forgets to close.
                    with anyio.CancelScope(shield=True):
                        for each in (transport, *opened):
                            await each.aclose()
                    if isinstance(error, ssl.SSLError):
                        raise _broken_by_tls(error, request) from error
                    if isinstance(error, httpx.RequestError):
                        error.request = request
                    raise
                self._idle.keep(host, transport)
                for each in self._idle.drop(all=self._closed):
                    await each.aclose()
            finally:
                self._free.release()

    async def _acquire(self, request: HttpRequest) -> None:
        import anyio

        try:
            self._free.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(request.extensions["timeout"]["pool"]) as waiting:
                await self._free.acquire()
            if waiting.cancelled_caught:
                raise _all_in_use(request) from None


class _Borrowed(Generic[_HttpClient]):
    """The user's own `http_client`."""

    def __init__(self, http_client: _HttpClient) -> None:
        self._http_client: _HttpClient = http_client

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any],
        headers: httpx.Headers,
        content: bytes,
        timeout: Timeout,
    ) -> HttpRequest:
        built = self._http_client.build_request(method, url, params=params, headers=headers, content=content)
        return HttpRequest(method, built.url, built.headers, content, timeout)


class HttpClient(_Borrowed[httpx.Client]):
    """The user's own `httpx.Client`."""

    def close(self) -> None:
        """It is its owner who closes it."""

    @contextmanager
    def exchange(self, host: str, request: HttpRequest) -> Generator[httpx.Response, None, None]:
        # A redirect would take the user's token, and the email, to wherever it points.
        response = self._http_client.send(request, stream=True, follow_redirects=False)
        try:
            yield response
        finally:
            response.close()


class AsyncHttpClient(_Borrowed[httpx.AsyncClient]):
    """The user's own `httpx.AsyncClient`."""

    async def aclose(self) -> None:
        """It is its owner who closes it."""

    @asynccontextmanager
    async def exchange(
        self, host: str, request: HttpRequest, seconds: float
    ) -> AsyncGenerator[httpx.Response, None]:
        import anyio

        with _time_limit(seconds):
            # A redirect would take the user's token, and the email, to wherever it points.
            try:
                response = await self._http_client.send(request, stream=True, follow_redirects=False)
            except ssl.SSLError as error:
                raise _broken_by_tls(error, request) from error
            try:
                yield response
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()


@contextmanager
def _time_limit(seconds: float) -> Generator[None, None, None]:
    import anyio

    with anyio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise out_of_time()


def out_of_time() -> httpx.ReadTimeout:
    return httpx.ReadTimeout("the whole answer was not there in time")


@lru_cache
def _parse(url: str) -> tuple[httpx.URL, str]:
    """The URL, and the `Host` that it means."""
    parsed = httpx.URL(url)
    return parsed, parsed.netloc.decode("ascii")


def _open(kind: Callable[..., _Transport], proxy: str | None) -> _Transport:
    limits = httpx.Limits(max_connections=1, keepalive_expiry=KEPT_IDLE)
    return kind(verify=ssl_context(), limits=limits, proxy=proxy)


def _proxy_for(host: str) -> str | None:
    """The proxy that the environment names, as for every httpx client."""
    url = httpx.URL(host)
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc.decode("ascii")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


@cache
def ssl_context() -> ssl.SSLContext:
    # Reading the certificates takes most of the time of making a connection, so it is done once.
    return httpx.create_ssl_context()


def _all_in_use(request: HttpRequest) -> httpx.PoolTimeout:
    return httpx.PoolTimeout(f"all {MAX_CONNECTIONS} connections are in use", request=request)


def _broken_by_tls(error: ssl.SSLError, request: HttpRequest) -> httpx.ReadError:
    # Such as that of a server which wants a certificate of ours. The sync httpcore does the same.
    return httpx.ReadError(str(error), request=request)


def _more_came(transport: httpx.HTTPTransport | httpx.AsyncHTTPTransport) -> bool:
    """Tell whether more came than the answer. httpcore would take it for the answer to the next request."""
    connection: Any = next(iter(transport._pool.connections), None)  # pyright: ignore[reportPrivateUsage]
    while connection is not None and not hasattr(connection, "_h11_state"):
        connection = getattr(connection, "_connection", None)
    return connection is not None and connection._h11_state.trailing_data[0] != b""
