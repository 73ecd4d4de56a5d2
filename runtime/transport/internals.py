"""The only place where this package uses private names of other libraries.

Each use fails closed: if a release of the library renames one, a connection is not reused, a warm-up is skipped, or a
plain transport takes over. `tests/unit/test_internals.py` renames each of them.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Protocol, cast

from ..http import httpcore, httpx


class Pool(Protocol):
    """A connection pool as `httpx.HTTPTransport` uses it."""

    def handle_request(self, request: httpcore.Request) -> httpcore.Response: ...

    def close(self) -> None: ...


class AsyncPool(Protocol):
    """A connection pool as `httpx.AsyncHTTPTransport` uses it."""

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response: ...

    async def aclose(self) -> None: ...


class PoolTransport(httpx.HTTPTransport):
    """An `httpx.HTTPTransport` on our own pool, so that tools which patch that class still see every request."""

    def __init__(self, pool: Pool, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)
        _replace_pool(self, pool)


class AsyncPoolTransport(httpx.AsyncHTTPTransport):
    """The async counterpart of `PoolTransport`."""

    def __init__(self, pool: AsyncPool, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)
        _replace_pool(self, pool)


def _replace_pool(transport: Any, pool: object) -> None:
    """Put `pool` in the place of httpx's own.

    Raises:
        AttributeError: This release of httpx keeps it under another name.
    """
    assert transport._pool is not None
    transport._pool = pool


class PlainTransport(httpx.BaseTransport):
    """Takes the place of `PoolTransport` where that cannot be made. Tools that patch httpx do not see it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with _httpx_errors():
            response = self._pool.handle_request(_httpcore_request(request))
        return _httpx_response(response)

    def close(self) -> None:
        self._pool.close()


class AsyncPlainTransport(httpx.AsyncBaseTransport):
    """The async counterpart of `PlainTransport`."""

    def __init__(self, pool: AsyncPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with _httpx_errors():
            response = await self._pool.handle_async_request(_httpcore_request(request))
        return _httpx_response(response)

    async def aclose(self) -> None:
        await self._pool.aclose()


class _PlainStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a response, with the errors of httpx."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for chunk in self._stream:
                yield chunk

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


def new_transport(pool: Pool, context: ssl.SSLContext) -> httpx.BaseTransport:
    """Return a transport of httpx that sends on `pool`."""
    try:
        return PoolTransport(pool, context)
    except AttributeError:
        return PlainTransport(pool)


def new_async_transport(pool: AsyncPool, context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    """Return an async transport of httpx that sends on `pool`."""
    try:
        return AsyncPoolTransport(pool, context)
    except AttributeError:
        return AsyncPlainTransport(pool)


def _httpcore_request(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def _httpx_response(response: httpcore.Response) -> httpx.Response:
    return httpx.Response(
        response.status,
        headers=response.headers,
        stream=_PlainStream(response.stream),
        extensions=cast(dict[str, Any], response.extensions),
    )


@contextmanager
def _httpx_errors() -> Generator[None]:
    """Raise the error of httpx for an error of httpcore. Both libraries give them the same names."""
    try:
        yield
    except Exception as error:
        names = [each.__name__ for each in type(error).__mro__ if each.__module__.startswith("httpcore")]
        kind = next((getattr(httpx, name) for name in names if hasattr(httpx, name)), None)
        if kind is None:
            raise
        raise kind(str(error)) from error


def has_unread_data(connection: Any, stream: Any) -> bool:
    """Return True if bytes arrived after the response, or if that cannot be known.

    httpcore would read them as the response to the next request.

    Args:
        connection: A connection of httpcore.
        stream: Its innermost network stream.
    """
    try:
        # Connections through a proxy wrap the one that speaks HTTP, and so do those that are made on demand.
        while not hasattr(connection, "_h11_state"):
            connection = connection._connection
        if connection._h11_state.trailing_data[0]:
            return True
        if isinstance(stream, httpcore.AsyncNetworkStream) and _is_buffered(stream):
            return True
    except (AttributeError, TypeError, IndexError):
        return True
    # An async stream of TLS may have read more from the socket than it has decrypted.
    tls = stream.get_extra_info("ssl_object")
    if not isinstance(tls, ssl.SSLObject):
        return False
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        pass  # The connection is at its end, or broken.
    return True


def _is_buffered(stream: Any) -> bool:
    """Return True if the event loop has read what nobody has asked for yet."""
    inner = stream._stream
    inner = getattr(inner, "transport_stream", inner)  # Of TLS.
    # Streams of trio buffer nothing.
    return not hasattr(inner, "_trio_socket") and len(inner._protocol.read_queue) > 0


def warm_up_anyio(backends: Iterable[str]) -> None:
    """Load the modules that anyio would load in the first call."""
    for name in backends:
        with suppress(ImportError):
            import_module(f"anyio._backends._{name}")
