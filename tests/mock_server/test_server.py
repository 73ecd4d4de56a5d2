"""The server as a process and as a neighbour: where it listens, and how it stops."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.contract import CHANNEL

from .app import MockServer
from .contract import Contract
from .server import serve

ROOT = Path(__file__).parents[2]
PATH = "/api/v3/send-email"


def send(mock_server: MockServer, email: str = "test@example.com") -> int:
    body = {"channel": CHANNEL, "email": email}
    headers = {"x-genauth-app-id": "any"}
    response = httpx.post(mock_server.url + PATH, json=body, headers=headers, trust_env=False, verify=False)
    status_code: int = response.json()["statusCode"]
    return status_code


def test_it_listens_on_the_loopback_interface_until_it_ends(contract: Contract) -> None:
    with serve() as server, server.mock_server(contract) as mock_server:
        url = urlsplit(mock_server.url)
        assert url.hostname == "127.0.0.1"
        assert url.port
        assert send(mock_server) == 200
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            socket.create_connection(("127.0.0.2", url.port), timeout=1)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", url.port))


def test_it_ends_with_connections_still_open(contract: Contract) -> None:
    with serve() as server, server.mock_server(contract):
        url = urlsplit(server.url)
        idle = socket.create_connection(("127.0.0.1", url.port or 0))
        half = socket.create_connection(("127.0.0.1", url.port or 0))
        half.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf")
    idle.close()
    half.close()


def test_servers_do_not_know_each_other(mock_server: MockServer, contract: Contract) -> None:
    with serve() as server, server.mock_server(contract) as other:
        assert send(mock_server) == 200
        assert send(other) == 200
        assert send(mock_server) == 429
    assert (len(mock_server.received), len(other.received)) == (2, 1)


def test_requests_from_many_threads_are_all_received(mock_server: MockServer) -> None:
    emails = [f"{number}@example.com" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, [mock_server] * len(emails), emails)) == {200}

    assert sorted(received.json["email"] for received in mock_server.received) == sorted(emails)


def test_of_many_emails_at_once_one_is_sent(mock_server: MockServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        status_codes = list(pool.map(send, [mock_server] * 16))

    assert sorted(status_codes) == [200] + [429] * 15


def test_it_is_silent(contract: Contract, capfd: pytest.CaptureFixture[str]) -> None:
    with serve() as server, server.mock_server(contract) as mock_server:
        send(mock_server)

    assert capfd.readouterr() == ("", "")


@contextmanager
def by_itself(*arguments: str) -> Generator[tuple[subprocess.Popen[str], str, str]]:
    """A `python -m tests.mock_server` with the URL and the curl line that it printed."""
    command = [sys.executable, "-m", "tests.mock_server", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found
            yield process, found[0], process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_curl_line_works_when_pasted() -> None:
    with by_itself() as (_, url, curl):
        first, second = (subprocess.check_output(curl, shell=True, text=True) for _ in range(2))

    assert url in curl
    assert (json.loads(first)["statusCode"], json.loads(first)["message"]) == (200, "Sent.")
    assert json.loads(second)["statusCode"] == 429


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_quietly(stop: signal.Signals) -> None:
    with by_itself() as (process, _, _):
        process.send_signal(stop)

        assert process.communicate() == ("", "")
        assert process.returncode == 0


def test_by_itself_it_prints_issues() -> None:
    with by_itself() as (process, url, _):
        httpx.post(url + PATH, json={"channel": CHANNEL}, trust_env=False)
        process.terminate()
        _, stderr = process.communicate()

    assert re.fullmatch(r"not in the contract: request POST /api/v3/send-email: Security not found.*\n", stderr)
    assert process.returncode == 0


def test_a_port_can_be_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with by_itself("--port", str(port)) as (_, url, _):
        assert url == f"http://127.0.0.1:{port}"


def test_a_taken_port_is_reported_in_a_line(mock_server: MockServer) -> None:
    port = urlsplit(mock_server.url).port
    command = [sys.executable, "-m", "tests.mock_server", "--port", str(port)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert process.returncode == 1
    assert re.fullmatch(rf"port {port} cannot be used: .*\n", process.stderr)
