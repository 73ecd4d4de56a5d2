import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from runtime.transport.loops import PerLoop, running_loop

PATIENCE = 30


class Thing:
    """What belongs to a loop. It knows in which one it was made and closed."""

    def __init__(self) -> None:
        self.made_in = running_loop()
        self.closed_in: object = None
        self.closed = False

    async def aclose(self) -> None:
        assert not self.closed
        self.closed = True
        self.closed_in = running_loop()


def things() -> PerLoop[Thing]:
    return PerLoop(Thing, Thing.aclose)


def run_in_manual_loop(function: Callable[[], Awaitable[Any]]) -> Any:
    """As programs do that make their loop themselves, such as one of uvloop."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(function())
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def run_in_runner(function: Callable[[], Awaitable[Any]]) -> Any:
    async def call() -> Any:
        return await function()

    with asyncio.Runner() as runner:
        return runner.run(call())


def run_in_asyncio(function: Callable[[], Awaitable[Any]]) -> Any:
    async def call() -> Any:
        return await function()

    return asyncio.run(call())


def run_in_trio(function: Callable[[], Awaitable[Any]]) -> Any:
    return trio.run(function)


any_loop = pytest.mark.parametrize("run", [run_in_asyncio, run_in_runner, run_in_manual_loop, run_in_trio])


@any_loop
def test_loop_has_one_thing_as_long_as_it_runs(run: Callable[[Any], Any]) -> None:
    per_loop = things()

    async def get_twice() -> None:
        assert await per_loop.get() is await per_loop.get()

    run(get_twice)


@any_loop
def test_thing_is_closed_in_its_loop_when_that_ends(run: Callable[[Any], Any]) -> None:
    per_loop = things()

    async def get() -> Thing:
        thing = await per_loop.get()
        assert not thing.closed
        return thing

    thing = run(get)
    assert thing.closed
    assert thing.closed_in is thing.made_in


@any_loop
def test_thing_is_closed_by_aclose_and_made_again_afterwards(run: Callable[[Any], Any]) -> None:
    per_loop = things()

    async def close_and_get() -> tuple[Thing, Thing]:
        first = await per_loop.get()
        await per_loop.aclose()
        assert first.closed
        second = await per_loop.get()
        assert not second.closed
        return first, second

    first, second = run(close_and_get)
    assert first is not second
    assert second.closed


@any_loop
def test_aclose_without_a_thing_or_twice_does_nothing(run: Callable[[Any], Any]) -> None:
    per_loop = things()

    async def close() -> None:
        await per_loop.aclose()
        await per_loop.get()
        await per_loop.aclose()
        await per_loop.aclose()

    run(close)


@pytest.mark.parametrize("other", [run_in_asyncio, run_in_trio])
def test_aclose_leaves_the_things_of_other_loops(other: Callable[[Any], Any]) -> None:
    per_loop = things()
    loop = asyncio.new_event_loop()
    thing = loop.run_until_complete(per_loop.get())

    async def close() -> None:
        mine = await per_loop.get()
        assert mine is not thing
        await per_loop.aclose()
        assert mine.closed

    other(close)
    assert not thing.closed
    assert loop.run_until_complete(per_loop.get()) is thing
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    assert thing.closed_in is loop


def test_each_loop_has_a_thing_of_its_own() -> None:
    per_loop = things()

    async def get() -> Thing:
        return await per_loop.get()

    made = [run_in_asyncio(get), run_in_trio(get), run_in_asyncio(get), run_in_trio(get)]
    assert len({id(thing) for thing in made}) == 4
    assert len({id(thing.made_in) for thing in made}) == 4


def test_tasks_that_come_first_at_once_share_one_thing() -> None:
    per_loop = things()

    async def get_all() -> None:
        made = await asyncio.gather(*(per_loop.get() for _ in range(5)))
        assert len({id(thing) for thing in made}) == 1

    asyncio.run(get_all())


def test_thing_is_closed_in_the_running_loop_when_its_owner_is_dropped() -> None:
    closed = asyncio.Event()

    async def close(thing: list[object]) -> None:
        thing.append(running_loop())
        closed.set()

    async def drop() -> None:
        per_loop: PerLoop[list[object]] = PerLoop(list, close)
        thing = await per_loop.get()
        owner = weakref.ref(per_loop)
        del per_loop
        gc.collect()
        await asyncio.wait_for(closed.wait(), PATIENCE)
        assert thing == [asyncio.get_running_loop()]
        await asyncio.sleep(0)
        gc.collect()
        assert owner() is None

    asyncio.run(drop())


def test_loop_that_was_closed_with_its_generators_is_forgotten() -> None:
    per_loop = things()

    async def get() -> "weakref.ref[Thing]":
        return weakref.ref(await per_loop.get())

    thing = run_in_asyncio(get)
    gc.collect()
    assert thing() is None


def test_loop_that_was_closed_without_its_generators_is_forgotten_when_another_comes() -> None:
    per_loop = things()
    loop = asyncio.new_event_loop()
    thing = weakref.ref(loop.run_until_complete(per_loop.get()))
    loop.close()
    gc.collect()
    assert thing() is not None

    async def get() -> Thing:
        return await per_loop.get()

    assert run_in_asyncio(get) is not None
    gc.collect()
    assert thing() is None


def test_loops_that_only_rest_are_not_forgotten() -> None:
    per_loop = things()
    loop = asyncio.new_event_loop()
    thing = loop.run_until_complete(per_loop.get())

    async def get() -> Thing:
        return await per_loop.get()

    run_in_asyncio(get)
    assert loop.run_until_complete(per_loop.get()) is thing
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def test_thing_that_cannot_be_closed_is_forgotten_all_the_same() -> None:
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


def test_running_loop_is_the_one_of_the_library_in_use() -> None:
    async def in_asyncio() -> None:
        assert running_loop() is asyncio.get_running_loop()

    async def in_trio() -> None:
        assert running_loop() is trio.lowlevel.current_trio_token()

    asyncio.run(in_asyncio())
    trio.run(in_trio)
