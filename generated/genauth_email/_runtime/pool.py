"""What the sync and the async connection pool share."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast
from weakref import WeakSet

from .environment import httpcore_proxy, proxy_for
from .http import httpcore
from .internals import has_trailing_data
from .request import Attempt

if TYPE_CHECKING:
    from .network import AsyncBackend, SyncBackend

# As httpx has them.
MAX_CONNECTIONS: Final = 100
KEEPALIVE_EXPIRY: Final = 5.0  # Seconds.

BackendT = TypeVar("BackendT", "SyncBackend", "AsyncBackend")


class Connection(Generic[BackendT]):
    """A connection of httpcore, and the backend that makes its socket."""

    def __init__(self, inner: Any, origin: httpcore.Origin, backend: BackendT) -> None:
        self.inner = inner
        self.origin = origin
        self.backend: BackendT = backend

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

    def __init__(self) -> None:
        self._idle: list[tuple[float, Connection[BackendT]]] = []
        self.used: WeakSet[Connection[BackendT]] = WeakSet()

    def pop(self, origin: httpcore.Origin) -> Connection[BackendT] | None:
        """Take out the connection to `origin` that was used last."""
        now = monotonic()
        for index in range(len(self._idle) - 1, -1, -1):
            expiry, connection = self._idle[index]
            if expiry < now:  # So are all before it, and `evict` takes them.
                break
            if connection.origin == origin:
                del self._idle[index]
                self.used.add(connection)
                return connection
        return None

    def push(self, connection: Connection[BackendT]) -> None:
        """Put in a connection that was just used."""
        self._idle.append((monotonic() + KEEPALIVE_EXPIRY, connection))

    def evict(self, *, all: bool = False) -> list[Connection[BackendT]]:
        """Take out those that have expired, and the oldest ones where they and the used ones are too many."""
        now = monotonic()
        count = len(self._idle) if all else max(len(self._idle) + len(self.used) - MAX_CONNECTIONS, 0)
        while count < len(self._idle) and self._idle[count][0] < now:
            count += 1
        evicted = [connection for _, connection in self._idle[:count]]
        del self._idle[:count]
        return evicted


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


def all_in_use() -> httpcore.PoolTimeout:
    return httpcore.PoolTimeout(f"all {MAX_CONNECTIONS} connections are in use")


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
