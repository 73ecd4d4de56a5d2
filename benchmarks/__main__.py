"""Run the benchmarks: `python -m benchmarks full`, `quick` or `smoke`, with `network` after it for those of a network.

Only a full run writes anything.
"""

import asyncio
import os
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryDirectory

from genauth_email import AuthenticationClient

from .generators import ROOT
from .measure import (
    THREADS,
    Measurement,
    calls_per_second_of_threads,
    ceiling,
    memory_per_call,
    seconds_of,
    seconds_of_program,
)
from .network import PLANS as NETWORK_PLANS
from .network import NetworkRun
from .network_report import report as network_report
from .peers import APP_ID, ASYNC, SYNC, Peer
from .report import OUR_IMPORT, THEIR_IMPORT, Results, report
from .run import BaseRun, machine
from .server import Server, serve

REPORT = ROOT / "BENCHMARKS.md"
PICTURE = ROOT / "benchmarks/results.svg"
NETWORK_PICTURE = ROOT / "benchmarks/network.svg"


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


class Run(BaseRun):
    """What is measured on loopback."""

    def __init__(self, plan: Plan, server: Server) -> None:
        super().__init__()
        self.plan = plan
        self.server = server
        self.results = Results(left_out=self.left_out)

    def everything(self) -> Results:
        throughput = (partial(self.throughput, number) for number in self.plan.in_flight)
        sections: list[Callable[[], None]] = [self.about, self.sync, self.tls, self.threads, *throughput]
        self.run([*sections, self.imports, self.deriving, self.memory])
        return self.results

    def about(self) -> None:
        self._section = "the server's own ceiling"
        one, many = ceiling(self.server.http, 10 * self.plan.seconds)
        self.results.about = [
            *machine(),
            f"The server: {self.server.kind}. To raw sockets it gives a response in {1e6 * one:.0f} µs on one "
            f"connection, and {many:.0f} responses a second on 32.",
        ]

    def sync(self) -> None:
        self._section = "sync calls"
        self.results.sync = self._calls(SYNC, self.server.http, self.plan.seconds, self.plan.rounds)

    def tls(self) -> None:
        self._section = "sync calls over TLS"
        self.results.tls = self._calls(SYNC, self.server.https, self.plan.seconds, self.plan.rounds // 2)

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
        self.results.throughput[number], self.results.latency[number] = self._throughput(
            ASYNC, self.server.http, (number, 4 * self.plan.seconds, self.plan.in_flight[number])
        )

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


def write(text: str, target: str = "make bench") -> None:
    """Put a report between the two marks of that target in BENCHMARKS.md."""
    begin, end = f"<!-- what {target} writes -->\n", "\n<!-- end of it -->"
    before, _, rest = REPORT.read_text().partition(begin)
    _, _, after = rest.partition(end)
    REPORT.write_text(f"{before}{begin}{text}{end}{after}")


def main(plan: str, kind: str = "loopback") -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(variable, None)
        os.environ.pop(variable.upper(), None)
    with serve(trust_all=plan != "smoke") as server:
        os.environ["SSL_CERT_FILE"] = str(server.ca)
        # The vendor's SDK verifies no certificate: its `FALSE` is that of `pickle`, which is true.
        warnings.filterwarnings("ignore", "Unverified HTTPS request")
        if kind == "network":
            measure_network(plan, server)
        else:
            measure_loopback(plan, server)


def measure_loopback(plan: str, server: Server) -> None:
    results = Run(PLANS[plan], server).everything()
    print(text := report(results))
    if plan == "full":
        from .picture import draw

        write(text)
        draw(results, PICTURE)


def measure_network(plan: str, server: Server) -> None:
    results = NetworkRun(NETWORK_PLANS[plan], server).everything()
    print(text := network_report(results))
    if plan == "full":
        from .network_picture import draw

        write(text, "make bench NETWORK=1")
        draw(results, NETWORK_PICTURE)


if __name__ == "__main__":
    main(*sys.argv[1:])
