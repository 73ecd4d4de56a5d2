"""The sync and the async client."""

from __future__ import annotations

from typing import Final
from typing import cast as _cast

from ._runtime import client as _client
from ._runtime.http import httpx
from ._runtime.redaction import redact_traceback
from ._runtime.types import IPAddress, Specification
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
    paths=("/api/v3/send-email",),
)
"""What the contract and the settings say of this package as a whole."""


class AuthenticationClient(_client.SyncClient[Lang | LangLiteral]):
    """A client of GenAuth.

    It keeps its connections open for the next call. Make one, use it from all threads, and close it at the end, or use
    it in a `with` statement. For each end user, derive a client with `with_options`: it shares the connections.

    Every option can be read as an attribute. `with_options` changes all but the last three.

    Args:
        app_id: The application's id. Default: the environment variable `GENAUTH_APP_ID`.
        app_host: The application's host, such as `https://example.genauth.ai`. Default: `GENAUTH_APP_HOST`, otherwise
            `https://api.genauth.ai`.
        access_token: The access token of the end user, without `Bearer`. Default: `GENAUTH_ACCESS_TOKEN`, otherwise none.
        lang: The language of the responses' `message`. Default: `GENAUTH_LANG`, otherwise the server's.
        real_ip: The IP address of the end user. Without it, the server takes the address of this machine, and its rate
            limits count all users as one.
        timeout: Seconds that a call may take with its retries, or an `httpx.Timeout`, whose longest part bounds the call.
        max_retries: How often a call is retried at most, where that is safe. 0 switches retries off.
        retry_unknown: Whether to retry even if the operation may have been carried out. This is done only for operations
            that the server carries out once within an interval, and only within that interval.
        on_attempt: Called with the `AttemptDetails` after each attempt, in the same thread or task. An exception that it
            raises is logged, and the call goes on.
        limits: How many connections are used at once, and how many are kept idle for how many seconds,
            as an `httpx.Limits`. Default: your threads are the limit, and 100 are kept for 30 seconds, or less if the
            server says so.
        ssl_context: The TLS settings of the connections, for a private CA or a client certificate. Default: the
            certificates of `SSL_CERT_FILE` or `SSL_CERT_DIR`, otherwise those of certifi.
        http_client: Your own `httpx.Client`, instead of `limits` and `ssl_context`. This client never closes it.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument or environment variable is missing or not allowed.
    """

    _specification = SPECIFICATION

    @redact_traceback
    def send_email(
        self,
        channel: Channel | ChannelLiteral,
        email: str,
        *,
        lang: Lang | LangLiteral | None = None,
        real_ip: str | IPAddress | None = None,
        access_token: str | None = None,
        timeout: float | httpx.Timeout | None = None,
    ) -> SendEmailRespDto:
        """Send an email to a user.

        Sends the email that `channel` names to the mailbox `email`.

        One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
        difference to that. A second email within the minute is refused with `statusCode` 429.

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
            email: The address of the mailbox, compared without regard to case. The server decides which addresses
                it accepts, and refuses the others with `statusCode` 400.
            lang: The language of the response's `message`. Default: the client's.
            real_ip: The IP address of the end user. Default: the client's.
            access_token: The access token of the end user. Default: the client's.
            timeout: Seconds that the call may take, or an `httpx.Timeout`. Default: the client's.

        Returns:
            The response of a successful call.

        Raises:
            TypeError: An argument is of a wrong type. Nothing was sent.
            ValueError: An argument is not allowed. Nothing was sent.
            APIError: The `statusCode` is not 200, or the HTTP status is 4xx or 5xx. There is a class for each documented
                `statusCode`, such as `ThrottleError` for 429.
            APITimeoutError: There was no response in time.
            APIConnectionError: There was no response: no connection could be made, or it broke.
            InvalidResponseError: The response is not one of the API.
            RuntimeError: The client is closed.
        """

        body = SendEmailDto(channel=_cast("Channel", channel), email=email)
        return _client.call(
            self._with_call_options(lang=lang, real_ip=real_ip, access_token=access_token, timeout=timeout),
            send_email.OPERATION,
            body=body.with_checked_fields(),
        )


class AsyncAuthenticationClient(_client.AsyncClient[Lang | LangLiteral]):
    """An async client of GenAuth, for asyncio and trio.

    Use it from all tasks, and close it at the end with `aclose`, or use it in an `async with` statement. It works in
    several event loops, one after the other: its connections belong to the loop that made them, and close with it. For
    each end user, derive a client with `with_options`: it shares the connections.

    Every option can be read as an attribute. `with_options` changes all but the last three.

    Args:
        app_id: The application's id. Default: the environment variable `GENAUTH_APP_ID`.
        app_host: The application's host, such as `https://example.genauth.ai`. Default: `GENAUTH_APP_HOST`, otherwise
            `https://api.genauth.ai`.
        access_token: The access token of the end user, without `Bearer`. Default: `GENAUTH_ACCESS_TOKEN`, otherwise none.
        lang: The language of the responses' `message`. Default: `GENAUTH_LANG`, otherwise the server's.
        real_ip: The IP address of the end user. Without it, the server takes the address of this machine, and its rate
            limits count all users as one.
        timeout: Seconds that a call may take with its retries, or an `httpx.Timeout`, whose longest part bounds the call.
        max_retries: How often a call is retried at most, where that is safe. 0 switches retries off.
        retry_unknown: Whether to retry even if the operation may have been carried out. This is done only for operations
            that the server carries out once within an interval, and only within that interval.
        on_attempt: Called with the `AttemptDetails` after each attempt, in the same thread or task. An exception that it
            raises is logged, and the call goes on.
        limits: How many connections are used at once in each event loop, and how many are kept idle for how many seconds,
            as an `httpx.Limits`. Default: 100 are used, and 100 are kept for 30 seconds, or less if the
            server says so.
        ssl_context: The TLS settings of the connections, for a private CA or a client certificate. Default: the
            certificates of `SSL_CERT_FILE` or `SSL_CERT_DIR`, otherwise those of certifi.
        http_client: Your own `httpx.AsyncClient`, instead of `limits` and `ssl_context`. This client never closes it.
            `"aiohttp"` sends on aiohttp instead: it needs the extra of that name, and asyncio.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument or environment variable is missing or not allowed.
        ImportError: `http_client="aiohttp"` needs the extra `aiohttp`.
    """

    _specification = SPECIFICATION

    @redact_traceback
    async def send_email(
        self,
        channel: Channel | ChannelLiteral,
        email: str,
        *,
        lang: Lang | LangLiteral | None = None,
        real_ip: str | IPAddress | None = None,
        access_token: str | None = None,
        timeout: float | httpx.Timeout | None = None,
    ) -> SendEmailRespDto:
        """Send an email to a user.

        Sends the email that `channel` names to the mailbox `email`.

        One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
        difference to that. A second email within the minute is refused with `statusCode` 429.

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
            email: The address of the mailbox, compared without regard to case. The server decides which addresses
                it accepts, and refuses the others with `statusCode` 400.
            lang: The language of the response's `message`. Default: the client's.
            real_ip: The IP address of the end user. Default: the client's.
            access_token: The access token of the end user. Default: the client's.
            timeout: Seconds that the call may take, or an `httpx.Timeout`. Default: the client's.

        Returns:
            The response of a successful call.

        Raises:
            TypeError: An argument is of a wrong type. Nothing was sent.
            ValueError: An argument is not allowed. Nothing was sent.
            APIError: The `statusCode` is not 200, or the HTTP status is 4xx or 5xx. There is a class for each documented
                `statusCode`, such as `ThrottleError` for 429.
            APITimeoutError: There was no response in time.
            APIConnectionError: There was no response: no connection could be made, or it broke.
            InvalidResponseError: The response is not one of the API.
            RuntimeError: The client is closed.
        """

        body = SendEmailDto(channel=_cast("Channel", channel), email=email)
        return await _client.call_async(
            self._with_call_options(lang=lang, real_ip=real_ip, access_token=access_token, timeout=timeout),
            send_email.OPERATION,
            body=body.with_checked_fields(),
        )
