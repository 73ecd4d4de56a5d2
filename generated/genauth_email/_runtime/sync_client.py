"""The sync client that the generated one inherits."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from .call import Call
from .client import BaseClient, LangT, load_modules
from .errors import raise_for_status_code
from .http import Httpx2Client, Httpx2Timeout, httpx
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


class SyncClient(BaseClient[LangT]):
    """A sync client. `AsyncClient` is its async twin."""

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
        http_client: httpx.Client | Httpx2Client | None = None,
    ) -> None:
        validate_http_client(http_client, httpx.Client, self)
        validate_limits(limits, http_client)
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
        load_modules("encodings.idna", "stamina")
        from .sync_transport import SyncTransport

        self._transport = SyncTransport(http_client, limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they belong to your own `http_client` or to the client this one is derived
        from."""
        if not self._is_derived:
            self._transport.close()

    @redact_traceback
    def call(
        self,
        operation: Operation[ResponseT],
        *,
        body: RequestModel | None = None,
        path: Mapping[str, str] | None = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, object] | None = None,
    ) -> ResponseT:
        """Send a request and return the response model of a success. The endpoint functions call this.

        Args:
            operation: What to call.
            body: The request body.
            path: The path parameters, each as a segment of a URL.
            params: The query parameters. Those that are `UNSET` are left out.
            headers: The header parameters. Those that are `UNSET` are left out.

        Raises:
            APIError: The `statusCode` is not 200, or an HTTP error came without a response of the API. The class is
                the one of that code.
            APITimeoutError: There was no response in time.
            APIConnectionError: There was no response: no connection could be made, or it broke.
            InvalidResponseError: The response is not one of the API.
            RuntimeError: The client is closed.
        """
        response = self.request(operation, body=body, path=path, params=params, headers=headers)
        raise_for_status_code(response, self.specification.errors)
        return response.parsed

    @redact_traceback
    def request(
        self,
        operation: Operation[ResponseT],
        *,
        body: RequestModel | None = None,
        path: Mapping[str, str] | None = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, object] | None = None,
    ) -> Response[ResponseT]:
        """Like `call`, but return the whole response, and a failure of the API instead of raising it.

        `parsed` is then of the operation's `failure_model`, if it has one.
        """
        call = self._new_call(operation, body, path, params, headers)
        try:
            return self._attempt(call)
        except RetryableError as error:
            first = error
        # Outside of the `except`, so that the error of a retry does not have the first one as its context.
        return self._retry(call, first)

    def _retry(self, call: Call[ResponseT], first: RetryableError) -> Response[ResponseT]:
        if not call.retry_policy.max_retries:
            return return_or_raise(first.outcome)
        import stamina

        try:
            for attempt in stamina.retry_context(**call.retry_policy.stamina_arguments()):
                with attempt:
                    if attempt.num == 1:  # It has been made.
                        raise first
                    return self._attempt(call)
        except RetryableError as error:
            first = error
        return return_or_raise(first.outcome)

    def _attempt(self, call: Call[ResponseT]) -> Response[ResponseT]:
        attempt, reader = call.begin_attempt()
        error = None
        try:
            self._transport.send(call.http_request, attempt, reader)
        except httpx.RequestError as caught:
            error = caught
        return call.finish_attempt(attempt, reader, error)
