"""Programs that fork, run their own event loop or are frozen between two calls send each email once."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryFile
from typing import Literal

import httpx
import nbformat.v4
import pytest
from nbclient import NotebookClient

from tests.contract.facts import CHANNEL
from tests.faults import conftest
from tests.servers import MockServer
from tests.servers.raw import RawServer, Step

ROOT = Path(__file__).parents[2]

tls = conftest.tls


@pytest.fixture(autouse=True)
def environment(mock_server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAUTH_APP_ID", "my-app")
    monkeypatch.setenv("GENAUTH_APP_HOST", mock_server.url)
    monkeypatch.setenv("LOGIN_CHANNEL", CHANNEL)


@contextmanager
def serve(command: str) -> Generator[str]:
    """Run an application server, and yield its URL. At the end it must stop gracefully."""
    # The socket listens before the server starts, so nobody can take the port, and an early request waits.
    with socket.create_server(("127.0.0.1", 0)) as listener, TemporaryFile("w+") as errors:
        descriptor = listener.fileno()
        arguments = [sys.executable, "-m", *command.format(fd=descriptor).split()]
        process = subprocess.Popen(arguments, cwd=ROOT, pass_fds=[descriptor], stderr=errors)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()
                errors.seek(0)
                log = errors.read()
                sys.stderr.write(log)  # pytest shows it if the test fails.
    # uvicorn stops gracefully, but then lets the signal end it.
    assert process.returncode in (0, -signal.SIGTERM)
    assert not re.search("Traceback|ERROR|Warning", log)


def post_emails(url: str) -> list[str]:
    """Let an application send several emails at once, and return their addresses."""
    emails = [f"{number}@example.com" for number in range(10, 30)]
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(timeout=30, trust_env=False, limits=limits) as http, ThreadPoolExecutor(8) as threads:
        responses = threads.map(lambda email: http.post(url, json={"email": email}), emails)
        assert all(each.is_success for each in responses)
    return emails


# Over TLS, which breaks if gevent patches too late.
@pytest.mark.parametrize(
    "options",
    [
        "--worker-class=sync",
        "--worker-class=sync --preload",
        "--worker-class=gthread --threads=4",
        "--worker-class=gthread --threads=4 --preload",
        "--worker-class=gevent",
        "--worker-class=gevent --preload --config=tests/integrations/apps/gunicorn_gevent.py",
    ],
)
def test_gunicorn_sends_each_email_once(monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, options: str) -> None:
    with RawServer(tls=tls) as server:
        monkeypatch.setenv("GENAUTH_APP_HOST", server.url)
        options = f"--bind=fd://{{fd}} --workers=2 --no-control-socket {options}"
        with serve(f"gunicorn {options} tests.integrations.apps.flask_app:app") as url:
            emails = post_emails(f"{url}/login-email")
        assert sorted(json.loads(each.partition(b"\r\n\r\n")[2])["email"] for each in server.finish()) == emails


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("app", ["examples.fastapi_app:app", "tests.integrations.apps.django_app:asgi_app"])
def test_uvicorn_sends_each_email_once(mock_server: MockServer, loop: str, app: str) -> None:
    with serve(f"uvicorn --fd={{fd}} --loop={loop} {app}") as url:
        emails = post_emails(f"{url}/login-email")
    assert sorted(each.json["email"] for each in mock_server.received) == emails


def test_the_cells_of_a_notebook_await_calls_of_one_client(
    mock_server: MockServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    cells = [
        "from genauth_email import AsyncAuthenticationClient; client = AsyncAuthenticationClient()",
        f"await client.send_email('{CHANNEL}', 'a@example.com')",
        f"await client.send_email('{CHANNEL}', 'b@example.com')",
    ]
    code_cells = [nbformat.v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=code_cells)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=60).execute()
    assert [each.json["email"] for each in mock_server.received] == ["a@example.com", "b@example.com"]


# The handler keeps the client and the event loop between invocations.
HANDLER = """
import asyncio, sys
from genauth_email import AsyncAuthenticationClient, AuthenticationClient, Channel

kind, url = sys.argv[1:]
if kind == "sync":
    client = AuthenticationClient("my-app", url)
else:
    client = AsyncAuthenticationClient("my-app", url, http_client="aiohttp" if kind == "aiohttp" else None)
with asyncio.Runner() as runner:
    for email in sys.stdin:
        result = client.send_email(next(iter(Channel)), email.strip())
        response = result if kind == "sync" else runner.run(result)
        print(response.status_code, flush=True)
"""


# AWS Lambda freezes a process between two invocations.
@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("kind", ["sync", "asyncio", "aiohttp"])
def test_a_frozen_process_sends_once_on_a_new_connection(kind: str, end: Literal["close", "reset"]) -> None:
    command = [sys.executable, "-c", HANDLER, kind]
    with RawServer() as server:
        with subprocess.Popen([*command, server.url], stdin=PIPE, stdout=PIPE, text=True) as process:

            def invoke(email: str) -> None:
                assert process.stdin
                assert process.stdout
                print(email, file=process.stdin, flush=True)
                assert process.stdout.readline() == "200\n"

            invoke("a@example.com")
            process.send_signal(signal.SIGSTOP)
            try:
                os.waitpid(process.pid, os.WUNTRACED)
                server.disturb(Step(then=end))
            finally:
                process.send_signal(signal.SIGCONT)
            invoke("b@example.com")
        assert process.returncode == 0
        assert [b"b@example.com" in each for each in server.finish()] == [False, True]
        assert server.connections == 2
