"""What each run of the benchmarks has: its sections, and a word about the machine."""

import asyncio
import os
import platform
import re
import ssl
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from .measure import InFlight, Measurement, Rounds, interleaved, seconds_per_call
from .peers import AsyncPeer, Peer

Latencies = Mapping[str, tuple[float, float]]

PACKAGES = (
    *("genauth-email", "httpx", "httpcore", "anyio", "aiohttp", "httpx-aiohttp", "urllib3", "requests"),
    *("genauth", "openapi-python-client", "openapi-generator-cli"),
)


class BaseRun:
    """One run, section by section.

    Attributes:
        left_out: Which client could not be measured, and why, and where.
    """

    def __init__(self) -> None:
        self.left_out = dict[str, list[str]]()
        self._section = ""

    def run(self, sections: Iterable[Callable[[], None]]) -> None:
        for section in sections:
            started = perf_counter()
            section()
            print(f"{self._section}: {perf_counter() - started:.0f} s", file=sys.stderr)

    def _calls(self, peers: Mapping[str, Peer], url: str, seconds: float, rounds: int) -> Rounds:
        """Measure sync clients on one connection: seconds per call."""
        with ExitStack() as stack:

            def make(peer: Peer) -> Measurement:
                return seconds_per_call(stack.enter_context(peer(url)), seconds)

            return self._interleaved({name: partial(make, peer) for name, peer in peers.items()}, rounds)

    def _throughput(
        self,
        peers: Mapping[str, AsyncPeer],
        url: str,
        plan: tuple[int, float, int],
        limit: int | None = None,
    ) -> tuple[Rounds, Latencies]:
        """Measure async clients with many calls in flight.

        Args:
            peers: The clients.
            url: The server's.
            plan: How many calls are in flight, the seconds of a measurement, and the rounds.
            limit: How many connections a client may have. None: its own default.

        Returns:
            Calls per second, and the median and the 99th percentile of each call's time.
        """
        in_flight, seconds, rounds = plan
        measurements = dict[str, InFlight]()
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()

            def make(name: str, peer: AsyncPeer) -> Measurement:
                call = runner.run(stack.enter_async_context(peer(url, limit)))
                measurements[name] = InFlight(call, in_flight, seconds, runner)
                return measurements[name]

            try:
                taken = self._interleaved({name: partial(make, name, peer) for name, peer in peers.items()}, rounds)
            finally:
                runner.run(stack.aclose())
        return taken, {
            name: (median(each.latencies), quantiles(each.latencies, n=100)[98])
            for name, each in measurements.items()
            if name in taken
        }

    def _interleaved(
        self, makers: Mapping[str, Callable[[], Measurement]], rounds: int, pause: Callable[[], None] | None = None
    ) -> Rounds:
        return interleaved(makers, max(rounds, 1), self._leave_out, pause)

    def _leave_out(self, name: str, error: Exception) -> None:
        self.left_out.setdefault(f"{name}: {error!r}", []).append(self._section)


def machine() -> list[str]:
    """Where and with what was measured."""
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({processor()}), {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}, {ssl.OPENSSL_VERSION}. "
        f"On average {os.getloadavg()[0]:.1f} processes ran or waited in the minute before.",
        ", ".join(f"{name} {version_of(name)}" for name in PACKAGES),
    ]


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
