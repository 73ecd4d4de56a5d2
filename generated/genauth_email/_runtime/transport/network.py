"""Sockets, as httpcore uses them, with the deadline of the attempt that they are used for.

httpcore asks for a timeout once and then uses it for each read of the headers, and for each address of a name. Here
every operation gets what is left at that moment.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterable
from time import monotonic
from typing import Any, Final, cast

from ..http import httpcore
from .request import Attempt

_WRITE_SIZE: Final = 64 * 1024
_LEAST_SHARE: Final = 0.25  # Seconds that each address of a name gets, as long as there is time left.

TLS_UNEXPECTED: Final = "the server speaks TLS where plain HTTP was sent: use https://"


class SyncBackend(httpcore.NetworkBackend):
    """Makes the socket of one connection.

    Attributes:
        attempt: The attempt that the connection is used for.
        stream: The socket, if there is one. httpcore can lose it where a call is interrupted.
    """

    attempt: Attempt
    stream: httpcore.NetworkStream | None = None

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that can be reached. Each gets its share of the time left."""
        try:
            addresses = [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception = httpcore.ConnectError("the name has no address")
        # The name lookup cannot be interrupted. If it took too long, the deadline shows here.
        seconds = self.attempt.remaining("connect")
        end = None if seconds is None else monotonic() + seconds
        for index, address in enumerate(addresses):
            share = None
            if end is not None:
                left = end - monotonic()
                if left <= 0:
                    break
                share = min(left, max(left / (len(addresses) - index), _LEAST_SHARE))
            try:
                stream = self._backend.connect_tcp(str(address), port, share, local_address, socket_options)
                self.stream = stream
                return SyncStream(stream, self)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class SyncStream(httpcore.NetworkStream):
    """A socket. It keeps the head of a request until the body is there, and sends both at once."""

    def __init__(self, stream: httpcore.NetworkStream, backend: SyncBackend) -> None:
        self._stream = stream
        self._backend = backend
        self._unsent = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._send()
        return _refuse_tls(self._stream.read(max_bytes, self._backend.attempt.remaining("read")), self)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent += buffer
        if self._backend.attempt.body_started:
            self._send()

    def _send(self) -> None:
        data, self._unsent = self._unsent, b""
        for start in range(0, len(data), _WRITE_SIZE):
            self._stream.write(data[start : start + _WRITE_SIZE], self._backend.attempt.remaining("write"))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        backend = self._backend
        backend.stream = self._stream.start_tls(ssl_context, server_hostname, backend.attempt.remaining("connect"))
        return SyncStream(backend.stream, backend)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """The async counterpart of `SyncBackend`."""

    attempt: Attempt
    stream: httpcore.AsyncNetworkStream | None = None

    def __init__(self) -> None:
        self._backend = cast(httpcore.AsyncNetworkBackend, httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            # anyio tries the addresses of a name side by side.
            left = self.attempt.remaining("connect")
            stream = await self._backend.connect_tcp(host, port, left, local_address, socket_options)
        except UnicodeError as error:
            raise httpcore.ConnectError(str(error)) from error
        self.stream = stream
        return AsyncStream(stream, self)


class AsyncStream(httpcore.AsyncNetworkStream):
    """The async counterpart of `SyncStream`."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, backend: AsyncBackend) -> None:
        self._stream = stream
        self._backend = backend
        self._unsent = b""
        # They stay the same, and anyio takes its time to find them.
        self._ssl_object = stream.get_extra_info("ssl_object")
        self._socket = stream.get_extra_info("socket")

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        await self._send()
        try:
            return _refuse_tls(await self._stream.read(max_bytes, self._backend.attempt.step_timeout("read")), self)
        except ssl.SSLError as error:  # Such as the alert of a server that wants a certificate of the client.
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent += buffer
        if self._backend.attempt.body_started:
            await self._send()

    async def _send(self) -> None:
        data, self._unsent = self._unsent, b""
        for start in range(0, len(data), _WRITE_SIZE):
            await self._stream.write(data[start : start + _WRITE_SIZE], self._backend.attempt.step_timeout("write"))

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        backend = self._backend
        backend.stream = await self._stream.start_tls(
            ssl_context, server_hostname, backend.attempt.remaining("connect")
        )
        return AsyncStream(backend.stream, backend)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._ssl_object
        if info == "is_readable":
            return is_readable(self._socket.fileno())
        return self._stream.get_extra_info(info)


def is_readable(descriptor: int) -> bool:
    """Tell whether something has arrived on a socket, or its end."""
    if descriptor < 0:  # It is closed.
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])


def _refuse_tls(data: bytes, stream: SyncStream | AsyncStream) -> bytes:
    """Return what was read, unless it is TLS that nobody asked for."""
    if data.startswith(b"\x15\x03") and stream.get_extra_info("ssl_object") is None:
        raise httpcore.RemoteProtocolError(TLS_UNEXPECTED)
    return data
