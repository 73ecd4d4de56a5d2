"""`request` and `request_async`, which all endpoint functions call, with operations that the contract lacks."""

import asyncio
from typing import Any, cast

import pytest
from genauth_email import APIConnectionError, AsyncAuthenticationClient, AuthenticationClient, SendEmailRespDto
from genauth_email.api.email import send_email
from genauth_email.types import Operation

from tests.clients import ClientFactory, on_httpx
from tests.servers.raw import RawServer

from .helpers import BODY, LOST, requests_to

SOMEWHERE = Operation("POST", "/somewhere", SendEmailRespDto)


def test_parameters_are_sent_in_the_query_and_headers_as_they_are(make_client: ClientFactory) -> None:
    with RawServer() as server:
        client = make_client(server.url)
        headers = {"X-Genauth-Lang": "ja-JP", "Host": "example.com", "Content-Length": "9"}
        client.request(SOMEWHERE, params={"text": "a b&c", "number": 1}, headers=headers)
        (request,) = requests_to(server, client)
    assert request.startswith(b"POST /somewhere?text=a+b%26c&number=1 HTTP/1.1\r\n")
    assert request.lower().count(b"x-genauth-lang: ja-jp\r\n") == 1
    # The transport sets these two.
    assert request.lower().count(f"\nhost: {server.url[7:]}\r\n".encode()) == 1
    assert request.lower().count(b"\nhost:") == 1
    assert b"\ncontent-length: 9" not in request.lower()


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_request_without_a_body_has_no_content_type(make_client: ClientFactory, method: str) -> None:
    with RawServer() as server:
        client = make_client(server.url)
        client.request(Operation(method, "/somewhere", SendEmailRespDto))
        (request,) = requests_to(server, client)
    assert request.startswith(f"{method} /somewhere HTTP/1.1\r\n".encode())
    assert b"\ncontent-type:" not in request.lower()
    assert b"\ntransfer-encoding:" not in request.lower()
    # aiohttp sends a length of 0.
    assert b"\ncontent-length:" not in request.lower().replace(b"\ncontent-length: 0\r\n", b"")
    assert request.endswith(b"\r\n\r\n")


# aiohttp repeats a PUT or DELETE on its own, because these are idempotent.
@on_httpx
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_request_is_sent_once_whatever_its_method(make_client: ClientFactory, method: str) -> None:
    with RawServer(LOST) as server:
        client = make_client(server.url)
        with pytest.raises(APIConnectionError) as caught:
            client.request(Operation(method, "/somewhere", SendEmailRespDto))
        assert len(requests_to(server, client)) == 1
    assert caught.value.delivery == "unknown"


# Each function accepts one kind of client, so this test passes the other.
def test_a_function_refuses_a_client_of_the_other_kind() -> None:
    sync, async_ = AuthenticationClient("app123"), AsyncAuthenticationClient("app123")
    for function in (send_email.sync, send_email.sync_detailed):
        with pytest.raises(TypeError, match="need a sync client, not AsyncAuthenticationClient"):
            function(client=cast(Any, async_), body=BODY)
    for coroutine_function in (send_email.asyncio, send_email.asyncio_detailed):
        with pytest.raises(TypeError, match="need an async client, not AuthenticationClient"):
            asyncio.run(coroutine_function(client=cast(Any, sync), body=BODY))
