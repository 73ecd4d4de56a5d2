"""Bytes that come after a response are never the next response, however they come and wherever they wait."""

import json
import re
import socket
import ssl
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from itertools import pairwise

import pytest
from genauth_email import GenAuthError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.clients import BlockingClient, ClientFactory
from tests.contract.facts import CHANNEL, SENT
from tests.servers.raw import http

KIB = 1024
# How much httpcore, anyio and asyncio read at once, and the most that a response can have.
BOUNDARIES = (0, 64 * KIB, 128 * KIB, 192 * KIB, 256 * KIB, 320 * KIB)

drawing = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def response(request_id: str, size: int = 0) -> bytes:
    """A response of that many bytes, if it takes no more."""
    body = json.dumps({**SENT, "message": "", "requestId": request_id}).encode()
    # The number of the digits of the length changes the size, so it is set to six.
    padding = max(size - len(http(200, body)) - (6 - len(f"{len(body)}")), 0)
    content = body + b" " * padding
    return http(200, content, {"content-length": f"{len(content):06}"})


def email(request_id: str) -> str:
    return f"{request_id}@example.com"


class StrayServer:
    """Responds to each request with its own response. The first one is followed by what a test sets.

    Attributes:
        pieces: What is sent about the next request, in as many writes.
        sent: Whether all of them are on their way.
        received: The ids of the requests that came.
        connections: How many were made.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self.pieces: list[bytes] = []
        self.sent = threading.Event()
        self.received: list[str] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _accept(self) -> None:
        with suppress(OSError):  # It is closed.
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):  # The client has hung up.
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                for request_id in _requests(connection):
                    self.received.append(request_id)
                    pieces, self.pieces = self.pieces, []
                    try:
                        for piece in pieces or [response(request_id)]:
                            connection.sendall(piece)
                    finally:
                        self.sent.set()


def _requests(connection: socket.socket) -> Iterator[str]:
    data = b""
    while received := connection.recv(64 * KIB):
        data += received
        while match := re.match(rb'(?s)POST .*?"email":"([^"@]+)@example.com"\}', data):
            data = data[match.end() :]
            yield match[1].decode()


@pytest.fixture(params=["plain", "TLS"])
def server(request: pytest.FixtureRequest) -> Generator[StrayServer]:
    server = StrayServer(request.getfixturevalue("tls") if request.param == "TLS" else None)
    yield server
    server.close()


@pytest.fixture
def client(server: StrayServer, make_client: ClientFactory) -> Generator[BlockingClient]:
    client = make_client(server.url, timeout=20)
    yield client
    client.close()


STRAY = (
    st.just(response("stray"))
    | st.integers(1, 200).map(lambda size: response("stray")[:size])
    | st.sampled_from(
        [
            http(408, b'{"statusCode": 408, "message": "stray"}'),
            http(200, b'{"statusCode": 200, "message": "", "requestId": "stray"}') * 3,
            b"HTTP/1.1 100 Continue\r\n\r\n" + response("stray"),
            b"\r\n" + response("stray"),
            b"\0",
        ]
    )
    | st.integers(1, 300 * KIB).map(lambda size: response("stray", size))
)
SIZES = st.builds(lambda boundary, more: max(boundary + more, 0), st.sampled_from(BOUNDARIES), st.integers(-3, 3))


@st.composite
def split(draw: st.DrawFn) -> tuple[int, bytes, list[int]]:
    """The size of a first response, what follows it, and where the two are cut for the writes."""
    size, stray = draw(SIZES | st.sampled_from(BOUNDARIES)), draw(STRAY)
    length = len(response("first", size))
    around = st.integers(-3, 3).map(lambda more: length + more)
    cuts = draw(st.lists(around | st.integers(0, length + len(stray)) | st.sampled_from(BOUNDARIES), max_size=4))
    return size, stray, cuts


def burst(size: int) -> tuple[int, bytes, list[int]]:
    return size, response("stray"), []


@drawing
@given(drawn=split())
@example(burst(0))
@example(burst(64 * KIB))
@example(burst(128 * KIB))
@example(burst(256 * KIB))
@example((64 * KIB, response("stray", 200 * KIB), []))
@example((64 * KIB, response("stray"), [64 * KIB]))
@example((0, response("stray"), [len(response("first"))]))
def test_what_follows_a_response_is_never_the_next_one(
    server: StrayServer, client: BlockingClient, make_client: ClientFactory, drawn: tuple[int, bytes, list[int]]
) -> None:
    size, stray, cuts = drawn
    stream = response("first", size) + stray
    at = sorted({0, len(stream), *(cut for cut in cuts if 0 < cut < len(stream))})
    # The last one is of the example before.
    server.sent.clear()
    server.received.clear()
    server.pieces = [stream[begin:end] for begin, end in pairwise(at)]
    try:
        first = client.send_email(CHANNEL, email("first")).request_id
    except GenAuthError as error:
        first = error.delivery
    # aiohttp reads no response that has something else than HTTP in the same read.
    assert first in ("first", "unknown" if make_client.kind == "aiohttp" else "first")
    # What has been sent on the loopback interface has arrived.
    assert server.sent.wait(20)
    for request_id in ("second", "third"):
        assert client.send_email(CHANNEL, email(request_id)).request_id == request_id
    assert server.received == ["first", "second", "third"]


def test_a_connection_without_stray_bytes_is_kept(server: StrayServer, client: BlockingClient) -> None:
    for number in range(20):
        assert client.send_email(CHANNEL, email(f"r{number}")).request_id == f"r{number}"
    assert server.connections == 1


def test_half_a_response_is_not_completed_by_the_next(server: StrayServer, client: BlockingClient) -> None:
    # The length says more than there is, so the beginning of the stray response is in the body.
    first = response("first")
    server.pieces = [first.replace(b"content-length: 0", b"content-length: 1", 1), response("stray")]
    with pytest.raises(GenAuthError) as caught:
        client.with_options(timeout=0.5).send_email(CHANNEL, email("first"))
    assert caught.value.delivery == "unknown"
    assert client.send_email(CHANNEL, email("second")).request_id == "second"
