"""The HTTP library, named here and nowhere else.

httpx is what this package is made and tested on. `httpx2` is a fork of it with the same interface: to move to it,
change the two imports.
"""

from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    import httpcore

__all__ = ["httpcore", "httpx"]


def __getattr__(name: str) -> Any:
    # httpcore loads all of anyio and trio, so it has to wait until a client is made. httpx does the same.
    if name == "httpcore":
        import httpcore

        return httpcore
    raise AttributeError(name)
