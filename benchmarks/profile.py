"""Where the time of our calls goes, waiting for the server included: `python -m benchmarks.profile`.

A timer looks every millisecond at which function runs. That changes their times less than tracing
each call of a function would. What C does counts as its caller's.
"""

import asyncio
import signal
from collections import Counter
from contextlib import AbstractContextManager
from time import perf_counter
from types import FrameType

from .peers import check, ours, ours_async
from .server import serve

SECONDS = 5.0


class Samples(AbstractContextManager["Samples"]):
    def __init__(self) -> None:
        self.functions = Counter[tuple[str, str]]()

    def __enter__(self) -> "Samples":
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        return self

    def __exit__(self, *error: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _look(self, _: int, frame: FrameType | None) -> None:
        if frame is not None:
            package = str(frame.f_globals.get("__name__")).partition(".")[0]
            self.functions[package, frame.f_code.co_qualname] += 1

    def print(self, title: str, calls: int) -> None:
        total = self.functions.total()
        packages = Counter[str]()
        for (package, _), samples in self.functions.items():
            packages[package] += samples
        print(f"\n{title}: {1e6 * SECONDS / calls:.0f} µs a call")
        for package, samples in packages.most_common(10):
            most = [
                f"{function} {100 * of_it / total:.0f} %"
                for (its, function), of_it in self.functions.most_common(25)
                if its == package
            ]
            print(f"{100 * samples / total:5.1f} %  {package:15} {', '.join(most[:4])}")


async def profile_async(url: str) -> None:
    async with ours_async(url) as call:
        await call()
        with Samples() as samples:
            end, calls = perf_counter() + SECONDS, 0
            while perf_counter() < end:
                check(await call())
                calls += 1
        samples.print("async, 1 in flight", calls)


def main() -> None:
    with serve() as server:
        with ours(server.http) as call:
            call()
            with Samples() as samples:
                end, calls = perf_counter() + SECONDS, 0
                while perf_counter() < end:
                    check(call())
                    calls += 1
            samples.print("sync", calls)
        asyncio.run(profile_async(server.http))


if __name__ == "__main__":
    main()
