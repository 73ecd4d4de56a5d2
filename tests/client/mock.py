"""A network that is a function, where a test has to see what no server on loopback could, and a clock."""

from collections.abc import Callable
from typing import Any

import httpx

from tests.twins import Connect, Twin

SENT: dict[str, Any] = {"statusCode": 200, "message": "Sent."}


class Clock:
    """Stands still but for `advance`, in place of the client's clock."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Network:
    """Keeps the `requests`, and answers each as `answer` says."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer or (lambda request: httpx.Response(200, json=SENT))
        self.transport = httpx.MockTransport(self._take)

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer(request)

    def connect(self, connect: Connect, app_host: str | None = None, **options: Any) -> Twin:
        """A client on this network."""
        return connect(app_host, http_client=connect.http_client(transport=self.transport), **options)
