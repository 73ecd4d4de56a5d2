"""Run the benchmarks: `python -m benchmarks full`, `quick` or `smoke`.

Only a full run writes files: its numbers, the tables and the picture. `report` writes the tables and the picture again.
"""

import asyncio
import os
import platform
import re
import ssl
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import distributions, version
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from .clients import ASYNC, FEW_CALLS, HIDDEN, MANY_CALLS, ROOT, SYNC, Client
from .measure import (
    THREADS,
    InFlight,
    Key,
    Measurement,
    Process,
    calls_per_second_of_threads,
    cost_of_clients,
    interleaved,
    memory_per_call,
    seconds_per_call,
)
from .picture import picture
from .relay import relay
from .report import THEIR_IMPORT, Results, report, write
from .servers import Server, serve

PACKAGES = (
    *("genauth-email", "httpx", "httpcore", "anyio", "aiohttp", "httpx-aiohttp", "urllib3", "requests"),
    *("genauth", "openapi-python-client", "openapi-generator-cli"),
)


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        seconds: The approximate duration of one measurement.
        rounds: The rounds of slow measurements. Quick ones have a multiple of them.
        in_flight: The numbers of async calls in flight.
        round_trips: The round-trip times of sparse calls, in milliseconds.
        idle: The seconds before each round of sparse calls.
        connections: The number of async calls in flight when each has its own connection.
        slow: The number of calls in flight to a slow server, and its response time in milliseconds.
        clients: How many clients are made, and how many are derived.
        sizes: The sizes of responses, in KiB.
    """

    seconds: float
    rounds: int
    in_flight: Sequence[int]
    round_trips: Sequence[int]
    idle: float
    connections: Sequence[int]
    slow: tuple[int, int]
    clients: tuple[int, int]
    sizes: Sequence[int]


QUICK = Plan(0.02, 1, (1, 10, 100), (40,), 6, (1, 100), (50, 100), (10, 1000), (1, 1000))
PLANS = {
    "full": Plan(
        seconds=0.1,
        rounds=6,
        in_flight=(1, 10, 100, 500),
        round_trips=(40, 160),
        idle=6,
        connections=(1, 10, 100, 500, 1000),
        slow=(500, 100),
        clients=(50, 10_000),
        sizes=(1, 10, 100, 1000),
    ),
    "quick": QUICK,
    "smoke": replace(QUICK, seconds=0.001, in_flight=(1, 2), idle=0, connections=(2,), slow=(2, 1), sizes=(1,)),
}


class Run:
    """One run, section by section."""

    def __init__(self, plan: Plan, server: Server) -> None:
        self.plan = plan
        self.server = server
        self.results = Results()

    def everything(self) -> Results:
        self.results.about = list(machine())
        for section in (
            *(self.sync, self.sync_over_tls, self.threads, self.in_flight, self.imports, self.first_calls),
            *(self.sparse_calls, self.connections, self.slow_server, self.memory, self.many_clients, self.sizes),
        ):
            started = perf_counter()
            section()
            print(f"{section.__name__}: {perf_counter() - started:.0f} s", file=sys.stderr)
        return self.results

    def sync(self) -> None:
        self._sync("sync", self.server.http, 6 * self.plan.rounds)

    def sync_over_tls(self) -> None:
        self._sync("sync over TLS", self.server.https, 3 * self.plan.rounds)

    def sizes(self) -> None:
        for size in self.plan.sizes:
            self._sync(f"{size} KiB", self.server.slow(0, 1024 * size), self.plan.rounds)

    def _sync(self, what: str, url: str, rounds: int) -> None:
        with ExitStack() as stack:

            def make(client: Client) -> Measurement:
                return seconds_per_call(stack.enter_context(client.open(url)), self.plan.seconds)

            self._take({(what, name): partial(make, client) for name, client in SYNC.items()}, rounds)

    def threads(self) -> None:
        with ThreadPoolExecutor(THREADS) as executor, ExitStack() as stack:

            def make(client: Client) -> Measurement:
                call = stack.enter_context(client.open(self.server.http))
                return calls_per_second_of_threads(call, 4 * self.plan.seconds, executor)

            makers = {("threads", name): partial(make, client) for name, client in SYNC.items()}
            self._take(makers, 2 * self.plan.rounds)

    def in_flight(self) -> None:
        numbers = {f"{number} in flight": number for number in self.plan.in_flight}
        self._async(ASYNC, self.server.http, numbers, self.plan.rounds, limited=False)

    def connections(self) -> None:
        numbers = {f"{number} connections": number for number in self.plan.connections}
        self._async(MANY_CALLS, self.server.http, numbers, self.plan.rounds // 2, limited=True)

    def slow_server(self) -> None:
        number, milliseconds = self.plan.slow
        url = self.server.slow(milliseconds)
        self._async(MANY_CALLS, url, {"slow server": number}, self.plan.rounds // 2, limited=True)

    def _async(
        self, clients: Mapping[str, Client], url: str, numbers: Mapping[str, int], rounds: int, *, limited: bool
    ) -> None:
        measurements = dict[Key, InFlight]()
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()

            def make(key: Key) -> Measurement:
                what, name = key
                client = clients[name].open_async(url, numbers[what] if limited else None)
                call = runner.run(stack.enter_async_context(client))
                measurements[key] = InFlight(call, numbers[what], 4 * self.plan.seconds, runner)
                return measurements[key]

            try:
                self._take({(what, name): partial(make, (what, name)) for what in numbers for name in clients}, rounds)
            finally:
                runner.run(stack.aclose())
        for (what, name), each in measurements.items():
            if each.latencies:
                percentile = quantiles(each.latencies, n=100, method="inclusive")[98]
                self.results.add((f"{what}, latency", name), [median(each.latencies), percentile])

    def imports(self) -> None:
        imports = {name: HIDDEN + client.imports for name, client in FEW_CALLS.items()}
        imports[THEIR_IMPORT] = HIDDEN + THEIR_IMPORT
        self._processes("import", imports)

    def first_calls(self) -> None:
        programs = {name: client.first_call(self.server.https) for name, client in FEW_CALLS.items()}
        self._processes("first call", programs)

    def _processes(self, what: str, programs: Mapping[str, str]) -> None:
        measurements = dict[Key, Process]()

        def make(key: Key) -> Measurement:
            if key[1] in FEW_CALLS:
                FEW_CALLS[key[1]].prepare()
            measurements[key] = Process(programs[key[1]])
            return measurements[key]

        self._take({(what, name): partial(make, (what, name)) for name in programs}, 5 * self.plan.rounds)
        for (_, name), each in measurements.items():
            self.results.add((f"{what}, processor", name), each.processor)

    def sparse_calls(self) -> None:
        delays = [trip / 2000 for trip in self.plan.round_trips]
        with relay(self.server.https, delays) as urls, asyncio.Runner() as runner:
            stack = AsyncExitStack()

            def pause() -> None:
                # The loop keeps running, so clients notice when the server closes a connection.
                runner.run(asyncio.sleep(self.plan.idle))

            def make(client: Client, url: str) -> Measurement:
                if not client.is_async:
                    return seconds_per_call(stack.enter_context(client.open(url)), 0, least=1)
                call = runner.run(stack.enter_async_context(client.open_async(url)))
                return seconds_per_call(lambda: runner.run(call()), 0, least=1)

            makers = {
                (f"sparse, {trip} ms", name): partial(make, client, url)
                for trip, url in zip(self.plan.round_trips, urls, strict=True)
                for name, client in FEW_CALLS.items()
            }
            try:
                self._take(makers, self.plan.rounds, pause)
            finally:
                runner.run(stack.aclose())

    def memory(self) -> None:
        # Some clients make at most 100 connections.
        number = min(100, self.plan.in_flight[-1])
        for name, client in ASYNC.items():
            for kind, url in ("memory", self.server.http), ("memory over TLS", self.server.https):
                try:
                    memory = memory_per_call(client, self.server, url, number)
                    self.results.add((kind, name), [memory])
                except Exception as error:
                    self._leave_out((kind, name), error)

    def many_clients(self) -> None:
        made, derived = self.plan.clients
        for name in (name for name in FEW_CALLS if not FEW_CALLS[name].is_async):
            try:
                for kind, cost in cost_of_clients(SYNC[name], self.server.https, made, derived).items():
                    self.results.add((f"{kind} clients", name), cost)
            except Exception as error:
                self._leave_out(("many clients", name), error)

    def _take(
        self,
        makers: Mapping[Key, Callable[[], Measurement]],
        rounds: int,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        for key, values in interleaved(makers, max(rounds, 1), self._leave_out, pause).items():
            self.results.add(key, values)

    def _leave_out(self, key: Key, error: Exception) -> None:
        what, name = key
        self.results.left_out.setdefault(f"{name}: {error!r}", []).append(what)


def machine() -> Iterable[str]:
    """Describe the machine and the versions."""
    yield (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({processor()}), {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}, {ssl.OPENSSL_VERSION}. "
        f"On average {os.getloadavg()[0]:.1f} processes ran or waited in the minute before."
    )
    installed = {each.name for each in distributions()}
    yield ", ".join(f"{name} {version(name)}" for name in PACKAGES if name in installed)


def processor() -> str:
    try:
        model = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        model = None
    return model[1] if model else platform.machine()


def measure(plan: str) -> Results:
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(variable, None)
        os.environ.pop(variable.upper(), None)
    # The vendor's SDK verifies no certificate: its `FALSE` comes from `pickle`, and is true.
    warnings.filterwarnings("ignore", "Unverified HTTPS request")
    with serve(trust_all=plan != "smoke") as server:
        os.environ["SSL_CERT_FILE"] = str(server.ca)
        return Run(PLANS[plan], server).everything()


def main(plan: str) -> None:
    record = ROOT / "benchmarks/results.json"
    if plan == "report":
        results = Results.load(record)
    else:
        results = measure(plan)
        print(report(results))
    if plan == "full":
        results.save(record)
    if plan in ("full", "report"):
        write(report(results), ROOT / "benchmarks/README.md")
        (ROOT / "benchmarks/results.svg").write_text(picture(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
