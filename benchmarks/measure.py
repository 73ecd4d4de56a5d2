"""How things are measured: interleaved, so that whatever else the machine does slows all of them alike."""

import asyncio
import gc
import random
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import quantiles
from threading import Barrier
from time import perf_counter
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from .peers import DOCUMENT, PATH, AsyncCall, AsyncPeer, Call, check
from .server import RESPONSE, Server

THREADS = 16

Measurement = Callable[[], float]
Rounds = Mapping[str, Sequence[float]]


class Spread(NamedTuple):
    """The median and the quartiles of what was measured in several rounds."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        low, middle, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
        return cls(low, middle, high)

    @classmethod
    def of_ratio(cls, rounds: Rounds, one: str, other: str) -> Self:
        """How many times `other` is `one`, taken round by round."""
        return cls.of([mine / theirs for mine, theirs in zip(rounds[one], rounds[other], strict=True)])


def interleaved(
    makers: Mapping[str, Callable[[], Measurement]],
    rounds: int,
    leave_out: Callable[[str, Exception], None],
    pause: Callable[[], None] | None = None,
) -> Rounds:
    """Take each measurement once in each round, in an order that differs from round to round.

    One that cannot be made, or fails, is left out and has no place in what is returned. Before each round there is a
    pause.
    """
    measurements = dict[str, Measurement]()
    taken = dict[str, list[float]]()
    order = random.Random(rounds)
    for name, make in makers.items():
        try:
            measurements[name] = make()
            taken[name] = []
        except Exception as error:
            leave_out(name, error)
    for _ in range(rounds):
        if pause is not None:
            pause()
        for name in order.sample(list(taken), len(taken)):
            # A program has one client. The garbage collector should not walk through the others while it is measured.
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            try:
                taken[name].append(measurements[name]())
            except Exception as error:
                del taken[name]
                leave_out(name, error)
    gc.unfreeze()
    return taken


def seconds_per_call(call: Call, seconds: float) -> Measurement:
    """A measurement that takes about as long as that."""

    def measure(calls: int) -> float:
        started = perf_counter()
        for _ in range(calls):
            call()
        return (perf_counter() - started) / calls

    check(call())
    calls = max(round(seconds / measure(3)), 3)
    return lambda: measure(calls)


def calls_per_second_of_threads(call: Call, seconds: float, executor: ThreadPoolExecutor) -> Measurement:
    """The same for calls that all of the executor's threads make at once."""

    def measure(calls: int) -> float:
        # Each thread waits for the last, so none takes the share of two.
        start, end = Barrier(THREADS + 1), Barrier(THREADS + 1)

        def work() -> None:
            start.wait()
            try:
                for _ in range(calls):
                    call()
            finally:
                end.wait()

        work_of_threads = [executor.submit(work) for _ in range(THREADS)]
        start.wait()
        started = perf_counter()
        end.wait()
        elapsed = perf_counter() - started
        for each in work_of_threads:
            each.result()
        return calls * THREADS / elapsed

    check(call())
    calls = max(round(seconds * measure(5) / THREADS), 5)
    return lambda: measure(calls)


@dataclass
class InFlight:
    """Measures an async client with some number of calls in flight, for about as many seconds at a time.

    Attributes:
        latencies: Of each call, in seconds.
    """

    call: AsyncCall
    in_flight: int
    seconds: float
    runner: asyncio.Runner
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        check(self.runner.run(self._once()))
        self._connect()
        # So many for each in flight, and more of those that go faster.
        least = 3 if self.in_flight > 100 else 5
        self._calls = self.in_flight * max(round(self.seconds * self._connect() / self.in_flight), least)

    def __call__(self) -> float:
        # The connections may have been idle for so long that they were closed.
        self._connect()
        ended = self.runner.run(self._run(self._calls))
        # All of them: a client that lets some calls wait while others overtake them ends those last.
        self.latencies += [latency for _, latency in ended]
        # While they start, and while the last ones end, there are fewer in flight. Those that begin together
        # end together, so what is between is whole waves.
        steady = ended[self.in_flight - 1 : -self.in_flight]
        return (len(steady) - 1) / (steady[-1][0] - steady[0][0])

    def _connect(self) -> float:
        """Make as many connections as the clients keep, or as are used, and return the calls per second."""
        calls = min(10 * self.in_flight, 100)
        started = perf_counter()
        self.runner.run(self._run(calls))
        return calls / (perf_counter() - started)

    async def _once(self) -> object:
        return await self.call()

    async def _run(self, calls: int) -> list[tuple[float, float]]:
        """Return when each call ended, and how long it took."""
        ended = list[tuple[float, float]]()
        left = iter(range(calls))

        async def work() -> None:
            for _ in left:
                started = perf_counter()
                await self.call()
                now = perf_counter()
                ended.append((now, now - started))

        async with asyncio.TaskGroup() as group:
            for _ in range(self.in_flight):
                group.create_task(work())
        return ended


def ceiling(url: str, seconds: float) -> tuple[float, float]:
    """What the server gives a client that does next to nothing.

    Returns:
        Seconds per call on one connection, and calls per second on 32.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    body = str(DOCUMENT).encode()
    head = f"POST {PATH} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-length: {len(body)}\r\n"
    request = head.encode() + b"content-type: application/json\r\n\r\n" + body
    connections = [socket.create_connection((parts.hostname, parts.port)) for _ in range(32)]

    def ask(connections: Sequence[socket.socket]) -> None:
        for connection in connections:
            connection.sendall(request)
        for connection in connections:
            # Responses of this size come in one piece.
            if not connection.recv(len(RESPONSE) * 2).startswith(b"HTTP/1.1 200"):
                raise ConnectionError("the server failed")

    def rate(connections: Sequence[socket.socket]) -> float:
        ask(connections)
        started, calls = perf_counter(), 0
        while perf_counter() < started + seconds:
            ask(connections)
            calls += len(connections)
        return calls / (perf_counter() - started)

    try:
        return 1 / rate(connections[:1]), rate(connections)
    finally:
        for connection in connections:
            connection.close()


def seconds_of_program(code: str, directory: str) -> Measurement:
    """Starts Python in an empty directory, runs `code`, and ends."""

    def measure() -> float:
        started = perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=directory, check=True)
        return perf_counter() - started

    measure()  # The bytecode is written.
    return measure


def seconds_of(function: Callable[[], object], calls: int = 1000) -> Measurement:
    def measure() -> float:
        started = perf_counter()
        for _ in range(calls):
            function()
        return (perf_counter() - started) / calls

    measure()
    return measure


async def memory_per_call(peer: AsyncPeer, server: Server, in_flight: int) -> float:
    """The bytes that Python has allocated for each call, while the server holds its responses back."""
    tracemalloc.start()
    try:
        async with peer(server.holding) as call:
            check(await call())
            server.hold()
            before = traced()
            calls = [asyncio.ensure_future(call()) for _ in range(in_flight)]
            # Until nothing more happens.
            held = was_held = memory = was = 0
            while held == 0 or held != was_held or abs(memory - was) > 4096:
                await asyncio.sleep(0.1)
                was_held, was = held, memory
                held, memory = server.hold(), tracemalloc.get_traced_memory()[0]
                if any(each.done() for each in calls):
                    raise RuntimeError("a call ended while its response was held back")
            grown = traced() - before
            server.release()
            for status_code in await asyncio.gather(*calls):
                check(status_code)
            return grown / in_flight
    finally:
        server.release()
        tracemalloc.stop()


def traced() -> int:
    """The bytes that are allocated and in use."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
