"""Responses that are unusual on the wire but complete, and some that are broken."""

import gzip
import json
import zlib

import pytest
from genauth_email import APIError, InvalidResponseError, ServiceUnavailableError

from tests.clients import ClientFactory
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .helpers import dto, error_of, requests_to, send

DTO = dto(200, requestId="r-1")
MIB = 1024 * 1024


def members(*parts: bytes) -> bytes:
    return b"".join(map(gzip.compress, parts))


def with_lines(*lines: bytes) -> bytes:
    """Return a response with more header lines."""
    head, _, body = http(200, DTO).partition(b"\r\n\r\n")
    return b"\r\n".join([head, *lines]) + b"\r\n\r\n" + body


WHOLE = {
    "gzip": http(200, members(DTO), {"content-encoding": "gzip"}),
    "gzip of several members": http(200, members(DTO[:9], DTO[9:30], b"", DTO[30:]), {"content-encoding": "gzip"}),
    "gzip with zeros after it": http(200, members(DTO) + b"\0" * 512, {"content-encoding": "gzip"}),
    "x-gzip": http(200, members(DTO), {"content-encoding": "x-gzip"}),
    "GZIP in capitals": http(200, members(DTO), {"content-encoding": " GZIP "}),
    "an empty Content-Encoding": http(200, DTO, {"content-encoding": ""}),
    "a Content-Encoding of spaces": http(200, DTO, {"content-encoding": "  "}),
    "identity": http(200, DTO, {"content-encoding": "identity"}),
    "a header of 9 KiB": http(200, DTO, {"x-policy": "a" * 9 * 1024}),
    "200 cookies": with_lines(*(b"set-cookie: session%d=%s; path=/" % (n, b"x" * 40) for n in range(200))),
    "a header that is not ASCII": with_lines("x-gateway: caf\u00e9".encode()),
    "a header that is not UTF-8": with_lines(b"x-gateway: caf\xe9"),
    "JSON of another content type": http(200, DTO, {"content-type": "text/html"}),
    "JSON after a byte order mark": http(200, b"\xef\xbb\xbf" + DTO),
    "no content type": http(200, DTO, {"content-type": ""}),
    "chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(DTO), DTO),
    "a response of HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(DTO), DTO),
    "an interim response before it": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + http(200, DTO),
}


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
def test_a_whole_response_is_read_whatever_it_looks_like(make_client: ClientFactory, content: bytes) -> None:
    with RawServer(Step(content)) as server:
        client = make_client(server.url)
        assert send(client).to_dict() == json.loads(DTO)
        assert send(client).request_id == "r-1"
        assert len(requests_to(server, client)) == 2


@pytest.mark.parametrize("value", ["caf\u00e9".encode(), b"caf\xe9", "\u2615".encode()])
def test_an_error_keeps_headers_that_are_not_ascii(make_client: ClientFactory, value: bytes) -> None:
    head, _, body = http(200, b'{"statusCode": 403, "message": ""}').partition(b"\r\n\r\n")
    with RawServer(Step(head + b"\r\nx-gateway: " + value + b"\r\nretry-after: 7\r\n\r\n" + body)) as server:
        error = error_of(make_client(server.url), APIError)
    assert error.headers["x-gateway"] in (value.decode("latin-1"), value.decode(errors="replace"))
    assert error.retry_after == 7


def test_requests_ask_for_no_compression(make_client: ClientFactory, mock_server: MockServer) -> None:
    send(make_client(mock_server.url))

    assert mock_server.received[0].headers["accept-encoding"] == "identity"


BROKEN = {
    "deflate": ("deflate", zlib.compress(DTO)),
    "br": ("br", DTO),
    "gzip twice": ("gzip, gzip", members(members(DTO))),
    "an unknown name": ("nonsense", DTO),
    "a body that is not gzip": ("gzip", DTO),
    "gzip that is cut": ("gzip", members(DTO)[:-9]),
    "gzip with a wrong checksum": ("gzip", members(DTO)[:-8] + b"\0" * 8),
    "gzip and something else": ("gzip", members(DTO) + b"<h1>"),
    "nothing": ("gzip", b""),
    "gzip that is too much": ("gzip", members(DTO + b" " * MIB)),
    "gzip that is too much in a second member": ("gzip", members(DTO, b" " * MIB)),
}


@pytest.mark.parametrize(("encoding", "body"), BROKEN.values(), ids=BROKEN)
def test_a_body_that_cannot_be_decompressed_is_not_a_success(
    make_client: ClientFactory, encoding: str, body: bytes
) -> None:
    headers = {"content-encoding": encoding, "retry-after": "0"}
    with RawServer(*(Step(http(status, body, headers)) for status in (200, 503)), Step(SUCCESS)) as server:
        client = make_client(server.url)
        for status, kind in ((200, InvalidResponseError), (503, ServiceUnavailableError)):
            error = error_of(client, kind)
            assert (error.delivery, error.status_code, error.http_status) == ("unknown", None, status)
            assert f"HTTP {status} with a body that is not a SendEmailRespDto" in str(error)
        # The connection can read the next response.
        assert send(client).message == "Sent."
        assert len(requests_to(server, client)) == 3
