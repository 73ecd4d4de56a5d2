"""What needs no socket, thread or compiled library, so that it also runs on a Python that has none of them."""

import asyncio
import importlib
import json
import pickle
import pkgutil
from collections.abc import Callable
from typing import Any

import genauth_email
import httpx
import pytest
from genauth_email import (
    APITimeoutError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    SendEmailDto,
    SendEmailRespDto,
    ThrottleError,
)
from genauth_email.api.email import send_email

from tests.contract.facts import CHANNEL, SENT

ADDRESS = "test@example.com"
BODY = SendEmailDto(CHANNEL, ADDRESS)
UNAVAILABLE = {"statusCode": 503, "message": "Later."}

Send = Callable[..., SendEmailRespDto]


def send_sync(handler: Any, **options: Any) -> SendEmailRespDto:
    http_client = httpx.Client(transport=httpx.MockTransport(handler))
    with http_client, AuthenticationClient("app123", http_client=http_client, **options) as client:
        response = client.send_email(CHANNEL, ADDRESS)
        assert send_email.sync_detailed(client=client, body=BODY).parsed == response
        return response


def send_async(handler: Any, **options: Any) -> SendEmailRespDto:
    async def send() -> SendEmailRespDto:
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
        async with http_client, AsyncAuthenticationClient("app123", http_client=http_client, **options) as client:
            response = await client.send_email(CHANNEL, ADDRESS)
            assert (await send_email.asyncio_detailed(client=client, body=BODY)).parsed == response
            return response

    return asyncio.run(send())


@pytest.fixture(params=[send_sync, send_async])
def send(request: pytest.FixtureRequest) -> Send:
    """Sends the same email twice, by the client's method and by the endpoint's function."""
    function: Send = request.param
    return function


def test_every_module_imports_without_a_warning() -> None:
    modules = {each.name for each in pkgutil.walk_packages(genauth_email.__path__, "genauth_email.")}
    # The first needs a compiled library, and the second is a program.
    for name in modules - {"genauth_email._runtime.transport.aiohttp_transport", "genauth_email.__main__"}:
        importlib.import_module(name)


def test_email_is_sent(send: Send) -> None:
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=SENT)

    response = send(handler)
    assert response.to_dict() == SENT
    assert [SendEmailDto.from_dict(json.loads(each.content)) for each in requests] == [BODY] * 2
    for model in (BODY, response):
        assert pickle.loads(pickle.dumps(model)) == model


def test_failure_of_the_api_has_its_class_and_travels_by_pickle(send: Send) -> None:
    with pytest.raises(ThrottleError) as caught:
        send(lambda request: httpx.Response(200, json={"statusCode": 429, "message": "Too many."}))
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert (error.status_code, error.delivery, error.retryable) == (429, "unknown", False)
        assert ADDRESS not in f"{error}{error!r}"


def test_only_what_was_certainly_not_sent_is_retried(send: Send) -> None:
    responses = iter([UNAVAILABLE, SENT, UNAVAILABLE, SENT])
    send(lambda request: httpx.Response(200, json=next(responses), headers={"Retry-After": "0"}))
    assert next(responses, None) is None


def test_connection_that_fails_is_an_error_of_ours(send: Send) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("it failed")

    with pytest.raises(APITimeoutError) as caught:
        send(handler)
    assert caught.value.delivery == "unknown"


def test_async_call_ends_at_its_deadline() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("it went on")

    with pytest.raises(APITimeoutError):
        send_async(handler, timeout=0.01)
