"""A network that is a function, for what no server on loopback can do or see."""

from collections.abc import Callable
from typing import Any

import httpx

from tests.clients import BlockingClient, ClientFactory
from tests.contract import facts

SENT: dict[str, Any] = {**facts.SENT, "message": "Sent."}


class _Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Gives each request to a handler.

    Unlike `httpx.MockTransport`, it leaves the request body unread. So a handler that raises stands for a connection
    that could not be made.
    """

    def __init__(self, handler: Callable[[httpx.Request], httpx.Response]) -> None:
        self._handler = handler

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._handler(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._handler(request)


class MockNetwork:
    """Keeps the requests, and gives each to a handler.

    Attributes:
        requests: The requests so far.
        transport: The transport of an httpx client on this network.
    """

    def __init__(self, handler: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self._handler = handler or (lambda request: httpx.Response(200, json=SENT))
        self.transport = _Transport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._handler(request)

    def new_client(self, make_client: ClientFactory, app_host: str | None = None, **options: Any) -> BlockingClient:
        """Make a client on this network."""
        return make_client(app_host, http_client=make_client.http_client(transport=self.transport), **options)
