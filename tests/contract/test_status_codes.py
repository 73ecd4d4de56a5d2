"""The meaning of a `statusCode`, with HTTP 200 and with another HTTP status.

`test_operations.py` tests every code of every operation.
"""

import genauth_email
import pytest
from genauth_email import APIError

from tests.clients import ClientFactory
from tests.servers import MockServer

from .facts import CHANNEL, FAILURES, SENT

API_CODES = [None, 2333, 777777]


@pytest.mark.parametrize("api_code", API_CODES)
@pytest.mark.parametrize("status_code", [*FAILURES, 7][-2:])
def test_a_failure_has_any_api_code_or_none(
    make_client: ClientFactory, mock_server: MockServer, status_code: int, api_code: int | None
) -> None:
    body = {"statusCode": status_code, "message": "为什么", "requestId": "r-1"}
    if api_code is not None:
        body["apiCode"] = api_code
    mock_server.respond_next(body)

    with pytest.raises(APIError) as caught:
        make_client(mock_server.url).send_email(CHANNEL, "test@example.com")

    error = caught.value
    assert type(error) is getattr(genauth_email, FAILURES.get(status_code, "APIError"))
    assert (error.status_code, error.api_code) == (status_code, api_code)
    assert (error.message, error.request_id, error.http_status) == ("为什么", "r-1", 200)


def test_each_documented_failure_has_its_own_class() -> None:
    classes = {getattr(genauth_email, name) for name in FAILURES.values()}
    assert len(classes) == len(FAILURES)
    assert all(issubclass(cls, APIError) and cls is not APIError for cls in classes)


def test_a_dto_with_another_http_status_raises_its_class(make_client: ClientFactory, mock_server: MockServer) -> None:
    client = make_client(mock_server.url)
    mock_server.respond_next({**SENT, "message": "ok"}, http_status=201, validate=False)
    assert client.send_email(CHANNEL, "a@example.com").message == "ok"

    mock_server.respond_next({**SENT, "message": "ok"}, http_status=502, validate=False)
    with pytest.raises(genauth_email.BadGatewayError) as gateway:
        client.send_email(CHANNEL, "b@example.com")
    assert (gateway.value.http_status, gateway.value.status_code, gateway.value.message) == (502, 200, "ok")
    assert gateway.value.delivery == "unknown"

    mock_server.respond_next({"statusCode": 403, "message": "no"}, http_status=500, validate=False)
    with pytest.raises(genauth_email.ForbiddenError) as caught:
        client.send_email(CHANNEL, "c@example.com")
    assert (caught.value.http_status, caught.value.status_code) == (500, 403)
    assert caught.value.delivery == "unknown"
