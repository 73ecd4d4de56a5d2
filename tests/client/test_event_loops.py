"""One async client in several event loops, one after the other."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
import trio
from genauth_email import AsyncAuthenticationClient

from tests.clients import LOOPS, options_of
from tests.contract.facts import CHANNEL
from tests.servers.raw import RawServer

Main = Callable[[], Coroutine[Any, Any, Any]]
# The tests create their own loops, so they do not use `make_client`.
RUNS: dict[str, Callable[[Main], None]] = {"asyncio": lambda main: asyncio.run(main()), "trio": trio.run}
each_kind = pytest.mark.parametrize("kind", LOOPS)
TURNS = [*((kind, [loop] * 3) for kind, loop in LOOPS.items()), ("asyncio", ["asyncio", "trio"] * 2)]


async def send(client: AsyncAuthenticationClient, number: int = 0) -> Any:
    return await client.send_email(CHANNEL, f"{number}@example.com")


@pytest.mark.parametrize(("kind", "loops"), TURNS)
def test_each_loop_has_its_own_connections_that_close_with_it(kind: str, loops: list[str]) -> None:
    with RawServer() as server:
        client = AsyncAuthenticationClient("app123", server.url, **options_of(kind))
        derived = client.with_options(lang="en-US")

        async def main() -> None:
            for number in range(3):
                await send(client, number)
                await send(derived, number)

        for number, loop in enumerate(loops, 1):
            RUNS[loop](main)
            server.wait_for_open(0)
            assert server.connections == number
        # A connection left open would warn when it is collected, and fail the test.
        gc.collect()
        assert len(server.finish()) == 6 * len(loops)


@each_kind
def test_many_calls_at_once_in_each_loop_leave_nothing_open(kind: str) -> None:
    with RawServer() as server:
        client = AsyncAuthenticationClient("app123", server.url, **options_of(kind))

        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                for number in range(5):
                    tasks.start_soon(send, client, number)

        for _ in range(2):
            RUNS[LOOPS[kind]](main)
            server.wait_for_open(0)
        gc.collect()
        assert len(server.finish()) == 10


@each_kind
def test_a_client_closed_in_one_loop_is_closed_in_all(kind: str) -> None:
    run = RUNS[LOOPS[kind]]
    with RawServer() as server:
        client = AsyncAuthenticationClient("app123", server.url, **options_of(kind))

        async def use_and_close() -> None:
            async with client:
                await send(client)
            server.wait_for_open(0)

        run(lambda: send(client))
        run(use_and_close)
        run(client.aclose)
        with pytest.raises(RuntimeError, match="client is closed"):
            run(lambda: send(client))
        assert len(server.finish()) == 2


def run_and_only_close(coroutine: Coroutine[Any, Any, Any]) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(coroutine)
    loop.close()


# Some test frameworks close a loop without ending its async generators.
@pytest.mark.parametrize("kind", ["asyncio", "aiohttp"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # Nothing can close that loop's connections.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_closed_without_shutdown_does_not_break_the_next(kind: str) -> None:
    with RawServer() as server:
        client = AsyncAuthenticationClient("app123", server.url, **options_of(kind))
        for _ in range(2):
            run_and_only_close(send(client))
        # Collect now, while the warnings are ignored.
        del client
        gc.collect()
        assert len(server.received) == 2
