"""How clients send a request through an httpx client, their own or the user's, sync and async side by side."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from contextlib import contextmanager
from time import monotonic
from typing import Any, Protocol, cast

import anyio

from ..http import httpx
from .environment import ssl_context
from .idle import DEFAULT_ASYNC_LIMITS, DEFAULT_LIMITS, Limits
from .internals import new_async_transport, new_transport
from .pools import AsyncPool, SyncPool
from .request import Attempt, ClientClosedError, HTTPRequest, StepTimeouts, track
from .response import ResponseReader


class AsyncTransport(Protocol):
    """What an async client sends on: `AsyncHttpxTransport`, or the one on aiohttp."""

    async def send(self, request: HTTPRequest, attempt: Attempt) -> None: ...

    async def aclose(self) -> None: ...


class HttpxTransport:
    """Sends requests through a sync httpx client.

    Args:
        http_client: The user's own client. None: one of our own, on a `SyncPool`.
        limits: The limits of that pool. None: the default ones.
        context: The TLS settings of its connections. None: those of the environment.
    """

    def __init__(
        self, http_client: httpx.Client | None, limits: httpx.Limits | None, context: ssl.SSLContext | None
    ) -> None:
        self._users_client = http_client
        self._http_client = http_client if http_client is not None else _new_client(limits, context)

    def send(self, request: HTTPRequest, attempt: Attempt) -> None:
        """Send a request, and read the response into the attempt's reader.

        Raises:
            httpx.RequestError: There was no response, or it broke off.
            ClientClosedError: The client is closed.
        """
        if self._http_client.is_closed:
            raise ClientClosedError
        tracked = track(request, attempt, self._users_client)
        auth = _bind_auth(self._users_client, request, attempt)
        try:
            with _detect_closing(self._http_client, attempt):
                # A redirect would take the access token, and the request body, to wherever it points.
                response = self._http_client.send(tracked, stream=True, auth=auth, follow_redirects=False)
            try:
                _read(response, attempt.reader)
            finally:
                response.close()
        finally:
            tracked.detect_replaced_body(own_client=self._users_client is None)
            if attempt.on_end is not None:
                attempt.on_end()

    def close(self) -> None:
        """Close the connections, unless they belong to the user's own client."""
        if self._users_client is None:
            self._http_client.close()


class AsyncHttpxTransport:
    """The async counterpart of `HttpxTransport`."""

    def __init__(
        self, http_client: httpx.AsyncClient | None, limits: httpx.Limits | None, context: ssl.SSLContext | None
    ) -> None:
        self._users_client = http_client
        self._http_client = http_client if http_client is not None else _new_async_client(limits, context)

    async def send(self, request: HTTPRequest, attempt: Attempt) -> None:
        if self._http_client.is_closed:
            raise ClientClosedError
        tracked = track(request, attempt, self._users_client)
        auth = _bind_auth(self._users_client, request, attempt)
        with fail_at_deadline(attempt):
            try:
                with _detect_closing(self._http_client, attempt):
                    response = await self._http_client.send(tracked, stream=True, auth=auth, follow_redirects=False)
                try:
                    await _read_async(response, attempt.reader)
                finally:
                    await response.aclose()
            except ssl.SSLError as error:  # Such as the alert of a server that wants a certificate of the client.
                raise httpx.ReadError(str(error)) from error
            finally:
                tracked.detect_replaced_body(own_client=self._users_client is None)

    async def aclose(self) -> None:
        if self._users_client is None:
            await self._http_client.aclose()


def _read(response: httpx.Response, reader: ResponseReader) -> None:
    reader.start(response.status_code, response.headers)
    if response.is_stream_consumed:
        reader.feed_consumed(response)
        return
    for chunk in cast(Iterable[bytes], response.stream):
        if not reader.feed(chunk):
            response.close()  # Nothing more can come after this, so the loop ends.


async def _read_async(response: httpx.Response, reader: ResponseReader) -> None:
    reader.start(response.status_code, response.headers)
    if response.is_stream_consumed:
        reader.feed_consumed(response)
        return
    async for chunk in cast(AsyncIterable[bytes], response.stream):
        if not reader.feed(chunk):
            # Leaving the loop here would leave closing the stream to the garbage collector.
            await response.aclose()


@contextmanager
def fail_at_deadline(attempt: Attempt) -> Generator[None]:
    """Cancel what is in the block at the deadline of the attempt.

    Raises:
        httpx.TimeoutException: It was cancelled.
    """
    with anyio.move_on_after(max(attempt.deadline - monotonic(), 0)) as scope:
        yield
    if scope.cancelled_caught:
        raise attempt.deadline_exceeded()


@contextmanager
def _detect_closing(http_client: httpx.Client | httpx.AsyncClient, attempt: Attempt) -> Generator[None]:
    """Raise our error where another thread or a signal handler closes the client just before httpx looks at that."""
    try:
        yield
    except RuntimeError as error:
        if http_client.is_closed and not attempt.body_started and type(error) is RuntimeError:
            raise ClientClosedError from None
        raise


class _BoundAuth(httpx.Auth):
    """A user's authentication in the bounds of a call.

    Its own requests, such as those for a token, get what is left of the call, and it takes none of our headers away,
    such as the end user's `Authorization`.
    """

    def __init__(self, auth: httpx.Auth, request: HTTPRequest, attempt: Attempt) -> None:
        self._auth = auth
        self._headers = request.headers
        self._attempt = attempt

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        flow = self._auth.sync_auth_flow(request)
        try:
            sent = next(flow)
            while True:
                sent = flow.send((yield self._bind(sent, request)))
        except StopIteration:
            pass
        finally:
            flow.close()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        flow = self._auth.async_auth_flow(request)
        try:
            sent = await anext(flow)
            while True:
                sent = await flow.asend((yield self._bind(sent, request)))
        except StopAsyncIteration:
            pass
        finally:
            await flow.aclose()

    def _bind(self, sent: httpx.Request, ours: httpx.Request) -> httpx.Request:
        if sent is ours:
            kept = {name: value for name, value in self._headers.items() if name != "user-agent"}
            sent.headers.update(kept)
        else:
            timeouts = sent.extensions.get("timeout", self._attempt.timeouts)
            sent.extensions = {**sent.extensions, "timeout": StepTimeouts(self._attempt, timeouts)}
        return sent


def _bind_auth(http_client: httpx.Client | httpx.AsyncClient | None, request: HTTPRequest, attempt: Attempt) -> Any:
    """Return the argument `auth` for sending a request through a user's client, if it has an authentication."""
    if http_client is None or http_client.auth is None:
        return httpx.USE_CLIENT_DEFAULT
    return _BoundAuth(http_client.auth, request, attempt)


class _NoCookies(httpx.Cookies):
    """Keeps nothing: end users share a client, and must not share a session."""

    def extract_cookies(self, response: httpx.Response) -> None:
        pass


_NO_COOKIES = _NoCookies()


class _Client(httpx.Client):
    @property
    def cookies(self) -> httpx.Cookies:
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        pass


class _AsyncClient(httpx.AsyncClient):
    @property
    def cookies(self) -> httpx.Cookies:
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        pass


def _new_client(limits: httpx.Limits | None, context: ssl.SSLContext | None) -> httpx.Client:
    context = context or ssl_context()
    pool = SyncPool(Limits.from_httpx(limits or DEFAULT_LIMITS), context)
    return _Client(transport=new_transport(pool, context))


def _new_async_client(limits: httpx.Limits | None, context: ssl.SSLContext | None) -> httpx.AsyncClient:
    context = context or ssl_context()
    pool = AsyncPool(Limits.from_httpx(limits or DEFAULT_ASYNC_LIMITS), context)
    return _AsyncClient(transport=new_async_transport(pool, context))
