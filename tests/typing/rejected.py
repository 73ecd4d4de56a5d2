"""Mistakes of users. Each type checker must reject every line marked `# rejected`, and no other.

Each statement fits on one line, so the checkers agree on the line.
"""

import httpx
from genauth_email import (
    UNSET,
    APIError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    Channel,
    GenAuthError,
    SendEmailDto,
    SendEmailRespDto,
)
from genauth_email.api.email import send_email
from genauth_email.testing import api_error, mock_genauth, throttled

TO = "test@example.com"
BODY = SendEmailDto(channel=Channel.CHANNEL_LOGIN, email=TO)


def constructors() -> None:
    AuthenticationClient(app="my-app")  # rejected
    AuthenticationClient("my-app", "https://example.genauth.ai", "token")  # rejected
    AuthenticationClient(app_id=123)  # rejected
    AuthenticationClient(lang="en")  # rejected
    AuthenticationClient(timeout="10")  # rejected
    AuthenticationClient(timeout=None)  # rejected
    AuthenticationClient(max_retries=0.5)  # rejected
    AuthenticationClient(real_ip=3405803785)  # rejected
    AuthenticationClient(ssl_context=True)  # rejected
    AuthenticationClient(http_client="aiohttp")  # rejected
    AuthenticationClient(http_client=httpx.AsyncClient())  # rejected
    AsyncAuthenticationClient(http_client=httpx.Client())  # rejected
    AsyncAuthenticationClient(lang="de-DE")  # rejected
    AsyncAuthenticationClient(proxy="http://proxy.example:3128")  # rejected


def sync_calls(client: AuthenticationClient, channel: str) -> None:
    client.send_email("CHANNEL_LOGON", TO)  # rejected
    client.send_email("channel_login", TO)  # rejected
    client.send_email(channel, TO)  # rejected
    client.send_email(TO, "CHANNEL_LOGIN")  # rejected
    client.send_email("CHANNEL_LOGIN")  # rejected
    client.send_email(email=TO)  # rejected
    client.send_email("CHANNEL_LOGIN", None)  # rejected
    client.send_email("CHANNEL_LOGIN", [TO])  # rejected
    client.send_email("CHANNEL_LOGIN", TO, "en-US")  # rejected
    client.send_email("CHANNEL_LOGIN", TO, lang="english")  # rejected
    client.send_email("CHANNEL_LOGIN", TO, lang=Channel.CHANNEL_LOGIN)  # rejected
    client.send_email("CHANNEL_LOGIN", TO, ip="203.0.113.9")  # rejected
    client.send_email("CHANNEL_LOGIN", TO, max_retries=0)  # rejected
    print(client.send_email("CHANNEL_LOGIN", TO)["statusCode"])  # rejected
    print(client.send_email("CHANNEL_LOGIN", TO).statusCode)  # rejected
    client.aclose()  # rejected
    with client.send_email("CHANNEL_LOGIN", TO):  # rejected
        pass


async def async_calls(client: AsyncAuthenticationClient, sync_client: AuthenticationClient) -> None:
    client.send_email("CHANNEL_LOGIN", TO)  # rejected
    print(client.send_email("CHANNEL_LOGIN", TO).message)  # rejected
    response: SendEmailRespDto = client.send_email("CHANNEL_LOGIN", TO)  # rejected
    await sync_client.send_email("CHANNEL_LOGIN", TO)  # rejected
    await client.send_email("CHANNEL_LOGON", TO)  # rejected
    await client.send_email("CHANNEL_LOGIN", TO, lang="english")  # rejected
    await client.send_email("CHANNEL_LOGIN")  # rejected
    client.close()  # rejected
    with client:  # rejected
        pass
    async with sync_client:  # rejected
        pass
    print(response)


def forgets_to_await(client: AsyncAuthenticationClient) -> SendEmailRespDto:
    return client.send_email("CHANNEL_LOGIN", TO)  # rejected


def options(client: AuthenticationClient, async_client: AsyncAuthenticationClient) -> None:
    client.with_options("203.0.113.9")  # rejected
    client.with_options(ip="203.0.113.9")  # rejected
    client.with_options(app_id=None)  # rejected
    client.with_options(timeout=None)  # rejected
    client.with_options(http_client=httpx.Client())  # rejected
    async_client.with_options(lang="en")  # rejected
    client.with_options(ssl_context=None)  # rejected
    other: AuthenticationClient = async_client.with_options(lang="en-US")  # rejected
    print(other)


def assignments(client: AuthenticationClient, async_client: AsyncAuthenticationClient) -> None:
    client.app_id = "other-app"  # rejected
    client.app_host = "https://other.example.com"  # rejected
    client.access_token = None  # rejected
    client.lang = None  # rejected
    client.real_ip = "203.0.113.9"  # rejected
    client.timeout = 5.0  # rejected
    client.max_retries = 0  # rejected
    client.retry_unknown = True  # rejected
    client.on_attempt = print  # rejected
    async_client.timeout = 5.0  # rejected
    async_client.max_retries += 1  # rejected
    seconds: float = client.timeout  # rejected
    token: str = client.access_token  # rejected
    print(seconds, token, client.proxy)  # rejected


async def functions(client: AuthenticationClient, async_client: AsyncAuthenticationClient) -> None:
    send_email.sync(client, BODY)  # rejected
    send_email.sync(client=async_client, body=BODY)  # rejected
    send_email.sync(client=client, body={"channel": "CHANNEL_LOGIN", "email": TO})  # rejected
    send_email.sync(client=client)  # rejected
    await send_email.sync(client=client, body=BODY)  # rejected
    await send_email.asyncio(client=client, body=BODY)  # rejected
    print(send_email.asyncio(client=async_client, body=BODY).message)  # rejected
    print(send_email.sync_detailed(client=client, body=BODY).message)  # rejected
    print(send_email.sync_detailed(client=client, body=BODY).status_code)  # rejected
    request_id: str = send_email.sync(client=client, body=BODY).request_id  # rejected
    SendEmailRespDto(status_code=200, message="", request_id=UNSET)  # rejected
    print(send_email.asyncio_detailed(client=async_client, body=BODY).parsed)  # rejected
    SendEmailDto(channel="CHANNEL_LOGIN", email=TO)  # rejected
    SendEmailDto(channel=Channel.CHANNEL_LOGIN)  # rejected
    SendEmailDto(Channel.CHANNEL_LOGIN, TO, object())  # rejected
    print(request_id)


def errors(error: APIError, base: GenAuthError) -> None:
    print(error.statusCode)  # rejected
    print(base.message)  # rejected
    status_code: int = error.status_code  # rejected
    http_status: int = base.http_status  # rejected
    retry_after: float = base.retry_after  # rejected
    api_code: int = error.api_code  # rejected
    request_id: str = error.request_id  # rejected
    print(status_code, http_status, retry_after, api_code, request_id)
    base.delivery = "not_sent"  # rejected
    raise APIError("failed", 429)  # rejected


def compares(error: GenAuthError) -> bool:
    return error.delivery == "sent"  # rejected


def testing() -> None:
    throttled("60")  # rejected
    api_error("404")  # rejected
    mock_genauth(8080)  # rejected
    server = mock_genauth()
    server.fail_next()  # rejected
    server.fail_next(status_code=500, http_status=500)  # rejected
    server.fail_next(connection="slow")  # rejected
    server.fail_next(connection="broken", retry_after=1)  # rejected
