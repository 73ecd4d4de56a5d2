"""What was measured, as tables, and against the aims."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .measure import THREADS, Rounds, Spread
from .peers import ASYNC, ASYNCIO, HTTPX, OURS, OURS_ON_AIOHTTP, STOCK, SYNC, URLLIB3, VENDOR

OUR_IMPORT = "import genauth_email"
THEIR_IMPORT = "import httpx, attrs"


@dataclass
class Results:
    """All numbers of a run: times in seconds, throughput in calls per second, memory in bytes.

    Attributes:
        about: The machine, the server, the versions.
        left_out: Which client could not be measured, and why, and where.
        sync: Seconds per call on one connection.
        tls: The same over TLS.
        threads: Throughput of many threads on one client.
        throughput: Throughput, by the calls in flight.
        latency: The median and the 99th percentile of each call's time, by the calls in flight.
        imports: Seconds of programs that only import.
        deriving: Seconds of one `with_options`.
        memory: Bytes per call in flight, by the calls in flight.
    """

    about: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    sync: Rounds = field(default_factory=dict)
    tls: Rounds = field(default_factory=dict)
    threads: Rounds = field(default_factory=dict)
    throughput: dict[int, Rounds] = field(default_factory=dict)
    latency: dict[int, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    imports: Rounds = field(default_factory=dict)
    deriving: Sequence[float] = ()
    memory: dict[int, dict[str, float]] = field(default_factory=dict)


def report(results: Results) -> str:
    return "\n\n".join(
        [
            "\n".join(f"- {line}" for line in results.about),
            table(list(aims(results))),
            table(list(clients(results))),
            table(list(in_flight(results))),
            left_out(results.left_out),
        ]
    ).rstrip()


def left_out(clients: Mapping[str, Sequence[str]]) -> str:
    return "\n".join(f"- Left out: {who} ({', '.join(where)})" for who, where in clients.items())


def clients(results: Results) -> Iterator[Sequence[str]]:
    columns = [f"{calls} in flight" for calls in results.throughput]
    yield ["client", "sync call", "over TLS", f"{THREADS} threads", *columns]
    yield ["", "1 = httpx", "1 = httpx", "calls/s", *("async calls/s" for _ in columns)]
    for name in dict.fromkeys([*SYNC, *ASYNC]):
        cells = [relative(rounds, name) for rounds in (results.sync, results.tls)]
        cells += [absolute(rounds, name) for rounds in (results.threads, *results.throughput.values())]
        yield [name, *cells]


def in_flight(results: Results) -> Iterator[Sequence[str]]:
    latency = [f"{calls} in flight" for calls in results.latency]
    memory = [f"memory, {calls} in flight" for calls in results.memory]
    yield ["async client", *latency, *memory]
    yield ["", *("median, 99th percentile, ms" for _ in latency), *("KiB per call" for _ in memory)]
    for name in ASYNC:
        cells = list[str]()
        for latencies in results.latency.values():
            cells.append(", ".join(number(1000 * each) for each in latencies.get(name, ())) or "-")
        for bytes_per_call in results.memory.values():
            cells.append(f"{bytes_per_call[name] / 1024:.1f}" if name in bytes_per_call else "-")
        yield [name, *cells]


def relative(rounds: Rounds, name: str) -> str:
    if name not in rounds or HTTPX not in rounds:
        return "-"
    if name == HTTPX:
        return f"1 = {1e6 * Spread.of(rounds[name]).median:.0f} µs"
    return spread(Spread.of_ratio(rounds, name, HTTPX))


def absolute(rounds: Rounds, name: str) -> str:
    return spread(Spread.of(rounds[name])) if rounds.get(name) else "-"


def spread(values: Spread) -> str:
    """The median, and the quartiles after it."""
    low, median, high = map(number, values)
    return f"{median} [{low}, {high}]"


def number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def aims(results: Results) -> Iterator[Sequence[str]]:
    sync, threads, tls, imports = results.sync, results.threads, results.tls, results.imports
    at = {calls: results.throughput.get(calls, {}) for calls in (1, 10, 100, 500)}
    of_10 = Spread.of(at[10].get(OURS) or [1.0]).median
    collapse: Rounds = {"500": at[500].get(OURS, ()), "10": [of_10] * len(at[500].get(OURS, ()))}
    yield ["aim", "measured", "reached"]
    for what, rounds, one, other, limit in (
        ("sync call, 1 = httpx by hand", sync, OURS, HTTPX, "≤ 0.75"),
        *((f"sync call, 1 = {typed}", sync, OURS, typed, "≤ 1") for typed in (VENDOR, STOCK, URLLIB3)),
        # The less throughput one call at a time has, the longer each takes.
        ("async call, 1 in flight, 1 = httpx by hand", at[1], HTTPX, OURS, "≤ 0.85"),
        (f"calls/s, 100 in flight, 1 = {STOCK}", at[100], OURS, STOCK, "≥ 4"),
        (f"calls/s, 500 in flight, 1 = {STOCK}", at[500], OURS, STOCK, "≥ 7"),
        ("calls/s, 500 in flight, 1 = ours, 10 in flight", collapse, "500", "10", "≥ 0.8"),
        *(
            (f"calls/s on aiohttp, {n} in flight, 1 = {STOCK}", at[n], OURS_ON_AIOHTTP, STOCK, "≥ 10")
            for n in (100, 500)
        ),
        *((f"calls/s on aiohttp, {n} in flight, 1 = {ASYNCIO}", at[n], OURS_ON_AIOHTTP, ASYNCIO, "≥ 1") for n in at),
        ("sync call over TLS, the vendor's SDK, 1 = ours", tls, VENDOR, OURS, "≥ 20"),
        (f"calls/s of {THREADS} threads on one client, 1 = {STOCK}", threads, OURS, STOCK, "≥ 1.5"),
        (f"`{OUR_IMPORT}`, 1 = `{THEIR_IMPORT}`", imports, OUR_IMPORT, THEIR_IMPORT, "≤ 1.10"),
    ):
        yield aim(what, rounds, one, other, limit)
    deriving = Spread.of([1e6 * seconds for seconds in results.deriving])
    yield ["`with_options(real_ip=…, lang=…)`, µs: < 10", spread(deriving), yes(deriving.median < 10)]


def aim(what: str, rounds: Rounds, one: str, other: str, limit: str) -> Sequence[str]:
    """A line of the table of aims: how many times `other` is `one`, and whether that is within the limit."""
    if not rounds.get(one) or not rounds.get(other):
        return [f"{what}: {limit}", "not measured", ""]
    ratio = Spread.of_ratio(rounds, one, other)
    relation, bound = limit.split()
    reached = ratio.median <= float(bound) if relation == "≤" else ratio.median >= float(bound)
    return [f"{what}: {limit}", spread(ratio), yes(reached)]


def yes(reached: bool) -> str:
    return "yes" if reached else "**no**"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that can be read as it is, too."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
