"""One way to call both clients, so that one test covers both.

The async client runs in an event loop of asyncio or trio. The loop lasts as long as the test, so connections are kept
between calls, as in a program. The async client also runs on aiohttp's connections, unless the test has its own
`http_client`.
"""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from inspect import isawaitable
from types import ModuleType
from typing import Any
from unittest.mock import patch

import anyio
import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.lowlevel import checkpoint
from genauth_email import AsyncAuthenticationClient, AuthenticationClient, SendEmailRespDto
from genauth_email._runtime import client
from genauth_email.types import Operation

KINDS = ("sync", "asyncio", "trio", "aiohttp")

LOOPS = {"asyncio": "asyncio", "trio": "trio", "aiohttp": "asyncio"}
"""The event loop of each async kind."""

on_httpx = pytest.mark.parametrize("make_client", ["sync", "asyncio", "trio"], indirect=True)
"""For tests of tools that hook httpx, which do not see aiohttp."""

before_transport = pytest.mark.parametrize("make_client", ["sync", "asyncio"], indirect=True)
"""For tests without a transport, or with the test's own."""


def options_of(kind: str) -> dict[str, Any]:
    """Return the arguments for a client of that kind."""
    return {"http_client": "aiohttp"} if kind == "aiohttp" else {}


@contextmanager
def pauses_replaced(by: Callable[[float], object]) -> Generator[None]:
    """Let retries follow at once, and call a function with the seconds of each pause instead.

    For an async client, it may return an awaitable.
    """

    async def pause(seconds: float) -> None:
        result = by(seconds)
        if isawaitable(result):
            await result
        await checkpoint()

    with patch.object(client, "sleep", by), patch.object(anyio, "sleep", pause):
        yield


def no_pauses() -> AbstractContextManager[None]:
    """Let retries follow at once."""
    return pauses_replaced(lambda seconds: None)


class BlockingClient:
    """A client of any kind whose methods block.

    Attributes:
        client: The client itself.
    """

    def __init__(self, client: AuthenticationClient | AsyncAuthenticationClient, portal: BlockingPortal | None) -> None:
        self.client = client
        self._portal = portal

    def send_email(self, *args: Any, **options: Any) -> SendEmailRespDto:
        response = self.run(self.client.send_email, *args, **options)
        assert isinstance(response, SendEmailRespDto)
        return response

    def invoke(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of the client by its name."""
        return self.run(getattr(self.client, method), *args, **options)

    def request(self, operation: Operation[Any], **options: Any) -> Any:
        function = client.request if self._portal is None else client.request_async
        return self.run(function, self.client, operation, **options)

    def call(self, endpoint: ModuleType, *, detailed: bool = False, **arguments: Any) -> Any:
        """Call the endpoint's function for this kind of client."""
        name = "sync" if self._portal is None else "asyncio"
        function = getattr(endpoint, f"{name}_detailed" if detailed else name)
        return self.run(function, client=self.client, **arguments)

    def with_options(self, **options: Any) -> "BlockingClient":
        return BlockingClient(self.client.with_options(**options), self._portal)

    def __enter__(self) -> "BlockingClient":
        """Enter the client itself, as `with` and `async with` do."""
        client = self.client
        enter = client.__enter__ if isinstance(client, AuthenticationClient) else client.__aenter__
        assert self.run(enter) is client
        return self

    def __exit__(self, *error: Any) -> None:
        client = self.client
        self.run(client.__exit__ if isinstance(client, AuthenticationClient) else client.__aexit__, *error)

    def close(self) -> None:
        client = self.client
        self.run(client.close if isinstance(client, AuthenticationClient) else client.aclose)

    def run(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call a function, an async one in the client's event loop."""
        call = partial(function, *args, **options)
        return call() if self._portal is None else self._portal.call(call)


class ClientFactory:
    """Makes clients of one kind, and closes them when the test ends."""

    def __init__(self, kind: str, stack: ExitStack) -> None:
        self.kind = kind
        self._stack = stack
        loop = LOOPS.get(kind)
        self._portal = stack.enter_context(start_blocking_portal(loop)) if loop else None

    def __call__(self, app_host: str | None = None, *, app_id: str | None = "app123", **options: Any) -> BlockingClient:
        cls = AuthenticationClient if self._portal is None else AsyncAuthenticationClient
        options = options_of(self.kind) | options
        client = BlockingClient(cls(app_id, app_host, **options), self._portal)
        self._stack.callback(client.close)
        return client

    def hook(self, function: Callable[[Any], object]) -> Callable[[Any], object]:
        """Return a function as an event hook for an `http_client`: async for an async client."""

        async def hook(message: Any) -> None:
            function(message)

        return function if self._portal is None else hook

    def http_client(self, library: Any = httpx, **settings: Any) -> Any:
        """Make a user's own client of that library, sync or async as needed. It is closed when the test ends."""
        # No proxy from the environment, and no TLS, because loading certificates would take most of a test's time.
        settings = {"trust_env": False, "verify": False} | settings
        if self._portal is None:
            return self._stack.enter_context(library.Client(**settings))
        http_client = library.AsyncClient(**settings)
        self._stack.callback(self._portal.call, http_client.aclose)
        return http_client


@pytest.fixture(params=KINDS)
def make_client(request: pytest.FixtureRequest) -> Generator[ClientFactory]:
    """Makes clients. A test that asks for it runs once for each kind of client."""
    with ExitStack() as stack:
        yield ClientFactory(request.param, stack)
