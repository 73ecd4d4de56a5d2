"""`client.request`, on which all endpoints stand, also those that the contract does not have yet."""

import pytest
from genauth_email import APIConnectionError, SendEmailRespDto

from tests.faults.server import Answer, RawServer
from tests.twins import Connect


def test_parameters_are_sent_in_the_query_and_headers_as_they_are(connect: Connect) -> None:
    with RawServer() as server:
        client = connect(server.url)
        client.request(
            "POST",
            "/somewhere",
            answer=SendEmailRespDto,
            params={"text": "a b&c", "number": 1},
            headers={"X-Genauth-Lang": "ja-JP"},
        )
        client.close()
        (request,) = server.finish()
    assert request.startswith(b"POST /somewhere?text=a+b%26c&number=1 HTTP/1.1\r\n")
    assert request.lower().count(b"x-genauth-lang: ja-jp\r\n") == 1


def test_host_and_content_length_are_for_the_connection_to_say(connect: Connect) -> None:
    with RawServer() as server:
        client = connect(server.url)
        more = {"Host": "example.com", "Content-Length": "9"}
        client.request("POST", "/somewhere", answer=SendEmailRespDto, headers=more)
        client.close()
        (request,) = server.finish()
    assert request.lower().count(f"\nhost: {server.url[7:]}\r\n".encode()) == 1
    assert request.lower().count(b"\nhost:") == 1
    assert b"\ncontent-length: 9" not in request.lower()


# aiohttp would send the latter again, as they are idempotent.
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_request_is_sent_once_whatever_its_method(connect: Connect, method: str) -> None:
    with RawServer(Answer(then="close")) as server:
        client = connect(server.url)
        with pytest.raises(APIConnectionError) as caught:
            client.request(method, "/somewhere", answer=SendEmailRespDto)
        client.close()
        assert len(server.finish()) == 1
    assert caught.value.delivery == "unknown"
