"""The server for all measurements, in a separate process: `python -m benchmarks.servers`.

It responds to every request with the same success. The URL can set a delay and the size of the response, and can hold
responses back.
"""

import asyncio
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar
from urllib.request import urlopen

import certifi
import trustme

BODY = b'{"statusCode":200,"message":"Operation successful","requestId":"934108e5-9fbf-4d24-8da1-c330328abd6c"}'
HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: benchmarks\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n%s"
)
RESPONSE = HEAD % (len(BODY), BODY)


@dataclass(frozen=True)
class Server:
    """A running server, as its clients see it.

    Attributes:
        http: Its URL.
        https: Its URL over TLS.
        ca: The certificates to trust: the usual ones and the server's own.
    """

    http: str
    https: str
    ca: Path

    def slow(self, milliseconds: int, size: int = len(BODY)) -> str:
        """Return the URL of a server that responds after a delay, with that many bytes."""
        return f"{self.http}/{milliseconds}/{size}"

    def release(self) -> None:
        """Let the server send the responses held back since `/hold` was read, and respond at once again."""
        urlopen(f"{self.http}/release").close()


@contextmanager
def serve(*, trust_all: bool = True) -> Generator[Server]:
    """Serve on the loopback interface, on free ports.

    Args:
        trust_all: Whether clients also trust the usual certificates, and so load as many as outside of a benchmark.
            Otherwise they trust only the server.
    """
    with TemporaryDirectory() as directory:
        ca, own = Path(directory, "ca.pem"), trustme.CA()
        ca.write_bytes((Path(certifi.where()).read_bytes() if trust_all else b"") + own.cert_pem.bytes())
        own.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(f"{directory}/server.pem")
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.servers", directory],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            yield Server(**json.loads(process.stdout.readline()), ca=ca)


class Responding(asyncio.Protocol):
    """A connection. The path of a request sets the delay and the size of the response.

    Args:
        held: The connections whose responses are held back, or None while none are.
    """

    transport: asyncio.Transport
    held: ClassVar[list[asyncio.Transport] | None] = None

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = re.search(rb"(?i)\ncontent-length: *(\d+)", self._received[:end])
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < size:
                return
            request, self._received = self._received[:size], self._received[size:]
            if request.startswith(b"GET"):
                self._obey(request)
            elif Responding.held is not None:
                Responding.held.append(self.transport)
            elif wanted := re.match(rb"POST /(\d+)/(\d+)/", request):
                response = response_with(int(wanted[2]))
                asyncio.get_running_loop().call_later(int(wanted[1]) / 1000, self.transport.write, response)
            else:
                self.transport.write(RESPONSE)

    def _obey(self, request: bytes) -> None:
        held = Responding.held or []
        if request.startswith(b"GET /hold "):
            Responding.held = held
        else:
            Responding.held = None
            for transport in held:
                transport.write(RESPONSE)
        self.transport.write(HEAD % (len(b"%d" % len(held)), b"%d" % len(held)))


@lru_cache
def response_with(size: int) -> bytes:
    if size == len(BODY):
        return RESPONSE
    start, end = b'{"statusCode":200,"message":"', b'"}'
    return HEAD % (size, start + b"x" * (size - len(start) - len(end)) + end)


async def end_of_stdin() -> None:
    """Wait until the process that started this one ends, however it ends: that closes its end of the pipe."""
    ended = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(ended), sys.stdin)
    await ended.read()


async def run(directory: Path) -> None:
    loop = asyncio.get_running_loop()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(directory / "server.pem")
    servers = [await loop.create_server(Responding, "127.0.0.1", 0, backlog=1024, ssl=each) for each in (None, tls)]
    http, https = (server.sockets[0].getsockname()[1] for server in servers)
    print(json.dumps({"http": f"http://127.0.0.1:{http}", "https": f"https://127.0.0.1:{https}"}), flush=True)
    await end_of_stdin()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
