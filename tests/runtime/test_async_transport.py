import asyncio
import sys

import pytest

from runtime.async_transport import _close  # pyright: ignore[reportPrivateUsage]


class Closable:
    def __init__(self, error: BaseException | None = None) -> None:
        self.closed = False
        self.error = error

    async def aclose(self) -> None:
        self.closed = True
        if self.error is not None:
            raise self.error


def test_more_connections_are_closed_than_calls_can_be_nested() -> None:
    many = [Closable() for _ in range(2 * sys.getrecursionlimit())]
    asyncio.run(_close(many))
    assert all(each.closed for each in many)


def test_all_are_closed_in_their_order_even_if_the_task_is_cancelled() -> None:
    cancelled, failing, last = Closable(asyncio.CancelledError()), Closable(OSError("reset")), Closable()
    with pytest.raises(OSError, match="reset"):
        asyncio.run(_close([cancelled, failing, last]))
    assert cancelled.closed
    assert failing.closed
    assert last.closed
