"""The clients that the generated ones inherit, and the drivers of their calls, sync and async side by side."""

# Functions make the calls, so that clients have no public methods for it. They use what is private to a client.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import ssl
import sys
from collections.abc import Mapping
from time import sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from .base_client import BaseClient, LangT, load_modules, new_call, shown_as, validate_client
from .http import httpx
from .options import (
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT,
    options_from_environment,
    validate_connection_options,
    validate_http_client,
)
from .outcomes import raise_for_status_code
from .redaction import redact_traceback
from .transport.request import ClientClosedError
from .types import IPAddress, OnAttempt, Operation, RequestModel, Response, ResponseT

if TYPE_CHECKING:
    from .transport.httpx_transport import AsyncTransport

# Modules that httpx and anyio would load in the first call.
_MODULES: Final = ("encodings.idna",)
_ASYNC_MODULES: Final = (*_MODULES, "asyncio", "anyio.abc", "anyio.lowlevel", "anyio.streams.tls", "anyio.to_thread")


class SyncClient(BaseClient[LangT]):
    """A sync client."""

    @redact_traceback
    @shown_as("AuthenticationClient.__init__")
    def __init__(
        self,
        app_id: str | None = None,
        app_host: str | None = None,
        *,
        access_token: str | None = None,
        lang: LangT | None = None,
        real_ip: str | IPAddress | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        retry_unknown: bool = False,
        on_attempt: OnAttempt | None = None,
        limits: httpx.Limits | None = None,
        ssl_context: ssl.SSLContext | None = None,
        http_client: httpx.Client | None = None,
    ) -> None:
        validate_http_client(http_client, httpx.Client, self)
        validate_connection_options(limits, ssl_context, http_client)
        self._options = options_from_environment(
            self._specification,
            app_id=app_id,
            app_host=app_host,
            access_token=access_token,
            lang=lang,
            real_ip=real_ip,
            timeout=timeout,
            max_retries=max_retries,
            retry_unknown=retry_unknown,
            on_attempt=on_attempt,
            limits=limits,
            ssl_context=ssl_context,
            http_client=http_client,
        )
        load_modules(*_MODULES)
        from .transport.httpx_transport import HttpxTransport

        self._transport = HttpxTransport(http_client, limits, ssl_context)

    def __enter__(self) -> Self:
        return self

    if not TYPE_CHECKING:  # Type checkers go on refusing it.

        async def __aenter__(self) -> Self:
            raise TypeError("AuthenticationClient is for `with`: use AsyncAuthenticationClient for `async with`")

        async def __aexit__(self, *error: object) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they belong to your own `http_client` or to the client this one is derived
        from."""
        if not self._is_derived:
            self._transport.close()


class AsyncClient(BaseClient[LangT]):
    """An async client, for asyncio and trio."""

    @redact_traceback
    @shown_as("AsyncAuthenticationClient.__init__")
    def __init__(
        self,
        app_id: str | None = None,
        app_host: str | None = None,
        *,
        access_token: str | None = None,
        lang: LangT | None = None,
        real_ip: str | IPAddress | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        retry_unknown: bool = False,
        on_attempt: OnAttempt | None = None,
        limits: httpx.Limits | None = None,
        ssl_context: ssl.SSLContext | None = None,
        http_client: httpx.AsyncClient | Literal["aiohttp"] | None = None,
    ) -> None:
        if http_client != "aiohttp":
            validate_http_client(http_client, httpx.AsyncClient, self, ' or "aiohttp"')
        validate_connection_options(limits, ssl_context, None if http_client == "aiohttp" else http_client)
        self._options = options_from_environment(
            self._specification,
            app_id=app_id,
            app_host=app_host,
            access_token=access_token,
            lang=lang,
            real_ip=real_ip,
            timeout=timeout,
            max_retries=max_retries,
            retry_unknown=retry_unknown,
            on_attempt=on_attempt,
            limits=limits,
            ssl_context=ssl_context,
            http_client=http_client,
        )
        load_modules(*_ASYNC_MODULES)
        self._transport = self._new_transport(http_client, limits, ssl_context)

    def _new_transport(
        self,
        http_client: httpx.AsyncClient | Literal["aiohttp"] | None,
        limits: httpx.Limits | None,
        ssl_context: ssl.SSLContext | None,
    ) -> AsyncTransport:
        from .transport.internals import warm_up_anyio

        if http_client == "aiohttp":
            try:
                from .transport.aiohttp_transport import AiohttpTransport
            except ImportError as error:
                package = self._specification.package
                raise ImportError(
                    f'http_client="aiohttp" needs another package: pip install "{package}[aiohttp]"'
                ) from error
            # The pause before a retry is anyio's.
            warm_up_anyio(["asyncio"])
            return AiohttpTransport(limits, ssl_context)
        from .transport.httpx_transport import AsyncHttpxTransport

        warm_up_anyio(["asyncio", *(["trio"] if "trio" in sys.modules else [])])
        return AsyncHttpxTransport(http_client, limits, ssl_context)

    async def __aenter__(self) -> Self:
        return self

    if not TYPE_CHECKING:

        def __enter__(self) -> Self:
            raise TypeError("AsyncAuthenticationClient is for `async with`: use AuthenticationClient for `with`")

        def __exit__(self, *error: object) -> None: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections of the running event loop, unless they belong to your own `http_client` or to the
        client this one is derived from. The connections of other loops are closed when their loops end."""
        if not self._is_derived:
            await self._transport.aclose()


@redact_traceback
def request(
    client: SyncClient[Any],
    operation: Operation[ResponseT],
    *,
    body: RequestModel | None = None,
    path: Mapping[str, str] | None = None,
    params: Mapping[str, object] | None = None,
    headers: Mapping[str, object] | None = None,
) -> Response[ResponseT]:
    """Send a request, and return the whole response, whether a success or a failure of the API.

    Args:
        client: The client that sends it.
        operation: What to call.
        body: The request body.
        path: The path parameters, encoded.
        params: The query parameters. Those that are `UNSET` are left out.
        headers: The header parameters. Those that are `UNSET` are left out.

    Raises:
        GenAuthError: There is no response of the API.
        TypeError: The client is of the wrong kind, or a field of the body of a wrong type.
        ValueError: A value is not allowed.
        RuntimeError: The client is closed.
    """
    validate_client(client, SyncClient)
    call = new_call(client, operation, body, path, params, headers)
    while attempt := call.begin_attempt():
        failure = None
        try:
            client._transport.send(call.http_request, attempt)
        except (httpx.RequestError, ClientClosedError) as error:
            failure = error
        pause = call.finish_attempt(attempt, failure)
        if pause is None:
            break
        sleep(pause)
    return call.result()


@redact_traceback
async def request_async(
    client: AsyncClient[Any],
    operation: Operation[ResponseT],
    *,
    body: RequestModel | None = None,
    path: Mapping[str, str] | None = None,
    params: Mapping[str, object] | None = None,
    headers: Mapping[str, object] | None = None,
) -> Response[ResponseT]:
    """The async counterpart of `request`."""
    import anyio  # It was loaded when the client was made.

    validate_client(client, AsyncClient)
    call = new_call(client, operation, body, path, params, headers)
    while attempt := call.begin_attempt():
        failure = None
        try:
            await client._transport.send(call.http_request, attempt)
        except (httpx.RequestError, ClientClosedError) as error:
            failure = error
        pause = call.finish_attempt(attempt, failure)
        if pause is None:
            break
        await anyio.sleep(pause)
    return call.result()


@redact_traceback
def call(client: SyncClient[Any], operation: Operation[ResponseT], **arguments: Any) -> ResponseT:
    """Send a request, and return the response model of a success.

    Args:
        client: The client that sends it.
        operation: What to call.
        arguments: As for `request`.

    Raises:
        APIError: The `statusCode` is not 200, or an HTTP error came without a response of the API. The class is the
            one of that code.
        GenAuthError: As for `request`, like every other error.
    """
    response = request(client, operation, **arguments)
    raise_for_status_code(response, client._specification.errors)
    return response.parsed


@redact_traceback
async def call_async(client: AsyncClient[Any], operation: Operation[ResponseT], **arguments: Any) -> ResponseT:
    """The async counterpart of `call`."""
    response = await request_async(client, operation, **arguments)
    raise_for_status_code(response, client._specification.errors)
    return response.parsed
