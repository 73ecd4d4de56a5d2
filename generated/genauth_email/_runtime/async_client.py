"""The async client that the generated one inherits. Each method is the async twin of one in `sync_client`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self

from .call import Call
from .client import BaseClient, LangT, load_modules
from .errors import raise_for_status_code
from .http import Httpx2AsyncClient, Httpx2Timeout, httpx
from .options import (
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT,
    options_from_environment,
    validate_http_client,
    validate_limits,
)
from .redaction import redact_traceback
from .retry import RetryableError, return_or_raise
from .types import OnAttempt, Operation, RequestModel, Response, ResponseT

if TYPE_CHECKING:
    from .async_transport import AsyncTransport

# anyio loads its own modules when they are first used.
_MODULES: Final = (
    "encodings.idna",
    "stamina",
    "anyio.abc",
    "anyio.lowlevel",
    "anyio.streams.tls",
    "anyio.to_thread",
    "anyio._backends._asyncio",
)


class AsyncClient(BaseClient[LangT]):
    """The async twin of `SyncClient`, for asyncio and trio."""

    @redact_traceback
    def __init__(
        self,
        app_id: str | None = None,
        app_host: str | None = None,
        *,
        access_token: str | None = None,
        lang: LangT | None = None,
        real_ip: str | None = None,
        timeout: float | httpx.Timeout | Httpx2Timeout = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        retry_unknown: bool = False,
        on_attempt: OnAttempt | None = None,
        limits: httpx.Limits | None = None,
        http_client: httpx.AsyncClient | Httpx2AsyncClient | Literal["aiohttp"] | None = None,
    ) -> None:
        if http_client != "aiohttp":
            validate_http_client(http_client, httpx.AsyncClient, self, ' or "aiohttp"')
        validate_limits(limits, None if http_client == "aiohttp" else http_client)
        self._options = options_from_environment(
            self.specification,
            app_id=app_id,
            app_host=app_host,
            access_token=access_token,
            lang=lang,
            real_ip=real_ip,
            timeout=timeout,
            max_retries=max_retries,
            retry_unknown=retry_unknown,
            on_attempt=on_attempt,
        )
        load_modules(*_MODULES)
        if "trio" in sys.modules:
            load_modules("anyio._backends._trio")
        self._transport = self._new_transport(http_client, limits)

    def _new_transport(
        self,
        http_client: httpx.AsyncClient | Httpx2AsyncClient | Literal["aiohttp"] | None,
        limits: httpx.Limits | None,
    ) -> AsyncTransport:
        if http_client == "aiohttp":
            try:
                from .aiohttp_transport import AiohttpTransport
            except ImportError as error:
                package = self.specification.package
                raise ImportError(
                    f'http_client="aiohttp" needs another package: pip install "{package}[aiohttp]"'
                ) from error
            return AiohttpTransport(limits)
        from .async_transport import HttpxTransport

        return HttpxTransport(http_client, limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """The async twin of `SyncClient.close`. It closes the connections of the running event loop; those of other
        loops are closed when their loops end."""
        if not self._is_derived:
            await self._transport.aclose()

    @redact_traceback
    async def call(
        self,
        operation: Operation[ResponseT],
        *,
        body: RequestModel | None = None,
        path: Mapping[str, str] | None = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, object] | None = None,
    ) -> ResponseT:
        """The async twin of `SyncClient.call`."""
        response = await self.request(operation, body=body, path=path, params=params, headers=headers)
        raise_for_status_code(response, self.specification.errors)
        return response.parsed

    @redact_traceback
    async def request(
        self,
        operation: Operation[ResponseT],
        *,
        body: RequestModel | None = None,
        path: Mapping[str, str] | None = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, object] | None = None,
    ) -> Response[ResponseT]:
        """The async twin of `SyncClient.request`."""
        call = self._new_call(operation, body, path, params, headers)
        try:
            return await self._attempt(call)
        except RetryableError as error:
            first = error
        return await self._retry(call, first)

    async def _retry(self, call: Call[ResponseT], first: RetryableError) -> Response[ResponseT]:
        if not call.retry_policy.max_retries:
            return return_or_raise(first.outcome)
        import stamina

        try:
            async for attempt in stamina.retry_context(**call.retry_policy.stamina_arguments()):
                with attempt:
                    if attempt.num == 1:
                        raise first
                    return await self._attempt(call)
        except RetryableError as error:
            first = error
        return return_or_raise(first.outcome)

    async def _attempt(self, call: Call[ResponseT]) -> Response[ResponseT]:
        attempt, reader = call.begin_attempt()
        error = None
        try:
            await self._transport.send(call.http_request, attempt, reader)
        except httpx.RequestError as caught:
            error = caught
        return call.finish_attempt(attempt, reader, error)
