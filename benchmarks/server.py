"""The server that all clients are measured against, in a process of its own: `python -m benchmarks.server`.

It responds to every request with the same success: nginx where that is installed, else asyncio. There is a second
server, on asyncio, which responds after a time and with a size that the URL says, and holds responses back on demand.
"""

import asyncio
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import certifi
import trustme

BODY = b'{"statusCode":200,"message":"Operation successful","requestId":"934108e5-9fbf-4d24-8da1-c330328abd6c"}'
HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: benchmarks\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n%s"
)
RESPONSE = HEAD % (len(BODY), BODY)

NGINX = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    default_type application/json;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{http};
        listen 127.0.0.1:{https} ssl;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate server.pem;
        ssl_certificate_key server.pem;
        location / {{ return 200 '{body}'; }}
    }}
}}
"""


class Server:
    """A running server, as its clients see it.

    Attributes:
        kind: The program that responds.
        http: Its URL.
        https: Its URL over TLS.
        holding: The URL of the one that can hold responses back.
        holding_tls: The same over TLS.
        ca: The certificates to trust: those that any program trusts, and the server's own.
    """

    def __init__(self, process: "subprocess.Popen[str]", ca: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin: IO[str] = process.stdin
        self._stdout: IO[str] = process.stdout
        started = json.loads(self._stdout.readline())
        self.kind: str = started["kind"]
        self.http: str = started["http"]
        self.https: str = started["https"]
        self.holding: str = started["holding"]
        self.holding_tls: str = started["holding_tls"]
        self.ca = ca

    def slow(self, milliseconds: int, size: int = len(BODY)) -> str:
        """The URL of one that responds after some time, and with a body of some size."""
        return f"{self.holding}/{milliseconds}/{size}"

    def hold(self) -> int:
        """Hold responses back from now on, and return how many are held."""
        return self._tell("hold")

    def release(self) -> None:
        """Send the responses that were held back, and respond at once from now on."""
        self._tell("release")

    def _tell(self, command: str) -> int:
        self._stdin.write(f"{command}\n")
        self._stdin.flush()
        return int(self._stdout.readline())


@contextmanager
def serve(*, trust_all: bool = True) -> Generator[Server]:
    """Serve on the loopback interface, on free ports.

    Args:
        trust_all: Whether clients trust all that any program trusts, and so have as much to load as outside of a
            benchmark. Else they trust the server alone.
    """
    with TemporaryDirectory() as directory:
        ca, own = Path(directory, "ca.pem"), trustme.CA()
        ca.write_bytes((Path(certifi.where()).read_bytes() if trust_all else b"") + own.cert_pem.bytes())
        own.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(f"{directory}/server.pem")
        # It stops when its stdin ends, which it does however this process does.
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server", directory],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            yield Server(process, ca)


class Responding(asyncio.Protocol):
    """A connection. Of a request it reads the length, and from the path when to respond, and with how much."""

    transport: asyncio.Transport

    def __init__(self, hold: "Hold | None" = None) -> None:
        self._hold = hold
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
            wanted = re.match(rb"POST /(\d+)/(\d+)/", self._received)
            self._received = self._received[size:]
            if self._hold is not None and self._hold.on:
                self._hold.transports.append(self.transport)
            elif wanted is None:
                self.transport.write(RESPONSE)
            else:
                response = response_of(int(wanted[2]))
                asyncio.get_running_loop().call_later(int(wanted[1]) / 1000, self.transport.write, response)


@lru_cache
def response_of(size: int) -> bytes:
    if size == len(BODY):
        return RESPONSE
    start, end = b'{"statusCode":200,"message":"', b'"}'
    return HEAD % (size, start + b"x" * (size - len(start) - len(end)) + end)


class Hold:
    def __init__(self) -> None:
        self.on = False
        self.transports: list[asyncio.Transport] = []

    def obey(self, command: str) -> int:
        self.on = command == "hold"
        held = len(self.transports)
        if not self.on:
            for transport in self.transports:
                transport.write(RESPONSE)
            self.transports.clear()
        return held


async def run(directory: Path) -> None:
    loop = asyncio.get_running_loop()
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=1024) for _ in range(4)]
    http, https, holding, holding_tls = (listener.getsockname()[1] for listener in listeners)
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    hold, process = Hold(), None
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(directory / "server.pem")
    await loop.create_server(lambda: Responding(hold), sock=listeners[2])
    await loop.create_server(lambda: Responding(hold), sock=listeners[3], ssl=tls)
    if nginx is None:
        kind = f"asyncio, Python {sys.version.split()[0]}"
        await loop.create_server(Responding, sock=listeners[0])
        await loop.create_server(Responding, sock=listeners[1], ssl=tls)
    else:
        kind = subprocess.run([nginx, "-v"], check=True, stderr=subprocess.PIPE, text=True).stderr
        kind = kind.strip().rpartition(" ")[2]
        (directory / "nginx.conf").write_text(NGINX.format(http=http, https=https, body=BODY.decode()))
        # It is handed sockets that listen, as in an upgrade of nginx: so nobody can take the ports.
        sockets = [listener.fileno() for listener in listeners[:2]]
        with (directory / "nginx.log").open("w") as log:
            process = subprocess.Popen(
                [nginx, "-p", directory, "-c", "nginx.conf"],
                env={**os.environ, "NGINX": "".join(f"{descriptor};" for descriptor in sockets)},
                pass_fds=sockets,
                stderr=log,
            )
        for listener in listeners[:2]:
            listener.close()

    urls = {"http": f"http://127.0.0.1:{http}", "https": f"https://127.0.0.1:{https}"}
    urls |= {"holding": f"http://127.0.0.1:{holding}", "holding_tls": f"https://127.0.0.1:{holding_tls}"}
    print(json.dumps({"kind": kind, **urls}), flush=True)
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    try:
        async for command in commands:
            print(hold.obey(command.decode().strip()), flush=True)
    finally:
        if process is not None:
            if process.poll() is not None:
                print((directory / "nginx.log").read_text(), file=sys.stderr)
            process.terminate()
            process.wait()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
