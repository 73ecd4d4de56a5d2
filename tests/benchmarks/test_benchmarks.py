"""The benchmarks run, and count right. How fast anything is, is not tested: a slow machine is no fault."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import __main__ as run
from benchmarks.generators import ROOT
from benchmarks.measure import Spread, interleaved
from benchmarks.peers import HTTPX, OURS, STOCK, VENDOR
from benchmarks.report import Results, report


def smoke(*kind: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "smoke", *kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout


def test_a_run_measures_every_client_that_is_installed() -> None:
    output = smoke()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in output.splitlines()]
    clients = {name: cells for name, *cells in rows if len(cells) == 5}
    # A call, one over TLS, throughput of threads, and of async calls; the vendor's SDK is not async.
    for name in (OURS, HTTPX, STOCK, VENDOR):
        assert clients[name].count("-") == (2 if name == VENDOR else 0)
        assert f"Left out: {name}:" not in output


def test_a_ratio_is_taken_round_by_round() -> None:
    # Each round was slower than the one before, for both alike.
    rounds = {"ours": [1.0, 2.0, 40.0], "theirs": [2.0, 4.0, 80.0]}
    assert Spread.of_ratio(rounds, "ours", "theirs") == (0.5, 0.5, 0.5)


def test_who_fails_is_left_out_of_all_rounds() -> None:
    def breaks() -> Callable[[], float]:
        measured = iter([1.0, 2.0])
        return lambda: next(measured)

    left_out = list[str]()
    taken = interleaved({"works": lambda: lambda: 1.0, "breaks": breaks}, 3, lambda name, _: left_out.append(name))
    assert (taken, left_out) == ({"works": [1.0, 1.0, 1.0]}, ["breaks"])


@pytest.mark.parametrize(("ours", "reached"), [(0.75, "yes"), (0.76, "**no**")])
def test_an_aim_is_reached_by_the_median(ours: float, reached: str) -> None:
    results = Results(sync={OURS: [0.1, ours, 0.9], HTTPX: [1.0] * 3}, deriving=[1.0])
    line = next(line for line in report(results).splitlines() if "1 = httpx by hand: ≤ 0.75" in line)
    assert line.strip("| ").rpartition("|")[2].strip() == reached


def test_what_was_not_measured_is_not_reached() -> None:
    results = report(Results(deriving=[1.0]))
    aims = [line for line in results.splitlines() if "≤" in line or "≥" in line]
    assert aims
    assert all("not measured" in line and "yes" not in line for line in aims)


def test_a_report_takes_the_place_of_the_one_before_and_leaves_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "BENCHMARKS.md").read_text()
    monkeypatch.setattr(run, "REPORT", tmp_path / "BENCHMARKS.md")
    run.REPORT.write_text(text)
    for each in ("the first report", "the second report"):
        run.write(each)
        run.write(f"of a network, {each}", "make bench NETWORK=1")
    before, second, rest = run.REPORT.read_text().partition("\nthe second report\n")
    between, of_network, after = rest.partition("\nof a network, the second report\n")
    assert second
    assert of_network
    assert "the first report" not in before + between + after
    # What is written by hand is as it was.
    assert text.startswith(before)
    assert between.strip() in text
    assert text.endswith(after)
