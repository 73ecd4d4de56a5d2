"""If a process forks during calls, the child works too, and does not wait for its parent's locks."""

import subprocess
import sys

import pytest

from tests.contract.facts import CHANNEL
from tests.servers.raw import RawServer

# The program forks during its first calls, at a different moment each time. A child that hangs ends on its own.
PROGRAM = """
import asyncio, faulthandler, os, sys, threading, time
from genauth_email import AsyncAuthenticationClient, AuthenticationClient

kind, url, delay = sys.argv[1], sys.argv[2], float(sys.argv[3])
http_client = "aiohttp" if kind == "aiohttp" else None

def client():
    if kind == "sync":
        return AuthenticationClient("app123", url)
    return AsyncAuthenticationClient("app123", url, http_client=http_client)

def call(client):
    if kind == "sync":
        client.send_email("A_CHANNEL", "test@example.com", timeout=20)
    else:
        asyncio.run(client.send_email("A_CHANNEL", "test@example.com", timeout=20))

shared = client()
thread = threading.Thread(target=call, args=(shared,))
thread.start()
time.sleep(delay)
child = os.fork()
if child == 0:
    faulthandler.dump_traceback_later(20, exit=True)
    call(client())
    call(shared)
    os._exit(0)
thread.join()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""".replace("A_CHANNEL", CHANNEL)


# Each kind runs in its own program, because a fork of the test run would copy the locks of its threads.
@pytest.mark.parametrize(
    "delay", [pytest.param(0.001, marks=pytest.mark.release), 0.006, pytest.param(0.02, marks=pytest.mark.release)]
)
@pytest.mark.parametrize("kind", ["sync", "asyncio", "aiohttp"])
def test_a_child_forked_during_the_first_call_makes_calls_too(kind: str, delay: float) -> None:
    with RawServer() as server:
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM, kind, server.url, f"{delay}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
    assert len(server.received) == 3
