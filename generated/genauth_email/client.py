"""The clients: `AuthenticationClient` and its async twin. This is the one module that knows httpx."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cache
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx
from attrs import evolve, field, frozen

from .api.email import send_email
from .errors import APIConnectionError, APITimeoutError, Delivery, InvalidResponseError, error_class
from .models.channel import Channel, ChannelLiteral
from .models.lang import Lang, LangLiteral
from .models.send_email_dto import SendEmailDto
from .models.send_email_resp_dto import SendEmailRespDto
from .types import UNSET, AnswerT, Request, RequestBody, Response, Unset, encode, text

VERSION: Final = "0.1.0"
"""The version of this package."""

DEFAULT_APP_HOST: Final = "https://api.genauth.ai"
"""Where a client goes that is not told its application's host."""

DEFAULT_TIMEOUT: Final = 10.0
"""Seconds."""

DEFAULT_MAX_RETRIES: Final = 2


@frozen
class _Options:
    """What a client sends with each request, and how. It never changes: `with_options` makes another."""

    app_id: str
    app_host: str
    access_token: str | None = field(repr=False)
    lang: Lang | None
    real_ip: str | None
    timeout: float | httpx.Timeout
    max_retries: int

    def headers(self) -> dict[str, str]:
        headers = {
            "user-agent": f"genauth-email/{VERSION} python-httpx/{httpx.__version__}",
            "x-genauth-request-from": "sdk",
            "x-genauth-sdk-version": f"genauth-email:{VERSION}",
            "x-genauth-app-id": self.app_id,
        }
        if self.lang is not None:
            headers["x-genauth-lang"] = self.lang
        if self.real_ip is not None:
            headers["x-real-ip"] = self.real_ip
        if self.access_token is not None:
            headers["authorization"] = self.access_token
        return headers


class _Client:
    """What the two clients share: the options, the making of a request, the reading of an answer."""

    _owns_http_client: bool

    def __init__(
        self,
        app_id: str | None,
        app_host: str | None,
        access_token: str | None,
        lang: Lang | LangLiteral | None,
        real_ip: str | None,
        timeout: float | httpx.Timeout,
        max_retries: int,
    ) -> None:
        app_id = app_id or os.environ.get("GENAUTH_APP_ID")
        if not app_id:
            raise ValueError("app_id is missing: pass it, or set GENAUTH_APP_ID")
        lang = lang or os.environ.get("GENAUTH_LANG")  # type: ignore[assignment]  # Lang() checks it
        self._options = _Options(
            app_id=app_id,
            app_host=(app_host or os.environ.get("GENAUTH_APP_HOST") or DEFAULT_APP_HOST).rstrip("/"),
            access_token=access_token or os.environ.get("GENAUTH_ACCESS_TOKEN"),
            lang=Lang(lang) if lang else None,
            real_ip=real_ip,
            timeout=timeout,
            max_retries=max_retries,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._options.app_id!r}, {self._options.app_host!r})"

    def with_options(
        self,
        *,
        app_id: str | Unset = UNSET,
        app_host: str | Unset = UNSET,
        access_token: str | None | Unset = UNSET,
        lang: Lang | LangLiteral | None | Unset = UNSET,
        real_ip: str | None | Unset = UNSET,
        timeout: float | httpx.Timeout | Unset = UNSET,
        max_retries: int | Unset = UNSET,
    ) -> Self:
        """Return a client that differs in the options given and shares this one's connections.

        It is cheap enough to be made for every incoming request, and closing it closes nothing.

        Args:
            app_id: The application's id.
            app_host: The application's host, such as `https://example.genauth.ai`.
            access_token: The access token of the end user. None: none is sent.
            lang: The language of the answers' `message`. None: the server's default.
            real_ip: The IP address of the end user. None: none is sent.
            timeout: Seconds to wait for an answer, or an `httpx.Timeout`.
            max_retries: How often at most a request is sent again where that is safe.

        Raises:
            ValueError: An argument is not allowed.
        """
        given: dict[str, Any] = {
            "app_id": app_id,
            "app_host": app_host if isinstance(app_host, Unset) else app_host.rstrip("/"),
            "access_token": access_token,
            "lang": Lang(lang) if isinstance(lang, str) else lang,
            "real_ip": real_ip,
            "timeout": timeout,
            "max_retries": max_retries,
        }
        client = copy(self)
        client._options = evolve(
            self._options, **{name: value for name, value in given.items() if value is not UNSET}
        )
        client._owns_http_client = False
        return client

    def _with_call_options(
        self,
        lang: Lang | LangLiteral | None,
        real_ip: str | None,
        access_token: str | None,
        timeout: float | httpx.Timeout | None,
    ) -> Self:
        if lang is None and real_ip is None and access_token is None and timeout is None:
            return self
        return self.with_options(
            lang=UNSET if lang is None else lang,
            real_ip=UNSET if real_ip is None else real_ip,
            access_token=UNSET if access_token is None else access_token,
            timeout=UNSET if timeout is None else timeout,
        )

    def _http_arguments(
        self, request: Request, params: Mapping[str, Any], headers: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "method": request.method,
            "url": request.url,
            "params": _given(params),
            "headers": self._options.headers()
            | {name: text(value) for name, value in headers.items() if value is not UNSET},
            "json": None if request.body is None else request.body.to_dict(),
            "timeout": self._options.timeout,
            # A redirect would take the user's token, and the email, to wherever it points.
            "follow_redirects": False,
        }


class AuthenticationClient(_Client):
    """A client of GenAuth. `AsyncAuthenticationClient` is its async twin.

    It keeps its connections open for the next call: make one, use it from all threads, and close it at the end,
    or use it in a `with` statement. `with_options` gives each end user a client of their own on the same
    connections.

    Args:
        app_id: The application's id. Default: the environment's `GENAUTH_APP_ID`.
        app_host: The application's host, such as `https://example.genauth.ai`. Default: `GENAUTH_APP_HOST`, then
            `DEFAULT_APP_HOST`.
        access_token: The access token of the end user. Default: `GENAUTH_ACCESS_TOKEN`, then none.
        lang: The language of the answers' `message`. Default: `GENAUTH_LANG`, then the server's, which is `zh-CN`.
        real_ip: The IP address of the end user. Without it the server takes the address of this machine, and
            counts all users together in its limits on sending codes.
        timeout: Seconds to wait for an answer, or an `httpx.Timeout`.
        max_retries: How often at most a request is sent again where that is safe.
        http_client: Your own `httpx.Client`, for a proxy or a private CA, say. It is never closed by this client.

    Raises:
        ValueError: An argument is missing or not allowed.
    """

    def __init__(
        self,
        app_id: str | None = None,
        app_host: str | None = None,
        *,
        access_token: str | None = None,
        lang: Lang | LangLiteral | None = None,
        real_ip: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        http_client: httpx.Client | None = None,
    ) -> None:
        super().__init__(app_id, app_host, access_token, lang, real_ip, timeout, max_retries)
        self._http_client = http_client or httpx.Client(verify=_ssl_context())
        self._owns_http_client = http_client is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they belong to your own `http_client` or to the client this one is
        derived from."""
        if self._owns_http_client:
            self._http_client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        answer: type[AnswerT],
        body: RequestBody | None = None,
        params: Mapping[str, Any] = {},
        headers: Mapping[str, Any] = {},
    ) -> Response[AnswerT]:
        """Send a request and return its answer, be it a success or a failure. The endpoint functions call this.

        Args:
            method: The HTTP method.
            path: The path below the application's host.
            answer: The DTO to read the answer as.
            body: The DTO to send.
            params: The query's parameters. Those that are `UNSET` are left out.
            headers: More headers. Those that are `UNSET` are left out.

        Raises:
            APIError: An HTTP error came without an answer of the API. Its class is the one of the HTTP status.
            APITimeoutError: There was no answer in time.
            APIConnectionError: There was no answer: no connection could be made, or it broke.
            InvalidResponseError: What came is no answer of the API.
        """
        request = Request(method, self._options.app_host + path, body)
        with _httpx_errors(request):
            response = self._http_client.request(**self._http_arguments(request, params, headers))
        return _read(request, response, answer)

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
        difference to that. A second email within the minute is refused with `statusCode` 429.

        Args:
            channel: What the email is for.
            email: The address of the mailbox, compared without regard to case. Which addresses are accepted is for the
                server to say: it refuses the others with `statusCode` 400.
            lang: The language of the answer's `message`. Default: the client's.
            real_ip: The IP address of the end user. Default: the client's.
            access_token: The access token of the end user. Default: the client's.
            timeout: Seconds to wait, or an `httpx.Timeout`. Default: the client's.

        Returns:
            The answer, which is a success.

        Raises:
            ValueError: An argument is not allowed. Nothing was sent.
            APIError: The answer's `statusCode` is not 200, or an HTTP error came without an answer of the API. Its
                class is the one of that code, such as `ThrottleError` for 429.
            APITimeoutError: There was no answer in time.
            APIConnectionError: There was no answer: no connection could be made, or it broke.
            InvalidResponseError: What came is no answer of the API.
        """
        return send_email.sync(
            client=self._with_call_options(lang, real_ip, access_token, timeout),
            body=SendEmailDto(
                channel=Channel(channel),
                email=email,
            ),
        )


class AsyncAuthenticationClient(_Client):
    """An async client of GenAuth. `AuthenticationClient` is its sync twin.

    It keeps its connections open for the next call: make one for each event loop, use it from all tasks, and
    close it at the end, or use it in an `async with` statement. `with_options` gives each end user a client of
    their own on the same connections.

    Args:
        app_id: The application's id. Default: the environment's `GENAUTH_APP_ID`.
        app_host: The application's host, such as `https://example.genauth.ai`. Default: `GENAUTH_APP_HOST`, then
            `DEFAULT_APP_HOST`.
        access_token: The access token of the end user. Default: `GENAUTH_ACCESS_TOKEN`, then none.
        lang: The language of the answers' `message`. Default: `GENAUTH_LANG`, then the server's, which is `zh-CN`.
        real_ip: The IP address of the end user. Without it the server takes the address of this machine, and
            counts all users together in its limits on sending codes.
        timeout: Seconds to wait for an answer, or an `httpx.Timeout`.
        max_retries: How often at most a request is sent again where that is safe.
        http_client: Your own `httpx.AsyncClient`, for a proxy or a private CA, say. It is never closed by this
            client.

    Raises:
        ValueError: An argument is missing or not allowed.
    """

    def __init__(
        self,
        app_id: str | None = None,
        app_host: str | None = None,
        *,
        access_token: str | None = None,
        lang: Lang | LangLiteral | None = None,
        real_ip: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__(app_id, app_host, access_token, lang, real_ip, timeout, max_retries)
        self._http_client = http_client or httpx.AsyncClient(verify=_ssl_context())
        self._owns_http_client = http_client is None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless they belong to your own `http_client` or to the client this one is
        derived from."""
        if self._owns_http_client:
            await self._http_client.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        answer: type[AnswerT],
        body: RequestBody | None = None,
        params: Mapping[str, Any] = {},
        headers: Mapping[str, Any] = {},
    ) -> Response[AnswerT]:
        """Send a request and return its answer, be it a success or a failure. The endpoint functions call this.

        Args:
            method: The HTTP method.
            path: The path below the application's host.
            answer: The DTO to read the answer as.
            body: The DTO to send.
            params: The query's parameters. Those that are `UNSET` are left out.
            headers: More headers. Those that are `UNSET` are left out.

        Raises:
            APIError: An HTTP error came without an answer of the API. Its class is the one of the HTTP status.
            APITimeoutError: There was no answer in time.
            APIConnectionError: There was no answer: no connection could be made, or it broke.
            InvalidResponseError: What came is no answer of the API.
        """
        request = Request(method, self._options.app_host + path, body)
        with _httpx_errors(request):
            response = await self._http_client.request(**self._http_arguments(request, params, headers))
        return _read(request, response, answer)

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
        """Send an email to a user.

        Sends the email that `channel` names to the mailbox `email`.

        One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
        difference to that. A second email within the minute is refused with `statusCode` 429.

        Args:
            channel: What the email is for.
            email: The address of the mailbox, compared without regard to case. Which addresses are accepted is for the
                server to say: it refuses the others with `statusCode` 400.
            lang: The language of the answer's `message`. Default: the client's.
            real_ip: The IP address of the end user. Default: the client's.
            access_token: The access token of the end user. Default: the client's.
            timeout: Seconds to wait, or an `httpx.Timeout`. Default: the client's.

        Returns:
            The answer, which is a success.

        Raises:
            ValueError: An argument is not allowed. Nothing was sent.
            APIError: The answer's `statusCode` is not 200, or an HTTP error came without an answer of the API. Its
                class is the one of that code, such as `ThrottleError` for 429.
            APITimeoutError: There was no answer in time.
            APIConnectionError: There was no answer: no connection could be made, or it broke.
            InvalidResponseError: What came is no answer of the API.
        """
        return await send_email.asyncio(
            client=self._with_call_options(lang, real_ip, access_token, timeout),
            body=SendEmailDto(
                channel=Channel(channel),
                email=email,
            ),
        )


@cache
def _ssl_context() -> ssl.SSLContext:
    # Reading the certificates takes most of the time of making an httpx client, so it is done once.
    return httpx.create_ssl_context()


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: encode(value) for name, value in values.items() if value is not UNSET}


@contextmanager
def _httpx_errors(request: Request) -> Generator[None]:
    """Turn the errors of httpx into ours, with the cause kept."""
    try:
        yield
    except httpx.HTTPError as error:
        becomes, delivery = _becomes(error)
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise becomes(f"{reason} [{request}]", delivery=delivery) from error


def _becomes(error: httpx.HTTPError) -> tuple[type[APIConnectionError], Delivery]:
    """Which error of ours an httpx error becomes, and whether the request can have arrived."""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return APITimeoutError, "not_sent"
        case httpx.TimeoutException():
            return APITimeoutError, "unknown"
        case httpx.ConnectError() | httpx.ProxyError():  # A proxy that refuses to connect us on.
            return APIConnectionError, "not_sent"
        case _:
            return APIConnectionError, "unknown"


def _read(request: Request, response: httpx.Response, answer: type[AnswerT]) -> Response[AnswerT]:
    """Read a DTO, which decides whatever the HTTP status. Without one, an HTTP error is an `APIError`."""
    status, headers, content = response.status_code, response.headers, response.content
    try:
        document: object = json.loads(content)
        if not isinstance(document, dict):
            raise TypeError(f"a JSON object is expected, not {document!r:.100}")
        parsed = answer.from_dict(cast(dict[str, Any], document))
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        what = f"HTTP {status} with a body that is no {answer.__name__}: {reason}"
        if status >= 400:
            raise error_class(status)(
                f"{what} [{request}]",
                status_code=status,
                message="",
                api_code=None,
                request_id=None,
                http_status=status,
                headers=headers,
                content=content,
            ) from error
        raise InvalidResponseError(
            f"{what} [{request}]",
            http_status=status,
            headers=headers,
            content=content,
        ) from error
    return Response(request=request, status_code=status, headers=headers, content=content, parsed=parsed)
