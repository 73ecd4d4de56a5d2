import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio

from runtime.transport.loops import PerLoop, running_loop

PATIENCE = 30
Function = Callable[[], Coroutine[Any, Any, Any]]


class Thing:
    """An object that belongs to a loop. It records the loops in which it was made and closed."""

    def __init__(self) -> None:
        self.made_in = running_loop()
        self.closed_in: object = None

    async def aclose(self) -> None:
        assert self.closed_in is None
        self.closed_in = running_loop()


@pytest.fixture
def per_loop() -> PerLoop[Thing]:
    return PerLoop(Thing, Thing.aclose)


@contextmanager
def manual_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that a program makes itself, as with uvloop."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def run_in_manual_loop(function: Function) -> Any:
    with manual_loop() as loop:
        return loop.run_until_complete(function())


def run_in_asyncio(function: Function) -> Any:
    return asyncio.run(function())


Run = Callable[[Function], Any]


@pytest.mark.parametrize("run", [run_in_asyncio, run_in_manual_loop, trio.run])
def test_loop_has_one_thing_until_aclose_or_its_end(run: Run, per_loop: PerLoop[Thing]) -> None:
    async def get() -> tuple[Thing, Thing]:
        await per_loop.aclose()  # Nothing exists yet.
        first = await per_loop.get()
        assert await per_loop.get() is first
        assert first.closed_in is None
        await per_loop.aclose()
        await per_loop.aclose()
        assert first.closed_in is running_loop()
        second = await per_loop.get()
        assert second.closed_in is None
        return first, second

    first, second = run(get)
    assert first is not second
    assert first.closed_in is second.closed_in is second.made_in
    assert run(per_loop.get).made_in is not second.made_in


@pytest.mark.parametrize("other", [run_in_asyncio, trio.run])
def test_use_and_aclose_in_other_loops_keep_the_thing_of_a_paused_loop(other: Run, per_loop: PerLoop[Thing]) -> None:
    with manual_loop() as loop:
        thing = loop.run_until_complete(per_loop.get())

        async def close() -> None:
            mine = await per_loop.get()
            assert mine.made_in is not thing.made_in
            await per_loop.aclose()
            assert mine.closed_in is mine.made_in

        other(close)
        other(per_loop.get)
        assert thing.closed_in is None
        assert loop.run_until_complete(per_loop.get()) is thing
    assert thing.closed_in is loop


def test_thing_is_closed_in_the_running_loop_when_its_owner_is_dropped() -> None:
    closed = asyncio.Event()

    async def close(thing: list[object]) -> None:
        thing.append(running_loop())
        closed.set()

    async def drop() -> None:
        per_loop: PerLoop[list[object]] = PerLoop(list, close)
        thing = await per_loop.get()
        del per_loop
        gc.collect()
        await asyncio.wait_for(closed.wait(), PATIENCE)
        assert thing == [asyncio.get_running_loop()]

    asyncio.run(drop())


def test_loop_closed_with_its_generators_is_forgotten(per_loop: PerLoop[Thing]) -> None:
    thing = weakref.ref(run_in_asyncio(per_loop.get))
    gc.collect()
    assert thing() is None


def test_loop_closed_without_its_generators_is_forgotten_when_another_is_used(per_loop: PerLoop[Thing]) -> None:
    loop = asyncio.new_event_loop()
    thing = weakref.ref(loop.run_until_complete(per_loop.get()))
    loop.close()
    gc.collect()
    assert thing() is not None
    run_in_asyncio(per_loop.get)
    gc.collect()
    assert thing() is None


def test_thing_whose_closing_fails_is_still_forgotten() -> None:
    async def fail(thing: object) -> None:
        raise OSError("the connection is gone")

    per_loop: PerLoop[object] = PerLoop(object, fail)

    async def close() -> None:
        first = await per_loop.get()
        with pytest.raises(OSError, match="gone"):
            await per_loop.aclose()
        assert await per_loop.get() is not first
        with pytest.raises(OSError, match="gone"):
            await per_loop.aclose()

    asyncio.run(close())
