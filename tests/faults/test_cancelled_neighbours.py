"""A call that is cancelled harms no other call of the client.

It is given up at each of its steps in turn, while it closes expired connections and others use those that it has
returned. A deadline cancels a call, too.
"""

import json
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import count
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import SocketStream
from genauth_email import AsyncAuthenticationClient
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clock import Clock
from tests.contract.facts import CHANNEL, SENT
from tests.servers.raw import http

# The secrets watch would take half of the time. It sees such calls in other tests.
pytestmark = pytest.mark.usefixtures("unwatched")


class EchoServer:
    """Responds to each request with the id in its email, in the client's event loop.

    Attributes:
        open: How many connections the client has not closed.
        gate: How many requests must arrive before any of them gets its response.
        responded: Whether the call that is given up has its response.
        given_up: Whether that call has ended. Until then, the others make one call after another.
        before_victim: Called just before the response to that call.
    """

    def __init__(self) -> None:
        self.open = 0
        self.gate = 0
        self.given_up = False
        self.responded = anyio.Event()
        self.before_victim: Callable[[], object] = lambda: None
        self._together = anyio.Event()

    async def serve(self, stream: SocketStream) -> None:
        self.open += 1
        data = b""
        try:
            async with stream:
                async for chunk in stream:
                    data += chunk
                    if match := re.search(rb'"email":"([^"@]+)@example.com"\}', data):
                        data = data[match.end() :]
                        await self._wait_for_others()
                        if match[1] == b"victim":
                            self.before_victim()
                            self.responded.set()
                        await stream.send(_response(match[1].decode()))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # The client has hung up.
        finally:
            self.open -= 1

    def hold(self, number: int) -> None:
        self.gate, self._together = number, anyio.Event()

    async def _wait_for_others(self) -> None:
        if self.gate > 0:
            self.gate -= 1
            if self.gate == 0:
                self._together.set()
            await self._together.wait()

    async def wait_for_open(self, number: int) -> None:
        with anyio.fail_after(10):
            while self.open > number:
                await anyio.sleep(0)


def _response(request_id: str) -> bytes:
    return http(200, json.dumps({**SENT, "message": "", "requestId": request_id}).encode())


class Giver:
    """Gives a call up at one of its steps, which are the moments when others can run.

    Attributes:
        done: Whether that step was reached.
    """

    def __init__(self, step: int, way: str) -> None:
        self.done = False
        self._left = step
        self._way = way
        self._scope = anyio.CancelScope()

    async def give_up(self, call: Coroutine[Any, Any, None]) -> None:
        if self._way == "a cancel scope":
            with self._scope:
                await _Steps(call, self._step)
        else:
            import asyncio

            self._task = asyncio.ensure_future(_Steps(call, self._step))
            await asyncio.wait([self._task])
            assert self._task.cancelled() or self._task.exception() is None

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0 and not self.done:
            self.done = True
            self._scope.cancel()
            if self._way == "Task.cancel":
                self._task.cancel()


class _Steps(Awaitable[None]):
    """Awaits a coroutine, and calls a function each time it waits."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], function: Callable[[], None]) -> None:
        self._coroutine = coroutine
        self._function = function

    def __await__(self) -> Generator[Any, Any, None]:
        resume: Callable[[], Any] = partial(self._coroutine.send, None)
        while True:
            try:
                waiting = resume()
            except StopIteration:
                return
            self._function()
            try:
                resume = partial(self._coroutine.send, (yield waiting))
            except BaseException as error:
                resume = partial(self._coroutine.throw, error)


CASES = [("asyncio", "Task.cancel"), ("asyncio", "a cancel scope"), ("trio", "a cancel scope")]
LIMITS = {
    "default limits": httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=30),
    "three connections": httpx.Limits(max_connections=3, max_keepalive_connections=3, keepalive_expiry=30),
}


@dataclass(frozen=True)
class Plan:
    """The circumstances in which a call is given up.

    Attributes:
        backend: The event loop.
        way: How the call is given up.
        idle: The number of idle connections that expire.
        late: Whether they expire while the call waits for its response, or before the call.
        others: The number of other calls at the same time.
        first: The number of steps between the response and the first other call. Before the call has read the response,
            the others open their own connections and close expired ones. Later, they find the one that it returned.
        apart: The number of steps between the starts of the other calls.
    """

    backend: str
    way: str
    idle: int = 3
    late: bool = True
    others: int = 5
    first: int = 6
    apart: int = 2


@dataclass(frozen=True)
class Scene:
    """A client with idle connections, a call that is given up, and others at the same time."""

    limits: httpx.Limits
    clock: Clock

    def play(self, plan: Plan, step: int) -> bool:
        """Give a call up at a step. Return False if it ended before."""
        return anyio.run(self._play, plan, step, backend=plan.backend)

    async def _play(self, plan: Plan, step: int) -> bool:
        server, giver = EchoServer(), Giver(step, plan.way)
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(listener.serve, server.serve)
            url = f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"
            client = AsyncAuthenticationClient("app123", url, limits=self.limits, timeout=1000, max_retries=0)
            async with client:
                await self._call_together(client, server, "idle", plan.idle)
                if plan.late:
                    server.before_victim = partial(self.clock.advance, 31)
                else:
                    self.clock.advance(31)
                await self._give_up(client, server, plan, giver)
                # No place is lost: all allowed connections can be used at once.
                await self._call_together(client, server, "after", plan.idle + plan.others)
            await server.wait_for_open(0)
            tasks.cancel_scope.cancel()
        return giver.done

    async def _call_together(
        self, client: AsyncAuthenticationClient, server: EchoServer, name: str, number: int
    ) -> None:
        number = min(number, self.limits.max_connections or 0)
        server.hold(number)
        async with anyio.create_task_group() as calls:
            for each in range(number):
                calls.start_soon(_call, client, f"{name}-{each}")

    async def _give_up(self, client: AsyncAuthenticationClient, server: EchoServer, plan: Plan, giver: Giver) -> None:
        async with anyio.create_task_group() as calls:
            for number in range(plan.others):
                calls.start_soon(_call_after, server, plan.first + plan.apart * number, client, f"other-{number}")
            await giver.give_up(_call(client, "victim"))
            server.given_up = True
            server.responded.set()


async def _call(client: AsyncAuthenticationClient, request_id: str) -> None:
    response = await client.send_email(CHANNEL, f"{request_id}@example.com")
    assert response.request_id == request_id


async def _call_after(server: EchoServer, steps: int, client: AsyncAuthenticationClient, request_id: str) -> None:
    await server.responded.wait()
    for _ in range(steps):
        await anyio.sleep(0)
    number = 0
    while not server.given_up or number == 0:
        await _call(client, f"{request_id}-{number}")
        number += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for all modules of the package. Each imports `monotonic` by its name."""
    clock = Clock()
    import_module("genauth_email._runtime.transport.httpx_transport")  # The first client would do it too late.
    for name, module in list(sys.modules.items()):
        if name.startswith("genauth_email._runtime") and hasattr(module, "monotonic"):
            monkeypatch.setattr(module, "monotonic", clock)
    return clock


@pytest.fixture(params=LIMITS)
def scene(request: pytest.FixtureRequest, clock: Clock) -> Scene:
    return Scene(LIMITS[request.param], clock)


@pytest.mark.parametrize("late", [False, True], ids=["expired before", "expired meanwhile"])
@pytest.mark.parametrize(("backend", "way"), CASES)
def test_a_call_that_is_given_up_at_any_step_harms_no_other(scene: Scene, backend: str, way: str, late: bool) -> None:
    steps = next(step for step in count() if not scene.play(Plan(backend, way, late=late), step))
    # The steps of sending, reading and closing the connections.
    assert steps > 3


@pytest.mark.parametrize(("backend", "way"), CASES)
def test_no_order_of_calls_and_their_ends_harms_another_call(
    scene: Scene, backend: str, way: str, drawing: settings
) -> None:
    numbers = partial(st.integers, 1)

    @settings(drawing, max_examples=drawing.max_examples // 5)
    @given(numbers(30), st.booleans(), numbers(6), st.integers(0, 12), st.integers(0, 8), st.integers(0, 40))
    def check(idle: int, late: bool, others: int, first: int, apart: int, step: int) -> None:
        scene.play(Plan(backend, way, idle, late, others, first, apart), step)

    check()
