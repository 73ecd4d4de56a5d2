import gzip
import tracemalloc
import zlib

import pytest

from runtime.http import httpx
from runtime.transport.response import MAX_RESPONSE_SIZE, ResponseReader, decompress
from tests.clock import Clock

DOCUMENT = b'{"statusCode":200,"message":"Sent."}'


def reader_at(clock: Clock, encoding: str | None = None, seconds: float = 8.0) -> ResponseReader:
    reader = ResponseReader(clock.now + seconds)
    reader.start(200, httpx.Headers({} if encoding is None else {"Content-Encoding": encoding}))
    return reader


def read(clock: Clock, content: bytes, encoding: str | None = None) -> tuple[bytes, str]:
    """The body and what is wrong with it."""
    reader = reader_at(clock, encoding)
    reader.feed(content)
    return reader.body(), reader.body_error


def test_nothing_has_started_before_there_is_a_response(clock: Clock) -> None:
    reader = ResponseReader(clock.now + 8)
    assert not reader.started
    assert not reader.timed_out
    reader.start(503, httpx.Headers({"Retry-After": "1"}))
    assert reader.started
    assert reader.status == 503
    assert reader.headers["retry-after"] == "1"


def test_body_is_all_its_parts(clock: Clock) -> None:
    reader = reader_at(clock)
    assert reader.feed(DOCUMENT[:7])
    assert reader.feed(DOCUMENT[7:])
    assert reader.body() == DOCUMENT
    assert reader.body_error == ""
    assert not reader.timed_out


def test_body_of_the_size_allowed_is_whole(clock: Clock) -> None:
    assert read(clock, b" " * MAX_RESPONSE_SIZE) == (b" " * MAX_RESPONSE_SIZE, "")


def test_longer_body_is_cut_and_an_error(clock: Clock) -> None:
    body, error = read(clock, b" " * MAX_RESPONSE_SIZE + b"x")
    assert body == b" " * MAX_RESPONSE_SIZE
    assert error == "it is longer than 1,048,576 bytes"


def test_reading_stops_when_the_body_is_too_long(clock: Clock) -> None:
    reader = reader_at(clock)
    half = b" " * (MAX_RESPONSE_SIZE // 2)
    assert reader.feed(half)
    assert reader.feed(half)
    assert not reader.feed(b"x")


def test_what_comes_after_a_body_that_is_too_long_takes_no_memory(clock: Clock) -> None:
    reader = reader_at(clock)
    reader.feed(b" " * (MAX_RESPONSE_SIZE + 1))
    piece = b"x" * MAX_RESPONSE_SIZE
    tracemalloc.start()
    for _ in range(10):
        assert not reader.feed(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MAX_RESPONSE_SIZE


def test_part_that_comes_at_the_deadline_is_taken(clock: Clock) -> None:
    reader = reader_at(clock, seconds=8)
    assert reader.feed(DOCUMENT[:7])
    clock.advance(9)
    assert reader.feed(DOCUMENT[7:])
    assert not reader.timed_out
    assert reader.body() == DOCUMENT


def test_only_a_further_part_is_too_late(clock: Clock) -> None:
    reader = reader_at(clock, seconds=8)
    clock.advance(9)
    assert reader.feed(DOCUMENT[:7])
    assert not reader.feed(DOCUMENT[7:])
    assert reader.timed_out


def test_parts_up_to_the_deadline_are_in_time(clock: Clock) -> None:
    reader = reader_at(clock, seconds=8)
    clock.advance(8)
    assert all(reader.feed(b" ") for _ in range(3))
    assert not reader.timed_out


@pytest.mark.parametrize("encoding", [None, "", " ", "identity", "Identity"])
def test_body_without_an_encoding_is_as_it_came(clock: Clock, encoding: str | None) -> None:
    assert read(clock, DOCUMENT, encoding) == (DOCUMENT, "")


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", " gzip "])
def test_gzip_is_decompressed(clock: Clock, encoding: str) -> None:
    assert read(clock, gzip.compress(DOCUMENT), encoding) == (DOCUMENT, "")


def test_gzip_of_several_members_is_all_of_them(clock: Clock) -> None:
    members = gzip.compress(DOCUMENT[:7]) + gzip.compress(DOCUMENT[7:20]) + gzip.compress(DOCUMENT[20:])
    assert read(clock, members, "gzip") == (DOCUMENT, "")


COMPRESSED = gzip.compress(DOCUMENT)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(DOCUMENT, id="no gzip at all"),
        pytest.param(COMPRESSED[:-1], id="cut in the trailer"),
        pytest.param(COMPRESSED[:20], id="cut in the data"),
        pytest.param(COMPRESSED[:5], id="cut in the header"),
        pytest.param(COMPRESSED[:-8] + b"\0" * 8, id="wrong checksum"),
        pytest.param(COMPRESSED[:10] + b"\xff" * 20, id="wrong data"),
        pytest.param(COMPRESSED + b"more", id="more after it"),
    ],
)
def test_broken_gzip_is_an_error_with_the_bytes_as_they_came(clock: Clock, content: bytes) -> None:
    body, error = read(clock, content, "gzip")
    assert body == content
    assert error == "its gzip is broken"


@pytest.mark.parametrize("encoding", ["deflate", "br", "gzip, gzip"])
def test_other_encodings_are_refused(clock: Clock, encoding: str) -> None:
    content = zlib.compress(DOCUMENT)
    assert read(clock, content, encoding) == (content, "its Content-Encoding is not gzip")


def test_error_of_a_gzip_has_no_cause_that_could_quote_it() -> None:
    with pytest.raises(ValueError, match="broken") as caught:
        decompress(DOCUMENT, "gzip")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_gzip_bomb_takes_little_memory(clock: Clock) -> None:
    bomb = gzip.compress(b" " * 32 * MAX_RESPONSE_SIZE, compresslevel=1)
    assert len(bomb) < MAX_RESPONSE_SIZE
    tracemalloc.start()
    body, error = read(clock, bomb, "gzip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(body) == MAX_RESPONSE_SIZE
    assert error == "it is longer than 1,048,576 bytes"
    assert peak < 8 * MAX_RESPONSE_SIZE


def test_bomb_is_decompressed_to_one_byte_more_than_is_allowed() -> None:
    bomb = gzip.compress(b" " * 2 * MAX_RESPONSE_SIZE, compresslevel=1)
    assert len(decompress(bomb, "gzip")) == MAX_RESPONSE_SIZE + 1


def test_body_that_broke_off_is_not_decompressed(clock: Clock) -> None:
    reader = reader_at(clock, "gzip")
    reader.feed(COMPRESSED[:20])
    reader.body_error = "it broke off"
    assert reader.body() == COMPRESSED[:20]
    assert reader.body_error == "it broke off"


def test_body_that_httpx_has_decompressed_is_not_decompressed_again(clock: Clock) -> None:
    reader = reader_at(clock, "gzip")
    reader.feed_consumed(httpx.Response(200, content=DOCUMENT))
    assert reader.body() == DOCUMENT
    assert reader.body_error == ""


def test_body_that_httpx_has_decompressed_is_limited_too(clock: Clock) -> None:
    reader = reader_at(clock, "br")
    reader.feed_consumed(httpx.Response(200, content=b" " * (MAX_RESPONSE_SIZE + 1)))
    assert len(reader.body()) == MAX_RESPONSE_SIZE
    assert reader.body_error == "it is longer than 1,048,576 bytes"


def test_body_that_a_hook_has_read_and_not_kept_is_an_error(clock: Clock) -> None:
    reader = reader_at(clock, "gzip")
    response = httpx.Response(200, stream=httpx.ByteStream(DOCUMENT))
    assert list(response.iter_bytes()) == [DOCUMENT]
    reader.feed_consumed(response)
    assert reader.body() == b""
    assert reader.body_error == "a hook has read the body and not kept it"
