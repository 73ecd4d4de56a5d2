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


class Socket(httpcore.NetworkStream):
    """A socket, with and without TLS.

    Attributes:
        calls: Each operation with its argument and its timeout.
        incoming: The results or errors of `read`, in turn.
        seconds: The duration of each operation.
        extra: The extra info.
    """

    def __init__(self, clock: Clock) -> None:
        self.calls: list[tuple[str, object, float | None]] = []
        self.incoming: list[bytes | Exception] = []
        self.seconds = 0.0
        self.extra: dict[str, object] = {}
        self.closed = False
        self._clock = clock

    def _note(self, operation: str, what: object, timeout: float | None) -> None:
        self.calls.append((operation, what, timeout))
        self._clock.advance(self.seconds)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._note("read", max_bytes, timeout)
        incoming = self.incoming.pop(0) if self.incoming else b""
        if isinstance(incoming, Exception):
            raise incoming
        return incoming

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._note("write", buffer, timeout)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "Socket":
        self._note("start_tls", server_hostname, timeout)
        return self

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, info: str) -> Any:
        return self.extra.get(info)


class AsyncSocket(httpcore.AsyncNetworkStream):
    def __init__(self, inner: Socket) -> None:
        self._inner = inner
        self.get_extra_info = inner.get_extra_info  # type: ignore[method-assign]

    async def read(self, *args: Any, **options: Any) -> bytes:
        return self._inner.read(*args, **options)

    async def write(self, *args: Any, **options: Any) -> None:
        self._inner.write(*args, **options)

    async def start_tls(self, *args: Any, **options: Any) -> "AsyncSocket":
        self._inner.start_tls(*args, **options)
        return self

    async def aclose(self) -> None:
        self._inner.close()


@pytest.fixture
def wire(clock: Clock) -> Socket:
    """The socket below a stream."""
    return Socket(clock)


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
def stream(any_backend: Any, wire: Socket) -> Blocking:
    if isinstance(any_backend, SyncBackend):
        return Blocking(SyncStream(wire, any_backend))
    return Blocking(AsyncStream(AsyncSocket(wire), any_backend))


def start_tls(stream: Blocking) -> Blocking:
    return Blocking(stream.start_tls(ssl.create_default_context(), "example.com", 99))


def limits(stream: Blocking, *left: float) -> list[float | None]:
    """Return the expected timeouts. An async step has none of its own if the deadline cancels it before."""
    return [None if stream.is_async and each < 16 else each for each in left]


def test_head_is_sent_together_with_the_body_in_one_write_and_nothing_twice(
    stream: Blocking, wire: Socket, attempt: Attempt
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


def test_unsent_data_is_sent_before_a_read_as_for_a_proxy(stream: Blocking, wire: Socket, attempt: Attempt) -> None:
    wire.incoming = [b"HTTP/1.1 200 OK\r\n\r\n"]
    stream.write(b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
    assert stream.read(1024) == b"HTTP/1.1 200 OK\r\n\r\n"
    assert [call[:2] for call in wire.calls] == [
        ("write", b"CONNECT example.com:443 HTTP/1.1\r\n\r\n"),
        ("read", 1024),
    ]
    assert not attempt.body_started


def test_big_body_is_written_in_pieces_that_each_get_the_time_until_the_deadline(
    stream: Blocking, wire: Socket, attempt: Attempt
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


def test_each_read_gets_the_remaining_time_whatever_timeout_httpcore_passes(stream: Blocking, wire: Socket) -> None:
    wire.seconds = 5
    for _ in range(3):
        stream.read(1024, timeout=16.0)
    assert wire.calls == [("read", 1024, limit) for limit in limits(stream, 16.0, 11.0, 6.0)]


def test_timeout_of_a_step_counts_if_the_deadline_is_later(
    stream: Blocking, any_backend: Any, wire: Socket, clock: Clock
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
    stream: Blocking, any_backend: Any, wire: Socket, clock: Clock
) -> None:
    clock.advance(16)
    with pytest.raises(httpx.ConnectTimeout):
        stream.read(1024, timeout=16.0)
    assert wire.calls == []
    any_backend.attempt = Attempt(dict.fromkeys(STEPS, 2.0), clock.now + 8, clock.now + 8)
    stream.read(1)
    assert wire.calls == [("read", 1, 2.0)]


def test_bytes_of_tls_are_refused_on_a_plain_connection_and_are_data_inside_tls(stream: Blocking, wire: Socket) -> None:
    wire.incoming = [ALERT, ALERT]
    with pytest.raises(httpcore.RemoteProtocolError, match="speaks TLS where plain HTTP was sent: use https://"):
        stream.read(1024)
    wire.extra["ssl_object"] = tls = object()
    secure = start_tls(stream)
    assert secure.read(1024) == ALERT
    assert secure.get_extra_info("ssl_object") is tls


def test_tls_starts_within_the_remaining_time_and_its_socket_can_be_closed(
    stream: Blocking, any_backend: Any, wire: Socket
) -> None:
    wire.seconds = 3
    start_tls(stream).read(1)
    assert wire.calls == [("start_tls", "example.com", 16.0), ("read", 1, *limits(stream, 13.0))]
    assert isinstance(any_backend.stream, Socket | AsyncSocket)


def test_stream_closes_its_socket_and_passes_on_its_extra_info(stream: Blocking, wire: Socket) -> None:
    wire.extra["client_addr"] = "192.0.2.9"
    assert stream.get_extra_info("client_addr") == "192.0.2.9"
    stream.close()
    assert wire.closed


def test_async_tls_error_while_reading_is_a_read_error(async_backend: AsyncBackend, wire: Socket) -> None:
    wire.incoming = [ssl.SSLError(1, "certificate required")]
    with pytest.raises(httpcore.ReadError, match="certificate required") as caught:
        run(AsyncStream(AsyncSocket(wire), async_backend).read(1))
    assert isinstance(caught.value.__cause__, ssl.SSLError)


# A name with several addresses


class Network:
    """The network that `SyncBackend` uses.

    Attributes:
        addresses: For each address, what connecting to it comes to: a socket or an error. None: nothing responds.
        lookup_seconds: The duration of the name lookup.
        tried: The time that each address was given, in turn.
    """

    def __init__(self, clock: Clock) -> None:
        self.addresses: Sequence[Socket | Exception | None] = []
        self.lookup_seconds = 0.0
        self.tried: list[float | None] = []
        self._clock = clock

    def look_up(self, host: str, port: int, **options: object) -> Sequence[object]:
        assert options == {"type": socket.SOCK_STREAM}
        self._clock.advance(self.lookup_seconds)
        numbers = range(len(self.addresses))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{number}", port)) for number in numbers]

    def connect_tcp(self, host: str, port: int, timeout: float | None, *_: object) -> httpcore.NetworkStream:
        self.tried.append(timeout)
        outcome = self.addresses[int(host.rpartition(".")[2])]
        if outcome is None:
            self._clock.advance(timeout or 0)
            outcome = httpcore.ConnectTimeout()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, clock: Clock, backend: SyncBackend) -> Network:
    network = Network(clock)
    monkeypatch.setattr("socket.getaddrinfo", network.look_up)
    monkeypatch.setattr(backend, "_backend", network)
    return network


REFUSED = httpcore.ConnectError("refused")
OPEN = Socket(Clock())


@pytest.mark.parametrize(
    ("seconds", "lookup", "addresses", "tried"),
    [
        (16.0, 6.0, [OPEN], [10.0]),
        (16.0, 4.0, [None, None, OPEN], [4.0, 4.0, 4.0]),
        (16.0, 0.0, [REFUSED, OPEN], [8.0, 16.0]),
        (12.0, 0.0, [None, OPEN, OPEN], [4.0, 4.0]),
        (math.inf, 0.0, [REFUSED, OPEN], [None, None]),
    ],
    ids=["only one has all that is left", "all share it", "the rest is for the next", "no more are tried", "no limit"],
)
def test_addresses_share_the_time_that_the_name_lookup_leaves(
    network: Network,
    backend: SyncBackend,
    clock: Clock,
    seconds: float,
    lookup: float,
    addresses: list[Any],
    tried: list[float | None],
) -> None:
    backend.attempt = Attempt({}, clock.now + seconds, clock.now + seconds)
    network.addresses, network.lookup_seconds = addresses, lookup
    # The timeout that httpcore passes does not count.
    assert isinstance(backend.connect_tcp("example.com", 443, timeout=1.0), SyncStream)
    assert network.tried == tried
    assert backend.stream is OPEN


@pytest.mark.parametrize(
    ("seconds", "addresses", "tried", "error"),
    [
        (6.0, [None, None, None], [2.0, 2.0, 2.0], httpcore.ConnectTimeout()),
        # Each has at least a quarter of a second while there is time, so the last ones are not tried.
        (0.875, [None] * 8, [0.25, 0.25, 0.25, 0.125], httpcore.ConnectTimeout()),
        (6.0, [None, REFUSED], [3.0, 3.0], REFUSED),
        (6.0, [ValueError("a bug"), OPEN], [3.0], ValueError("a bug")),
        (6.0, [], [], httpcore.ConnectError("the name has no address")),
    ],
    ids=["all are dead", "many are dead", "the last error", "another error", "no address"],
)
def test_failure_to_connect_is_raised_within_the_time_of_connecting(
    network: Network,
    backend: SyncBackend,
    clock: Clock,
    seconds: float,
    addresses: list[Any],
    tried: list[float],
    error: Exception,
) -> None:
    backend.attempt = Attempt({"connect": seconds}, clock.now + 16, clock.now + 16)
    network.addresses, network.lookup_seconds = addresses, 5
    with pytest.raises(type(error), match=f"^{error}$"):
        backend.connect_tcp("example.com", 443)
    assert network.tried == tried
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
    monkeypatch: pytest.MonkeyPatch, async_backend: AsyncBackend, clock: Clock, wire: Socket
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
    async_backend: AsyncBackend, wire: Socket, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair
    wire.extra["socket"] = ours
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
