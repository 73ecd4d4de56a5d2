"""Run the benchmarks: `python -m benchmarks full`, `quick` or `smoke`. Only the full run writes anything."""

import asyncio
import os
import platform
import re
import ssl
import sys
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

from genauth_email import AuthenticationClient

from .measure import (
    THREADS,
    InFlight,
    Measurement,
    Rounds,
    calls_per_second_of_threads,
    ceiling,
    interleaved,
    memory_per_call,
    seconds_of,
    seconds_of_program,
    seconds_per_call,
)
from .peers import APP_ID, ASYNC, ROOT, SYNC, AsyncPeer, Peer
from .report import OUR_IMPORT, THEIR_IMPORT, Results, report
from .server import Server, serve

REPORT = ROOT / "BENCHMARKS.md"
PICTURE = ROOT / "benchmarks/results.svg"

PACKAGES = (
    *("genauth-email", "httpx", "httpcore", "anyio", "aiohttp", "httpx-aiohttp", "urllib3", "requests"),
    *("genauth", "openapi-python-client", "openapi-generator-cli"),
)


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        seconds: How long one measurement takes, about.
        rounds: How many rounds there are of what is soon done. Of the rest there is a share of them.
        in_flight: How many calls are in flight, and the rounds of each.
        held: How many calls are in flight while the memory is measured.
    """

    seconds: float
    rounds: int
    in_flight: dict[int, int]
    held: tuple[int, ...]


PLANS = {
    "full": Plan(seconds=0.1, rounds=60, in_flight={1: 15, 10: 15, 100: 9, 500: 5}, held=(1, 500)),
    "quick": Plan(seconds=0.02, rounds=9, in_flight={1: 3, 10: 3, 100: 1, 500: 1}, held=(100,)),
    "smoke": Plan(seconds=0.001, rounds=1, in_flight={1: 1, 2: 1}, held=(1,)),
}


class Run:
    """One run, section by section."""

    def __init__(self, plan: Plan, server: Server) -> None:
        self.plan = plan
        self.server = server
        self.results = Results()
        self._section = ""

    def everything(self) -> Results:
        throughput = (partial(self.throughput, number) for number in self.plan.in_flight)
        sections: list[Callable[[], None]] = [self.about, self.sync, self.tls, self.threads, *throughput]
        for section in [*sections, self.imports, self.deriving, self.memory]:
            started = perf_counter()
            section()
            print(f"{self._section}: {perf_counter() - started:.0f} s", file=sys.stderr)
        return self.results

    def about(self) -> None:
        self._section = "the server's own ceiling"
        one, many = ceiling(self.server.http, 10 * self.plan.seconds)
        self.results.about = [
            f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({processor()}), {platform.system()}, "
            f"{platform.python_implementation()} {platform.python_version()}, {ssl.OPENSSL_VERSION}. "
            f"On average {os.getloadavg()[0]:.1f} processes ran or waited in the minute before.",
            ", ".join(f"{name} {version_of(name)}" for name in PACKAGES),
            f"The server: {self.server.kind}. To raw sockets it gives a response in {1e6 * one:.0f} µs on one "
            f"connection, and {many:.0f} responses a second on 32.",
        ]

    def sync(self) -> None:
        self._section = "sync calls"
        self.results.sync = self._sync(self.server.http, self.plan.rounds)

    def tls(self) -> None:
        self._section = "sync calls over TLS"
        self.results.tls = self._sync(self.server.https, self.plan.rounds // 2)

    def _sync(self, url: str, rounds: int) -> Rounds:
        with ExitStack() as stack:

            def make(peer: Peer) -> Measurement:
                return seconds_per_call(stack.enter_context(peer(url)), self.plan.seconds)

            return self._interleaved({name: partial(make, peer) for name, peer in SYNC.items()}, rounds)

    def threads(self) -> None:
        self._section = f"{THREADS} threads on one client"
        with ThreadPoolExecutor(THREADS) as executor, ExitStack() as stack:

            def make(peer: Peer) -> Measurement:
                call = stack.enter_context(peer(self.server.http))
                return calls_per_second_of_threads(call, 4 * self.plan.seconds, executor)

            makers = {name: partial(make, peer) for name, peer in SYNC.items()}
            self.results.threads = self._interleaved(makers, self.plan.rounds // 4)

    def throughput(self, number: int) -> None:
        self._section = f"async calls, {number} in flight"
        measurements = dict[str, InFlight]()
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()

            def make(name: str, peer: AsyncPeer) -> Measurement:
                call = runner.run(stack.enter_async_context(peer(self.server.http)))
                measurements[name] = InFlight(call, number, 4 * self.plan.seconds, runner)
                return measurements[name]

            try:
                makers = {name: partial(make, name, peer) for name, peer in ASYNC.items()}
                taken = self._interleaved(makers, self.plan.in_flight[number])
            finally:
                runner.run(stack.aclose())
        self.results.throughput[number] = taken
        self.results.latency[number] = {
            name: (median(each.latencies), quantiles(each.latencies, n=100)[98])
            for name, each in measurements.items()
            if name in taken
        }

    def imports(self) -> None:
        self._section = "imports"
        with TemporaryDirectory() as empty:
            self.results.imports = self._interleaved(
                {code: partial(seconds_of_program, code, empty) for code in (OUR_IMPORT, THEIR_IMPORT)},
                self.plan.rounds // 2,
            )

    def deriving(self) -> None:
        self._section = "deriving clients"
        with AuthenticationClient(APP_ID, self.server.http) as client:
            derive = partial(client.with_options, real_ip="203.0.113.9", lang="ja-JP")
            taken = self._interleaved({"ours": lambda: seconds_of(derive)}, self.plan.rounds)
        self.results.deriving = taken["ours"]

    def memory(self) -> None:
        for number in self.plan.held:
            self._section = f"memory, {number} in flight"
            held = self.results.memory[number] = {}
            for name, peer in ASYNC.items():
                try:
                    held[name] = asyncio.run(memory_per_call(peer, self.server, number))
                except Exception as error:
                    self._leave_out(name, error)

    def _interleaved(self, makers: Mapping[str, Callable[[], Measurement]], rounds: int) -> Rounds:
        return interleaved(makers, max(rounds, 1), self._leave_out)

    def _leave_out(self, name: str, error: Exception) -> None:
        self.results.left_out.setdefault(f"{name}: {error!r}", []).append(self._section)


def processor() -> str:
    try:
        model = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        model = None
    return model[1] if model else platform.machine()


def version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def write(text: str) -> None:
    """Put a report between the two marks in BENCHMARKS.md."""
    begin, end = "<!-- what make bench writes -->\n", "\n<!-- end of it -->"
    before, _, rest = REPORT.read_text().partition(begin)
    _, _, after = rest.partition(end)
    REPORT.write_text(f"{before}{begin}{text}{end}{after}")


def main(plan: str) -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(variable, None)
        os.environ.pop(variable.upper(), None)
    with serve() as server:
        os.environ["SSL_CERT_FILE"] = str(server.ca)
        # The vendor's SDK verifies no certificate: its `FALSE` is that of `pickle`, which is true.
        warnings.filterwarnings("ignore", "Unverified HTTPS request")
        results = Run(PLANS[plan], server).everything()
    text = report(results)
    print(text)
    if plan == "full":
        from .picture import draw

        write(text)
        draw(results, PICTURE)


if __name__ == "__main__":
    main(*sys.argv[1:])
