"""Resources that belong to an event loop, for a client that is used in several."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Makes a resource for each event loop, and closes it in that loop: by `aclose`, or when the loop ends.

    Args:
        make: Makes a resource in the running loop.
        close: Closes it there.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._resources: dict[object, tuple[T, AsyncGenerator[None, None]]] = {}

    async def get(self) -> T:
        """Return the resource of the running loop."""
        loop = running_loop()
        if loop not in self._resources:
            self._forget_closed_loops()
            resource = self._make()
            # asyncio and trio end the async generators of a loop before they close it. There is no other hook.
            end = self._until_aclose(loop, resource)
            self._resources[loop] = resource, end
            await anext(end)
        return self._resources[loop][0]

    async def aclose(self) -> None:
        """Close the resource of the running loop. Those of other loops close when their loops end."""
        _, end = self._resources.get(running_loop(), (None, None))
        if end is not None:
            await end.aclose()

    async def _until_aclose(self, loop: object, resource: T) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self._resources.pop(loop, None)
            await self._close(resource)

    def _forget_closed_loops(self) -> None:
        # Loops that were closed without `shutdown_asyncgens`. Their resources can only be dropped.
        import asyncio

        for loop in list(self._resources):
            if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed():
                self._resources.pop(loop, None)


def running_loop() -> object:
    """Return what stands for the running event loop, of asyncio or trio."""
    import asyncio  # Sync clients load this module too, and do not need asyncio.

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token()
