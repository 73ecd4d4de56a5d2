"""The HTTP of the mock server: sockets, connections that are kept open, and those that fail. It knows no contract."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import Any, Literal
from urllib.parse import parse_qs

Connection = Literal["broken", "silent"]


@dataclass(frozen=True)
class ReceivedRequest:
    """A request that the mock server received.

    Attributes:
        method: The HTTP method, in upper case.
        path: The path, without the query.
        query: The values of each query parameter, decoded.
        headers: The headers, with their names in lower case.
        json: The request body, parsed. None: it is empty, or no JSON.
    """

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    json: Any


@dataclass(frozen=True)
class Reply:
    """What a request gets.

    Attributes:
        http_status: The HTTP status.
        headers: Headers beside those of the body.
        content: The body. What begins with `{` is JSON, and everything else HTML.
        connection: "broken": the connection is closed without a response. "silent": no response comes until the client
            closes it. None: the response comes.
    """

    http_status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes = b""
    connection: Connection | None = None


class MockHTTPServer(ThreadingTCPServer):
    """Serves on the loopback interface from threads of its own, until `stop`.

    Args:
        respond: Is called for each request, in the thread of its connection.
        port: The port. 0: a free one.

    Raises:
        OSError: The port cannot be used.
        OverflowError: There is no such port.
    """

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, respond: Callable[[ReceivedRequest], Reply], port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.respond = respond
        self._connections: set[Any] = set()
        # `stop` waits for the next poll.
        self._thread = Thread(target=self.serve_forever, args=(0.01,), name="mock GenAuth", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and all connections, and wait for the threads."""
        self.shutdown()
        self._thread.join()
        for connection in list(self._connections):
            with suppress(OSError):  # Its client may have closed it.
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client may hang up at any time.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # It keeps connections open.
    disable_nagle_algorithm = True
    server: MockHTTPServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        try:
            content = self._read()
        except ValueError:  # The length of the body, or of a chunk of it, is no number.
            self.send_error(400)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        values = parse_qs(query, keep_blank_values=True)
        reply = self.server.respond(ReceivedRequest(self.command, path, values, headers, _parse(content)))
        if reply.connection is not None:
            self.close_connection = True
            if reply.connection == "silent":
                self.connection.recv(1)
            return
        self.send_response(reply.http_status)
        kind = "application/json" if reply.content.startswith(b"{") else "text/html"
        fields = {"content-type": kind, "content-length": str(len(reply.content)), **reply.headers}
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.content)

    do_DELETE = do_GET = do_OPTIONS = do_PATCH = do_PUT = do_TRACE = do_POST  # noqa: N815

    def _read(self) -> bytes:
        if "transfer-encoding" not in self.headers:
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        content = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # A trailer.
        return content

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
