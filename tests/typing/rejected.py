"""Mistakes of users. Each type checker has to reject every line that is marked so, and no other.

Lines are short, so that a statement is one line and the checkers agree which.
"""

import httpx
from genauth_email import (
    APIError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    Channel,
    GenAuthError,
    SendEmailDto,
    SendEmailRespDto,
)
from genauth_email.api.email import send_email

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


async def async_calls(client: AsyncAuthenticationClient, twin: AuthenticationClient) -> None:
    client.send_email("CHANNEL_LOGIN", TO)  # rejected
    print(client.send_email("CHANNEL_LOGIN", TO).message)  # rejected
    answer: SendEmailRespDto = client.send_email("CHANNEL_LOGIN", TO)  # rejected
    await twin.send_email("CHANNEL_LOGIN", TO)  # rejected
    await client.send_email("CHANNEL_LOGON", TO)  # rejected
    await client.send_email("CHANNEL_LOGIN", TO, lang="english")  # rejected
    await client.send_email("CHANNEL_LOGIN")  # rejected
    client.close()  # rejected
    with client:  # rejected
        pass
    async with twin:  # rejected
        pass
    print(answer)


def forgets_to_await(client: AsyncAuthenticationClient) -> SendEmailRespDto:
    return client.send_email("CHANNEL_LOGIN", TO)  # rejected


def options(client: AuthenticationClient, twin: AsyncAuthenticationClient) -> None:
    client.with_options("203.0.113.9")  # rejected
    client.with_options(ip="203.0.113.9")  # rejected
    client.with_options(app_id=None)  # rejected
    client.with_options(timeout=None)  # rejected
    client.with_options(http_client=httpx.Client())  # rejected
    twin.with_options(lang="en")  # rejected
    other: AuthenticationClient = twin.with_options(lang="en-US")  # rejected
    print(other)


async def functions(client: AuthenticationClient, twin: AsyncAuthenticationClient) -> None:
    send_email.sync(client, BODY)  # rejected
    send_email.sync(client=twin, body=BODY)  # rejected
    send_email.sync(client=client, body={"channel": "CHANNEL_LOGIN", "email": TO})  # rejected
    send_email.sync(client=client)  # rejected
    await send_email.sync(client=client, body=BODY)  # rejected
    await send_email.asyncio(client=client, body=BODY)  # rejected
    print(send_email.asyncio(client=twin, body=BODY).message)  # rejected
    print(send_email.sync_detailed(client=client, body=BODY).message)  # rejected
    print(send_email.asyncio_detailed(client=twin, body=BODY).parsed)  # rejected
    SendEmailDto(channel="CHANNEL_LOGIN", email=TO)  # rejected
    SendEmailDto(channel=Channel.CHANNEL_LOGIN)  # rejected
    SendEmailDto(Channel.CHANNEL_LOGIN, TO, "en-US")  # rejected


def errors(error: APIError, base: GenAuthError) -> None:
    print(error.statusCode)  # rejected
    print(error.retry_after)  # rejected
    print(base.status_code)  # rejected
    api_code: int = error.api_code  # rejected
    request_id: str = error.request_id  # rejected
    print(api_code, request_id)
    raise APIError("failed")  # rejected


def compares(error: GenAuthError) -> bool:
    return error.delivery == "sent"  # rejected
