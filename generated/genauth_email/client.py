"""The clients: `AuthenticationClient` and its async twin."""

from __future__ import annotations

from typing import Final
from typing import cast as _cast

from ._runtime.client import AsyncClient, SyncClient
from ._runtime.http import httpx
from ._runtime.redaction import redact_traceback
from ._runtime.types import Specification
from .api.email import send_email
from .errors import ERRORS
from .models.channel import Channel, ChannelLiteral
from .models.lang import Lang, LangLiteral
from .models.send_email_dto import SendEmailDto
from .models.send_email_resp_dto import SendEmailRespDto

VERSION: Final = "2.0.0"
"""The version of this package."""

SPECIFICATION: Final = Specification(
    package="genauth-email",
    version=VERSION,
    default_host="https://api.genauth.ai",
    header_names={
        "app_id": "x-genauth-app-id",
        "access_token": "authorization",
        "lang": "x-genauth-lang",
        "real_ip": "x-real-ip",
    },
    fixed_headers={"x-genauth-request-from": "sdk", "x-genauth-sdk-version": f"genauth-email:{VERSION}"},
    environment={
        "app_id": "GENAUTH_APP_ID",
        "app_host": "GENAUTH_APP_HOST",
        "access_token": "GENAUTH_ACCESS_TOKEN",
        "lang": "GENAUTH_LANG",
    },
    lang=Lang,
    errors=ERRORS,
)
"""What the contract and the settings say of this package as a whole."""


class AuthenticationClient(SyncClient[Lang | LangLiteral]):
    """A client of GenAuth. `AsyncAuthenticationClient` is its async twin.

    It keeps its connections open for the next call. Make one, use it from all threads, and close it at the end, or
    use it in a `with` statement. `with_options` gives each end user a client of their own on the same connections.

    Args:
        app_id: The application's id. Default: the environment variable `GENAUTH_APP_ID`.
        app_host: The application's host, such as `https://example.genauth.ai`. Default: `GENAUTH_APP_HOST`, then
            `https://api.genauth.ai`.
        access_token: The access token of the end user. Default: `GENAUTH_ACCESS_TOKEN`, then none.
        lang: The language of the responses' `message`. Default: `GENAUTH_LANG`, then the server's.
        real_ip: The IP address of the end user. Without it the server takes the address of this machine, and its
            rate limits count all users as one.
        timeout: Seconds that a call may take with its retries, or an `httpx.Timeout`, whose longest part bounds
            the call.
        max_retries: How many times at most a request is retried where that is safe. 0: never.
        retry_unknown: Whether to retry also where it is unknown whether the operation was carried out. It is done only
            for operations that the server carries out once within an interval, and only within that.
        on_attempt: Is called with the `AttemptDetails` of each attempt when it has ended, in the same thread or task.
            An exception that it raises is logged, and the call goes on.
        limits: How many connections are used at once, and how many of them are kept idle for how many seconds, as an
            `httpx.Limits`. Default: any number are used, as many as there are threads, and 100 are kept for 30 seconds
            unless the server keeps them for a shorter time.
        http_client: Your own `httpx.Client`, for example for a private CA. This client never closes it.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument is missing or not allowed, or `SSL_CERT_FILE` cannot be read.
    """

    _specification = SPECIFICATION

    @redact_traceback
    def send_email(
        self,
        channel: Channel | ChannelLiteral,
        email: str,
        *,
        lang: Lang | LangLiteral | None = None,
        real_ip: str | None = None,
        access_token: str | None = None,
        timeout: float | httpx.Timeout | None = None,
    ) -> SendEmailRespDto:
        """Send an email to a user.

        Sends the email that `channel` names to the mailbox `email`.

        One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
        difference to that. A second email within the minute is refused with `statusCode` 429. So a client may repeat a
        request within the minute when it does not know the outcome (`x-deduplication-interval`, in seconds).

        Args:
            channel: What the email is for.
                - `CHANNEL_LOGIN`: Log in.
                - `CHANNEL_REGISTER`: Register.
                - `CHANNEL_RESET_PASSWORD`: Reset a password.
                - `CHANNEL_VERIFY_EMAIL_LINK`: Verify an email address.
                - `CHANNEL_UPDATE_EMAIL`: Change the email address.
                - `CHANNEL_BIND_EMAIL`: Bind an email address.
                - `CHANNEL_UNBIND_EMAIL`: Unbind an email address.
                - `CHANNEL_VERIFY_MFA`: Verify a second factor.
                - `CHANNEL_UNLOCK_ACCOUNT`: Unlock the account.
                - `CHANNEL_COMPLETE_EMAIL`: Supply a missing email address while registering or logging in.
                - `CHANNEL_DELETE_ACCOUNT`: Delete the account.
            email: The address of the mailbox, compared without regard to case. Which addresses are accepted is for the
                server to say: it refuses the others with `statusCode` 400.
            lang: The language of the response's `message`. Default: the client's.
            real_ip: The IP address of the end user. Default: the client's.
            access_token: The access token of the end user. Default: the client's.
            timeout: Seconds that the call may take, or an `httpx.Timeout`. Default: the client's.

        Returns:
            The response, which is a success.

        Raises:
            TypeError: An argument is of a wrong type. Nothing was sent.
            ValueError: An argument is not allowed. Nothing was sent.
            APIError: The `statusCode` is not 200, or an HTTP error came without a response of the API. The class is the one of
                that code, such as `ThrottleError` for 429.
            APITimeoutError: There was no response in time.
            APIConnectionError: There was no response: no connection could be made, or it broke.
            InvalidResponseError: The response is not one of the API.
        """
        body = SendEmailDto(channel=_cast("Channel", channel), email=email)
        return send_email.sync(
            client=self._with_call_options(lang=lang, real_ip=real_ip, access_token=access_token, timeout=timeout),
            body=body,
        )


class AsyncAuthenticationClient(AsyncClient[Lang | LangLiteral]):
    """The async twin of `AuthenticationClient`, for asyncio and trio.

    Use it from all tasks, and close it at the end with `aclose`, or use it in an `async with` statement. It works
    in several event loops, one after the other: its connections belong to the loop that made them, and close with it.

    Arguments and errors are those of `AuthenticationClient`, with two exceptions. `limits`: by default, 100 connections
    are used at once. `http_client`: your own `httpx.AsyncClient`, or `"aiohttp"` for connections of aiohttp, which needs
    the extra of that name and asyncio.
    """

    _specification = SPECIFICATION

    @redact_traceback
    async def send_email(
        self,
        channel: Channel | ChannelLiteral,
        email: str,
        *,
        lang: Lang | LangLiteral | None = None,
        real_ip: str | None = None,
        access_token: str | None = None,
        timeout: float | httpx.Timeout | None = None,
    ) -> SendEmailRespDto:
        """The async twin of `AuthenticationClient.send_email`."""
        body = SendEmailDto(channel=_cast("Channel", channel), email=email)
        return await send_email.asyncio(
            client=self._with_call_options(lang=lang, real_ip=real_ip, access_token=access_token, timeout=timeout),
            body=body,
        )
