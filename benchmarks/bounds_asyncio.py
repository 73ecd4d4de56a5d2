"""A lower bound for an async call. It is not in `bounds`, so that the others do not pay for importing asyncio."""

import asyncio
import ssl
from typing import Self
from urllib.parse import urlsplit

from .bounds import request_to


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
