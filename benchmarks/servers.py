"""The servers for all measurements, in a separate process: `python -m benchmarks.servers`.

The first one responds to every request with the same success. It is nginx if that is installed, otherwise asyncio. The
second one is always asyncio: the URL sets the delay and the size of the response, and can hold responses back.
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
from contextlib import ExitStack, contextmanager
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


@dataclass(frozen=True)
class Server:
    """A running server, as its clients see it.

    Attributes:
        kind: The program that responds.
        http: Its URL.
        https: Its URL over TLS.
        asyncio: The URL of the second server.
        asyncio_tls: The same over TLS.
        ca: The certificates to trust: the usual ones and the server's own.
    """

    kind: str
    http: str
    https: str
    asyncio: str
    asyncio_tls: str
    ca: Path

    def slow(self, milliseconds: int, size: int = len(BODY)) -> str:
        """Return the URL of a server that responds after a delay, with that many bytes."""
        return f"{self.asyncio}/{milliseconds}/{size}"

    def release(self) -> None:
        """Let the second server send the responses held back since `/hold` was read, and respond at once again."""
        urlopen(f"{self.asyncio}/release").close()


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


@contextmanager
def nginx(program: str, directory: Path) -> Generator[tuple[int, int]]:
    """Run nginx, and return its ports: one for HTTP, one for HTTPS."""
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=1024) for _ in range(2)]
    http, https = (listener.getsockname()[1] for listener in listeners)
    (directory / "nginx.conf").write_text(NGINX.format(http=http, https=https, body=BODY.decode()))
    # nginx inherits listening sockets, as in an upgrade of its binary, so nobody else can take the ports.
    sockets = [listener.fileno() for listener in listeners]
    environment = {**os.environ, "NGINX": "".join(f"{descriptor};" for descriptor in sockets)}
    command = [program, "-p", str(directory), "-c", "nginx.conf"]
    with subprocess.Popen(command, env=environment, pass_fds=sockets) as process:
        for listener in listeners:
            listener.close()
        try:
            yield http, https
        finally:
            process.terminate()


async def run(directory: Path) -> None:
    loop = asyncio.get_running_loop()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(directory / "server.pem")
    servers = [await loop.create_server(Responding, "127.0.0.1", 0, backlog=1024, ssl=each) for each in (None, tls)]
    own, own_tls = (server.sockets[0].getsockname()[1] for server in servers)
    with ExitStack() as stack:
        if program := shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
            kind = subprocess.run([program, "-v"], check=True, stderr=subprocess.PIPE, text=True).stderr
            http, https = stack.enter_context(nginx(program, directory))
        else:
            kind, http, https = f"asyncio, Python {sys.version.split()[0]}", own, own_tls
        urls = {"http": f"http://127.0.0.1:{http}", "https": f"https://127.0.0.1:{https}"}
        urls |= {"asyncio": f"http://127.0.0.1:{own}", "asyncio_tls": f"https://127.0.0.1:{own_tls}"}
        print(json.dumps({"kind": kind.strip().rpartition(": ")[2], **urls}), flush=True)
        await end_of_stdin()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
