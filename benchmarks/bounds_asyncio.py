"""Lower bounds for an async call. They are not in `bounds`, so that the others do not pay for importing asyncio."""

import asyncio
import json
import ssl
from importlib import import_module
from typing import Any, Self
from urllib.parse import urlsplit

from .bounds import CONTENT, HEADERS, PATH, request_to


class BareAsyncTransport:
    """httpx's transport without an `httpx.AsyncClient`, with a prepared request: one transport for each call in flight,
    because a transport with many connections spends most of its time on looking for one."""

    def __init__(self, url: str) -> None:
        self._httpx = import_module("httpx")
        self._url = self._httpx.URL(url + PATH)
        self._headers = self._httpx.Headers({"host": urlsplit(url).netloc, **HEADERS})
        self._tls = ssl.create_default_context()
        self._idle: list[Any] = []
        self._all: list[Any] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        for transport in self._all:
            await transport.aclose()

    async def send_email(self) -> object:
        transport = self._idle.pop() if self._idle else self._new_transport()
        stream = self._httpx.ByteStream(CONTENT)
        request = self._httpx.Request("POST", self._url, headers=self._headers, stream=stream)
        response = await transport.handle_async_request(request)
        content = await response.aread()
        self._idle.append(transport)
        return json.loads(content)["statusCode"]

    def _new_transport(self) -> Any:
        self._all.append(self._httpx.AsyncHTTPTransport(verify=self._tls))
        return self._all[-1]


class Connection(asyncio.Protocol):
    """Sends prepared bytes. A response arrives in one piece, because it is small."""

    transport: asyncio.Transport
    response: asyncio.Future[bytes]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.response.set_result(data)


class RawAsyncio:
    """Keeps a connection for each call in flight."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._address = parts.hostname, parts.port or 80
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._request = request_to(url)
        self._idle: list[Connection] = []
        self._all: list[Connection] = []
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        for connection in self._all:
            connection.transport.close()

    async def send_email(self) -> int:
        connection = self._idle.pop() if self._idle else await self._connect()
        connection.response = self._loop.create_future()
        connection.transport.write(self._request)
        response = await connection.response
        self._idle.append(connection)
        return int(response[9:12])

    async def _connect(self) -> Connection:
        _, connection = await self._loop.create_connection(Connection, *self._address, ssl=self._tls)
        self._all.append(connection)
        return connection
