"""What the async client sends on if it is told `http_client="aiohttp"`. It needs the extra `aiohttp`."""

from __future__ import annotations

import asyncio
import math
from functools import lru_cache
from time import monotonic
from typing import Final

import aiohttp
import httpx
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from . import connections
from .connections import HttpRequest, OwnConnections, Received, Timeout, out_of_time, raise_alone, url_of

# What an error is to httpx: the first that fits.
_ERRORS: Final[tuple[tuple[type[aiohttp.ClientError], type[httpx.RequestError]], ...]] = (
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientConnectionError, httpx.ReadError),
)


class _Connector(aiohttp.TCPConnector):
    """Keeps no connection on which something came while it was idle: aiohttp would take it for the next answer."""

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) and (
            connection.protocol is None or connection.protocol.should_close
        ):
            connection.close()
        return connection


class _Body(aiohttp.BytesPayload):
    """The body of a request, which tells that when it is taken. aiohttp sends it together with the headers."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.content)
        self._request = request

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        self._request.taken = True
        await super().write_with_length(writer, content_length)


class AiohttpConnections(OwnConnections):
    """Up to 100 connections of aiohttp, of one event loop of asyncio."""

    def __init__(self) -> None:
        super().__init__()
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def exchange(self, request: HttpRequest, received: Received) -> None:
        """Send a request, and receive its answer.

        Raises:
            httpx.RequestError: There was no answer, or it broke off, or was late.
        """
        self._check_open()
        if self._session is None:
            self._session = _open()
        seconds = received.deadline - monotonic()
        if seconds <= 0:  # To aiohttp that is no limit.
            raise out_of_time()
        try:
            async with self._session.request(
                request.method,
                str(url_of(request)),
                headers=request.headers,
                data=_Body(request),
                allow_redirects=False,
                timeout=_timeout(request.timeout, seconds),
                proxy=self._proxy(request.host),
            ) as response:
                received.begin(response.status, httpx.Headers(response.raw_headers))
                body = response.content
                while not body.at_eof() and received.take(await body.readany()):
                    pass
                if not body.at_eof():
                    response.close()
        except aiohttp.ClientResponseError as error:
            # It shows the request's headers, and quotes what is no HTTP: it is no cause of what we raise.
            httpx_request = self._httpx_request(request)
            proxy = isinstance(error, aiohttp.ClientHttpProxyError)
            failure = (
                httpx.ProxyError(f"HTTP {error.status} of the proxy", request=httpx_request)
                if proxy
                else httpx.RemoteProtocolError("the answer is no HTTP", request=httpx_request)
            )
            raise_alone(failure)
        except aiohttp.ClientError as error:
            ours = next((ours for theirs, ours in _ERRORS if isinstance(error, theirs)), httpx.ProtocolError)
            raise ours(str(error) or type(error).__name__, request=self._httpx_request(request)) from error
        except TimeoutError as error:
            raise out_of_time() from error


def _timeout(parts: Timeout, seconds: float) -> aiohttp.ClientTimeout:
    # To the millisecond, as then most calls have the same.
    return _timeout_of(parts["pool"], parts["connect"], parts["read"], round(seconds, 3))


@lru_cache
def _timeout_of(
    pool: float | None, connect: float | None, read: float | None, seconds: float
) -> aiohttp.ClientTimeout:
    # Each has its timer, so those that would end with the whole or later are left out.
    pool, connect, read = (
        None if part is None or part >= seconds else part for part in (pool, connect, read)
    )
    return aiohttp.ClientTimeout(
        total=None if seconds == math.inf else max(seconds, 0.001),
        connect=pool,
        sock_connect=connect,
        sock_read=read,
        # Else a second would become up to one more.
        ceil_threshold=math.inf,
    )


def _open() -> aiohttp.ClientSession:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError('http_client="aiohttp" is for asyncio: under trio leave it out') from None
    session = aiohttp.ClientSession(
        connector=_Connector(
            ssl=connections.ssl_context(),
            limit=connections.MAX_CONNECTIONS,
            keepalive_timeout=connections.KEPT_IDLE,
        ),
        # The end users share the connections, and must not share a session that something on the way set up for one.
        cookie_jar=aiohttp.DummyCookieJar(),
        # Within limits that are ours.
        auto_decompress=False,
    )
    # It would send a PUT or DELETE again by itself.
    session._retry_connection = False  # pyright: ignore[reportPrivateUsage]
    return session
