"""A server that answers byte for byte as a script says, and that counts the requests it was sent in full."""

import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from threading import Thread
from types import TracebackType
from typing import Literal, Self


def http(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    fields = {"content-type": "application/json", "content-length": f"{len(body)}", **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode() + body


SUCCESS = http(200, b'{"statusCode": 200, "message": "Sent.", "requestId": "r-1"}')


@dataclass(frozen=True)
class Answer:
    """What is done about one request.

    Attributes:
        content: The bytes to send, which need not be a whole response.
        then: What becomes of the connection afterwards. "hold": nothing more is sent on it.
        reading: How much of the request is read first. Only one that is read to its end counts.
        before: Is called when the request is read, in the connection's thread.
    """

    content: bytes = b""
    then: Literal["keep", "close", "reset", "hold"] = "keep"
    reading: Literal["nothing", "head", "all"] = "all"
    before: Callable[[], object] | None = None


class RawServer:
    """Serves on the loopback interface, each connection in a thread. After its script it answers `SUCCESS`.

    Attributes:
        connections: How many connections were made.
    """

    def __init__(self, *script: Answer, listening: bool = True, tls: ssl.SSLContext | None = None) -> None:
        self._script = deque(script)
        self._tls = tls
        self._received: list[bytes] = []
        self._sockets: list[socket.socket] = []
        self._threads: list[Thread] = []
        self._last: object = None
        self.connections = 0
        # While it is bound and does not listen, connections to it are refused, and nobody can take the port.
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.listener.getsockname()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.address[1]}"
        self._acceptor: Thread | None = None
        if listening:
            self.listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for connection in self._sockets:
            with suppress(OSError):  # It may be closed.
                connection.shutdown(socket.SHUT_RDWR)
        self.finish()

    def listen(self) -> None:
        self.listener.listen()
        self._acceptor = Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def finish(self) -> list[bytes]:
        """Wait until the clients have hung up, stop, and return all requests that came in full."""
        if self._acceptor is not None:
            # Connections are accepted in their order, so none is left out before this one.
            with socket.socket() as last:
                last.bind(("127.0.0.1", 0))
                self._last = last.getsockname()
                last.connect(self.address)
                self._acceptor.join()
            self._acceptor = None
        self.listener.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a client has not hung up"
        return self._received

    def _accept(self) -> None:
        while True:
            connection, address = self.listener.accept()
            if address == self._last:
                connection.close()
                return
            self.connections += 1
            thread = Thread(target=self._serve, args=(connection,), daemon=True)
            self._sockets.append(connection)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                while stream.peek(1) and self._answer(connection, stream):
                    pass
        except OSError:  # The client has hung up, or does not trust us. That is its business.
            connection.close()

    def _answer(self, connection: socket.socket, stream: BufferedReader) -> bool:
        answer = self._script.popleft() if self._script else Answer(SUCCESS)
        if not self._read(stream, answer.reading):
            return False
        if answer.before is not None:
            answer.before()
        connection.sendall(answer.content)
        if answer.then == "hold":
            stream.read()
        if answer.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return answer.then == "keep"

    def _read(self, stream: BufferedReader, reading: str) -> bool:
        """Tell whether as much as that came."""
        if reading == "nothing":
            return True
        head, length = b"", 0
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line.endswith(b"\n"):
                return False
            head += line
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if reading == "head":
            return True
        body = stream.read(length)
        if len(body) < length:
            return False
        self._received.append(head + body)
        return True
