"""The numbers of a run, as tables and compared with the aims."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple, Self

from .clients import (
    ASYNCIO,
    BOUNDS,
    HTTP_CLIENT,
    HTTPX,
    OURS,
    OURS_ASYNC,
    OURS_ON_AIOHTTP,
    RAW_ASYNCIO,
    RAW_SOCKET,
    STOCK,
    URLLIB3,
)

THEIR_IMPORT = "import httpx, attrs"

Rounds = Mapping[str, Sequence[float]]


@dataclass
class Results:
    """All numbers of a run: times in seconds, throughput in calls per second, memory in bytes.

    Attributes:
        about: The machine, the versions and the server.
        rounds: The numbers of all rounds, by quantity and client.
        left_out: The quantities that could not be measured, by client.
    """

    about: list[str] = field(default_factory=list)
    rounds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def add(self, key: tuple[str, str], values: Iterable[float]) -> None:
        self.rounds.setdefault(key[0], {})[key[1]] = [float(f"{value:.4g}") for value in values]

    def numbers(self, what: str) -> list[int]:
        """Return the numbers that begin the names of quantities: `[1, 10]` for "1 in flight" and "10 in flight"."""
        return [int(key.split()[0]) for key in self.rounds if key == f"{key.split()[0]} {what}"]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        return cls(**json.loads(path.read_text()))


class Spread(NamedTuple):
    """The median and the quartiles of several rounds."""

    low: float
    median: float
    high: float

    @classmethod
    def over(cls, values: Sequence[float]) -> Self:
        return cls(*quantiles(values, n=4, method="inclusive")) if len(values) > 1 else cls(*[values[0]] * 3)

    def __str__(self) -> str:
        return f"{number(self.median)} [{number(self.low)}, {number(self.high)}]"


def ratios(rounds: Rounds, base: Rounds) -> Rounds:
    """Divide each client's numbers, round by round, by its numbers in `base`."""
    return {
        name: [one / other for one, other in zip(values, base[name], strict=True)]
        for name, values in rounds.items()
        if name in base
    }


def relative(rounds: Rounds, base: str) -> Rounds:
    """Divide each client's numbers, round by round, by the numbers of one client."""
    return ratios(rounds, dict.fromkeys(rounds, rounds[base])) if base in rounds else {}


def scaled(rounds: Rounds, factor: float) -> Rounds:
    return {name: [factor * value for value in values] for name, values in rounds.items()}


def number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def report(results: Results) -> str:
    blocks = ["\n".join(f"- {line}" for line in results.about), table([*aims(results)])]
    blocks += [table(rows) for rows in tables(results)]
    blocks.append("\n".join(f"- Left out: {who} ({', '.join(what)})" for who, what in results.left_out.items()))
    return "\n\n".join(filter(None, blocks))


def write(text: str, page: Path) -> None:
    """Put a report between the two marks on the page."""
    begin, end = "<!-- `make bench` writes this -->\n", "\n<!-- until here -->"
    before, _, rest = page.read_text().partition(begin)
    page.write_text(f"{before}{begin}{text}{end}{rest.partition(end)[2]}")


def aims(results: Results) -> Iterator[Sequence[str]]:
    def of(what: str) -> Rounds:
        return results.rounds.get(what, {})

    yield ["aim", "ours", "best other client", "limit", "reached", "rounds"]
    yield aim(f"sync call, 1 = {HTTPX}: ≤ 0.78", relative(of("sync"), HTTPX), OURS, RAW_SOCKET)
    seconds = {name: [1 / rate for rate in rates] for name, rates in of("1 in flight").items()}
    yield aim(f"async call, 1 in flight, 1 = {HTTPX}: ≤ 0.85", relative(seconds, HTTPX), OURS, RAW_ASYNCIO)
    of_100 = relative(of("100 in flight"), ASYNCIO)
    yield aim(f"calls/s, 100 in flight, 1 = {ASYNCIO}: ≥ 1", of_100, OURS, RAW_ASYNCIO)
    of_500 = relative(of("500 in flight"), STOCK)
    yield aim(f"calls/s, 500 in flight, 1 = {STOCK}: ≥ 6", of_500, OURS, RAW_ASYNCIO)
    flat = ratios(of("500 in flight"), of("10 in flight"))
    yield aim("calls/s, 500 in flight, 1 = 10 in flight: ≥ 0.8", flat, OURS, RAW_ASYNCIO)
    yield aim(f"calls/s on aiohttp, 100 in flight, 1 = {ASYNCIO}: ≥ 2", of_100, OURS_ON_AIOHTTP, RAW_ASYNCIO)
    trips = dict(scaled(of("sparse, 40 ms"), 1 / 0.04))
    trips["one round trip"] = [1.0]
    for name in (OURS, OURS_ASYNC, OURS_ON_AIOHTTP):
        yield aim(f"sparse call of {name}, round trips of 40 ms: ≤ 1.15", trips, name, "one round trip")
    first = relative(of("first call"), HTTPX)
    yield aim(f"first call of a process, 1 = {HTTPX}: ≤ 1.15", first, OURS, HTTP_CLIENT)
    imports = relative(of("import"), THEIR_IMPORT)
    yield aim(f"`import genauth_email`, 1 = `{THEIR_IMPORT}`: ≤ 1.15", imports, OURS, THEIR_IMPORT)
    yield aim(f"calls/s of 16 threads, 1 = {URLLIB3}: ≥ 1", relative(of("threads"), URLLIB3), OURS, RAW_SOCKET)


def aim(what: str, rounds: Rounds, ours: str, limit: str) -> Sequence[str]:
    """Return a line of the first table. All its numbers have the unit that `what` names."""
    if ours not in rounds:
        return [what, "not measured", "", "", "", ""]
    relation, bound = what.split()[-2:]
    medians = {name: Spread.over(values).median for name, values in rounds.items()}
    others = {name for name in medians if not name.startswith(OURS)} - {*BOUNDS, limit}
    pick: Callable[..., str] = min if relation == "≤" else max
    best = pick(others, key=medians.__getitem__, default=ours)
    reached = medians[ours] <= float(bound) if relation == "≤" else medians[ours] >= float(bound)
    return [
        what,
        str(Spread.over(rounds[ours])),
        f"{number(medians[best])} {best}" if others else "-",
        f"{number(medians[limit])} {limit}" if limit in medians else "-",
        "yes" if reached else "**no**",
        f"{len(rounds[ours])}",
    ]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: The heading.
        unit: The unit of its numbers.
        rounds: The numbers, in that unit.
        pair: Whether there are two different numbers, and not one for each round.
    """

    title: str
    unit: str
    rounds: Rounds
    pair: bool = False

    def cell(self, name: str) -> str:
        if not (values := self.rounds.get(name)):
            return "-"
        if self.pair or len(values) == 1:
            return ", ".join(map(number, values))
        return str(Spread.over(values))


def tables(results: Results) -> Iterator[Sequence[Sequence[str]]]:
    def column(title: str, unit: str, what: str, factor: float = 1, *, pair: bool = False) -> Column:
        return Column(title, unit, scaled(results.rounds.get(what, {}), factor), pair)

    def columns(unit: str, what: str, suffix: str = "", factor: float = 1, *, pair: bool = False) -> list[Column]:
        titles = [f"{each} {what}" for each in results.numbers(what)]
        return [column(f"{title}{suffix}", unit, f"{title}{suffix}", factor, pair=pair) for title in titles]

    times, kib = "median, 99th percentile, ms", 1 / 1024
    yield rows(
        "sync client",
        column("a call", "µs", "sync", 1e6),
        Column("a call", "1 = httpx", relative(results.rounds.get("sync", {}), HTTPX)),
        column("over TLS", "µs", "sync over TLS", 1e6),
        column("16 threads", "calls/s", "threads"),
    )
    yield rows("async client", *columns("calls/s", "in flight"))
    memory = [column(key, "KiB per call", key, kib) for key in ("memory", "memory over TLS")]
    yield rows("async client", *columns(times, "in flight", ", latency", 1000, pair=True), *memory)
    sparse = [key for key in results.rounds if key.startswith("sparse, ")]
    yield rows(
        "sparse and first calls",
        *(column(key, "round trips", key, 1000 / int(key.split()[1])) for key in sparse),
        column("first call of a process", "ms", "first call", 1000),
        column("its processor time", "ms", "first call, processor", 1000),
        column("only importing", "ms", "import", 1000),
    )
    yield rows("a connection for each call", *columns("calls/s", "connections"))
    yield rows(
        "slow server",
        column("throughput", "calls/s", "slow server"),
        column("time of a call", times, "slow server, latency", 1000, pair=True),
    )
    # Seconds and bytes per client.
    made, derived = (results.rounds.get(f"{kind} clients", {}) for kind in ("made", "derived"))
    yield rows(
        "each of many clients",
        Column("made, with a call", "ms, KiB", {name: (1000 * s, kib * b) for name, (s, b) in made.items()}, pair=True),
        Column("derived", "µs, KiB", {name: (1e6 * s, kib * b) for name, (s, b) in derived.items()}, pair=True),
    )
    yield rows("size of the response", *columns("ms", "KiB", factor=1000))


def rows(title: str, *columns: Column) -> Sequence[Sequence[str]]:
    names = dict.fromkeys(name for column in columns for name in column.rounds)
    head = [[title, *(column.title for column in columns)], ["", *(column.unit for column in columns)]]
    return head + [[name, *(column.cell(name) for column in columns)] for name in names]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table that is also readable as text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
