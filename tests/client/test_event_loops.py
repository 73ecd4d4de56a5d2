"""One async client in several event loops, one after the other.

Each test makes its loops itself, so nothing here is run by `make_client`.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
import trio
from genauth_email import AsyncAuthenticationClient

from tests.clients import LOOPS, options_of
from tests.contract.facts import CHANNEL
from tests.servers.raw import RawServer

Main = Callable[[], Awaitable[None]]


def run_asyncio(main: Main) -> None:
    async def run() -> None:
        await main()

    asyncio.run(run())


RUNS: dict[str, Callable[[Main], None]] = {"asyncio": run_asyncio, "trio": trio.run}
each_kind = pytest.mark.parametrize("kind", LOOPS)


async def send(client: AsyncAuthenticationClient, number: int = 0) -> Any:
    return await client.send_email(CHANNEL, f"{number}@example.com")


@each_kind
def test_each_loop_has_connections_of_its_own_that_close_with_it(kind: str) -> None:
    run = RUNS[LOOPS[kind]]
    with RawServer() as server:
        client = AsyncAuthenticationClient("app123", server.url, **options_of(kind))

        async def main() -> None:
            for number in range(3):
                await send(client, number)

        for loop in range(1, 4):
            run(main)
            server.wait_for_open(0)
            assert server.connections == loop
        # A connection that was left open would warn when it is collected, and fail the test.
        gc.collect()
        assert len(server.finish()) == 9


@each_kind
def test_many_calls_at_once_in_each_loop_leave_nothing_open(kind: str) -> None:
    run = RUNS[LOOPS[kind]]
    with RawServer() as server:
        client = AsyncAuthenticationClient("app123", server.url, **options_of(kind))

        async def main() -> None:
            if LOOPS[kind] == "asyncio":
                await asyncio.gather(*(send(client, number) for number in range(5)))
            else:
                async with trio.open_nursery() as nursery:
                    for number in range(5):
                        nursery.start_soon(send, client, number)

        for _ in range(2):
            run(main)
            server.wait_for_open(0)
        gc.collect()
        assert len(server.finish()) == 10


def test_loops_of_asyncio_and_trio_can_take_turns() -> None:
    with RawServer() as server:
        client = AsyncAuthenticationClient("app123", server.url)

        async def main() -> None:
            await send(client)

        for kind in ("asyncio", "trio", "asyncio", "trio"):
            RUNS[kind](main)
            server.wait_for_open(0)
        gc.collect()
        assert len(server.finish()) == 4


@each_kind
def test_a_derived_client_works_in_each_loop(kind: str) -> None:
    run = RUNS[LOOPS[kind]]
    with RawServer() as server:
        client = AsyncAuthenticationClient("app123", server.url, **options_of(kind))
        derived = client.with_options(lang="en-US")

        async def main() -> None:
            await send(client)
            await send(derived)

        for loop in (1, 2):
            run(main)
            server.wait_for_open(0)
            assert server.connections == loop


@each_kind
def test_a_client_that_is_closed_in_one_loop_is_closed_in_all(kind: str) -> None:
    run = RUNS[LOOPS[kind]]
    with RawServer() as server:
        client = AsyncAuthenticationClient("app123", server.url, **options_of(kind))

        async def use() -> None:
            await send(client)

        async def use_and_close() -> None:
            async with client:
                await send(client)
            server.wait_for_open(0)

        async def close() -> None:
            await client.aclose()

        run(use)
        run(use_and_close)
        run(close)
        with pytest.raises(RuntimeError, match="client is closed"):
            run(use)
        assert len(server.finish()) == 2


@each_kind
def test_a_client_that_was_never_used_can_be_closed_in_any_loop(kind: str) -> None:
    client = AsyncAuthenticationClient("app123", **options_of(kind))

    async def close() -> None:
        await client.aclose()

    for _ in range(2):
        RUNS[LOOPS[kind]](close)


def run_and_only_close(coroutine: Coroutine[Any, Any, Any]) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(coroutine)
    loop.close()


# A loop that is closed without ending its async generators, as some frameworks for tests do.
@pytest.mark.parametrize("kind", ["asyncio", "aiohttp"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # What that loop leaves open cannot be closed any more.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_was_only_closed_does_not_break_the_next(kind: str) -> None:
    with RawServer() as server:
        client = AsyncAuthenticationClient("app123", server.url, **options_of(kind))
        for _ in range(2):
            run_and_only_close(send(client))
        # What warns when it is collected has to be collected here.
        del client
        gc.collect()
        assert len(server.received) == 2
