"""Responses that are unusual on the wire but complete, and redirects."""

import gzip
import json
from typing import Any

import pytest
from genauth_email import APIError, InvalidResponseError

from tests.clients import ClientFactory
from tests.servers.raw import RawServer, Step, http

from .helpers import dto, error_of, requests_to, send

DTO = dto(200, requestId="r-1")
GZIP = gzip.compress(DTO[:9]) + gzip.compress(b"") + gzip.compress(DTO[9:]) + b"\0" * 512
# `tests/faults/` has more, and `tests/unit/test_response.py` more encodings.
WHOLE = {
    "gzip of several members and zeros": http(200, GZIP, {"content-encoding": "gzip"}),
    "GZIP in capitals": http(200, gzip.compress(DTO), {"content-encoding": " GZIP "}),
    "a Content-Encoding of spaces": http(200, DTO, {"content-encoding": "  "}),
    "identity": http(200, DTO, {"content-encoding": "identity"}),
    "a header that is not ASCII": http(200, DTO, {"x-gateway": "caf\u00e9"}),
    "a header that is not UTF-8": http(200, DTO, {"x-gateway": "?"}).replace(b"?", b"\xe9"),
    "JSON of another content type": http(200, DTO, {"content-type": "text/html"}),
    "no content type": http(200, DTO, {"content-type": ""}),
    "chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(DTO), DTO),
    "a response of HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(DTO), DTO),
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
    response = http(200, dto(403), {"x-gateway": "?", "retry-after": "7"}).replace(b"?", value)
    with RawServer(Step(response)) as server:
        error = error_of(make_client(server.url), APIError)
    assert error.headers["x-gateway"] in (value.decode("latin-1"), value.decode(errors="replace"))
    assert error.retry_after == 7


@pytest.mark.parametrize("status", [301, 302, 307])
@pytest.mark.parametrize("settings", [None, {"follow_redirects": True}], ids=["ours", "theirs follows"])
def test_a_redirect_is_not_followed(make_client: ClientFactory, status: int, settings: dict[str, Any] | None) -> None:
    with RawServer() as elsewhere, RawServer(Step(http(status, headers={"location": elsewhere.url}))) as server:
        options = {} if settings is None else {"http_client": make_client.http_client(**settings)}
        error = error_of(make_client(server.url, **options), InvalidResponseError)
    assert (error.http_status, error.headers["Location"], error.delivery) == (status, elsewhere.url, "unknown")
    assert (len(server.received), elsewhere.connections) == (1, 0)
