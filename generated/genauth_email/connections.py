"""What the clients send on, and what they receive: connections of their own, or the user's `http_client`."""

from __future__ import annotations

import os
import ssl
import zlib
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from functools import cache, lru_cache
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar, cast
from urllib.request import getproxies, proxy_bypass
from weakref import WeakSet

import httpx

if TYPE_CHECKING:
    import httpcore

MAX_ANSWER_SIZE: Final = 1024 * 1024
"""Bytes, decompressed. The answers of the API have some hundred; what is longer is none of them."""

# As httpx has them.
MAX_CONNECTIONS: Final = 100
KEPT_IDLE: Final = 5.0  # Seconds.

_TransportT = TypeVar("_TransportT")
_HttpClient = TypeVar("_HttpClient", httpx.Client, httpx.AsyncClient)
Timeout = Mapping[str, float | None]


class HttpRequest:
    """What a call sends.

    Attributes:
        url: Where to, without the query's parameters.
        host: The application's host: what has the same can go over the same connection.
        timeout: Seconds for each step, by httpx's names for them.
        taken: Whether the body was taken to be sent. Before that, no server can have acted on it.
        as_httpx: How it was given to httpx.
    """

    def __init__(
        self,
        method: str,
        url: str,
        host: str,
        params: Mapping[str, Any],
        headers: Mapping[str, str],
        content: bytes,
        timeout: Timeout,
    ) -> None:
        self.method: str = method
        self.url: str = url
        self.host: str = host
        self.params: Mapping[str, Any] = params
        self.headers: Mapping[str, str] = headers
        self.content: bytes = content
        self.timeout: Timeout = timeout
        self.taken: bool = False
        self.as_httpx: httpx.Request | None = None


class Received:
    """An answer, as far as it came.

    Attributes:
        deadline: When the time is up, by `monotonic`.
        begun: Whether there is an answer at all. Before that it has neither a status nor headers.
        flaw: What is wrong with the body, if it is not whole.
        late: Whether the time was up before it was.
    """

    status: int
    headers: httpx.Headers

    def __init__(self, deadline: float) -> None:
        self.deadline: float = deadline
        self.begun: bool = False
        self.flaw: str = ""
        self.late: bool = False
        self._decompressed = False
        self._content = bytearray()

    def begin(self, status: int, headers: httpx.Headers) -> None:
        self.begun = True
        self.status = status
        self.headers = headers

    def take_whole(self, content: bytes) -> None:
        """Take a body that httpx has decompressed."""
        self._decompressed = True
        self._content += content

    def take(self, chunk: bytes) -> bool:
        """Take a part of the body, and tell whether there may be more of it."""
        self.late = monotonic() > self.deadline
        if len(self._content) <= MAX_ANSWER_SIZE:
            self._content += chunk
        return not self.late and len(self._content) <= MAX_ANSWER_SIZE

    def body(self) -> bytes:
        """Return the body, decompressed if that can be done."""
        content = bytes(self._content)
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if not self._decompressed and not self.flaw and encoding != "identity":
            try:
                content = _decompressed(content, encoding)
            except (ValueError, zlib.error) as error:
                self.flaw = str(error)
        if len(content) > MAX_ANSWER_SIZE:
            self.flaw = f"it is longer than {MAX_ANSWER_SIZE:,} bytes"
        return content[:MAX_ANSWER_SIZE]


def _decompressed(content: bytes, encoding: str) -> bytes:
    """Decompress the body of an answer, but not to much more than its greatest size.

    Raises:
        ValueError: It is cut short, or not compressed in a way that was asked for.
        zlib.error: It is broken.
    """
    if encoding not in ("gzip", "deflate"):
        raise ValueError("its Content-Encoding is neither gzip nor deflate")
    # 32: zlib finds out itself which of the two it is.
    decompressor = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)
    decompressed = decompressor.decompress(content, MAX_ANSWER_SIZE + 1)
    if not decompressor.eof and len(decompressed) <= MAX_ANSWER_SIZE:
        raise ValueError(f"its {encoding} is cut short")
    return decompressed


class _Content(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a request, for httpx."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._rest: Iterator[bytes] = iter(())

    def __iter__(self) -> Iterator[bytes]:
        self._request.taken = True
        return iter((self._request.content,))

    # No generator: where the sending fails, httpx would leave that to the garbage collection.
    def __aiter__(self) -> AsyncIterator[bytes]:
        self._rest = iter((self._request.content,))
        return self

    async def __anext__(self) -> bytes:
        self._request.taken = True
        for content in self._rest:
            return content
        raise StopAsyncIteration


class _HttpxRequest(httpx.Request):
    def __init__(
        self, request: HttpRequest, url: httpx.URL, headers: Mapping[str, str] | httpx.Headers
    ) -> None:
        super().__init__(
            request.method,
            url,
            headers=headers,
            stream=_Content(request),
            extensions={"timeout": dict(request.timeout)},
        )
        request.as_httpx = self

    @property
    def content(self) -> bytes:
        # A hook of the user's expects it to be there. Who took it for what, we cannot know.
        return self.read()


def _receive(response: httpx.Response, received: Received) -> None:
    received.begin(response.status_code, response.headers)
    if response.is_stream_consumed:  # By a hook of the user's.
        received.take_whole(response.content)
        return
    for chunk in cast(Iterable[bytes], response.stream):
        if not received.take(chunk):
            # Now the next one cannot come, and with that all that reads from it ends.
            response.close()


async def _receive_async(response: httpx.Response, received: Received) -> None:
    import anyio

    received.begin(response.status_code, response.headers)
    if response.is_stream_consumed:
        received.take_whole(response.content)
        return
    async for chunk in cast(AsyncIterable[bytes], response.stream):
        if not received.take(chunk):
            # Were this loop left here, the stream would be for the garbage collection to end.
            with anyio.CancelScope(shield=True):
                await response.aclose()


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


class _Transport(httpx.HTTPTransport):
    """A transport with one connection in place of a pool: the pool's work would be a tenth of a call's."""

    def __init__(self, host: str) -> None:
        # Not before it is needed, as it loads all of anyio and trio: httpx does the same.
        import httpcore

        super().__init__(verify=ssl_context(), trust_env=False)
        self.connection = httpcore.HTTPConnection(httpcore.URL(host).origin, ssl_context=ssl_context())
        self._pool = self.connection  # type: ignore[assignment]


class _AsyncTransport(httpx.AsyncHTTPTransport):
    """The async twin of `_Transport`."""

    def __init__(self, host: str) -> None:
        import httpcore

        super().__init__(verify=ssl_context(), trust_env=False)
        self.connection = httpcore.AsyncHTTPConnection(httpcore.URL(host).origin, ssl_context=ssl_context())
        self._pool = self.connection  # type: ignore[assignment]


class _Idle(Generic[_TransportT]):
    """The connections that wait for their next request, those used last at the end."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, str, _TransportT]] = []

    def take(self, host: str) -> _TransportT | None:
        now = monotonic()
        for index in range(len(self._kept) - 1, -1, -1):
            end, its_host, transport = self._kept[index]
            if end < now:  # So it is for all before it, and `drop` takes them.
                break
            if its_host == host:
                del self._kept[index]
                return transport
        return None

    def keep(self, host: str, transport: _TransportT) -> None:
        self._kept.append((monotonic() + KEPT_IDLE, host, transport))

    def drop(self, *, all: bool = False) -> list[_TransportT]:
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

    def _httpx_request(self, request: HttpRequest) -> httpx.Request:
        _, host = _parse(request.url)
        headers = {"host": host, **request.headers, "content-length": str(len(request.content))}
        return _HttpxRequest(request, url_of(request), headers)

    def _proxy(self, host: str) -> str | None:
        if host not in self._proxies:
            self._proxies[host] = _proxy_for(host)
        return self._proxies[host]

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("Cannot send a request, as the client has been closed.")


class Connections(OwnConnections):
    """Up to 100 connections. Each is a transport of httpx, which is where tools for tracing and tests take hold.

    In one pool of httpx, the work for each event would grow with the requests that wait times the connections that
    are open: https://github.com/encode/httpx/issues/3215.
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

    def exchange(self, request: HttpRequest, received: Received) -> None:
        """Send a request, and receive its answer.

        Raises:
            httpx.RequestError: There was no answer, or it broke off.
        """
        self._check_open()
        httpx_request = self._httpx_request(request)
        free = self._free
        if not free.acquire(timeout=request.timeout["pool"]):
            raise _all_in_use(httpx_request)
        try:
            transport = self._take(request.host) or self._open(request.host)
            try:
                response = transport.handle_request(httpx_request)
                _receive(response, received)
                response.close()
                if _more_came(transport):
                    transport.close()
            except BaseException as error:
                # Who knows what state it is in.
                transport.close()
                if isinstance(error, httpx.RequestError):
                    error.request = httpx_request
                raise
            with self._lock:
                self._idle.keep(request.host, transport)
                dropped = self._idle.drop(all=self._closed)
            for each in dropped:
                each.close()
        finally:
            free.release()

    def _take(self, host: str) -> httpx.HTTPTransport | None:
        while True:
            with self._lock:
                transport = self._idle.take(host)
            # One with a pool sees to that itself.
            if not isinstance(transport, _Transport) or _is_fit(transport.connection):
                return transport
            transport.close()

    def _open(self, host: str) -> httpx.HTTPTransport:
        proxy = self._proxy(host)
        return _Transport(host) if proxy is None else httpx.HTTPTransport(**_through(proxy))


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
        await _close(self._idle.drop(all=True))

    async def exchange(self, request: HttpRequest, received: Received) -> None:
        """Send a request, and receive its answer.

        Raises:
            httpx.RequestError: There was no answer, or it broke off, or was late.
        """
        self._check_open()
        httpx_request = self._httpx_request(request)
        with _until(received.deadline):
            await self._acquire(httpx_request)
            try:
                idle = await self._take(request.host)
                transport = idle or self._open(request.host)
                opened: list[Any] = []
                if not isinstance(idle, _AsyncTransport):
                    httpx_request.extensions["trace"] = _note(opened)
                try:
                    response = await transport.handle_async_request(httpx_request)
                    await _receive_async(response, received)
                    await response.aclose()
                    if _more_came(transport):
                        await _close([transport])
                except BaseException as error:
                    # Who knows what state it is in. One that is cancelled while it shakes hands, httpcore forgets to close.
                    await _close([transport, *opened])
                    if isinstance(error, ssl.SSLError):
                        raise _broken_by_tls(error, httpx_request) from error
                    if isinstance(error, httpx.RequestError):
                        error.request = httpx_request
                    raise
                self._idle.keep(request.host, transport)
                await _close(self._idle.drop(all=self._closed))
            finally:
                self._free.release()

    async def _take(self, host: str) -> httpx.AsyncHTTPTransport | None:
        while True:
            transport = self._idle.take(host)
            # One with a pool sees to that itself.
            if not isinstance(transport, _AsyncTransport) or _is_fit(transport.connection):
                return transport
            await _close([transport])

    def _open(self, host: str) -> httpx.AsyncHTTPTransport:
        proxy = self._proxy(host)
        return _AsyncTransport(host) if proxy is None else httpx.AsyncHTTPTransport(**_through(proxy))

    async def _acquire(self, request: httpx.Request) -> None:
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

    @contextmanager
    def _httpx_request(self, request: HttpRequest) -> Generator[httpx.Request, None, None]:
        built = self._http_client.build_request(
            request.method,
            request.url,
            params=request.params,
            headers=request.headers,
            content=request.content,
        )
        httpx_request = _HttpxRequest(request, built.url, built.headers)
        stream = httpx_request.stream
        try:
            yield httpx_request
        finally:
            # A hook of the user's may have put another in its place.
            request.taken |= httpx_request.stream is not stream


class HttpClient(_Borrowed[httpx.Client]):
    """The user's own `httpx.Client`."""

    def close(self) -> None:
        """It is its owner who closes it."""

    def exchange(self, request: HttpRequest, received: Received) -> None:
        with self._httpx_request(request) as httpx_request:
            # A redirect would take the user's token, and the email, to wherever it points.
            response = self._http_client.send(httpx_request, stream=True, follow_redirects=False)
            try:
                _receive(response, received)
            finally:
                response.close()


class AsyncHttpClient(_Borrowed[httpx.AsyncClient]):
    """The user's own `httpx.AsyncClient`."""

    async def aclose(self) -> None:
        """It is its owner who closes it."""

    async def exchange(self, request: HttpRequest, received: Received) -> None:
        import anyio

        with _until(received.deadline), self._httpx_request(request) as httpx_request:
            # A redirect would take the user's token, and the email, to wherever it points.
            try:
                response = await self._http_client.send(httpx_request, stream=True, follow_redirects=False)
            except ssl.SSLError as error:
                raise _broken_by_tls(error, httpx_request) from error
            try:
                await _receive_async(response, received)
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()


async def _close(closable: Sequence[Any]) -> None:
    """Close them all, even if the task is cancelled meanwhile."""
    if closable:
        import anyio

        try:
            # Against a cancel scope, and the `finally` against `Task.cancel`.
            with anyio.CancelScope(shield=True):
                await closable[0].aclose()
        finally:
            await _close(closable[1:])


def _note(opened: list[Any]) -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    async def note(event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            opened.append(info["return_value"])

    return note


@contextmanager
def _until(deadline: float) -> Generator[None, None, None]:
    import anyio

    with anyio.move_on_after(max(deadline - monotonic(), 0)) as scope:
        yield
    if scope.cancelled_caught:
        raise_alone(out_of_time())


def raise_alone(error: Exception) -> NoReturn:
    """Raise an error without the one that is being handled, which shows the request."""
    try:
        raise error from None
    finally:
        error.__context__ = None


def out_of_time() -> httpx.ReadTimeout:
    return httpx.ReadTimeout("the whole answer was not there in time")


@lru_cache
def _parse(url: str) -> tuple[httpx.URL, str]:
    """The URL, and the `Host` that it means."""
    parsed = httpx.URL(url)
    return parsed, parsed.netloc.decode("ascii")


def url_of(request: HttpRequest) -> httpx.URL:
    """Where a request is sent, with the query's parameters."""
    url, _ = _parse(request.url)
    return url.copy_merge_params(request.params) if request.params else url


def _through(proxy: str) -> dict[str, Any]:
    """The arguments of a transport with room for one connection, through a proxy."""
    return {"verify": ssl_context(), "proxy": proxy, "limits": httpx.Limits(max_connections=1)}


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


def _all_in_use(request: httpx.Request) -> httpx.PoolTimeout:
    return httpx.PoolTimeout(f"all {MAX_CONNECTIONS} connections are in use", request=request)


def _broken_by_tls(error: ssl.SSLError, request: httpx.Request) -> httpx.ReadError:
    # Such as that of a server which wants a certificate of ours. The sync httpcore does the same.
    return httpx.ReadError(str(error), request=request)


def _is_fit(connection: httpcore.HTTPConnection | httpcore.AsyncHTTPConnection) -> bool:
    """Tell whether a connection can take a request: the server may have closed it."""
    return connection.is_available() and not connection.has_expired()


def _more_came(transport: httpx.HTTPTransport | httpx.AsyncHTTPTransport) -> bool:
    """Tell whether more came than the answer. httpcore would take it for the answer to the next request."""
    connection: Any = (
        transport.connection
        if isinstance(transport, _Transport | _AsyncTransport)
        else next(iter(transport._pool.connections), None)  # pyright: ignore[reportPrivateUsage]
    )
    while connection is not None and not hasattr(connection, "_h11_state"):
        connection = getattr(connection, "_connection", None)
    if connection is None:
        return False
    if connection._h11_state.trailing_data[0]:
        return True
    # An async stream of TLS may have read from the socket what it has not decrypted yet.
    tls = connection._network_stream.get_extra_info("ssl_object")
    if not isinstance(tls, ssl.SSLObject):
        return False
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        pass  # It is the end, or broken.
    return True
