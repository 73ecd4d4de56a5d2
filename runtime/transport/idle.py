"""What the sync and the async connection pool share: limits, connections, and those that are idle."""

from __future__ import annotations

import math
import re
import sys
import traceback
from collections.abc import Iterable
from time import monotonic
from typing import Any, Final, Generic, NamedTuple, NoReturn, TypeVar

from ..http import httpcore, httpx
from ..redaction import is_of_libraries
from .internals import has_unread_data
from .network import AsyncBackend, SyncBackend
from .request import Attempt

# httpx keeps an idle connection for 5 seconds. Login emails are infrequent, so most would need a new connection.
_KEPT: Final = 100
_EXPIRY: Final = 30.0  # Seconds.
DEFAULT_LIMITS: Final = httpx.Limits(max_keepalive_connections=_KEPT, keepalive_expiry=_EXPIRY)
"""The limits of a sync client. Its threads limit the connections in use."""
DEFAULT_ASYNC_LIMITS: Final = httpx.Limits(
    max_connections=100, max_keepalive_connections=_KEPT, keepalive_expiry=_EXPIRY
)

BackendT = TypeVar("BackendT", SyncBackend, AsyncBackend)


class Limits(NamedTuple):
    """The limits of a connection pool.

    Attributes:
        max_connections: How many connections there are at most. None: no limit.
        max_keepalive_connections: How many of them are kept while they are idle.
        keepalive_expiry: For how many seconds.
    """

    max_connections: int | None
    max_keepalive_connections: int
    keepalive_expiry: float

    @classmethod
    def from_httpx(cls, limits: httpx.Limits) -> Limits:
        """Return limits with large numbers in the place of None, which stands for no limit."""
        return cls(
            limits.max_connections,
            sys.maxsize if limits.max_keepalive_connections is None else limits.max_keepalive_connections,
            math.inf if limits.keepalive_expiry is None else limits.keepalive_expiry,
        )


class Connection(Generic[BackendT]):
    """A connection of httpcore, and the backend that makes its socket.

    Attributes:
        expiry: When it ends if it stays idle, by `monotonic`.
        keep_alive: For how many seconds the server keeps it idle, by its last response.
    """

    def __init__(self, inner: Any, origin: httpcore.Origin, backend: BackendT) -> None:
        self.inner = inner
        self.origin = origin
        self.backend: BackendT = backend
        self.expiry = math.inf
        self.keep_alive = math.inf

    def is_reusable(self) -> bool:
        """Return True if an idle connection can take a request: the server may have closed it."""
        return bool(self.inner.is_available()) and not self.inner.has_expired()

    def can_be_kept(self) -> bool:
        """Return True if a connection can be kept after its response."""
        return bool(self.inner.is_idle()) and not has_unread_data(self.inner, self.backend.stream)

    def parts(self) -> list[Any]:
        """Return what has to be closed. httpcore can lose the socket when a call is interrupted."""
        return [each for each in (self.inner, self.backend.stream) if each is not None]


class IdleConnections(Generic[BackendT]):
    """The connections that wait for their next request, the most recently used ones last.

    Other threads and signal handlers can come between any two steps. So there is no lock, and whoever removes a
    connection from the dictionary, which is one step, owns it.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._closed = False
        self._idle: dict[Connection[BackendT], bool] = {}

    def close(self) -> list[Connection[BackendT]]:
        """Take out all connections, and keep none from now on."""
        self._closed = True
        return self.evict(most=0)

    def pop(self, origin: httpcore.Origin) -> Connection[BackendT] | None:
        """Take out the connection to `origin` that was used last."""
        now = monotonic()
        for connection in reversed(list(self._idle)):
            if connection.origin == origin and connection.expiry >= now and self._idle.pop(connection, False):
                return connection
        return None

    def evict(self, most: int) -> list[Connection[BackendT]]:
        """Take out the expired connections, and the oldest ones where there are more than `most`."""
        now, idle = monotonic(), list(self._idle)
        excess = len(idle) - most
        return [
            connection
            for index, connection in enumerate(idle)
            if (index < excess or connection.expiry < now) and self._idle.pop(connection, False)
        ]

    def make_room(self, connection: Connection[BackendT]) -> list[Connection[BackendT]]:
        """Take out what is in the way of keeping a connection that has had its response.

        That is the connection itself, if it cannot be kept.
        """
        most = self._limits.max_keepalive_connections
        if self._closed or most < 1 or not connection.can_be_kept():
            return [connection]
        return self.evict(most=most - 1)

    def push(self, connection: Connection[BackendT]) -> list[Connection[BackendT]]:
        """Put in a connection, and return those to close: other threads may have put in some, or closed the pool."""
        connection.expiry = monotonic() + min(self._limits.keepalive_expiry, connection.keep_alive)
        self._idle[connection] = True
        most = 0 if self._closed else self._limits.max_keepalive_connections
        return self.evict(most) if len(self._idle) > most else []


def parse_keep_alive(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """Return for how many seconds a connection can be kept, by the `Keep-Alive` header of a response.

    It is a second less than the server says, because a request is under way for some time.
    """
    for name, value in headers:
        if name.lower() == b"keep-alive" and (match := re.search(rb"timeout\s*=\s*(\d{1,9})", value.lower())):
            return int(match[1]) - 1
    return math.inf


def raise_library_error(error: Exception, attempt: Attempt) -> NoReturn:
    """Raise an error of a connection as one of httpcore, so that every failure of a call comes out as ours.

    Before the request body was asked for, it is an error of connecting. What a signal handler raised stays as it is.
    """
    ours = _as_library_error(error, attempt)
    if ours is error:
        raise error  # With `from error`, it would be its own cause.
    raise ours from error


def _as_library_error(error: Exception, attempt: Attempt) -> Exception:
    if not attempt.body_started:
        if isinstance(error, httpcore.ReadTimeout | httpcore.WriteTimeout):
            return httpcore.ConnectTimeout(str(error))
        if isinstance(error, httpcore.ReadError | httpcore.WriteError | httpcore.RemoteProtocolError):
            return httpcore.ConnectError(str(error))
    if type(error).__module__.partition(".")[0] in ("httpcore", "httpx") or not _is_of_libraries(error):
        return error
    if not attempt.body_started and (isinstance(error, AssertionError) or type(error).__module__.startswith("socksio")):
        # httpcore lets these through.
        return httpcore.ProxyError("the response of the proxy is not SOCKS")
    # Such as a thread that cannot be started for the name lookup, or anything at the end of the interpreter.
    kind = httpcore.ReadError if attempt.body_started else httpcore.ConnectError
    return kind(f"{type(error).__name__}: {error}")


def _is_of_libraries(error: Exception) -> bool:
    """Return True unless code of somebody else raised an error: a signal handler, which can come at any moment."""
    each: BaseException | None = error
    while each is not None:
        if not all(is_of_libraries(frame) for frame, _ in traceback.walk_tb(each.__traceback__)):
            return False
        each = each.__cause__  # Python's codecs raise a copy of what comes out of the middle of them.
    return True
