"""A server that follows a script byte for byte, even where that violates HTTP, and records what it receives."""

import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from itertools import pairwise
from threading import Condition, Thread
from time import sleep
from typing import Literal, Self

from tests.contract.facts import SENT


def http(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    fields = {"content-type": "application/json", "content-length": f"{len(body)}", **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode() + body


SUCCESS = http(200, json.dumps({**SENT, "message": "Sent.", "requestId": "r-1"}).encode())


@dataclass(frozen=True)
class Step:
    """The reaction to one request.

    Attributes:
        content: The bytes to send, which need not be a whole response.
        then: What happens to the connection afterwards. "hold": nothing more is sent on it.
        reading: How much of the request is read first. "half": its head and half of its body. Only requests that are
            read to their end count.
        before: Called when the request has been read, in the connection's thread.
        at_once: Do not wait for a request.
        delay: Seconds between reading and sending.
        cuts: Where `content` is cut, to be sent in pieces.
        more: Sent 1,024 times after `content`, unless the client hangs up.
        pause: Seconds between these.
    """

    content: bytes = b""
    then: Literal["keep", "close", "reset", "hold"] = "keep"
    reading: Literal["nothing", "head", "half", "all"] = "all"
    before: Callable[[], object] | None = None
    at_once: bool = False
    delay: float = 0.0
    cuts: Sequence[int] = ()
    more: bytes = b""
    pause: float = 0.0


class RawServer:
    """Serves on the loopback interface, each connection in a thread. After its script, it responds with `SUCCESS`.

    Attributes:
        connections: How many connections were opened.
        open: How many of them are not closed.
        received: The requests that arrived in full.
    """

    def __init__(
        self,
        *script: Step,
        listening: bool = True,
        tls: ssl.SSLContext | None = None,
        handshake_delay: float = 0.0,
    ) -> None:
        self._script = deque(script)
        self._tls = tls
        self._handshake_delay = handshake_delay
        self._sockets: list[socket.socket] = []
        self._threads: list[Thread] = []
        self._last: object = None
        self._changed = Condition()
        self._responses = 0
        self.connections = 0
        self.open = 0
        self.received: list[bytes] = []
        # A bound socket that does not listen refuses connections, and nobody else can take its port.
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.listener.getsockname()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.address[1]}"
        self._acceptor: Thread | None = None
        if listening:
            self.listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for connection in self._sockets:
            with suppress(OSError):  # It may be closed already.
                connection.shutdown(socket.SHUT_RDWR)
        self.finish()

    def listen(self) -> None:
        self.listener.listen()
        self._acceptor = Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def wait_for_end_of_script(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: not self._script, 10), f"not played: {self._script}"

    def wait_for_response(self) -> None:
        """Wait until the first response was sent, as far as the client accepts it."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._responses, 20)

    def wait_for_open(self, number: int) -> None:
        """Wait until at most that many connections are open."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.open <= number, 10), f"{self.open} are open"

    def disturb(self, step: Step) -> None:
        """Carry out a step on the existing connections without a request."""
        for connection in self._sockets:
            connection.sendall(step.content)
            if step.then == "reset":
                _reset_when_closed(connection)
            if step.then != "keep":
                # The reading thread wakes and closes the connection. Only then is a reset sent.
                connection.shutdown(socket.SHUT_WR if step.then == "close" else socket.SHUT_RD)
        if step.then == "reset":
            self.wait_for_open(0)

    def finish(self) -> list[bytes]:
        """Wait until the clients have hung up, stop, and return all requests that arrived in full."""
        if self._acceptor is not None:
            # Connections are accepted in order, so none before this one is missed.
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
        return self.received

    def _accept(self) -> None:
        while True:
            connection, address = self.listener.accept()
            if address == self._last:
                connection.close()
                return
            # Pieces must arrive as pieces.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self.connections += 1
                self.open += 1
            thread = Thread(target=self._serve, args=(connection,), daemon=True)
            self._sockets.append(connection)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                sleep(self._handshake_delay)
                connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                self._sockets.append(connection)
            with connection, connection.makefile("rb") as stream:
                if isinstance(connection, ssl.SSLSocket) and not _shakes_hands(connection):
                    _wait_for_hang_up(connection, stream)
                    return
                while self._is_next(stream) and self._respond(connection, stream):
                    pass
        except OSError:  # The client may hang up at any time.
            pass
        finally:
            with self._changed:
                self.open -= 1
                self._changed.notify_all()

    def _is_next(self, stream: BufferedReader) -> bool:
        return bool(self._script and self._script[0].at_once) or bool(stream.peek(1))

    def _respond(self, connection: socket.socket, stream: BufferedReader) -> bool:
        with self._changed:
            step = self._script.popleft() if self._script else Step(SUCCESS)
            self._changed.notify_all()
        if not self._read(stream, step.reading):
            return False
        if step.before is not None:
            step.before()
        sleep(step.delay)
        try:
            for begin, end in pairwise([0, *step.cuts, len(step.content)]):
                connection.sendall(step.content[begin:end])
        finally:
            with self._changed:
                self._responses += 1
                self._changed.notify_all()
        if step.more:
            for _ in range(1024):
                connection.sendall(step.more)
                sleep(step.pause)
        if step.then == "reset":
            _reset_when_closed(connection)
        if step.then == "close":
            _wait_for_hang_up(connection, stream)
        if step.then == "hold":
            stream.read()
        return step.then == "keep"

    def _read(self, stream: BufferedReader, reading: str) -> bool:
        """Tell whether that much of a request arrived."""
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
        if reading == "half":
            return len(stream.read(length // 2)) == length // 2
        body = stream.read(length)
        if len(body) < length:
            return False
        self.received.append(head + body)
        return True


def _reset_when_closed(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _wait_for_hang_up(connection: socket.socket, stream: BufferedReader) -> None:
    """Close our side, and read the rest: closing with unread data would send a reset."""
    connection.shutdown(socket.SHUT_WR)
    stream.read()


def _shakes_hands(connection: ssl.SSLSocket) -> bool:
    try:
        connection.do_handshake()
    except ssl.SSLError:  # One side does not understand or trust the other.
        return False
    return True
