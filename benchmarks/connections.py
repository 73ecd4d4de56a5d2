"""The memory of open connections, of a process of their own: `python -m benchmarks.connections`."""

import asyncio
import resource
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from .generators import ROOT
from .peers import ASYNC, check

if TYPE_CHECKING:
    # It would load what the process does not need.
    from .server import Server


def memory_per_connection(name: str, server: "Server", number: int) -> float:
    """The bytes that a process grows by for each connection over TLS with a call in flight.

    Other than with `tracemalloc`, that includes what OpenSSL takes.
    """
    command = [sys.executable, "-m", "benchmarks.connections", name, server.holding_tls, str(number)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the client cannot make a call")
            before = resident(process.pid)
            server.hold()
            process.stdin.write("go\n")
            process.stdin.flush()
            end = monotonic() + 30
            while server.hold() < number:
                if monotonic() > end or process.poll() is not None:
                    raise RuntimeError(f"there were not {number} connections within 30 seconds")
                sleep(0.05)
            return (resident(process.pid) - before) / number
        finally:
            server.release()
            process.stdin.close()
            process.terminate()


def resident(pid: int) -> int:
    return resource.getpagesize() * int(Path(f"/proc/{pid}/statm").read_text().split()[1])


async def main(name: str, url: str, number: int) -> None:
    async with ASYNC[name](url, number) as call:
        check(await call())
        print("ready", flush=True)
        sys.stdin.readline()
        await asyncio.gather(*(call() for _ in range(number)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
