"""The HTTP library. httpx and httpcore are imported here and nowhere else."""

from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    import httpcore

__all__ = ["httpcore", "httpx"]


def __getattr__(name: str) -> Any:
    # httpcore loads all of anyio and trio, so it waits until a client is made, as it does in httpx.
    if name == "httpcore":
        import httpcore

        return httpcore
    raise AttributeError(name)
