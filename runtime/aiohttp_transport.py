"""How an async client sends a request on aiohttp. It needs the extra `aiohttp`."""

from __future__ import annotations

import asyncio
import math
import ssl
from functools import lru_cache
from time import monotonic
from typing import Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from .aiohttp_internals import Connector, Response, switch_off_retries
from .environment import proxy_for, ssl_context
from .event_loops import PerLoop
from .http import httpx
from .network import TLS_UNEXPECTED
from .pool import Limits
from .request import Attempt, HTTPRequest
from .response import ResponseReader

# The error of httpx for each error of aiohttp. The first match counts.
_ERRORS: Final[tuple[tuple[type[aiohttp.ClientError], type[httpx.RequestError]], ...]] = (
    (aiohttp.ClientProxyConnectionError, httpx.ConnectError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientConnectionError, httpx.ReadError),
    (aiohttp.ClientError, httpx.RemoteProtocolError),
)
# Limits for response headers. aiohttp's default, 8 KiB for each, is less than other libraries allow.
_MAX_HEADER_SIZE: Final = 64 * 1024
_MAX_HEADERS: Final = 1000
# Seconds, for a connection that is kept without an end: aiohttp's timer takes no infinity, and 3.14.0 no None.
_YEAR: Final = 365 * 24 * 3600.0


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
    """A session of aiohttp. It closes when it has no more calls, as what it closes at once breaks."""

    def __init__(self, context: ssl.SSLContext, limits: Limits) -> None:
        self.calls = 0
        self.closing = False
        expiry = min(limits.keepalive_expiry, _YEAR)
        connector = Connector(ssl=context, limit=limits.max_connections, keepalive_timeout=expiry)
        connector.max_keepalive_connections = limits.max_keepalive_connections
        self.aiohttp = aiohttp.ClientSession(
            connector=connector,
            response_class=Response,
            # End users share the connections, and must not share a session.
            cookie_jar=aiohttp.DummyCookieJar(),
            # The response reader decompresses, within a limit of size.
            auto_decompress=False,
            max_field_size=_MAX_HEADER_SIZE,
            max_headers=_MAX_HEADERS,
        )
        switch_off_retries(self.aiohttp)
        # Reading the environment takes a fifth of the time of a call, so it is done once for each host.
        self.proxy_of = lru_cache(_proxy_of)

    async def close_when_idle(self) -> None:
        self.closing = True
        if self.calls == 0:
            await self.aiohttp.close()


class AiohttpTransport:
    """Sends requests on aiohttp. The limits are for each event loop of asyncio."""

    def __init__(self, limits: httpx.Limits | None) -> None:
        context = ssl_context()
        self._closed = False
        self._sessions = PerLoop(lambda: _Session(context, Limits.of(limits)), _Session.close_when_idle)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        self._closed = True
        await self._sessions.aclose()

    async def send(self, request: HTTPRequest, attempt: Attempt, reader: ResponseReader) -> None:
        """Send a request, and read the response.

        Raises:
            httpx.RequestError: There was no response, or it broke off.
            RuntimeError: The client is closed, or the event loop is not one of asyncio.
        """
        if self._closed:
            raise RuntimeError("Cannot send a request, as the client has been closed.")
        session = await _session(self._sessions)
        proxy = session.proxy_of(request.url.netloc.decode("ascii"), request.url.scheme)
        session.calls += 1
        try:
            await self._send(session.aiohttp, proxy, request, attempt, reader)
        except (aiohttp.ClientError, TimeoutError, UnicodeError) as error:
            # It holds the headers, the URL of the proxy, or what the server sent. So it is not chained.
            failure = _map_error(error, attempt)
        else:
            return
        finally:
            session.calls -= 1
            if session.closing:
                await session.close_when_idle()
        raise failure

    async def _send(
        self,
        session: aiohttp.ClientSession,
        proxy: str | None,
        request: HTTPRequest,
        attempt: Attempt,
        reader: ResponseReader,
    ) -> None:
        attempt.get("pool")  # The deadline may have passed.
        seconds = attempt.deadline - monotonic()
        async with session.request(
            request.method,
            str(request.url),
            headers=request.headers,
            data=_Body(request.content, attempt),
            # aiohttp would add one to a request without a body.
            skip_auto_headers=("Content-Type",),
            allow_redirects=False,
            timeout=_timeout(attempt, seconds),
            proxy=proxy,
        ) as response:
            reader.start(response.status, httpx.Headers(response.raw_headers))
            body = response.content
            while not body.at_eof() and reader.feed(await body.readany()):
                pass
            if not body.at_eof():
                response.close()


async def _session(sessions: PerLoop[_Session]) -> _Session:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError('http_client="aiohttp" is for asyncio: under trio leave it out') from None
    return await sessions.get()


def _proxy_of(host: str, scheme: str) -> str | None:
    proxy = proxy_for(host, scheme)
    if proxy is not None and proxy.scheme.startswith("socks"):
        raise httpx.ProxyError(
            f"the environment's proxy has the scheme {proxy.scheme!r}, which aiohttp does not speak: leave "
            'http_client="aiohttp" out, and pip install "httpx[socks]"'
        )
    return None if proxy is None else str(proxy)


def _map_error(error: Exception, attempt: Attempt) -> httpx.RequestError:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return httpx.ProxyError(f"HTTP {error.status} of the proxy")
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
        return attempt.deadline_exceeded()
    kind = next((ours for theirs, ours in _ERRORS if isinstance(error, theirs)), httpx.ConnectError)
    if not attempt.body_started and not issubclass(kind, httpx.TimeoutException):
        kind = httpx.ConnectError
    failure = kind(_message(error))
    failure.__cause__ = getattr(error, "os_error", None) or getattr(error, "certificate_error", None)
    return failure


def _message(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        # It quotes what is not HTTP.
        return TLS_UNEXPECTED if r"\x15\x03" in error.message else "the response is not HTTP"
    if isinstance(error, aiohttp.ClientOSError) and not isinstance(error, aiohttp.ClientConnectorError):
        return error.strerror if error.errno is not None and error.strerror else "the connection broke"
    return str(error) or type(error).__name__


def _timeout(attempt: Attempt, seconds: float) -> aiohttp.ClientTimeout:
    # Rounded, so that most calls share one cached `ClientTimeout`.
    return _timeout_of(attempt["pool"], attempt["connect"], attempt["read"], round(seconds, 3))


@lru_cache
def _timeout_of(pool: float | None, connect: float | None, read: float | None, seconds: float) -> aiohttp.ClientTimeout:
    # Each has its timer, so those that would end with the whole or later are left out.
    pool, connect, read = (None if part is None or part >= seconds else part for part in (pool, connect, read))
    return aiohttp.ClientTimeout(
        total=None if seconds == math.inf else max(seconds, 0.001),
        connect=pool,
        sock_connect=connect,
        sock_read=read,
        # By default, aiohttp rounds longer timeouts up to a full second.
        ceil_threshold=math.inf,
    )
