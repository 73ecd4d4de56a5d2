"""Bytes after a response never become the next response, however they arrive and wherever they wait."""

import json
import ssl

import pytest
from genauth_email import GenAuthError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.clients import ClientFactory
from tests.contract.facts import CHANNEL, SENT
from tests.servers.raw import RawServer, Step, http

KIB = 1024
# How much httpcore, anyio and asyncio read at once, and the maximum size of a response.
BOUNDARIES = (0, 64 * KIB, 128 * KIB, 192 * KIB, 256 * KIB, 320 * KIB)

# The secrets watch would take half of the time. It sees such calls in other tests.
pytestmark = pytest.mark.usefixtures("unwatched")


def response(request_id: str, size: int = 0) -> bytes:
    """Return a response of at least that many bytes."""
    body = json.dumps({**SENT, "message": "", "requestId": request_id}).encode()
    # Always six digits, because the digits of the length count as well.
    padding = max(size - len(http(200, body)) - (6 - len(f"{len(body)}")), 0)
    content = body + b" " * padding
    return http(200, content, {"content-length": f"{len(content):06}"})


@pytest.fixture(params=["plain", "TLS"])
def context(request: pytest.FixtureRequest, tls: ssl.SSLContext) -> ssl.SSLContext | None:
    return tls if request.param == "TLS" else None


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
    """Draw the size of a first response, the bytes after it, and where the two are cut into writes."""
    size, stray = draw(SIZES | st.sampled_from(BOUNDARIES)), draw(STRAY)
    length = len(response("first", size))
    around = st.integers(-3, 3).map(lambda more: length + more)
    cuts = draw(st.lists(around | st.integers(0, length + len(stray)) | st.sampled_from(BOUNDARIES), max_size=4))
    return size, stray, cuts


def burst(size: int) -> tuple[int, bytes, list[int]]:
    return size, response("stray"), []


def test_bytes_after_a_response_never_become_the_next_response(
    context: ssl.SSLContext | None, make_client: ClientFactory, drawing: settings
) -> None:
    shared = make_client(timeout=20)

    @settings(drawing, max_examples=drawing.max_examples // 2)
    @given(split())
    @example(burst(0))
    @example(burst(64 * KIB))
    @example(burst(128 * KIB))
    @example(burst(256 * KIB))
    @example((64 * KIB, response("stray", 200 * KIB), []))
    @example((64 * KIB, response("stray"), [64 * KIB]))
    @example((0, response("stray"), [len(response("first"))]))
    def check(drawn: tuple[int, bytes, list[int]]) -> None:
        size, stray, cuts = drawn
        content = response("first", size) + stray
        cuts = sorted({cut for cut in cuts if 0 < cut < len(content)})
        with RawServer(Step(content, cuts=cuts), tls=context) as server:
            client = shared.with_options(app_host=server.url)
            try:
                first = client.send_email(CHANNEL, "first@example.com").request_id
            except GenAuthError as error:
                first = error.delivery
            # aiohttp cannot read a response with something other than HTTP in the same read.
            assert first in ("first", "unknown" if make_client.kind == "aiohttp" else "first")
            # On the loopback interface, sent data has already arrived.
            server.wait_for_response()
            for email in ("second@example.com", "third@example.com"):
                assert client.send_email(CHANNEL, email).request_id == "r-1"
            assert len(server.received) == 3

    check()


def test_a_connection_without_stray_bytes_is_kept(context: ssl.SSLContext | None, make_client: ClientFactory) -> None:
    with RawServer(tls=context) as server:
        client = make_client(server.url)
        for _ in range(20):
            client.send_email(CHANNEL, "test@example.com")
        assert server.connections == 1
