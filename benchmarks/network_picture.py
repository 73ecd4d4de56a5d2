"""What a call costs on a long way, in a new process, and with many others: time and memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .measure import Rounds, Spread
from .network_report import NetworkResults, named_size
from .peers import AIOHTTP, ASYNCIO, HTTPX, OURS, OURS_ON_AIOHTTP, STOCK, URLLIB3, VENDOR
from .picture import COLOURS, pyplot, ticker

# Each client has the colour that it has in the other picture.
COLOUR_OF: Mapping[str, str] = {
    **dict.fromkeys((OURS, f"{OURS}, async"), COLOURS[0]),
    OURS_ON_AIOHTTP: COLOURS[1],
    HTTPX: COLOURS[2],
    STOCK: COLOURS[3],
    ASYNCIO: COLOURS[4],
    AIOHTTP: COLOURS[6],
    URLLIB3: "#8a5a9e",
    VENDOR: "#7a3b1d",
}

OTHER = "#999999"


def draw(results: NetworkResults, path: Path) -> None:
    pyplot.rcParams["svg.hashsalt"] = path.name
    figure = pyplot.figure(figsize=(15, 9), facecolor="white", layout="constrained")
    # Rows by themselves: the names beside the bars take no room from the curves.
    top, bottom = figure.subfigures(2, 1)
    axes = top.subplots(1, 3), bottom.subplots(1, 3)
    trips = {name: [1000 * each / 40 for each in taken] for name, taken in results.sparse.get(40, {}).items()}
    bars(axes[0][0], trips, "A call every 8 s, round trip of 40 ms: round trips")
    milliseconds = {name: [1000 * each for each in taken] for name, taken in results.first_call.items()}
    bars(axes[0][1], milliseconds, "The first call of a process, ms")
    bars(axes[0][2], {name: [size / 1024] for name, size in results.connections.items()}, "A connection over TLS, KiB")
    microseconds = {
        calls: {name: [1e6 / rate for rate in taken] for name, taken in rounds.items()}
        for calls, rounds in results.throughput.items()
    }
    curves(axes[1][0], microseconds, "Time per call, µs (1 / calls per second)", "calls in flight")
    memory = {calls: {name: [size / 1024] for name, size in sizes.items()} for calls, sizes in results.memory.items()}
    curves(axes[1][1], memory, "Memory of Python per call in flight, KiB", "calls in flight")
    axes[1][1].set(yscale="linear", ylim=(0, None))
    sizes = {
        size: {name: [1000 * each for each in taken] for name, taken in rounds.items() if name in COLOUR_OF}
        for size, rounds in results.sizes.items()
    }
    curves(axes[1][2], sizes, "Time of a sync call, ms", "size of the response")
    axes[1][2].set_xticks(list(sizes), [named_size(size) for size in sizes])
    labels = dict[str, Any]()
    for each in axes[1]:
        labels |= {line.get_label(): line for line in each.get_lines()}
    bottom.legend(handles=list(labels.values()), loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(path, metadata={"Date": None})


def bars(axes: Any, rounds: Rounds, title: str) -> None:
    names = list(rounds)[::-1]
    spreads = [Spread.of(rounds[name]) for name in names]
    axes.barh(
        names,
        [each.median for each in spreads],
        xerr=[[each.median - each.low for each in spreads], [each.high - each.median for each in spreads]],
        color=[COLOUR_OF.get(name, OTHER) for name in names],
        ecolor="#222222",
    )
    axes.set(title=title)
    axes.grid(True, axis="x", color="#dddddd")
    axes.set_axisbelow(True)


def curves(axes: Any, results: Mapping[int, Mapping[str, Sequence[float]]], title: str, label: str) -> None:
    for name in dict.fromkeys(name for values in results.values() for name in values):
        at = [number for number in results if name in results[number]]
        spreads = [Spread.of(results[number][name]) for number in at]
        colour, ours = COLOUR_OF.get(name, OTHER), name in (OURS, OURS_ON_AIOHTTP)
        medians = [each.median for each in spreads]
        axes.plot(at, medians, label=name, color=colour, marker="o", linewidth=2.6 if ours else 1.3)
        low, high = [each.low for each in spreads], [each.high for each in spreads]
        axes.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set(xscale="log", yscale="log", title=title, xlabel=label)
    axes.set_xticks(list(results), [f"{number}" for number in results])
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.grid(True, color="#dddddd")
