"""The sync and the async streams have the same tests: each fake socket is the wrapper of one `Wire`."""

import asyncio
import os
import select
import socket
import ssl
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import pytest

from runtime.http import httpcore, httpx
from runtime.transport.network import AsyncBackend, AsyncStream, SyncBackend, SyncStream, is_readable
from runtime.transport.request import STEPS, Attempt
from tests.clock import Clock

from .coroutines import run

ALERT = b"\x15\x03\x01\x00\x02\x02\x46"
"""What a server that speaks TLS says to plain HTTP."""


class Wire:
    """What a socket is told, and what it says.

    Attributes:
        calls: Each operation with what it is given and its timeout.
        incoming: What `read` returns or raises, in turn.
        seconds: What each operation takes.
        ssl_object: What a socket with TLS has.
    """

    def __init__(self, clock: Clock) -> None:
        self.calls: list[tuple[str, object, float | None]] = []
        self.incoming: list[bytes | Exception] = []
        self.seconds = 0.0
        self.ssl_object: object = None
        self.closed = False
        self._clock = clock

    def note(self, operation: str, what: object, timeout: float | None) -> None:
        self.calls.append((operation, what, timeout))
        self._clock.advance(self.seconds)

    def read(self, max_bytes: int, timeout: float | None) -> bytes:
        self.note("read", max_bytes, timeout)
        incoming = self.incoming.pop(0) if self.incoming else b""
        if isinstance(incoming, Exception):
            raise incoming
        return incoming

    def extra_info(self, info: str) -> object:
        return self.ssl_object if info == "ssl_object" else f"the {info}"


class Socket(httpcore.NetworkStream):
    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.wire.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.wire.note("write", buffer, timeout)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self.wire.note("start_tls", server_hostname, timeout)
        return Socket(self.wire)

    def close(self) -> None:
        self.wire.closed = True

    def get_extra_info(self, info: str) -> Any:
        return self.wire.extra_info(info)


class AsyncSocket(httpcore.AsyncNetworkStream):
    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.wire.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.wire.note("write", buffer, timeout)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        self.wire.note("start_tls", server_hostname, timeout)
        return AsyncSocket(self.wire)

    async def aclose(self) -> None:
        self.wire.closed = True

    def get_extra_info(self, info: str) -> Any:
        return self.wire.extra_info(info)


class Stream(Protocol):
    """Either stream, as one that blocks."""

    @property
    def backend(self) -> SyncBackend | AsyncBackend: ...
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes: ...
    def write(self, buffer: bytes, timeout: float | None = None) -> None: ...
    def start_tls(self, server_hostname: str) -> "Stream": ...
    def close(self) -> None: ...
    def get_extra_info(self, info: str) -> Any: ...


class BlockingSync:
    def __init__(self, stream: httpcore.NetworkStream, backend: SyncBackend) -> None:
        assert isinstance(stream, SyncStream)
        self._stream = stream
        self.backend = backend
        self.read, self.write, self.close = stream.read, stream.write, stream.close
        self.get_extra_info = stream.get_extra_info

    def start_tls(self, server_hostname: str) -> Stream:
        return BlockingSync(self._stream.start_tls(ssl.create_default_context(), server_hostname, 99), self.backend)


class BlockingAsync:
    def __init__(self, stream: httpcore.AsyncNetworkStream, backend: AsyncBackend) -> None:
        assert isinstance(stream, AsyncStream)
        self._stream = stream
        self.backend = backend
        self.get_extra_info = stream.get_extra_info

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return run(self._stream.read(max_bytes, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        run(self._stream.write(buffer, timeout))

    def close(self) -> None:
        run(self._stream.aclose())

    def start_tls(self, server_hostname: str) -> Stream:
        started = run(self._stream.start_tls(ssl.create_default_context(), server_hostname, 99))
        return BlockingAsync(started, self.backend)


@pytest.fixture
def wire(clock: Clock) -> Wire:
    return Wire(clock)


@pytest.fixture
def attempt(clock: Clock) -> Attempt:
    """An attempt that may take 16 seconds, with steps that may take as many."""
    return Attempt(dict.fromkeys(STEPS, 16.0), clock.now + 16, clock.now + 16)


@pytest.fixture(params=["sync", "async"])
def stream(request: pytest.FixtureRequest, wire: Wire, attempt: Attempt) -> Stream:
    if request.param == "sync":
        backend = SyncBackend()
        backend.attempt = attempt
        return BlockingSync(SyncStream(Socket(wire), backend), backend)
    async_backend = AsyncBackend()
    async_backend.attempt = attempt
    return BlockingAsync(AsyncStream(AsyncSocket(wire), async_backend), async_backend)


def limits(stream: Stream, *left: float) -> list[float | None]:
    """The timeouts of an attempt that may take 16 seconds, as its steps may. The deadline cancels what is async."""
    return [None if isinstance(stream, BlockingAsync) and each < 16 else each for each in left]


def test_head_is_sent_together_with_the_body_in_one_write(stream: Stream, wire: Wire, attempt: Attempt) -> None:
    stream.write(b"POST / HTTP/1.1\r\n")
    stream.write(b"host: example.com\r\n\r\n")
    assert wire.calls == []
    attempt.body_started = True
    stream.write(b"{}")
    assert wire.calls == [("write", b"POST / HTTP/1.1\r\nhost: example.com\r\n\r\n{}", 16.0)]


def test_nothing_is_sent_twice(stream: Stream, wire: Wire, attempt: Attempt) -> None:
    attempt.body_started = True
    stream.write(b"one")
    stream.write(b"two")
    stream.read(10)
    assert [call[:2] for call in wire.calls] == [("write", b"one"), ("write", b"two"), ("read", 10)]


def test_what_is_unsent_goes_out_before_a_read_as_for_a_proxy(stream: Stream, wire: Wire, attempt: Attempt) -> None:
    wire.incoming = [b"HTTP/1.1 200 OK\r\n\r\n"]
    stream.write(b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
    assert stream.read(1024) == b"HTTP/1.1 200 OK\r\n\r\n"
    assert [call[:2] for call in wire.calls] == [
        ("write", b"CONNECT example.com:443 HTTP/1.1\r\n\r\n"),
        ("read", 1024),
    ]
    assert not attempt.body_started


def test_big_body_is_written_in_pieces_that_each_get_what_is_left(stream: Stream, wire: Wire, attempt: Attempt) -> None:
    wire.seconds = 4
    attempt.body_started = True
    body = bytes(range(256)) * 600  # 150 KiB
    stream.write(body)
    assert [timeout for _, _, timeout in wire.calls] == limits(stream, 16.0, 12.0, 8.0)
    pieces = [piece for _, piece, _ in wire.calls if isinstance(piece, bytes)]
    assert [len(piece) for piece in pieces] == [65536, 65536, 22528]
    assert b"".join(pieces) == body


def test_big_body_stops_at_the_deadline(stream: Stream, wire: Wire, attempt: Attempt) -> None:
    wire.seconds = 8
    attempt.body_started = True
    with pytest.raises(httpx.ReadTimeout):
        stream.write(b"x" * 65536 * 3)
    assert len(wire.calls) == 2


def test_each_read_gets_what_is_left_whatever_timeout_httpcore_passes(stream: Stream, wire: Wire) -> None:
    wire.seconds = 5
    for _ in range(3):
        stream.read(1024, timeout=16.0)
    assert wire.calls == [("read", 1024, limit) for limit in limits(stream, 16.0, 11.0, 6.0)]


def test_timeout_of_a_step_counts_where_the_deadline_comes_later(stream: Stream, wire: Wire, clock: Clock) -> None:
    timeouts = {"connect": 1.0, "read": 2.0, "write": 3.0, "pool": 4.0}
    stream.backend.attempt = attempt = Attempt(timeouts, clock.now + 8, clock.now + 8)
    attempt.body_started = True
    wire.seconds = 2.5
    stream.write(b"x")
    stream.write(b"x")
    stream.read(1)
    assert [timeout for _, _, timeout in wire.calls] == [3.0, 3.0, 2.0]


def test_nothing_is_read_after_the_deadline(stream: Stream, wire: Wire, clock: Clock) -> None:
    clock.advance(16)
    with pytest.raises(httpx.ConnectTimeout):
        stream.read(1024, timeout=16.0)
    assert wire.calls == []


def test_next_attempt_on_the_same_connection_has_its_own_time(stream: Stream, wire: Wire, clock: Clock) -> None:
    clock.advance(1000)
    stream.backend.attempt = Attempt(dict.fromkeys(STEPS, 2.0), clock.now + 8, clock.now + 8)
    stream.read(1)
    assert wire.calls == [("read", 1, 2.0)]


def test_tls_on_a_plain_connection_is_refused_in_words(stream: Stream, wire: Wire) -> None:
    wire.incoming = [ALERT]
    with pytest.raises(httpcore.RemoteProtocolError, match="speaks TLS where plain HTTP was sent: use https://"):
        stream.read(1024)


def test_same_bytes_inside_of_tls_are_data(stream: Stream, wire: Wire) -> None:
    wire.incoming = [ALERT]
    wire.ssl_object = object()
    secure = stream.start_tls("example.com")
    assert secure.read(1024) == ALERT
    assert secure.get_extra_info("ssl_object") is wire.ssl_object


def test_tls_starts_within_what_is_left_and_has_the_deadline_too(stream: Stream, wire: Wire) -> None:
    wire.seconds = 3
    secure = stream.start_tls("example.com")
    secure.read(1)
    assert wire.calls == [("start_tls", "example.com", 16.0), ("read", 1, *limits(stream, 13.0))]


def test_backend_knows_the_socket_with_tls_so_that_it_can_be_closed(stream: Stream) -> None:
    secure = stream.start_tls("example.com")
    assert isinstance(secure.backend.stream, Socket | AsyncSocket)


def test_stream_closes_its_socket(stream: Stream, wire: Wire) -> None:
    stream.close()
    assert wire.closed


def test_stream_tells_what_its_socket_tells(stream: Stream) -> None:
    assert stream.get_extra_info("client_addr") == "the client_addr"


def test_async_tls_error_while_reading_is_one_of_reading(attempt: Attempt, wire: Wire) -> None:
    backend = AsyncBackend()
    backend.attempt = attempt
    wire.incoming = [ssl.SSLError(1, "certificate required")]
    with pytest.raises(httpcore.ReadError, match="certificate required") as caught:
        run(AsyncStream(AsyncSocket(wire), backend).read(1))
    assert isinstance(caught.value.__cause__, ssl.SSLError)


class Network:
    """What `SyncBackend` finds: the addresses of a name, and what comes of connecting to each.

    Attributes:
        outcomes: A failure for each address, or None.
        lookup_seconds: What the name lookup takes.
        connect_seconds: What each try to connect takes.
        tried: The addresses with their timeouts.
    """

    def __init__(self, clock: Clock, wire: Wire) -> None:
        self.outcomes: dict[str, Exception | None] = {}
        self.lookup_seconds = 0.0
        self.connect_seconds = 0.0
        self.tried: list[tuple[str, float | None]] = []
        self._clock = clock
        self._wire = wire

    def getaddrinfo(self, host: str, port: int, **options: object) -> Sequence[object]:
        assert options == {"type": socket.SOCK_STREAM}
        self._clock.advance(self.lookup_seconds)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.outcomes]

    def connect_tcp(
        self,
        backend: object,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self.tried.append((host, timeout))
        self._clock.advance(self.connect_seconds)
        if failure := self.outcomes[host]:
            raise failure
        return Socket(self._wire)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, clock: Clock, wire: Wire) -> Network:
    network = Network(clock, wire)

    def connect_tcp(backend: object, *args: Any) -> httpcore.NetworkStream:
        return network.connect_tcp(backend, *args)

    monkeypatch.setattr("socket.getaddrinfo", network.getaddrinfo)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_tcp)
    return network


@pytest.fixture
def backend(attempt: Attempt) -> SyncBackend:
    backend = SyncBackend()
    backend.attempt = attempt
    return backend


REFUSED = httpcore.ConnectError("refused")
TOO_SLOW = httpcore.ConnectTimeout("timed out")


def test_only_address_has_all_that_is_left_after_the_name_lookup(network: Network, backend: SyncBackend) -> None:
    network.outcomes = {"192.0.2.1": None}
    network.lookup_seconds = 6
    stream = backend.connect_tcp("example.com", 443, timeout=16.0)
    assert network.tried == [("192.0.2.1", 10.0)]
    assert isinstance(stream, SyncStream)
    assert isinstance(backend.stream, Socket)


def test_several_addresses_share_the_time_left(network: Network, backend: SyncBackend) -> None:
    network.outcomes = {"192.0.2.1": TOO_SLOW, "192.0.2.2": TOO_SLOW, "2001:db8::1": None}
    network.connect_seconds = 4
    network.lookup_seconds = 4
    backend.connect_tcp("example.com", 443)
    assert network.tried == [("192.0.2.1", 4.0), ("192.0.2.2", 4.0), ("2001:db8::1", 4.0)]


def test_what_one_address_leaves_is_for_the_next(network: Network, backend: SyncBackend) -> None:
    network.outcomes = {"192.0.2.1": REFUSED, "192.0.2.2": None}
    backend.connect_tcp("example.com", 443)
    assert network.tried == [("192.0.2.1", 8.0), ("192.0.2.2", 16.0)]


@pytest.mark.parametrize("failure", [REFUSED, TOO_SLOW], ids=["refused", "timed out"])
def test_next_address_is_tried_after_a_failure(network: Network, backend: SyncBackend, failure: Exception) -> None:
    network.outcomes = {"192.0.2.1": failure, "192.0.2.2": None, "192.0.2.3": None}
    backend.connect_tcp("example.com", 443)
    assert [address for address, _ in network.tried] == ["192.0.2.1", "192.0.2.2"]


def test_failure_of_the_last_address_is_raised(network: Network, backend: SyncBackend) -> None:
    network.outcomes = {"192.0.2.1": REFUSED, "192.0.2.2": TOO_SLOW}
    with pytest.raises(httpcore.ConnectTimeout) as caught:
        backend.connect_tcp("example.com", 443)
    assert caught.value is TOO_SLOW
    assert backend.stream is None


def test_other_addresses_are_not_tried_after_the_deadline(network: Network, backend: SyncBackend) -> None:
    network.outcomes = {"192.0.2.1": TOO_SLOW, "192.0.2.2": None}
    network.connect_seconds = 16
    with pytest.raises(httpcore.ConnectTimeout):
        backend.connect_tcp("example.com", 443)
    assert network.tried == [("192.0.2.1", 8.0)]


def test_all_addresses_share_the_time_of_connecting(network: Network, backend: SyncBackend, clock: Clock) -> None:
    timeouts = {"connect": 6.0, "read": 16.0, "write": 16.0, "pool": 16.0}
    backend.attempt = Attempt(timeouts, clock.now + 16, clock.now + 16)
    network.outcomes = {"192.0.2.1": TOO_SLOW, "192.0.2.2": TOO_SLOW, "192.0.2.3": TOO_SLOW}
    network.lookup_seconds = 5
    network.connect_seconds = 2
    with pytest.raises(httpcore.ConnectTimeout):
        backend.connect_tcp("example.com", 443)
    assert network.tried == [("192.0.2.1", 2.0), ("192.0.2.2", 2.0), ("192.0.2.3", 2.0)]


def test_other_errors_of_connecting_are_raised_at_once(network: Network, backend: SyncBackend) -> None:
    network.outcomes = {"192.0.2.1": ValueError("a bug"), "192.0.2.2": None}
    with pytest.raises(ValueError, match="a bug"):
        backend.connect_tcp("example.com", 443)
    assert len(network.tried) == 1


def test_name_lookup_that_outlasts_the_deadline_connects_to_nothing(network: Network, backend: SyncBackend) -> None:
    network.outcomes = {"192.0.2.1": None}
    network.lookup_seconds = 16
    with pytest.raises(httpx.ConnectTimeout, match="there was no connection in time"):
        backend.connect_tcp("example.com", 443)
    assert network.tried == []


def test_name_without_an_address_is_an_error_of_connecting(network: Network, backend: SyncBackend) -> None:
    with pytest.raises(httpcore.ConnectError, match="the name has no address"):
        backend.connect_tcp("example.com", 443)


def test_failed_name_lookup_is_an_error_of_connecting(monkeypatch: pytest.MonkeyPatch, backend: SyncBackend) -> None:
    def getaddrinfo(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    with pytest.raises(httpcore.ConnectError, match="Name or service not known") as caught:
        backend.connect_tcp("example.com", 443)
    assert isinstance(caught.value.__cause__, socket.gaierror)


def test_addresses_may_take_any_time_where_nothing_limits_it(network: Network, backend: SyncBackend) -> None:
    backend.attempt = Attempt(dict.fromkeys(STEPS, None), float("inf"), float("inf"))
    network.outcomes = {"192.0.2.1": REFUSED, "192.0.2.2": None}
    backend.connect_tcp("example.com", 443)
    assert network.tried == [("192.0.2.1", None), ("192.0.2.2", None)]


# None of these reaches a name server: each fails while it is encoded.
@pytest.mark.parametrize("host", ["a..example", f"{'a' * 64}.example", "\udc80.example"])
def test_what_can_be_no_name_is_an_error_of_connecting(backend: SyncBackend, host: str) -> None:
    with pytest.raises(httpcore.ConnectError) as caught:
        backend.connect_tcp(host, 443)
    assert isinstance(caught.value.__cause__, UnicodeError)


# anyio encodes only those that are not ASCII, and leaves others to the system.
@pytest.mark.parametrize("host", ["ü..example", f"{'ü' * 64}.example", "\udc80.example"])
def test_what_can_be_no_name_is_an_error_of_connecting_async(attempt: Attempt, host: str) -> None:
    backend = AsyncBackend()
    backend.attempt = attempt
    with pytest.raises(httpcore.ConnectError) as caught:
        asyncio.run(backend.connect_tcp(host, 443))
    assert isinstance(caught.value.__cause__, UnicodeError)


def test_async_connection_gets_what_is_left(
    monkeypatch: pytest.MonkeyPatch, attempt: Attempt, clock: Clock, wire: Wire
) -> None:
    connected = []

    async def connect_tcp(backend: object, *args: object) -> AsyncSocket:
        connected.append(args)
        return AsyncSocket(wire)

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    backend = AsyncBackend()
    backend.attempt = attempt
    clock.advance(12)
    stream = run(backend.connect_tcp("example.com", 443, timeout=16.0, local_address="192.0.2.9"))
    assert connected == [("example.com", 443, 4.0, "192.0.2.9", None)]
    assert isinstance(stream, AsyncStream)
    assert isinstance(backend.stream, AsyncSocket)
    clock.advance(4)
    with pytest.raises(httpx.ConnectTimeout):
        run(backend.connect_tcp("example.com", 443))
    assert len(connected) == 1


def test_async_stream_tells_whether_its_socket_is_readable(
    attempt: Attempt, wire: Wire, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair

    class Real(AsyncSocket):
        def get_extra_info(self, info: str) -> Any:
            return {"socket": ours, "ssl_object": None}[info]

    backend = AsyncBackend()
    backend.attempt = attempt
    stream = AsyncStream(Real(wire), backend)
    assert stream.get_extra_info("is_readable") is False
    theirs.send(b"x")
    assert stream.get_extra_info("is_readable") is True


def test_closed_socket_is_readable(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].close()
    assert is_readable(pair[0].fileno()) is True


@pytest.mark.parametrize("has_poll", [True, False])
def test_socket_is_readable_once_something_came(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[socket.socket, socket.socket], has_poll: bool
) -> None:
    if not has_poll:
        monkeypatch.delattr(select, "poll", raising=False)
    elif not hasattr(select, "poll"):
        pytest.skip("this system has none")
    ours, theirs = pair
    assert is_readable(ours.fileno()) is False
    theirs.send(b"x")
    assert is_readable(ours.fileno()) is True
    ours.recv(1)
    theirs.close()
    assert is_readable(ours.fileno()) is True


@pytest.mark.skipif(not hasattr(select, "poll"), reason="select is all that this system has")
def test_socket_with_a_high_number_is_asked_for_too(pair: tuple[socket.socket, socket.socket]) -> None:
    resource = pytest.importorskip("resource")
    high = 1024  # The first number that select refuses.
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= limits[1] <= high:
        pytest.skip("this process may not have as many")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], high + 1), limits[1]))
    try:
        fcntl = pytest.importorskip("fcntl")
        descriptor = fcntl.fcntl(pair[0].fileno(), fcntl.F_DUPFD, high)
        assert descriptor >= high
        try:
            assert is_readable(descriptor) is False
        finally:
            os.close(descriptor)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_nothing_is_waited_for_without_poll(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[socket.socket, socket.socket]
) -> None:
    timeouts: list[float] = []

    def look(read: list[int], write: list[int], error: list[int], timeout: float) -> tuple[list[int], ...]:
        timeouts.append(timeout)
        return [], [], []

    monkeypatch.delattr(select, "poll", raising=False)
    monkeypatch.setattr(select, "select", look)
    assert is_readable(pair[0].fileno()) is False
    assert timeouts == [0]
