"""A distant server, simulated by a relay in a separate process: `python -m benchmarks.relay`.

The relay listens on loopback and passes on everything after a delay, in both directions. It models only the distance:
no bandwidth, no loss, no slow start.

On loopback, the kernel accepts a connection at once. On a real network, the TCP handshake takes a round trip before the
client can send anything. So the relay treats bytes that arrive in the first round trip as if sent at its end.
"""

import asyncio
import json
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlsplit

from .clients import ROOT
from .servers import end_of_stdin


class Direction(asyncio.Protocol):
    """Passes on everything from one side after `delay` seconds."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.opened = 0.0
        self.other: Direction | None = None
        self._loop = asyncio.get_running_loop()
        self._on_the_way = deque[bytes]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._on_the_way.append(data)
        self._loop.call_at(max(self._loop.time(), self.opened) + self.delay, self._arrive)

    def connection_lost(self, exc: Exception | None) -> None:
        # Empty data marks the end.
        self.data_received(b"")

    def _arrive(self) -> None:
        if self.other is None:  # The relay is not connected to the server yet.
            self._loop.call_later(0.001, self._arrive)
        elif data := self._on_the_way.popleft():
            self.other.transport.write(data)
        else:
            self.other.transport.close()


class Client(Direction):
    """The client's side of a connection. It connects to the server while the client's first bytes are delayed."""

    def __init__(self, delay: float, port: int) -> None:
        super().__init__(delay)
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.opened = self._loop.time() + 2 * self.delay
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        _, server = await self._loop.create_connection(lambda: Direction(self.delay), "127.0.0.1", self._port)
        self.other, server.other = server, self


async def run(port: int, delays: Sequence[float]) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(partial(Client, delay, port), "127.0.0.1", 0) for delay in delays]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await end_of_stdin()


@contextmanager
def relay(url: str, delays: Sequence[float]) -> Generator[Sequence[str]]:
    """Yield a URL of a server on loopback for each delay, which is in seconds per direction."""
    parts = urlsplit(url)
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.relay", str(parts.port), *map(str, delays)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield [f"{parts.scheme}://127.0.0.1:{port}" for port in json.loads(process.stdout.readline())]


if __name__ == "__main__":
    # `select` has a resolution of microseconds. asyncio's default selector rounds up to milliseconds.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(run(int(sys.argv[1]), [float(delay) for delay in sys.argv[2:]]))
