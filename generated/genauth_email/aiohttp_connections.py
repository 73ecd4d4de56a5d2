"""What the async client sends on if it is told `http_client="aiohttp"`. It needs the extra `aiohttp`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import anyio
import httpx
from httpx_aiohttp import AiohttpTransport

from .connections import KEPT_IDLE, MAX_CONNECTIONS, HttpRequest, OwnConnections, proxy_for, ssl_context

# What comes of an error is the first that fits. httpx-aiohttp calls some by names that tell less than is known, or more.
_ERRORS: Final[tuple[tuple[type[Exception], type[httpx.RequestError]], ...]] = (
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (asyncio.TimeoutError, httpx.ReadTimeout),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientConnectionError, httpx.ReadError),
    (aiohttp.ClientError, httpx.RemoteProtocolError),
)


class AiohttpConnections(OwnConnections):
    """Up to 100 connections of aiohttp, of one event loop of asyncio."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._transports: dict[str, AiohttpTransport] = {}

    async def aclose(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def exchange(self, host: str, request: HttpRequest) -> AsyncGenerator[httpx.Response, None]:
        """Send a request. Its answer can be read as long as the `with` statement lasts.

        Raises:
            httpx.RequestError: There was no answer.
        """
        self._check_open()
        # Of this one the transport takes the body when it sends it, and not before.
        plain = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        try:
            response = await self._transport(host).handle_async_request(plain)
            try:
                yield response
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
        except (httpx.RequestError, aiohttp.ClientError) as error:
            cause = error if isinstance(error, aiohttp.ClientError) else error.__cause__
            for theirs, ours in _ERRORS:
                if isinstance(cause, theirs):
                    raise ours(str(cause) or type(cause).__name__, request=request) from cause
            raise

    def _transport(self, host: str) -> AiohttpTransport:
        if self._session is None:
            self._session = _open()
        if host not in self._transports:
            proxy = proxy_for(host)
            self._transports[host] = AiohttpTransport(
                verify=ssl_context(), client=self._session, proxy=httpx.Proxy(proxy) if proxy else None
            )
        return self._transports[host]


def _open() -> aiohttp.ClientSession:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError('http_client="aiohttp" is for asyncio: under trio leave it out') from None
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=ssl_context(), limit=MAX_CONNECTIONS, keepalive_timeout=KEPT_IDLE),
        # The end users share the connections, and must not share a session that something on the way set up for one.
        cookie_jar=aiohttp.DummyCookieJar(),
    )
