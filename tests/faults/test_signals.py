"""Exceptions out of a signal handler, as Celery's soft time limit is one, at any moment of sync calls."""

import subprocess
import sys
import threading

from tests.contract.contract import CHANNEL

from .server import SUCCESS, RawServer, Step

# With one place among its connections, a client that loses it makes no other call.
PROGRAM = """
import logging, random, signal, sys
import httpx
from genauth_email import AuthenticationClient

class TimeUpError(Exception):
    pass

def handler(*_):
    raise TimeUpError

logging.disable()  # An exception at the wrong moment loses the lock of all logging.
signal.signal(signal.SIGALRM, handler)
chance, raised = random.Random(1), 0
client = AuthenticationClient("app123", sys.argv[1], limits=httpx.Limits(max_connections=2))
for _ in range(1500):
    try:
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, 0.002))
        client.send_email("A_CHANNEL", "test@example.com", timeout=10)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeUpError:
        raised += 1
signal.setitimer(signal.ITIMER_REAL, 0)
assert raised > 100, raised

from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as threads:
    other = client.with_options(app_host=sys.argv[2])
    calls = [threads.submit(other.send_email, "A_CHANNEL", "test@example.com", timeout=30) for _ in range(2)]
    assert [call.result().status_code for call in calls] == [200, 200]
""".replace("A_CHANNEL", CHANNEL)


# Only sync calls run in signal handlers' reach: in an event loop, a handler is a callback of its own.
def test_exceptions_out_of_a_signal_handler_lose_no_connection() -> None:
    both_arrived = threading.Barrier(2)
    held = [Step(SUCCESS, before=lambda: both_arrived.wait(30))] * 2
    with RawServer() as server, RawServer(*held) as other:
        command = [sys.executable, "-W", "ignore::ResourceWarning", "-c", PROGRAM, server.url, other.url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
