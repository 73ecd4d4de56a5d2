"""The HTTP library, named here and nowhere else.

httpx is what this package is made and tested on. `httpx2` is a fork of it with the same interface. A client of either
can be the user's own `http_client`; to ship on `httpx2`, change the imports.
"""

import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx

if TYPE_CHECKING:
    import httpcore

__all__ = [
    "Httpx2AsyncClient",
    "Httpx2Client",
    "Httpx2Timeout",
    "based_on",
    "httpcore",
    "httpx",
    "httpx_error",
    "httpx_headers",
    "library_of",
]

T = TypeVar("T")


class Httpx2Client(Protocol):
    """An `httpx2.Client`, for type checkers: `httpx2` may not be installed."""

    def build_request(self, method: str, url: str, *, content: bytes, headers: Any) -> Any: ...

    def send(self, request: Any, *, stream: bool, auth: Any, follow_redirects: bool) -> Any: ...

    def close(self) -> None: ...


class Httpx2AsyncClient(Protocol):
    """An `httpx2.AsyncClient`, for type checkers: `httpx2` may not be installed."""

    def build_request(self, method: str, url: str, *, content: bytes, headers: Any) -> Any: ...

    async def send(self, request: Any, *, stream: bool, follow_redirects: bool) -> Any: ...

    async def aclose(self) -> None: ...


class Httpx2Timeout(Protocol):
    """An `httpx2.Timeout`, for type checkers: `httpx2` may not be installed."""

    def as_dict(self) -> dict[str, float | None]: ...


def library_of(item: object) -> Any:
    """Return the library that a client or a timeout is from: `httpx2`, if the program has loaded it, or httpx."""
    httpx2 = sys.modules.get("httpx2")
    if httpx2 is not None and isinstance(item, httpx2.Client | httpx2.AsyncClient | httpx2.Timeout):
        return httpx2
    return httpx


@cache
def based_on(library: Any, kind: type[T], *bases: str) -> type[T]:
    """Return a subclass of `kind` and of classes of that library. Its clients accept their own classes alone."""
    return type(kind.__name__, (kind, *(getattr(library, base) for base in bases)), {"__module__": kind.__module__})


def httpx_error(error: Exception) -> httpx.RequestError:
    """Return the error of httpx for an error of `httpx2`."""
    name = next(each.__name__ for each in type(error).__mro__ if hasattr(httpx, each.__name__))
    kind: type[httpx.RequestError] = getattr(httpx, name)
    return kind(str(error))


def httpx_headers(headers: Any) -> httpx.Headers:
    """Return the headers of a response, of httpx or of `httpx2`, as those of httpx."""
    return headers if isinstance(headers, httpx.Headers) else httpx.Headers(headers.raw)


def __getattr__(name: str) -> Any:
    # httpcore loads all of anyio and trio, so it has to wait until a client is made. httpx does the same.
    if name == "httpcore":
        import httpcore

        return httpcore
    raise AttributeError(name)
