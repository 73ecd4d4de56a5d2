"""How an async client sends a request on aiohttp, by its public interface. It needs the extra `aiohttp`."""

from __future__ import annotations

import asyncio
import math
import ssl
from contextvars import ContextVar
from time import monotonic
from typing import Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from ..http import httpx
from .environment import Proxies, ssl_context
from .idle import DEFAULT_ASYNC_LIMITS
from .loops import PerLoop, running_loop
from .network import TLS_UNEXPECTED, is_readable
from .request import Attempt, ClientClosedError, HTTPRequest

_YEAR: Final = 365 * 24 * 3600.0  # aiohttp's timer does not accept infinity, and 3.14.0 does not accept None.


class AiohttpTransport:
    """Sends requests on aiohttp. The limits are for each event loop of asyncio."""

    def __init__(self, limits: httpx.Limits | None, context: ssl.SSLContext | None) -> None:
        context, limits = context or ssl_context(), limits or DEFAULT_ASYNC_LIMITS
        self._closed = False
        self._sessions = PerLoop(lambda: _Session(context, limits), _Session.close_when_idle)
        self._proxies = Proxies()

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        self._closed = True
        await self._sessions.aclose()

    async def send(self, request: HTTPRequest, attempt: Attempt) -> None:
        """Do what `AsyncHttpxTransport.send` does, with the errors of httpx."""
        if self._closed:
            raise ClientClosedError
        if not isinstance(running_loop(), asyncio.AbstractEventLoop):
            raise RuntimeError('http_client="aiohttp" is for asyncio: under trio leave it out')
        proxy = self._proxies.find(request.url)
        if proxy is not None and proxy.scheme.startswith("socks"):
            raise httpx.ProxyError(
                f"the environment's proxy has the scheme {proxy.scheme!r}, which aiohttp does not speak: leave "
                'http_client="aiohttp" out, and pip install "httpx[socks]"'
            )
        session = await self._sessions.get()
        session.calls += 1
        try:
            return await session.send(request, attempt, None if proxy is None else str(proxy))
        except Exception as error:
            # It holds the headers, the URL of the proxy, or what the server sent. So it is not chained.
            failure = _map_error(error, attempt)
        finally:
            session.calls -= 1
            if session.closing:
                await session.close_when_idle()
        raise failure


class _Body(aiohttp.BytesPayload):
    """A request body that tells its attempt when it is asked for. aiohttp sends it together with the headers."""

    def __init__(self, content: bytes, attempt: Attempt) -> None:
        super().__init__(content)
        self._attempt = attempt

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if monotonic() >= self._attempt.send_by:
            # The loop was blocked, so that aiohttp's timer has not fired yet.
            raise TimeoutError
        self._attempt.body_started = True
        await super().write_with_length(writer, content_length)


class _Session:
    """A session of aiohttp. It closes after its last call; closing earlier would break calls in flight."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        self.calls = 0
        self.closing = False
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_end.append(_note_new_connection)
        expiry = _YEAR if limits.keepalive_expiry is None else min(limits.keepalive_expiry, _YEAR)
        self._session = aiohttp.ClientSession(
            connector=_Connector(ssl=context, limit=limits.max_connections or 0, keepalive_timeout=expiry),
            trace_configs=[tracing],
            # End users share the connections, and must not share a session.
            cookie_jar=aiohttp.DummyCookieJar(),
            # The response reader decompresses, within a limit of size.
            auto_decompress=False,
            # aiohttp's default for headers, 8 KiB for each, is less than other libraries allow.
            max_field_size=64 * 1024,
            max_headers=1000,
        )

    async def send(self, request: HTTPRequest, attempt: Attempt, proxy: str | None) -> None:
        left = max(attempt.deadline - monotonic(), 0.001)
        async with self._session.request(
            request.method,
            str(request.url),
            headers=request.headers,
            data=_Body(request.content, attempt),
            # aiohttp would add one to a request without a body.
            skip_auto_headers=("Content-Type",),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None if left == math.inf else left,
                connect=attempt.step_timeout("pool"),
                sock_connect=attempt.step_timeout("connect"),
                sock_read=attempt.step_timeout("read"),
                ceil_threshold=math.inf,  # By default, aiohttp rounds longer timeouts up to a full second.
            ),
            proxy=proxy,
        ) as response:
            attempt.reader.start(response.status, httpx.Headers(response.raw_headers))
            body = response.content
            while not body.at_eof() and attempt.reader.feed(await body.readany()):
                pass
            if not body.at_eof():
                response.close()

    async def close_when_idle(self) -> None:
        self.closing = True
        if self.calls == 0:
            await self._session.close()


class _Connector(aiohttp.TCPConnector):
    """Does not lend an idle connection on which something has arrived: it would be read as the next response."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        while True:
            _is_new.set(False)
            connection = await super().connect(req, traces, timeout)
            keep = False
            try:
                # A new connection over TLS can have something to read that is not for us, such as session tickets.
                keep = _is_new.get() or await _is_silent(connection)
                if keep:
                    return connection
            finally:
                if not keep:
                    connection.close()


_is_new: Final = ContextVar("_is_new", default=False)


async def _note_new_connection(*_: object) -> None:
    _is_new.set(True)


async def _is_silent(connection: Connection) -> bool:
    protocol, transport = connection.protocol, connection.transport
    # What arrived while the loop was blocked is still in the socket. The loop reads it within two rounds.
    for _ in range(3):
        if protocol is None or transport is None or protocol.should_close or transport.is_closing():
            return False
        if not is_readable(transport.get_extra_info("socket").fileno()):
            return True
        await asyncio.sleep(0)
    return False


def _map_error(error: Exception, attempt: Attempt) -> httpx.RequestError:
    """Return the error of httpx for an error of aiohttp. The latter can quote what a server sent."""
    if isinstance(error, httpx.RequestError):
        return error
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return httpx.ProxyError(f"HTTP {error.status} of the proxy")
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
        return attempt.deadline_exceeded()
    text = str(error) or type(error).__name__
    if isinstance(error, aiohttp.ClientResponseError):
        text = TLS_UNEXPECTED if r"\x15\x03" in error.message else "the response is not HTTP"
    elif isinstance(error, aiohttp.ClientOSError) and not isinstance(error, aiohttp.ClientConnectorError):
        text = error.strerror if error.errno is not None and error.strerror else "the connection broke"
    kind: type[httpx.RequestError] = httpx.ReadError
    if isinstance(error, aiohttp.ServerTimeoutError):
        kind = httpx.ConnectTimeout if isinstance(error, aiohttp.ConnectionTimeoutError) else httpx.ReadTimeout
    elif not attempt.body_started:
        kind = httpx.ConnectError
    elif not isinstance(error, aiohttp.ClientOSError):
        kind = httpx.RemoteProtocolError
    failure = kind(text)
    failure.__cause__ = getattr(error, "os_error", None) or getattr(error, "certificate_error", None)
    return failure
