"""`statusCode` decides, not the HTTP status: every documented one, and one that is not."""

import genauth_email
import pytest
from genauth_email import APIError, SendEmailDto, SendEmailRespDto
from genauth_email.api.email import send_email
from genauth_email.models import Channel

from tests.genauth_server import GenAuth
from tests.twins import Connect

from .contract import FAILURES

BODY = SendEmailDto(channel=Channel.CHANNEL_LOGIN, email="test@example.com")
UNDOCUMENTED = [code for code in (7, 418, 604) if code not in FAILURES]
API_CODES = [None, 2333, 777777]


@pytest.mark.parametrize("api_code", API_CODES)
@pytest.mark.parametrize("status_code", [*FAILURES, *UNDOCUMENTED])
def test_a_failure_raises_the_class_of_its_status_code(
    connect: Connect, genauth: GenAuth, status_code: int, api_code: int | None
) -> None:
    body = {"statusCode": status_code, "message": "为什么", "requestId": "r-1"}
    if api_code is not None:
        body["apiCode"] = api_code
    genauth.answer_next(body)

    with pytest.raises(APIError) as caught:
        connect(genauth.url).send_email("CHANNEL_LOGIN", "test@example.com")

    error = caught.value
    assert type(error) is getattr(genauth_email, FAILURES.get(status_code, "APIError"))
    assert (error.status_code, error.api_code) == (status_code, api_code)
    assert (error.message, error.request_id, error.http_status) == ("为什么", "r-1", 200)


def test_each_documented_failure_has_a_class_of_its_own() -> None:
    classes = {getattr(genauth_email, name) for name in FAILURES.values()}
    assert len(classes) == len(FAILURES)
    assert all(issubclass(cls, APIError) and cls is not APIError for cls in classes)


@pytest.mark.parametrize("status_code", [200, *FAILURES, *UNDOCUMENTED])
def test_a_detailed_function_returns_every_answer_of_the_api(
    connect: Connect, genauth: GenAuth, status_code: int
) -> None:
    genauth.answer_next({"statusCode": status_code, "message": ""})

    response = connect(genauth.url).call(send_email, detailed=True, body=BODY)

    assert response.status_code == 200
    assert response.parsed.status_code == status_code
    assert response.headers["Content-Type"] == "application/json"


def test_a_plain_function_returns_the_dto_or_raises(connect: Connect, genauth: GenAuth) -> None:
    client = connect(genauth.url)
    assert isinstance(client.call(send_email, body=BODY), SendEmailRespDto)
    with pytest.raises(genauth_email.ThrottleError):
        client.call(send_email, body=BODY)


def test_a_dto_decides_whatever_the_http_status(connect: Connect, genauth: GenAuth) -> None:
    client = connect(genauth.url)
    genauth.answer_next({"statusCode": 200, "message": "ok"}, http_status=502, judged=False)
    assert client.send_email("CHANNEL_LOGIN", "a@example.com").message == "ok"

    genauth.answer_next({"statusCode": 403, "message": "no"}, http_status=500, judged=False)
    with pytest.raises(genauth_email.ForbiddenError) as caught:
        client.send_email("CHANNEL_LOGIN", "b@example.com")
    assert caught.value.http_status == 500


def test_an_http_error_without_a_dto_is_an_api_error_of_its_number(
    connect: Connect, genauth: GenAuth
) -> None:
    genauth.answer_next(b"<h1>Bad Gateway</h1>", http_status=502, judged=False)

    with pytest.raises(genauth_email.BadGatewayError) as caught:
        connect(genauth.url).send_email("CHANNEL_LOGIN", "test@example.com")

    assert (caught.value.status_code, caught.value.http_status) == (502, 502)
    assert caught.value.content == b"<h1>Bad Gateway</h1>"
    assert caught.value.delivery == "unknown"


def test_what_is_no_answer_of_the_api_is_kept_in_the_error(connect: Connect, genauth: GenAuth) -> None:
    genauth.answer_next(b"<h1>Log in</h1>", headers={"x-proxy": "yes"}, judged=False)

    with pytest.raises(genauth_email.InvalidResponseError) as caught:
        connect(genauth.url).send_email("CHANNEL_LOGIN", "test@example.com")

    assert caught.value.content == b"<h1>Log in</h1>"
    assert caught.value.headers["X-Proxy"] == "yes"
    assert caught.value.delivery == "unknown"
