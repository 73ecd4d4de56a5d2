"""What a network makes of it: long ways, slow servers, many connections, many clients, and new processes."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryDirectory
from time import perf_counter

from .connections import memory_per_connection
from .measure import Measurement, Spread, memory_per_call
from .network_report import IN_FLIGHT, SLOW, NetworkResults
from .peers import AIOHTTP, ASYNC, ASYNCIO, HTTPX, OURS, OURS_ON_AIOHTTP, SYNC, VENDOR, AsyncPeer, Peer, check
from .programs import PROGRAMS, FirstCall, cost_of_clients
from .relay import relay
from .run import BaseRun, machine
from .server import Server

SPARSE_SYNC: Mapping[str, Peer] = {name: peer for name, peer in SYNC.items() if not name.startswith("bare")}
SPARSE_ASYNC: Mapping[str, AsyncPeer] = {
    f"{OURS}, async": ASYNC[OURS],
    **{name: ASYNC[name] for name in (OURS_ON_AIOHTTP, ASYNCIO, AIOHTTP)},
}
# The stock client is httpx where calls are in flight, as the first table shows, and each takes most of the time.
MANY: Mapping[str, AsyncPeer] = {name: ASYNC[name] for name in (OURS, OURS_ON_AIOHTTP, HTTPX, ASYNCIO, AIOHTTP)}


@dataclass(frozen=True)
class NetworkPlan:
    """How much is measured.

    Attributes:
        round_trips: Of the networks, in milliseconds.
        sparse: The rounds of sparse calls, and the seconds from one to the next.
        processes: The rounds of processes that make one call.
        programs: Which clients are measured in processes of their own.
        seconds: How long one measurement takes, about.
        slow: The rounds with a slow server, its milliseconds, and how many calls are in flight.
        in_flight: How many calls are in flight, and the rounds of each.
        patience: Another's client is left out where so many calls in flight would take longer, in seconds.
        clients: How many clients are derived, how many of ours have hosts of their own, and how many of others.
        sizes: Of responses, in bytes, and the rounds of each.
    """

    round_trips: tuple[int, ...]
    sparse: tuple[int, float]
    processes: int
    programs: Collection[str]
    seconds: float
    slow: tuple[int, int, int]
    in_flight: dict[int, int]
    patience: float
    clients: tuple[int, int, int]
    sizes: dict[int, int]


PLANS = {
    "full": NetworkPlan(
        round_trips=(40, 160),
        sparse=(9, 8.0),
        processes=11,
        programs=PROGRAMS,
        seconds=0.2,
        slow=(3, SLOW, IN_FLIGHT),
        in_flight={1: 5, 10: 5, 100: 3, 500: 3, 1000: 3},
        patience=5.0,
        clients=(10_000, 1000, 50),
        sizes={100: 5, 1024: 5, 10 * 1024: 5, 100 * 1024: 5, 1024 * 1024: 5},
    ),
    "quick": NetworkPlan(
        round_trips=(40,),
        sparse=(1, 8.0),
        processes=1,
        programs=PROGRAMS,
        seconds=0.05,
        slow=(1, SLOW, 50),
        in_flight={1: 1, 50: 1},
        patience=1.0,
        clients=(1000, 100, 10),
        sizes={100: 1, 1024 * 1024: 1},
    ),
    "smoke": NetworkPlan(
        round_trips=(4,),
        sparse=(1, 0.0),
        processes=1,
        programs=(OURS, HTTPX, VENDOR, OURS_ON_AIOHTTP, AIOHTTP),
        seconds=0.001,
        slow=(1, 1, 2),
        in_flight={2: 1},
        patience=60.0,
        clients=(10, 2, 2),
        sizes={100: 1},
    ),
}


class NetworkRun(BaseRun):
    """One run, section by section."""

    def __init__(self, plan: NetworkPlan, server: Server) -> None:
        super().__init__()
        self.plan = plan
        self.server = server
        self.results = NetworkResults(left_out=self.left_out)

    def everything(self) -> NetworkResults:
        growth = (partial(self.growth, number) for number in self.plan.in_flight)
        sections: list[Callable[[], None]] = [self.about, self.sparse, self.first_calls, self.slow, self.connections]
        self.run([*sections, *growth, self.clients, *(partial(self.size, size) for size in self.plan.sizes)])
        return self.results

    def about(self) -> None:
        self._section = "the machine"
        self.results.about = [*machine(), f"The server: {self.server.kind}; for slow and for large responses, asyncio."]

    def sparse(self) -> None:
        self._section = "sparse calls"
        rounds, seconds = self.plan.sparse
        with (
            relay(self.server.https, [trip / 2000 for trip in self.plan.round_trips]) as urls,
            asyncio.Runner() as runner,
        ):
            stack = AsyncExitStack()
            next_round = perf_counter()

            def pause() -> None:
                nonlocal next_round
                # The loop runs meanwhile, so that who wants to see the server's end of a connection can.
                runner.run(asyncio.sleep(max(next_round + seconds - perf_counter(), 0)))
                next_round = perf_counter()

            try:
                makers = dict[str, Callable[[], Measurement]]()
                for trip, url in zip(self.plan.round_trips, urls, strict=True):
                    for name, peer in SPARSE_SYNC.items():
                        makers[f"{name}, {trip} ms"] = partial(first_of_sync, stack, peer, url)
                    for name, async_peer in SPARSE_ASYNC.items():
                        makers[f"{name}, {trip} ms"] = partial(first_of_async, stack, runner, async_peer, url)
                taken = self._interleaved(makers, rounds, pause)
            finally:
                runner.run(stack.aclose())
        for trip in self.plan.round_trips:
            end = f", {trip} ms"
            self.results.sparse[trip] = {key.removesuffix(end): taken[key] for key in taken if key.endswith(end)}

    def first_calls(self) -> None:
        self._section = "the first call of a process"
        measurements = dict[str, FirstCall]()
        with TemporaryDirectory() as empty:

            def make(name: str) -> Measurement:
                measurements[name] = FirstCall(PROGRAMS[name], self.server.https, empty)
                return measurements[name]

            taken = self._interleaved({name: partial(make, name) for name in self.plan.programs}, self.plan.processes)
        self.results.first_call = taken
        self.results.first_processor = {name: measurements[name].processor for name in taken}
        self.results.first_parts = {name: measurements[name].parts for name in taken}

    def slow(self) -> None:
        rounds, milliseconds, number = self.plan.slow
        self._section = f"{number} calls in flight to a slow server"
        url = self.server.slow(milliseconds)
        fast = {name: peer for name, peer in MANY.items() if name != HTTPX}
        # It takes longer than all others together, so it has one round of its own.
        for peers, turns in ((fast, rounds), ({HTTPX: MANY[HTTPX]}, 1)):
            taken, latency = self._throughput(peers, url, (number, self.plan.seconds, turns), number)
            self.results.slow.update(taken)
            self.results.slow_latency.update(latency)
        self.results.slow_case = number, milliseconds

    def connections(self) -> None:
        number = self.plan.slow[-1]
        self._section = f"memory of {number} connections over TLS"
        for name in (each for each in MANY if each in self.plan.programs):
            try:
                self.results.connections[name] = memory_per_connection(name, self.server, number)
            except Exception as error:
                self._leave_out(name, error)

    def growth(self, number: int) -> None:
        """Measure time and memory, where each call in flight has a connection."""
        self._section = f"{number} in flight"
        before = next(reversed(self.results.throughput.values()), None)
        peers = dict[str, AsyncPeer]()
        for name, peer in MANY.items():
            was = Spread.of(before[name]).median if before and name in before else None
            # The aims are about ours.
            if before is None or name in (OURS, OURS_ON_AIOHTTP) or (was and 3 * number / was < self.plan.patience):
                peers[name] = peer
            else:
                self._leave_out(name, TimeoutError("it would take too long"))
        plan = (number, self.plan.seconds, self.plan.in_flight[number])
        self.results.throughput[number], _ = self._throughput(peers, self.server.http, plan, number)
        memory = self.results.memory[number] = {}
        for name in self.results.throughput[number]:
            try:
                memory[name] = asyncio.run(memory_per_call(partial(MANY[name], limit=number), self.server, number))
            except Exception as error:
                self._leave_out(name, error)

    def clients(self) -> None:
        self._section = "many clients"
        derived, ours, others = self.plan.clients
        with TemporaryDirectory() as empty:
            for name in (each for each in self.plan.programs if each in SYNC):
                number = ours if name == OURS else others
                try:
                    costs = cost_of_clients(PROGRAMS[name], number, derived, self.server.https, empty)
                    self.results.clients[name] = costs
                except Exception as error:
                    self._leave_out(name, error)
        self.results.clients_made = self.plan.clients

    def size(self, size: int) -> None:
        self._section = f"responses of {size} bytes"
        self.results.sizes[size] = self._calls(
            SYNC, self.server.slow(0, size), self.plan.seconds / 4, self.plan.sizes[size]
        )


def first_of_sync(stack: AsyncExitStack, peer: Peer, url: str) -> Measurement:
    """Make a client and its first call, and measure each later one."""
    call = stack.enter_context(peer(url))

    def measure() -> float:
        started = perf_counter()
        check(call())
        return perf_counter() - started

    measure()
    return measure


def first_of_async(stack: AsyncExitStack, runner: asyncio.Runner, peer: AsyncPeer, url: str) -> Measurement:
    call = runner.run(stack.enter_async_context(peer(url)))

    async def timed() -> float:
        started = perf_counter()
        check(await call())
        return perf_counter() - started

    def measure() -> float:
        return runner.run(timed())

    measure()
    return measure
