"""Properties of any response and any email. Hypothesis draws the same examples in each run."""

import json
import zlib
from collections.abc import Generator
from typing import Any

import pytest
from genauth_email import APIConnectionError, APITimeoutError, GenAuthError, SendEmailRespDto
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.contract.facts import CHANNEL, SCHEMAS
from tests.servers.load import LoadServer, told
from tests.servers.raw import SUCCESS, http

# The drawn texts can look like an address, but are not secret.
pytestmark = pytest.mark.usefixtures("unwatched")

JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def server() -> Generator[LoadServer]:
    with LoadServer() as server:
        yield server


@pytest.fixture
def client(make_client: ClientFactory, server: LoadServer) -> BlockingClient:
    return make_client(server.url)


def outcome(client: BlockingClient, email: str) -> object:
    """Return the result of a call. Any other error fails the test, and so does a timeout."""
    try:
        return client.send_email(CHANNEL, email)
    except APITimeoutError:
        raise
    except GenAuthError as error:
        return error


DTOS = st.fixed_dictionaries(
    {}, optional={name: JSON for name in SCHEMAS["SendEmailRespDto"]["properties"]}
) | st.fixed_dictionaries({"statusCode": st.integers(), "message": st.text()})
BODIES = st.binary() | JSON.map(json.dumps).map(str.encode) | DTOS.map(json.dumps).map(str.encode)
ENCODINGS = ("identity", "gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP", "none", "")
COMPRESSIONS = {"not": 0, "gzip": 31, "zlib": 15, "raw deflate": -15}


@st.composite
def http_answers(draw: st.DrawFn) -> tuple[int, bytes]:
    """Draw an HTTP status and a well-formed response with it."""
    status = draw(st.integers(100, 999) | st.sampled_from([200, 400, 401, 429, 500, 502, 503]))
    body = draw(BODIES)
    if wbits := COMPRESSIONS[draw(st.sampled_from(list(COMPRESSIONS)))]:
        compressor = zlib.compressobj(wbits=wbits)
        body = compressor.compress(body) + compressor.flush()
    if status in (204, 304):  # These have no body.
        body = b""
    value = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x10FFFF, codec="utf-8"), max_size=20)
    headers = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "content-type": value,
                "content-encoding": st.sampled_from(ENCODINGS) | value,
                "location": value,
                "set-cookie": value,
                # The client would wait for one that fits into the timeout.
                "retry-after": st.just("0") | value.filter(lambda text: not text.isdecimal()),
            },
        )
    )
    return status, http(status, body, headers)


def test_any_http_answer_is_a_dto_or_our_error(client: BlockingClient, drawing: settings) -> None:
    @drawing
    @given(http_answers())
    def check(drawn: tuple[int, bytes]) -> None:
        status, response = drawn
        # A response below 200 must be followed by another.
        final = status >= 200
        ended = outcome(client, told(response, close=not final))
        assert not (final and isinstance(ended, APIConnectionError))

    check()


@st.composite
def spliced(draw: st.DrawFn) -> bytes:
    """Draw a success with some of its bytes replaced."""
    begin = draw(st.integers(0, len(SUCCESS)))
    return SUCCESS[:begin] + draw(st.binary()) + SUCCESS[begin + draw(st.integers(0, 20)) :]


def test_any_bytes_on_the_wire_are_a_dto_or_our_error(client: BlockingClient, drawing: settings) -> None:
    @drawing
    @given(st.binary() | spliced() | st.lists(st.binary() | spliced(), max_size=3).map(b"".join))
    @example(b"HTTP/1.1 000 None\r\n\r\n")
    @example(b"HTTP/0.9 200 OK\r\n\r\n")
    def check(response: bytes) -> None:
        outcome(client, told(response, close=True))

    check()


# All of Unicode, and halves of surrogate pairs, which are not characters.
TEXTS = st.text() | st.text(st.characters(categories=["Cs"]) | st.characters())


@before_transport
def test_any_email_reaches_the_server_unchanged_or_is_refused_before_any_io(
    client: BlockingClient, drawing: settings
) -> None:
    def send(email: str) -> SendEmailRespDto:
        return client.send_email(CHANNEL, email)

    @drawing
    @given(TEXTS | st.emails())
    @example("")
    @example("\0")
    @example("a@example.com\r\nbcc: b@example.com")
    @example('"\\')
    @example("\U0001f4e7@example.com")
    @example("\ud83d@example.com")
    @example("\ud83d\udce7@example.com")
    def check(email: str) -> None:
        number = int(send("test@example.com").request_id or 0)
        try:
            response = send(email)
        except ValueError:
            # Nothing reached the server in between.
            assert send("test@example.com").request_id == f"{number + 1}"
        else:
            assert response.message == email
            assert response.request_id == f"{number + 1}"

    check()
