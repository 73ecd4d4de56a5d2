"""The sync and the async streams have the same tests: each fake socket wraps a `Wire`."""

import asyncio
import math
import select
import socket
import ssl
from collections.abc import Sequence
from typing import Any
from unittest.mock import Mock

import pytest

from runtime.http import httpcore, httpx
from runtime.transport.network import AsyncBackend, AsyncStream, SyncBackend, SyncStream, is_readable
from runtime.transport.request import STEPS, Attempt
from tests.clock import Clock

from .coroutines import Blocking, run

ALERT = b"\x15\x03\x01\x00\x02\x02\x46"
"""A TLS server's response to plain HTTP."""


class Wire:
    """The operations on a socket, and their results.

    Attributes:
        calls: Each operation with its argument and its timeout.
        incoming: The results or errors of `read`, in turn.
        seconds: The duration of each operation.
        ssl_object: The TLS object of the socket, if it has one.
        socket: The socket itself.
    """

    def __init__(self, clock: Clock) -> None:
        self.calls: list[tuple[str, object, float | None]] = []
        self.incoming: list[bytes | Exception] = []
        self.seconds = 0.0
        self.ssl_object: object = None
        self.socket: socket.socket | None = None
        self.closed = False
        self._clock = clock

    def note(self, operation: str, what: object, timeout: float | None) -> None:
        self.calls.append((operation, what, timeout))
        self._clock.advance(self.seconds)


class Socket(httpcore.NetworkStream):
    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.wire.note("read", max_bytes, timeout)
        incoming = self.wire.incoming.pop(0) if self.wire.incoming else b""
        if isinstance(incoming, Exception):
            raise incoming
        return incoming

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.wire.note("write", buffer, timeout)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "Socket":
        self.wire.note("start_tls", server_hostname, timeout)
        return Socket(self.wire)

    def close(self) -> None:
        self.wire.closed = True

    def get_extra_info(self, info: str) -> Any:
        return {"ssl_object": self.wire.ssl_object, "socket": self.wire.socket}.get(info, f"the {info}")


class AsyncSocket(httpcore.AsyncNetworkStream):
    def __init__(self, wire: Wire) -> None:
        self._socket = Socket(wire)

    async def read(self, *args: Any, **options: Any) -> bytes:
        return self._socket.read(*args, **options)

    async def write(self, *args: Any, **options: Any) -> None:
        self._socket.write(*args, **options)

    async def start_tls(self, *args: Any, **options: Any) -> "AsyncSocket":
        return AsyncSocket(self._socket.start_tls(*args, **options).wire)

    async def aclose(self) -> None:
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        return self._socket.get_extra_info(info)


@pytest.fixture
def wire(clock: Clock) -> Wire:
    return Wire(clock)


@pytest.fixture
def attempt(clock: Clock) -> Attempt:
    """An attempt that may take 16 seconds, as may each of its steps."""
    return Attempt(dict.fromkeys(STEPS, 16.0), clock.now + 16, clock.now + 16)


@pytest.fixture
def backend(attempt: Attempt) -> SyncBackend:
    backend = SyncBackend()
    backend.attempt = attempt
    return backend


@pytest.fixture
def async_backend(attempt: Attempt) -> AsyncBackend:
    backend = AsyncBackend()
    backend.attempt = attempt
    return backend


@pytest.fixture(params=["sync", "async"])
def any_backend(request: pytest.FixtureRequest, backend: SyncBackend, async_backend: AsyncBackend) -> Any:
    return backend if request.param == "sync" else async_backend


@pytest.fixture
def stream(any_backend: Any, wire: Wire) -> Blocking:
    if isinstance(any_backend, SyncBackend):
        return Blocking(SyncStream(Socket(wire), any_backend))
    return Blocking(AsyncStream(AsyncSocket(wire), any_backend))


def start_tls(stream: Blocking) -> Blocking:
    return Blocking(stream.start_tls(ssl.create_default_context(), "example.com", 99))


def limits(stream: Blocking, *left: float) -> list[float | None]:
    """Return the expected timeouts. An async step has none of its own if the deadline cancels it before."""
    return [None if stream.is_async and each < 16 else each for each in left]


def test_head_is_sent_together_with_the_body_in_one_write_and_nothing_twice(
    stream: Blocking, wire: Wire, attempt: Attempt
) -> None:
    stream.write(b"POST / HTTP/1.1\r\n")
    stream.write(b"host: example.com\r\n\r\n")
    assert wire.calls == []
    attempt.body_started = True
    stream.write(b"{}")
    stream.write(b"more")
    stream.read(10)
    head = b"POST / HTTP/1.1\r\nhost: example.com\r\n\r\n"
    assert wire.calls == [("write", head + b"{}", 16.0), ("write", b"more", 16.0), ("read", 10, 16.0)]


def test_unsent_data_is_sent_before_a_read_as_for_a_proxy(stream: Blocking, wire: Wire, attempt: Attempt) -> None:
    wire.incoming = [b"HTTP/1.1 200 OK\r\n\r\n"]
    stream.write(b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
    assert stream.read(1024) == b"HTTP/1.1 200 OK\r\n\r\n"
    assert [call[:2] for call in wire.calls] == [
        ("write", b"CONNECT example.com:443 HTTP/1.1\r\n\r\n"),
        ("read", 1024),
    ]
    assert not attempt.body_started


def test_big_body_is_written_in_pieces_that_each_get_the_time_until_the_deadline(
    stream: Blocking, wire: Wire, attempt: Attempt
) -> None:
    wire.seconds = 4
    attempt.body_started = True
    body = bytes(range(256)) * 600  # 150 KiB
    stream.write(body)
    assert [timeout for _, _, timeout in wire.calls] == limits(stream, 16.0, 12.0, 8.0)
    pieces = [piece for _, piece, _ in wire.calls if isinstance(piece, bytes)]
    assert [len(piece) for piece in pieces] == [65536, 65536, 22528]
    assert b"".join(pieces) == body
    with pytest.raises(httpx.ReadTimeout):
        stream.write(body)
    assert len(wire.calls) == 4


def test_each_read_gets_the_remaining_time_whatever_timeout_httpcore_passes(stream: Blocking, wire: Wire) -> None:
    wire.seconds = 5
    for _ in range(3):
        stream.read(1024, timeout=16.0)
    assert wire.calls == [("read", 1024, limit) for limit in limits(stream, 16.0, 11.0, 6.0)]


def test_timeout_of_a_step_counts_if_the_deadline_is_later(
    stream: Blocking, any_backend: Any, wire: Wire, clock: Clock
) -> None:
    timeouts = {"connect": 1.0, "read": 2.0, "write": 3.0, "pool": 4.0}
    any_backend.attempt = attempt = Attempt(timeouts, clock.now + 8, clock.now + 8)
    attempt.body_started = True
    wire.seconds = 2.5
    stream.write(b"x")
    stream.write(b"x")
    stream.read(1)
    assert [timeout for _, _, timeout in wire.calls] == [3.0, 3.0, 2.0]


def test_nothing_is_read_after_the_deadline_except_by_the_next_attempt(
    stream: Blocking, any_backend: Any, wire: Wire, clock: Clock
) -> None:
    clock.advance(16)
    with pytest.raises(httpx.ConnectTimeout):
        stream.read(1024, timeout=16.0)
    assert wire.calls == []
    any_backend.attempt = Attempt(dict.fromkeys(STEPS, 2.0), clock.now + 8, clock.now + 8)
    stream.read(1)
    assert wire.calls == [("read", 1, 2.0)]


def test_bytes_of_tls_are_refused_on_a_plain_connection_and_are_data_inside_tls(stream: Blocking, wire: Wire) -> None:
    wire.incoming = [ALERT, ALERT]
    with pytest.raises(httpcore.RemoteProtocolError, match="speaks TLS where plain HTTP was sent: use https://"):
        stream.read(1024)
    wire.ssl_object = object()
    secure = start_tls(stream)
    assert secure.read(1024) == ALERT
    assert secure.get_extra_info("ssl_object") is wire.ssl_object


def test_tls_starts_within_the_remaining_time_and_its_socket_can_be_closed(
    stream: Blocking, any_backend: Any, wire: Wire
) -> None:
    wire.seconds = 3
    start_tls(stream).read(1)
    assert wire.calls == [("start_tls", "example.com", 16.0), ("read", 1, *limits(stream, 13.0))]
    assert isinstance(any_backend.stream, Socket | AsyncSocket)


def test_stream_closes_its_socket_and_passes_on_its_extra_info(stream: Blocking, wire: Wire) -> None:
    assert stream.get_extra_info("client_addr") == "the client_addr"
    stream.close()
    assert wire.closed


def test_async_tls_error_while_reading_is_a_read_error(async_backend: AsyncBackend, wire: Wire) -> None:
    wire.incoming = [ssl.SSLError(1, "certificate required")]
    with pytest.raises(httpcore.ReadError, match="certificate required") as caught:
        run(AsyncStream(AsyncSocket(wire), async_backend).read(1))
    assert isinstance(caught.value.__cause__, ssl.SSLError)


# A name with several addresses


class Network:
    """The network that `SyncBackend` uses.

    Attributes:
        addresses: For each address, the seconds that connecting takes, or its result. None: it is dead.
        lookup_seconds: The duration of the name lookup.
        tried: The time that each address was given, in turn.
    """

    def __init__(self, clock: Clock, wire: Wire) -> None:
        self.addresses: Sequence[float | Exception | None] = []
        self.lookup_seconds = 0.0
        self.tried: list[float | None] = []
        self._clock = clock
        self._wire = wire

    def look_up(self, host: str, port: int, **options: object) -> Sequence[object]:
        assert options == {"type": socket.SOCK_STREAM}
        self._clock.advance(self.lookup_seconds)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{index}", port))
            for index in range(len(self.addresses))
        ]

    def connect_tcp(self, host: str, port: int, timeout: float | None, *_: object) -> httpcore.NetworkStream:
        self.tried.append(timeout)
        outcome = self.addresses[int(host.rpartition(".")[2])]
        if isinstance(outcome, Exception):
            raise outcome
        if timeout is not None and (outcome is None or outcome > timeout):
            self._clock.advance(timeout)
            raise httpcore.ConnectTimeout
        self._clock.advance(outcome or 0)
        return Socket(self._wire)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, clock: Clock, wire: Wire, backend: SyncBackend) -> Network:
    network = Network(clock, wire)
    monkeypatch.setattr("socket.getaddrinfo", network.look_up)
    monkeypatch.setattr(backend, "_backend", network)
    return network


def connect(backend: SyncBackend) -> object:
    return backend.connect_tcp("example.com", 443, timeout=16.0)


REFUSED = httpcore.ConnectError("refused")


@pytest.mark.parametrize(
    ("lookup", "addresses", "tried"),
    [
        (6.0, [0.0], [10.0]),
        (4.0, [None, None, 0.0], [4.0, 4.0, 4.0]),
        (0.0, [REFUSED, 0.0], [8.0, 16.0]),
        (0.0, [None, 0.0, 0.0], [16 / 3, (16 - 16 / 3) / 2]),
    ],
    ids=["only one has all that is left", "all share it", "the rest is for the next", "no more are tried"],
)
def test_addresses_share_the_time_that_the_name_lookup_leaves(
    network: Network, backend: SyncBackend, lookup: float, addresses: list[Any], tried: list[float]
) -> None:
    network.addresses, network.lookup_seconds = addresses, lookup
    assert isinstance(connect(backend), SyncStream)
    assert network.tried == pytest.approx(tried)
    assert isinstance(backend.stream, Socket)


@pytest.mark.parametrize(
    ("seconds", "number", "tried"),
    [
        (6.0, 3, [2.0, 2.0, 2.0]),
        # Each has at least a quarter of a second while there is time, so the last ones are not tried.
        (0.875, 8, [0.25, 0.25, 0.25, 0.125]),
    ],
)
def test_dead_addresses_share_the_time_of_connecting(
    network: Network, backend: SyncBackend, clock: Clock, seconds: float, number: int, tried: list[float]
) -> None:
    backend.attempt = Attempt(dict.fromkeys(STEPS, 16.0) | {"connect": seconds}, clock.now + 16, clock.now + 16)
    network.addresses, network.lookup_seconds = [None] * number, 5
    with pytest.raises(httpcore.ConnectTimeout):
        connect(backend)
    assert network.tried == tried
    assert clock.now == 1024 + 5 + seconds


def test_addresses_may_take_any_time_without_a_limit(network: Network, backend: SyncBackend) -> None:
    backend.attempt = Attempt(dict.fromkeys(STEPS, None), math.inf, math.inf)
    network.addresses = [REFUSED, 0.0]
    connect(backend)
    assert network.tried == [None, None]


@pytest.mark.parametrize(
    ("addresses", "error", "tries"),
    [
        ([httpcore.ConnectTimeout("slow"), REFUSED], REFUSED, 2),
        ([ValueError("a bug"), 0.0], ValueError("a bug"), 1),
        ([], httpcore.ConnectError("the name has no address"), 0),
    ],
    ids=["of the last", "of something else", "of none"],
)
def test_failure_to_connect_is_raised(
    network: Network, backend: SyncBackend, addresses: list[Any], error: Exception, tries: int
) -> None:
    network.addresses = addresses
    with pytest.raises(type(error), match=f"^{error}$"):
        connect(backend)
    assert len(network.tried) == tries
    assert backend.stream is None


# Neither reaches a name server, because encoding fails. anyio leaves ASCII names to the system.
@pytest.mark.parametrize(("kind", "host"), [("sync", "a..example"), ("async", "ü..example")])
def test_invalid_host_name_is_a_connect_error(
    backend: SyncBackend, async_backend: AsyncBackend, kind: str, host: str
) -> None:
    with pytest.raises(httpcore.ConnectError) as caught:
        backend.connect_tcp(host, 443) if kind == "sync" else asyncio.run(async_backend.connect_tcp(host, 443))
    assert isinstance(caught.value.__cause__, UnicodeError)


def test_async_connection_gets_the_remaining_time(
    monkeypatch: pytest.MonkeyPatch, async_backend: AsyncBackend, clock: Clock, wire: Wire
) -> None:
    connected = []

    async def connect_tcp(backend: object, *args: object) -> AsyncSocket:
        connected.append(args)
        return AsyncSocket(wire)

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    clock.advance(12)
    stream = run(async_backend.connect_tcp("example.com", 443, timeout=16.0, local_address="192.0.2.9"))
    assert connected == [("example.com", 443, 4.0, "192.0.2.9", None)]
    assert isinstance(stream, AsyncStream)
    assert isinstance(async_backend.stream, AsyncSocket)
    clock.advance(4)
    with pytest.raises(httpx.ConnectTimeout):
        run(async_backend.connect_tcp("example.com", 443))
    assert len(connected) == 1


# Whether a socket has something to read


def test_async_stream_tells_whether_its_socket_is_readable(
    async_backend: AsyncBackend, wire: Wire, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    wire.socket = ours
    stream = AsyncStream(AsyncSocket(wire), async_backend)
    assert stream.get_extra_info("is_readable") is False
    theirs.send(b"x")
    assert stream.get_extra_info("is_readable") is True


def test_closed_socket_is_readable(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].close()
    assert is_readable(pair[0].fileno()) is True


# Without poll, as on Windows, or with nothing else, because select refuses a socket with a high number.
@pytest.mark.parametrize("missing", ["poll", "select"])
def test_socket_is_readable_once_something_came(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[socket.socket, socket.socket], missing: str
) -> None:
    monkeypatch.delattr(select, missing)
    ours, theirs = pair
    assert is_readable(ours.fileno()) is False
    theirs.send(b"x")
    assert is_readable(ours.fileno()) is True
    ours.recv(1)
    theirs.close()
    assert is_readable(ours.fileno()) is True


def test_check_without_poll_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    look = Mock(return_value=([], [], []))
    monkeypatch.delattr(select, "poll")
    monkeypatch.setattr(select, "select", look)
    assert is_readable(7) is False
    look.assert_called_once_with([7], [], [], 0)
