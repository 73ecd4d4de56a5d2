"""The benchmarks run and count correctly. Speed is not tested, because a slow machine is not a fault."""

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.clients import AIOHTTP, HTTPX, OURS, OURS_ON_AIOHTTP, RAW_SOCKET, ROOT, STOCK, VENDOR
from benchmarks.measure import Key, interleaved
from benchmarks.report import Results, Spread, aims, relative, report, write

pytestmark = pytest.mark.release

SVG = "{http://www.w3.org/2000/svg}"
SYNC = {OURS, HTTPX, STOCK, VENDOR}
ASYNC = {OURS, HTTPX, STOCK, *({OURS_ON_AIOHTTP, AIOHTTP} if find_spec("aiohttp") else ())}


def recorded() -> Results:
    """A run with numbers that are easy to compare."""
    results = Results(about=["a machine"], left_out={"somebody: Error()": ["sync"]})
    seconds = {OURS: 0.75, HTTPX: 1.0, STOCK: 1.25, VENDOR: 2.0, RAW_SOCKET: 0.1}
    for what in ("sync", "sync over TLS", "first call", "first call, processor", "import", "1 KiB", "sparse, 40 ms"):
        for name, value in seconds.items():
            results.add((what, name), [value, 10 * value, 100 * value])
    for in_flight in (1, 10, 100, 500):
        for name in ASYNC:
            results.add((f"{in_flight} in flight", name), [1000.0, 900.0, 1100.0])
            results.add((f"{in_flight} in flight, latency", name), [0.001, 0.002])
    results.add(("made clients", OURS), [0.001, 2048])
    return results


def tables_in(text: str) -> dict[str, dict[str, Sequence[str]]]:
    """Return the tables by their headings, and their rows by the first cell."""
    tables = dict[str, dict[str, Sequence[str]]]()
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        (title, *columns), _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()]
        tables[f"{title}: {', '.join(columns)}"] = {name: cells for name, *cells in rows}
    return tables


def test_a_run_measures_every_client_that_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "smoke"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=600
    )
    tables = tables_in(done.stdout)
    for heading, clients in (
        ("sync client: a call, a call, over TLS, 16 threads", SYNC),
        ("async client: 1 in flight, 2 in flight", ASYNC),
        ("async client: 1 in flight, latency, 2 in flight, latency, memory, memory over TLS", ASYNC),
        ("a connection for each call: 2 connections", ASYNC - {HTTPX, STOCK}),
        ("slow server: throughput, time of a call", ASYNC - {HTTPX, STOCK}),
        ("size of the response: 1 KiB", SYNC),
        ("each of many clients: made, with a call, derived", {OURS, STOCK}),
    ):
        assert all("-" not in tables[heading][name] for name in clients)
    columns = "sparse, 40 ms, first call of a process, its processor time, only importing"
    sparse = tables[f"sparse and first calls: {columns}"]
    # No client can beat the distance, and the vendor's SDK opens a connection for each call.
    assert all(float(sparse[name][0]) >= 0.99 for name in SYNC)
    assert float(sparse[VENDOR][0]) >= 2.99


def test_a_ratio_is_taken_round_by_round() -> None:
    # Each round was slower than the one before, for both alike.
    rounds = {"ours": [1.0, 2.0, 40.0], "theirs": [2.0, 4.0, 80.0]}
    assert Spread.over(relative(rounds, "theirs")["ours"]) == (0.5, 0.5, 0.5)


def test_a_client_that_fails_is_left_out_of_all_rounds() -> None:
    def breaks() -> Callable[[], float]:
        measured = iter([1.0, 2.0])
        return lambda: next(measured)

    left_out = list[Key]()
    makers = {("sync", "works"): lambda: lambda: 1.0, ("sync", "breaks"): breaks}
    taken = interleaved(makers, 3, lambda key, _: left_out.append(key))
    assert (taken, left_out) == ({("sync", "works"): [1.0, 1.0, 1.0]}, [("sync", "breaks")])


@pytest.mark.parametrize(("ours", "reached"), [(0.78, "yes"), (0.79, "**no**")])
def test_the_median_decides_an_aim_whose_line_also_shows_the_best_client_and_the_limit(
    ours: float, reached: str
) -> None:
    results = recorded()
    results.add(("sync", OURS), [0.1, 10 * ours, 90.0])
    [_, line, *_] = aims(results)
    assert line[1].split()[0] == f"{ours}"
    assert line[2:] == ["1.00 httpx by hand", "0.10 raw socket", reached, "3"]


def test_a_report_has_every_client_and_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    recorded().save(tmp_path / "results.json")
    text = report(Results.load(tmp_path / "results.json"))
    page = tmp_path / "README.md"
    page.write_text(handwritten := (ROOT / "benchmarks/README.md").read_text())
    write("the first report", page)
    before, after = page.read_text().split("the first report")
    assert handwritten.startswith(before)
    assert handwritten.endswith(after)
    write(text, page)
    assert page.read_text() == before + text + after

    assert tables_in(text)["sync client: a call, a call, over TLS, 16 threads"][OURS] == [
        *("7500000 [4125000, 41250000]", "0.75 [0.75, 0.75]", "7500000 [4125000, 41250000]", "-")
    ]
    assert text.endswith("- Left out: somebody: Error() (sync)")
