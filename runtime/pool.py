"""What the sync and the async connection pool share."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar, cast
from weakref import WeakSet

from .environment import httpcore_proxy, proxy_for
from .http import httpcore, httpx
from .internals import has_trailing_data
from .request import Attempt

if TYPE_CHECKING:
    from .network import AsyncBackend, SyncBackend

# Emails to log in come one by one. httpx keeps an idle connection for 5 seconds, so that most would need a new one.
DEFAULT_LIMITS: Final = httpx.Limits(max_connections=100, keepalive_expiry=30.0)

BackendT = TypeVar("BackendT", "SyncBackend", "AsyncBackend")


class Limits(NamedTuple):
    """The limits of a connection pool, as numbers. No limit is a very large one.

    Attributes:
        max_connections: How many connections there are at most.
        max_keepalive_connections: How many of them are kept while they are idle.
        keepalive_expiry: For how many seconds.
    """

    max_connections: int
    max_keepalive_connections: int
    keepalive_expiry: float

    @classmethod
    def of(cls, limits: httpx.Limits | None) -> Limits:
        """Return the limits that the user has set, or the default ones."""
        limits = DEFAULT_LIMITS if limits is None else limits
        return cls(
            sys.maxsize if limits.max_connections is None else limits.max_connections,
            sys.maxsize if limits.max_keepalive_connections is None else limits.max_keepalive_connections,
            math.inf if limits.keepalive_expiry is None else limits.keepalive_expiry,
        )


class Connection(Generic[BackendT]):
    """A connection of httpcore, and the backend that makes its socket.

    Attributes:
        keepalive: For how many seconds the server keeps it while it is idle, by its last response.
    """

    def __init__(self, inner: Any, origin: httpcore.Origin, backend: BackendT) -> None:
        self.inner = inner
        self.origin = origin
        self.backend: BackendT = backend
        self.keepalive = math.inf

    def to_close(self) -> list[Any]:
        """Return what has to be closed."""
        return [each for each in (self.inner, self.backend.stream) if each is not None]

    def is_reusable(self) -> bool:
        """Tell whether an idle connection can take a request: the server may have closed it."""
        return bool(self.inner.is_available()) and not self.inner.has_expired()

    def is_clean(self) -> bool:
        """Tell whether a connection that has had its response can be kept."""
        return bool(self.inner.is_idle()) and not has_trailing_data(self.inner)


class IdleConnections(Generic[BackendT]):
    """The connections that wait for their next request, those used last at the end.

    Attributes:
        used: The connections that have a request now. One that is lost to an interruption leaves by itself.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._idle: list[tuple[float, Connection[BackendT]]] = []
        self.used: WeakSet[Connection[BackendT]] = WeakSet()

    def pop(self, origin: httpcore.Origin) -> Connection[BackendT] | None:
        """Take out the connection to `origin` that was used last."""
        now = monotonic()
        for index in range(len(self._idle) - 1, -1, -1):
            expiry, connection = self._idle[index]
            if connection.origin == origin and expiry >= now:
                del self._idle[index]
                self.used.add(connection)
                return connection
        return None

    def push(self, connection: Connection[BackendT]) -> None:
        """Put in a connection that was just used."""
        seconds = min(self._limits.keepalive_expiry, connection.keepalive)
        self._idle.append((monotonic() + seconds, connection))

    def evict(self, *, all: bool = False) -> list[Connection[BackendT]]:
        """Take out those that have expired, and the oldest ones where they, or they and the used ones, are too many."""
        now, idle, limits = monotonic(), self._idle, self._limits
        excess = max(len(idle) - limits.max_keepalive_connections, len(idle) + len(self.used) - limits.max_connections)
        is_kept = [not all and index >= excess and expiry >= now for index, (expiry, _) in enumerate(idle)]
        self._idle = [item for item, kept in zip(idle, is_kept, strict=True) if kept]
        return [connection for (_, connection), kept in zip(idle, is_kept, strict=True) if not kept]


def attempt_of(request: httpcore.Request) -> Attempt:
    """Return the attempt that a request is made for."""
    extensions = cast(dict[str, Any], request.extensions)
    return cast(Attempt, extensions["timeout"])


def proxy_of(origin: httpcore.Origin) -> httpcore.Proxy | None:
    """Return the proxy that the environment names for `origin`.

    Raises:
        httpx.ProxyError: It cannot be used.
    """
    url = proxy_for(f"{origin.host.decode()}:{origin.port}", origin.scheme.decode())
    return None if url is None else httpcore_proxy(url)


def all_in_use(limits: Limits) -> httpcore.PoolTimeout:
    return httpcore.PoolTimeout(f"all {limits.max_connections} connections are in use")


def keepalive_of(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """Return for how many seconds a connection can be kept, by the `Keep-Alive` header of a response.

    It is a second less than the server says, as a request is on its way for some time.
    """
    for name, value in headers:
        if name.lower() == b"keep-alive" and (match := re.search(rb"timeout\s*=\s*(\d{1,9})", value.lower())):
            return int(match[1]) - 1
    return math.inf


def connect_error(error: Exception) -> Exception:
    """Return an error as one of connecting, as nothing has asked for the request body yet."""
    if isinstance(error, httpcore.ReadTimeout | httpcore.WriteTimeout):
        return httpcore.ConnectTimeout(str(error))
    if isinstance(error, httpcore.ReadError | httpcore.WriteError | httpcore.RemoteProtocolError):
        return httpcore.ConnectError(str(error))
    if isinstance(error, AssertionError) or type(error).__module__.startswith("socksio"):
        # httpcore lets them through.
        return httpcore.ProxyError("the response of the proxy is not SOCKS")
    return error
