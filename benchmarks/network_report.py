"""What was measured on a network, as tables, and against the aims."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from .measure import Rounds, Spread
from .peers import AIOHTTP, HTTPX, OURS, OURS_ON_AIOHTTP, STOCK, VENDOR
from .programs import Cost
from .report import absolute, aim, left_out, number, spread, table

# What the aims are about: the calls in flight to a server that takes so many milliseconds.
IN_FLIGHT = 500
SLOW = 100


@dataclass
class NetworkResults:
    """All numbers of a run: times in seconds, throughput in calls per second, memory in bytes.

    Attributes:
        about: The machine, the server, the versions.
        left_out: Which client could not be measured, and why, and where.
        sparse: Seconds of sparse calls, by the round trip in milliseconds.
        first_call: Seconds of a process that makes one call, from its start to its end.
        first_processor: Seconds of the processor that it takes.
        first_parts: Seconds of importing, of making the client, and of calling.
        slow: Throughput with many calls in flight to a slow server.
        slow_latency: The median and the 99th percentile of each such call's time.
        slow_case: How many those were, and the server's milliseconds.
        connections: Bytes for each connection over TLS with a call in flight, OpenSSL's included.
        throughput: Throughput, by the calls in flight. Each has a connection.
        memory: Bytes per call in flight, by the calls in flight.
        clients: What each of many clients costs that is "made" or "derived".
        clients_made: How many were derived, and how many made: ours, and others.
        sizes: Seconds per call, by the size of the response.
    """

    about: list[str] = field(default_factory=list)
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sparse: dict[int, Rounds] = field(default_factory=dict)
    first_call: Rounds = field(default_factory=dict)
    first_processor: Rounds = field(default_factory=dict)
    first_parts: Mapping[str, Sequence[tuple[float, float, float]]] = field(default_factory=dict)
    slow: dict[str, Sequence[float]] = field(default_factory=dict)
    slow_latency: dict[str, tuple[float, float]] = field(default_factory=dict)
    slow_case: tuple[int, int] = IN_FLIGHT, SLOW
    connections: dict[str, float] = field(default_factory=dict)
    throughput: dict[int, Rounds] = field(default_factory=dict)
    memory: dict[int, dict[str, float]] = field(default_factory=dict)
    clients: dict[str, Mapping[str, Cost]] = field(default_factory=dict)
    clients_made: tuple[int, int, int] = (0, 0, 0)
    sizes: dict[int, Rounds] = field(default_factory=dict)


def report(results: NetworkResults) -> str:
    tables = (aims, sparse_calls, first_calls, slow_server, growth, many_clients, response_sizes)
    return "\n\n".join(
        [
            "\n".join(f"- {line}" for line in results.about),
            *(table(list(rows(results))) for rows in tables),
            left_out(results.left_out),
        ]
    ).rstrip()


def aims(results: NetworkResults) -> Iterator[Sequence[str]]:
    yield ["aim", "measured", "reached"]
    sparse = results.sparse.get(40, {})
    for name in (OURS, f"{OURS}, async", OURS_ON_AIOHTTP):
        trips = {name: sparse.get(name, ()), "1": [0.04] * len(sparse.get(name, ()))}
        yield aim(f"sparse call of {name}, 40 ms, round trips", trips, name, "1", "≤ 1.15")
    yield aim(f"sparse call, 40 ms, 1 = {STOCK}", sparse, OURS, STOCK, "≤ 0.40")
    slow = results.slow if results.slow_case == (IN_FLIGHT, SLOW) else {}
    for name in (OURS, OURS_ON_AIOHTTP):
        what, most = f"calls/s of {name}, {IN_FLIGHT} in flight, {SLOW} ms server", 1000 * IN_FLIGHT / SLOW
        possible = {name: slow.get(name, ()), "1": [most] * len(slow.get(name, ()))}
        yield aim(f"{what}, 1 = {most:.0f}", possible, name, "1", "≥ 0.9")
        yield aim(f"{what}, 1 = {AIOHTTP}", slow, name, AIOHTTP, "≥ 0.6")
    made = {name: [client + call for _, client, call in parts] for name, parts in results.first_parts.items()}
    called = {name: [call for _, _, call in parts] for name, parts in results.first_parts.items()}
    for what, rounds in (
        ("first call, process", results.first_call),
        ("first call, processor", results.first_processor),
        ("first call and making the client", made),
        ("first call of a client that is made", called),
    ):
        yield aim(f"{what}, 1 = {HTTPX}", rounds, OURS, HTTPX, "≤ 1.05")
        yield aim(f"{what}, 1 = {VENDOR}", rounds, OURS, VENDOR, "≤ 0.5")
    of_1000, of_10 = results.throughput.get(1000, {}), results.throughput.get(10, {})
    for name in (OURS, OURS_ON_AIOHTTP):
        few = Spread.of(of_10[name]).median if name in of_10 else 1.0
        flat = {name: of_1000.get(name, ()), "10": [few] * len(of_1000.get(name, ()))}
        yield aim(f"calls/s of {name}, 1000 in flight, 1 = 10 in flight", flat, name, "10", "≥ 0.8")


def sparse_calls(results: NetworkResults) -> Iterator[Sequence[str]]:
    yield ["a call every 8 s", *(f"round trip of {trip} ms" for trip in results.sparse)]
    yield ["", *("round trips" for _ in results.sparse)]
    for name in dict.fromkeys(name for rounds in results.sparse.values() for name in rounds):
        cells = list[str]()
        for trip, rounds in results.sparse.items():
            cells.append(absolute({name: [1000 * each / trip for each in rounds.get(name, ())]}, name))
        yield [name, *cells]


def first_calls(results: NetworkResults) -> Iterator[Sequence[str]]:
    yield ["first call of a process", "process", "processor", "imports", "client", "call"]
    yield ["", "ms", "ms", *["ms, median"] * 3]
    for name, rounds in results.first_call.items():
        parts = zip(*results.first_parts[name], strict=True)
        cells = [spread(milliseconds(seconds)) for seconds in (rounds, results.first_processor[name])]
        yield [name, *cells, *(number(1000 * median(seconds)) for seconds in parts)]


def slow_server(results: NetworkResults) -> Iterator[Sequence[str]]:
    in_flight, milliseconds = results.slow_case
    yield [f"{in_flight} in flight, {milliseconds} ms server", "throughput", "time", "memory of a connection over TLS"]
    yield ["", "calls/s", "median, 99th percentile, ms", "KiB"]
    for name in dict.fromkeys([*results.slow, *results.connections]):
        latency = ", ".join(number(1000 * each) for each in results.slow_latency.get(name, ())) or "-"
        memory = f"{results.connections[name] / 1024:.0f}" if name in results.connections else "-"
        yield [name, absolute(results.slow, name), latency, memory]


def growth(results: NetworkResults) -> Iterator[Sequence[str]]:
    yield ["a connection for each call", *(f"{calls} in flight" for calls in results.throughput)]
    yield ["", *("calls/s; KiB per call" for _ in results.throughput)]
    for name in dict.fromkeys(name for rounds in results.throughput.values() for name in rounds):
        cells = list[str]()
        for calls, rounds in results.throughput.items():
            memory = results.memory[calls].get(name)
            kib = "-" if memory is None else f"{memory / 1024:.1f}"
            cells.append(f"{absolute(rounds, name)}; {kib}" if name in rounds else "-")
        yield [name, *cells]


def many_clients(results: NetworkResults) -> Iterator[Sequence[str]]:
    derived, ours, others = results.clients_made
    yield ["each of many clients", f"derived, of {derived}", f"with a call, of {ours} (others: {others})"]
    yield ["", "µs; KiB", "ms; KiB"]
    for name, costs in results.clients.items():
        made, one_derived = costs["made"], costs.get("derived")
        cell = f"{1e6 * one_derived.seconds:.1f}; {one_derived.size / 1024:.1f}" if one_derived else "-"
        yield [name, cell, f"{1000 * made.seconds:.2f}; {made.size / 1024:.0f}"]


def response_sizes(results: NetworkResults) -> Iterator[Sequence[str]]:
    yield ["size of the response", *(named_size(size) for size in results.sizes)]
    yield ["", *("ms" for _ in results.sizes)]
    for name in dict.fromkeys(name for rounds in results.sizes.values() for name in rounds):
        yield [
            name,
            *(spread(milliseconds(rounds[name])) if name in rounds else "-" for rounds in results.sizes.values()),
        ]


def named_size(size: int) -> str:
    for unit, name in (1024 * 1024, "MiB"), (1024, "KiB"):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def milliseconds(seconds: Sequence[float]) -> Spread:
    return Spread.of([1000 * each for each in seconds])
