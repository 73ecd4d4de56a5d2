"""The async clients' latency and throughput, against the calls in flight."""

from importlib import import_module
from pathlib import Path
from typing import Any

from .measure import Spread
from .peers import ASYNC, OURS, OURS_ON_AIOHTTP
from .report import Results

# Only `make bench` installs these. The type checkers must say the same where they are not.
pyplot: Any = import_module("matplotlib.pyplot")
ticker: Any = import_module("matplotlib.ticker")

# Told apart also by those who see no red or no green.
COLOURS = ("#d55e00", "#cc0066", "#0072b2", "#444444", "#009e73", "#56b4e9", "#b58900")


def draw(results: Results, path: Path) -> None:
    pyplot.rcParams["svg.hashsalt"] = path.name
    # A background of its own makes it readable on any page's.
    figure, (latency, throughput) = pyplot.subplots(1, 2, figsize=(11, 5.4), facecolor="white", layout="constrained")
    handles = []
    for name, colour, marker in zip(ASYNC, COLOURS, "osD^vPX", strict=True):
        ours = name in (OURS, OURS_ON_AIOHTTP)
        style = {
            "color": colour,
            "marker": marker,
            "linewidth": 2.6 if ours else 1.3,
            "zorder": 3 if ours else 2,
        }
        at = [number for number in results.latency if name in results.latency[number]]
        if not at:
            continue
        medians = [1000 * results.latency[number][name][0] for number in at]
        handles += latency.plot(at, medians, label=name, **style)
        spreads = [Spread.of(results.throughput[number][name]) for number in at]
        throughput.plot(at, [each.median for each in spreads], **style)
        throughput.fill_between(
            at,
            [each.low for each in spreads],
            [each.high for each in spreads],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    for axes, title in (
        (latency, "Time of a call, ms (median)"),
        (throughput, "Calls per second (median, quartiles)"),
    ):
        axes.set(xscale="log", yscale="log", title=title, xlabel="calls in flight")
        axes.set_xticks(list(results.latency), [f"{number}" for number in results.latency])
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.grid(True, color="#dddddd")
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, metadata={"Date": None})
