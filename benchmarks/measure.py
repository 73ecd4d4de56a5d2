"""Interleaved measurements, so that other work on the machine slows all clients alike."""

import asyncio
import gc
import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from time import perf_counter

from .clients import GENERATED, ROOT, AsyncCall, Call, Client, check
from .servers import Server

THREADS = 16

Measurement = Callable[[], float]
# The measured quantity and the client.
Key = tuple[str, str]


def interleaved(
    makers: Mapping[Key, Callable[[], Measurement]],
    rounds: int,
    leave_out: Callable[[Key, Exception], None],
    pause: Callable[[], None] = lambda: None,
) -> dict[Key, list[float]]:
    """Take each measurement once per round, in an order that differs from round to round.

    A measurement that cannot be set up, or that fails, is left out of all rounds. Each round begins with a pause.
    """
    measurements = dict[Key, Measurement]()
    order = random.Random(rounds)
    for key, make in makers.items():
        try:
            measurements[key] = make()
        except Exception as error:
            leave_out(key, error)
    taken: dict[Key, list[float]] = {key: [] for key in measurements}
    for _ in range(rounds):
        pause()
        for key in order.sample(list(taken), len(taken)):
            # A real program has one client, so the garbage collector should not traverse the others.
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            try:
                taken[key].append(measurements[key]())
            except Exception as error:
                del taken[key]
                leave_out(key, error)
    gc.unfreeze()
    return taken


def seconds_per_call(call: Call, seconds: float, least: int = 3) -> Measurement:
    """Measure the time of a call. One measurement takes about `seconds`, and at least `least` calls."""

    def measure(calls: int) -> float:
        started = perf_counter()
        for _ in range(calls):
            call()
        return (perf_counter() - started) / calls

    check(call())
    calls = max(round(seconds / measure(least)), least)
    return lambda: measure(calls)


def calls_per_second_of_threads(call: Call, seconds: float, executor: ThreadPoolExecutor) -> Measurement:
    """Measure calls that all threads of an executor make at once."""

    def measure(calls: int) -> float:
        def work(_: int) -> None:
            for _ in range(calls):
                call()

        started = perf_counter()
        list(executor.map(work, range(THREADS)))
        return calls * THREADS / (perf_counter() - started)

    check(call())
    calls = max(round(seconds * measure(5) / THREADS), 5)
    return lambda: measure(calls)


@dataclass
class InFlight:
    """Measure calls per second with several calls in flight, for about `seconds` at a time.

    Attributes:
        latencies: The seconds of each call.
    """

    call: AsyncCall
    in_flight: int
    seconds: float
    runner: asyncio.Runner
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        check(self.runner.run(self.call()))
        self._connect()
        # Each task makes at least this many calls, and more with a fast client.
        least = 3 if self.in_flight > 100 else 5
        self._calls = self.in_flight * max(round(self.seconds * self._connect() / self.in_flight), least)

    def __call__(self) -> float:
        # Idle connections may have been closed.
        self._connect()
        ended = self.runner.run(self._run(self._calls))
        # Count all calls, because a client may let some overtake others.
        self.latencies += [latency for _, latency in ended]
        # Fewer calls are in flight at the start and at the end. Calls that begin together end together, so count whole
        # waves between the two.
        steady = ended[self.in_flight - 1 : -self.in_flight]
        return (len(steady) - 1) / (steady[-1][0] - steady[0][0])

    def _connect(self) -> float:
        """Open as many connections as the client keeps or uses, and return the calls per second."""
        calls = min(10 * self.in_flight, 100)
        started = perf_counter()
        self.runner.run(self._run(calls))
        return calls / (perf_counter() - started)

    async def _run(self, calls: int) -> list[tuple[float, float]]:
        """Return each call's end and duration."""
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


@dataclass
class Process:
    """Measure the seconds that a new Python process takes to run `code` and exit.

    Attributes:
        processor: The processor time in seconds, for the program and the kernel.
    """

    code: str
    processor: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        run(self.code)  # Writes the bytecode.

    def __call__(self) -> float:
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        run(self.code)
        elapsed, after = perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        self.processor.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        return elapsed


def run(code: str) -> str:
    """Run a program in an empty directory, and return its output."""
    with TemporaryDirectory() as empty:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=empty,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *map(str, GENERATED.glob("*"))])},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
    return done.stdout


MEMORY = f"""
import gc, json
from time import perf_counter
def memory():
    gc.collect()
    with open("/proc/self/statm") as numbers:
        return {resource.getpagesize()} * int(numbers.read().split()[1])
"""


def cost_of_clients(client: Client, url: str, made: int, derived: int) -> Mapping[str, tuple[float, float]]:
    """Make many clients and keep them: first derived ones, then new ones that make a call.

    Returns:
        The seconds and the bytes of memory per client, for "derived" and "made" clients.
    """
    kinds = {"derived": (derived, client.derive), "made": (made, f"with_call({client.make})")}
    costs = [f"{kind!r}: cost({n}, lambda number: {make})" for kind, (n, make) in kinds.items() if make]
    body = f"""{MEMORY}
kept = []
def with_call(client):
    assert {client.call} == 200
    return client
def cost(how_many, make):
    make(0)
    before, started = memory(), perf_counter()
    kept.append([make(number) for number in range(how_many)])
    elapsed = perf_counter() - started
    return elapsed / how_many, (memory() - before) / how_many
with_call(client)
print(json.dumps({{{", ".join(costs)}}}))"""
    client.prepare()
    costs_of_kinds: Mapping[str, tuple[float, float]] = json.loads(run(client.program(body, url)))
    return costs_of_kinds


def memory_per_call(client: Client, server: Server, url: str, number: int) -> float:
    """Return the bytes by which a process grows for each call in flight, including its connection."""
    body = f"""{MEMORY}
from os import _exit
from urllib.request import urlopen
async def call():
    return {client.call}
def held():
    return int(urlopen({server.http + "/hold"!r}).read())
assert await call() == 200
before = memory()
held()
calls = [asyncio.ensure_future(call()) for _ in range({number})]
while held() < {number}:
    await asyncio.sleep(0.05)
print((memory() - before) / {number}, flush=True)
_exit(0)"""
    client.prepare()
    try:
        return float(run(client.program(body, url)))
    finally:
        server.release()
