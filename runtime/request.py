"""One attempt at a request: its deadline, its timeouts, and whether its body has been asked for."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

from .http import based_on, httpx, library_of

if TYPE_CHECKING:
    _Request = httpx.Request
else:
    _Request = object

STEPS: Final = ("connect", "read", "write", "pool")
"""The steps of a request that httpx has a timeout for."""


class Attempt(dict[str, float | None]):
    """What one attempt at a request may take, and how far it has come.

    It is the `timeout` extension of the request, as a dictionary of seconds by step. httpcore asks it again at each
    step, so each step gets what is left of the call.

    Attributes:
        deadline: When the call's time is up, by `monotonic`.
        send_by: When the sending must have begun: at the deadline, or earlier.
        body_started: Whether anything has asked for the request body. Until then no server can have acted on it.
        times_sent: How many times the body was sent. A transport or an authentication of the user's can do it again.
    """

    def __init__(self, timeouts: Mapping[str, float | None], deadline: float, send_by: float) -> None:
        super().__init__(timeouts)
        self.deadline = deadline
        self.send_by = send_by
        self.body_started = False
        self.times_sent = 0
        self._give_back: Callable[[], None] | None = None

    def get(self, step: str, default: Any = None) -> Any:
        """Return the seconds that `step` may take from now on. None: no limit.

        Raises:
            httpx.TimeoutException: The deadline has passed.
        """
        left = (self.deadline if self.body_started else self.send_by) - monotonic()
        if left <= 0:
            raise self.deadline_exceeded()
        return shorter(super().get(step, default), left)

    def on_end(self, give_back: Callable[[], None]) -> None:
        """Have a function called at the end of the attempt. It gives back a connection, if nothing has done it yet."""
        self._give_back = give_back

    def end(self) -> None:
        """End the attempt. An exception out of a signal handler can have kept httpx from closing the response."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()

    def own_limit(self, step: str) -> float | None:
        """Return the seconds of `step`, or None if the deadline comes first. It is for code that the deadline cancels.

        Raises:
            httpx.TimeoutException: The deadline has passed.
        """
        left, seconds = self.get(step), self[step]
        return None if left is None or seconds is None or left < seconds else left

    def deadline_exceeded(self) -> httpx.TimeoutException:
        """Return the error of a deadline that has passed. Before the request body it is one of connecting."""
        if self.body_started:
            return httpx.ReadTimeout("the response was not complete in time")
        return httpx.ConnectTimeout("there was no connection in time")


def shorter(seconds: float | None, left: float) -> float | None:
    """Return a timeout of `seconds`, or of what is left if that is less. None: no limit."""
    if seconds is None:
        return None if left == math.inf else left
    return min(seconds, left)


class RequestBody:
    """A request body that tells its attempt when it is sent. `track` makes it a stream of an HTTP library."""

    def __init__(self, content: bytes, attempt: Attempt) -> None:
        self._content = content
        self._attempt = attempt
        self._chunks: Iterator[bytes] = iter(())

    def __iter__(self) -> Iterator[bytes]:
        self._attempt.body_started = True
        self._attempt.times_sent += 1
        return iter((self._content,))

    # No generator: where sending fails, httpx would leave it to the garbage collection.
    def __aiter__(self) -> AsyncIterator[bytes]:
        self._chunks = iter(self)
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration


class HTTPRequest:
    """A request as it is sent, whatever sends it.

    Attributes:
        method: The HTTP method.
        url: The absolute URL, with its query.
        headers: The HTTP headers, without `Host` and `Content-Length`.
        content: The body.
    """

    __slots__ = ("content", "headers", "method", "url")

    def __init__(self, method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.content = content


class TrackedRequest(_Request):
    """A request that tells its attempt when its body is read or sent. `track` makes it one of an HTTP library."""

    def __init__(self, request: HTTPRequest, url: Any, headers: Any, attempt: Attempt, body: RequestBody) -> None:
        self._attempt = attempt
        self._bytes = request.content
        self._body = body
        extensions = {"timeout": attempt}
        super().__init__(request.method, url, headers=headers, stream=cast(Any, body), extensions=extensions)

    @property
    def content(self) -> bytes:
        """The body, for a hook or an authentication of the user's. What it does with it is unknown."""
        self._attempt.body_started = True
        return self._bytes

    # Those of httpx would put another stream in the place of the body.
    def read(self) -> bytes:
        return self.content

    async def aread(self) -> bytes:
        return self.content

    def note_other_body(self, *, own: bool) -> None:
        """Tell the attempt if something has put another stream in the place of the body.

        Connections of our own send it once, whatever it is. Those of the user's may have sent the first one too.
        """
        if self.stream is not cast(Any, self._body):
            self._attempt.body_started = True
            if not own:
                self._attempt.times_sent += 1


def track(request: HTTPRequest, attempt: Attempt, http_client: Any) -> TrackedRequest:
    """Return a request as it is sent through a client of the user's, which adds to its headers. None: one of our
    own."""
    library: Any = httpx
    url: Any
    headers: Any
    url, headers = request.url, request.headers
    if http_client is not None:
        library = library_of(http_client)
        built = http_client.build_request(request.method, str(url), headers=headers, content=request.content)
        url, headers = built.url, built.headers
    body = based_on(library, RequestBody, "SyncByteStream", "AsyncByteStream")(request.content, attempt)
    kind: type[TrackedRequest] = based_on(library, TrackedRequest, "Request")
    return kind(request, url, headers, attempt, body)
