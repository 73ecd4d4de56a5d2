import gzip
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runtime.http import httpx
from runtime.transport.response import MAX_RESPONSE_SIZE, ResponseReader, decompress
from tests.clock import Clock

DOCUMENT = b'{"statusCode":200,"message":"Sent."}'
COMPRESSED = gzip.compress(DOCUMENT)
WHOLE = b" " * MAX_RESPONSE_SIZE
BOMB = gzip.compress(WHOLE * 32, compresslevel=1)
TOO_LONG = "it is longer than 1,048,576 bytes"


def reader_at(clock: Clock, encoding: str | None = None) -> ResponseReader:
    reader = ResponseReader(clock.now + 8)
    reader.start(200, httpx.Headers({} if encoding is None else {"Content-Encoding": encoding}))
    return reader


@contextmanager
def memory_limited(size: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size


def test_reading_stops_when_the_body_is_too_long(clock: Clock) -> None:
    reader = reader_at(clock)
    half = b" " * (MAX_RESPONSE_SIZE // 2)
    assert reader.feed(half)
    assert reader.feed(half)
    assert not reader.feed(b"x")
    # Later parts take no memory.
    with memory_limited(MAX_RESPONSE_SIZE):
        for _ in range(10):
            assert not reader.feed(WHOLE)


@pytest.mark.parametrize(
    ("moments", "goes_on"), [((0, 9), [True, True]), ((9, 0), [True, False]), ((8, 0, 0), [True, True, True])]
)
def test_part_at_the_deadline_is_accepted_and_only_a_later_one_is_too_late(
    clock: Clock, moments: tuple[float, ...], goes_on: list[bool]
) -> None:
    reader = reader_at(clock)
    for moment, each in zip(moments, goes_on, strict=True):
        clock.advance(moment)
        assert reader.feed(b"x") is each
        assert reader.timed_out is not each
    assert reader.body() == b"x" * len(moments)


# tests/client/ compresses and breaks bodies in more ways.
@pytest.mark.parametrize(
    ("content", "encoding", "body", "error"),
    [
        (WHOLE, None, WHOLE, ""),
        (WHOLE + b"x", None, WHOLE, TOO_LONG),
        (COMPRESSED, " GZIP ", DOCUMENT, ""),
        (BOMB, "gzip", WHOLE, TOO_LONG),
        (COMPRESSED, "deflate", COMPRESSED, "its Content-Encoding is not gzip"),
        (COMPRESSED[:5], "gzip", COMPRESSED[:5], "its gzip is broken"),
    ],
    ids=["all that is allowed", "one byte more", "gzip", "bomb", "deflate", "broken gzip"],
)
def test_body_is_decompressed_if_possible(
    clock: Clock, content: bytes, encoding: str | None, body: bytes, error: str
) -> None:
    reader = reader_at(clock, encoding)
    reader.feed(content)
    with memory_limited(8 * MAX_RESPONSE_SIZE):
        assert reader.body() == body
    assert reader.body_error == error


def test_bomb_is_decompressed_only_to_one_byte_above_the_limit() -> None:
    assert len(BOMB) < MAX_RESPONSE_SIZE
    assert len(decompress(BOMB, "gzip")) == MAX_RESPONSE_SIZE + 1


def test_gzip_of_many_members_costs_no_time_and_its_error_quotes_nothing() -> None:
    assert decompress(gzip.compress(b"") * 15 + COMPRESSED, "gzip") == DOCUMENT
    for content in (gzip.compress(b"") * 16 + COMPRESSED, DOCUMENT):
        with pytest.raises(ValueError, match="broken") as caught:
            decompress(content, "gzip")
        assert caught.value.__cause__ is caught.value.__context__ is None


def test_body_that_broke_off_is_not_decompressed(clock: Clock) -> None:
    reader = reader_at(clock, "gzip")
    reader.feed(COMPRESSED[:20])
    reader.body_error = "it broke off"
    assert (reader.body(), reader.body_error) == (COMPRESSED[:20], "it broke off")


@pytest.mark.parametrize(("content", "body", "error"), [(DOCUMENT, DOCUMENT, ""), (WHOLE + b"x", WHOLE, TOO_LONG)])
def test_body_decompressed_by_httpx_is_limited_but_not_decompressed_again(
    clock: Clock, content: bytes, body: bytes, error: str
) -> None:
    reader = reader_at(clock, "gzip")
    reader.feed_consumed(httpx.Response(200, content=content))
    assert (reader.body(), reader.body_error) == (body, error)
