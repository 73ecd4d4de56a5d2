"""Code that users may write. The type checkers must accept each line, and infer the types given here."""

import json
import ssl
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, ip_address
from typing import Literal, assert_type

import httpx
from genauth_email import (
    UNSET,
    ApiCode,
    APIConnectionError,
    APIError,
    APITimeoutError,
    AsyncAuthenticationClient,
    AttemptDetails,
    AuthenticationClient,
    Channel,
    GenAuthError,
    InvalidResponseError,
    Lang,
    LangLiteral,
    SendEmailDto,
    SendEmailRespDto,
    StatusCode,
    ThrottleError,
    Unset,
    __version__,
)
from genauth_email.api.email import send_email
from genauth_email.errors import Delivery, raise_for_status_code
from genauth_email.testing import (
    MockServer,
    api_error,
    connection_refused,
    gateway_error,
    mock_genauth,
    send_email_response,
    throttled,
    unknown_outcome,
)
from genauth_email.types import Failure, Request, Response


def sync_client() -> None:
    AuthenticationClient()
    AuthenticationClient("my-app", "https://example.genauth.ai")
    AuthenticationClient(app_id="my-app", app_host="https://example.genauth.ai", access_token="token", lang="en-US")
    AuthenticationClient(real_ip="203.0.113.9", timeout=2.5, max_retries=0, http_client=httpx.Client())
    AuthenticationClient(app_id=None, app_host=None, access_token=None, lang=None, real_ip=None, http_client=None)
    AuthenticationClient(lang=Lang.EN_US, timeout=5, real_ip=IPv4Address("203.0.113.9"), retry_unknown=True)
    AuthenticationClient(ssl_context=ssl.create_default_context(), limits=httpx.Limits(max_connections=5))
    AuthenticationClient(on_attempt=print)

    client = AuthenticationClient(timeout=httpx.Timeout(10, connect=2))
    with client as entered:
        assert_type(entered, AuthenticationClient)
    assert_type(client.close(), None)


def sync_call(client: AuthenticationClient) -> str:
    response = client.send_email("CHANNEL_LOGIN", "test@example.com")
    assert_type(response, SendEmailRespDto)
    client.send_email(channel=Channel.CHANNEL_LOGIN, email="test@example.com")
    client.send_email("CHANNEL_VERIFY_MFA", "test@example.com", lang=Lang.JA_JP, timeout=httpx.Timeout(3))
    client.send_email("CHANNEL_LOGIN", "test@example.com", lang="zh-TW", real_ip="2001:db8::9", access_token="token")
    client.send_email("CHANNEL_LOGIN", "test@example.com", real_ip=None, access_token=None, timeout=1)
    return response.message


def sync_options(client: AuthenticationClient) -> None:
    assert_type(client.with_options(), AuthenticationClient)
    client.with_options(app_id="other-app", app_host="https://other.example.com", access_token="token")
    client.with_options(lang="ja-JP", real_ip="203.0.113.9", timeout=1.5, max_retries=3)
    client.with_options(lang=None, real_ip=None, access_token=None)
    client.with_options(lang=Lang.ZH_CN, timeout=httpx.Timeout(1)).send_email("CHANNEL_LOGIN", "test@example.com")


def readable_options(client: AuthenticationClient, async_client: AsyncAuthenticationClient) -> None:
    for each in (client, async_client):
        assert_type(each.app_id, str)
        assert_type(each.app_host, str)
        assert_type(each.access_token, str | None)
        assert_type(each.lang, Lang | LangLiteral | None)
        assert_type(each.real_ip, str | None)
        assert_type(each.timeout, float | httpx.Timeout)
        assert_type(each.max_retries, int)
        assert_type(each.retry_unknown, bool)
        assert_type(each.on_attempt, Callable[[AttemptDetails], object] | None)
    client.with_options(real_ip=ip_address("2001:db8::9")).send_email("CHANNEL_LOGIN", "test@example.com")
    client.send_email("CHANNEL_LOGIN", "test@example.com", real_ip=ip_address("203.0.113.9"))
    language: str | Unset = UNSET
    print(language)


async def async_client() -> None:
    AsyncAuthenticationClient()
    AsyncAuthenticationClient("my-app", http_client="aiohttp", ssl_context=ssl.create_default_context())
    AsyncAuthenticationClient("my-app", "https://example.genauth.ai", lang=Lang.EN_US, http_client=httpx.AsyncClient())
    AsyncAuthenticationClient(app_id=None, app_host=None, access_token=None, lang=None, real_ip=None, http_client=None)

    client = AsyncAuthenticationClient(timeout=httpx.Timeout(10, connect=2))
    async with client as entered:
        assert_type(entered, AsyncAuthenticationClient)
    assert_type(await client.aclose(), None)


async def async_call(client: AsyncAuthenticationClient) -> str:
    response = await client.send_email("CHANNEL_LOGIN", "test@example.com")
    assert_type(response, SendEmailRespDto)
    await client.send_email(channel=Channel.CHANNEL_LOGIN, email="test@example.com")
    await client.send_email("CHANNEL_VERIFY_MFA", "test@example.com", lang=Lang.JA_JP, timeout=httpx.Timeout(3))
    await client.send_email("CHANNEL_LOGIN", "test@example.com", lang="zh-TW", real_ip="2001:db8::9", access_token="x")
    one = client.with_options(lang=Lang.ZH_CN, timeout=httpx.Timeout(1))
    assert_type(one, AsyncAuthenticationClient)
    return response.message


def sync_functions(client: AuthenticationClient, body: SendEmailDto) -> Response[SendEmailRespDto | Failure]:
    assert_type(send_email.sync(client=client, body=body), SendEmailRespDto)
    response = send_email.sync_detailed(client=client, body=body)
    assert_type(response.parsed.status_code, int | StatusCode)
    assert_type(raise_for_status_code(response), None)
    return response


async def async_functions(
    client: AsyncAuthenticationClient, body: SendEmailDto
) -> Response[SendEmailRespDto | Failure]:
    assert_type(await send_email.asyncio(client=client, body=body), SendEmailRespDto)
    response = await send_email.asyncio_detailed(client=client, body=body)
    assert_type(response.parsed.status_code, int | StatusCode)
    return response


def parts_of_a_response(response: Response[SendEmailRespDto]) -> None:
    assert_type(response.request, Request)
    assert_type(response.request.method, str)
    assert_type(response.request.url, str)
    assert_type(response.http_status, int)
    assert_type(response.headers, Mapping[str, str])
    assert_type(response.headers["x-trace"], str)
    assert_type(response.content, bytes)
    assert_type(response.parsed, SendEmailRespDto)


def parts_of_a_response_model(response: SendEmailRespDto) -> None:
    assert_type(response.status_code, int | StatusCode)
    assert_type(response.message, str)
    assert_type(response.api_code, ApiCode | int | None)
    assert_type(response.request_id, str | None)
    if response.api_code is not None:
        assert_type(response.api_code, ApiCode | int)
    print(json.dumps({"id": response.request_id}))
    succeeded: bool = response.status_code == StatusCode.OK
    print(succeeded, response.to_dict()["statusCode"], SendEmailRespDto.from_dict({"statusCode": 200, "message": ""}))


def parts_of_a_request() -> None:
    body = SendEmailDto(channel=Channel.CHANNEL_LOGIN, email="test@example.com")
    assert_type(body.channel, Channel)
    assert_type(body.email, str)
    assert_type(SendEmailDto.from_dict(body.to_dict()), SendEmailDto)
    assert_type(Channel("CHANNEL_LOGIN"), Channel)
    text: str = Channel.CHANNEL_LOGIN + Lang.EN_US + __version__
    print(text, SendEmailRespDto(status_code=200, message="", api_code=None, request_id="r-1"))


def errors_of_a_users_tests() -> None:
    GenAuthError()
    APIError("Too many.", {"status_code": 429, "message": "Too many."})
    APIConnectionError("No route.", {"delivery": "not_sent"})


async def testing() -> None:
    assert_type(throttled(), ThrottleError)
    assert_type(throttled(retry_after=60), ThrottleError)
    assert_type(gateway_error(503), APIError)
    assert_type(api_error(404, "No such user.", api_code=2004), APIError)
    assert_type(connection_refused(), APIConnectionError)
    assert_type(unknown_outcome(), APIConnectionError)
    assert_type(send_email_response().message, str)
    with mock_genauth() as server:
        assert_type(server, MockServer)
    async with mock_genauth() as server:
        assert_type(server, MockServer)
        assert_type(server.url, str)
        server.advance(60)
        assert_type(server.reset(), None)
        server.fail_next(status_code=500)
        server.fail_next(http_status=503, retry_after=1, carried_out=True)
        server.fail_next(connection="broken", carried_out=True)
        server.fail_next(connection="silent")
        print([email["email"] for email in server.sent], server.received[0].json["email"])


def errors(client: AuthenticationClient) -> float | None:
    try:
        client.send_email("CHANNEL_LOGIN", "test@example.com")
    except ThrottleError as error:
        return error.retry_after
    except APIError as error:
        assert_type(error.message, str)
        assert_type(error.headers, Mapping[str, str])
        assert_type(error.content, bytes)
        if error.api_code == ApiCode.USER_NOT_FOUND or error.status_code == StatusCode.FORBIDDEN_ERROR:
            return None
    except APITimeoutError as error:
        assert_type(error.delivery, Literal["not_sent", "unknown"])
    except APIConnectionError as error:
        delivery: Delivery = error.delivery
        print(delivery)
    except InvalidResponseError as error:
        assert_type(error.headers, Mapping[str, str])
        assert_type(error.content, bytes)
    except GenAuthError as error:
        assert_type(error.retryable, bool)
        assert_type(error.status_code, int | None)
        assert_type(error.api_code, int | None)
        assert_type(error.request_id, str | None)
        assert_type(error.http_status, int | None)
        assert_type(error.retry_after, float | None)
        if error.delivery == "not_sent":
            return 0.0
    return None
