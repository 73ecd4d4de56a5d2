"""One attempt at a request: its deadline, its timeouts, and whether its body has been asked for."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from time import monotonic
from typing import Any, Final, cast

from ..http import httpx
from .response import ResponseReader

STEPS: Final = ("connect", "read", "write", "pool")
"""The steps of a request that httpx has a timeout for."""

ATTEMPT: Final = "genauth.attempt"
"""The request extension that hands an attempt to our own connection pools."""


class ClientClosedError(RuntimeError):
    """The client was closed before a request could be sent."""

    def __init__(self) -> None:
        super().__init__("The client is closed, so it cannot send a request.")


class Attempt:
    """What one attempt at a request may take, and how far it has come.

    Attributes:
        timeouts: Seconds for each step. None: no limit of its own.
        deadline: When the call's time is up, by `monotonic`.
        send_by: When sending must have begun: at the deadline, or earlier.
        body_started: Whether anything has asked for the request body. Until then no server can have acted on it.
        times_sent: How many times the body was sent. A user's transport or authentication can send it again.
        reader: The response as far as it has come.
        on_end: Called at the end of the attempt. An exception out of a signal handler can keep httpx from closing the
            response, which would give back its place in the pool.
    """

    def __init__(self, timeouts: Mapping[str, float | None], deadline: float, send_by: float) -> None:
        self.timeouts = timeouts
        self.deadline = deadline
        self.send_by = send_by
        self.body_started = False
        self.times_sent = 0
        self.reader = ResponseReader(deadline)
        self.on_end: Callable[[], None] | None = None

    def remaining(self, step: str) -> float | None:
        """Return the seconds that `step` may take from now on. None: no limit.

        Raises:
            httpx.TimeoutException: The deadline has passed.
        """
        return shorter(self.timeouts.get(step), self._left())

    def step_timeout(self, step: str) -> float | None:
        """Return the seconds of `step`, or None if the deadline comes first. For code that the deadline cancels.

        Raises:
            httpx.TimeoutException: The deadline has passed.
        """
        left, seconds = self._left(), self.timeouts.get(step)
        return None if seconds is None or left < seconds else seconds

    def deadline_exceeded(self) -> httpx.TimeoutException:
        """Return the error for a deadline that has passed. Before the request body, that is an error of connecting."""
        if self.body_started:
            return httpx.ReadTimeout("the response was not complete in time")
        return httpx.ConnectTimeout("there was no connection in time")

    def _left(self) -> float:
        left = (self.deadline if self.body_started else self.send_by) - monotonic()
        if left <= 0:
            raise self.deadline_exceeded()
        return left


class StepTimeouts(Mapping[str, float | None]):
    """The `timeout` extension of a request: each look-up gives what is left of the call at that moment."""

    def __init__(self, attempt: Attempt, timeouts: Mapping[str, float | None]) -> None:
        self._attempt = attempt
        self._timeouts = timeouts

    def __getitem__(self, step: str) -> float | None:
        if step not in STEPS:
            raise KeyError(step)
        left, seconds = self._attempt.remaining(step), self._timeouts.get(step)
        return seconds if left is None else shorter(seconds, left)

    def __iter__(self) -> Iterator[str]:
        return iter(STEPS)

    def __len__(self) -> int:
        return len(STEPS)


def shorter(seconds: float | None, left: float) -> float | None:
    """Return a timeout of `seconds`, or what is left if that is less. None: no limit."""
    if seconds is None:
        return None if left == math.inf else left
    return min(seconds, left)


class HTTPRequest:
    """A request as it is sent, whatever sends it.

    Attributes:
        method: The HTTP method.
        url: The absolute URL, with its query.
        headers: The HTTP headers.
        content: The body.
    """

    __slots__ = ("content", "headers", "method", "url")

    def __init__(self, method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.content = content


class RequestBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A request body that tells its attempt when it is sent."""

    def __init__(self, content: bytes, attempt: Attempt) -> None:
        self._content = content
        self._attempt = attempt
        self._chunks: Iterator[bytes] = iter(())

    def __iter__(self) -> Iterator[bytes]:
        self._attempt.body_started = True
        self._attempt.times_sent += 1
        return iter((self._content,))

    # Not an async generator: httpx would not close one when sending fails.
    def __aiter__(self) -> AsyncIterator[bytes]:
        self._chunks = iter(self)
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration


class TrackedRequest(httpx.Request):
    """A request that tells its attempt when its body is read or sent."""

    def __init__(
        self, request: HTTPRequest, attempt: Attempt, url: httpx.URL, headers: httpx.Headers | Mapping[str, str]
    ) -> None:
        self._attempt = attempt
        self._bytes = request.content
        self._body = RequestBody(request.content, attempt)
        extensions = {"timeout": StepTimeouts(attempt, attempt.timeouts), ATTEMPT: attempt}
        super().__init__(request.method, url, headers=headers, stream=self._body, extensions=cast(Any, extensions))

    @property
    def content(self) -> bytes:
        """The body. A user's hook or auth may send it by itself, so reading it counts as sending."""
        self._attempt.body_started = True
        return self._bytes

    # httpx's versions would replace `stream`.
    def read(self) -> bytes:
        return self.content

    async def aread(self) -> bytes:
        return self.content

    def detect_replaced_body(self, *, own_client: bool) -> None:
        """Tell the attempt if something has replaced the body with another stream.

        Our own connections send it once, whatever it is. A user's client may have sent ours before that one.
        """
        if self.stream is not self._body:
            self._attempt.body_started = True
            if not own_client:
                self._attempt.times_sent += 1


def track(
    request: HTTPRequest, attempt: Attempt, http_client: httpx.Client | httpx.AsyncClient | None
) -> TrackedRequest:
    """Return a request for an attempt. A user's own client adds to its URL and headers; `None` is ours."""
    if http_client is None:
        return TrackedRequest(request, attempt, request.url, request.headers)
    headers = dict(request.headers)
    if http_client.headers.get("user-agent") not in (None, f"python-httpx/{httpx.__version__}"):
        del headers["user-agent"]  # The user has set another one.
    # By its text, so that the client's own parameters are added to it.
    built = http_client.build_request(request.method, str(request.url), headers=headers, content=request.content)
    return TrackedRequest(request, attempt, built.url, built.headers)
