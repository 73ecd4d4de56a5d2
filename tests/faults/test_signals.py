"""Signal handlers at any moment of sync calls, which raise, as Celery's soft time limit does, or make a call."""

import subprocess
import sys
import threading

import pytest

from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step

PROGRAM = """
import gc, logging, os, random, signal, sys
from genauth_email import AuthenticationClient

class TimeUpError(Exception):
    pass

def handler(*_):
    raise TimeUpError

logging.disable()  # An exception at the wrong moment loses the lock of all logging.
signal.signal(signal.SIGALRM, handler)
chance, raised = random.Random(1), 0
client = AuthenticationClient("app123", sys.argv[1])
client.send_email("A_CHANNEL", "test@example.com")
descriptors = len(os.listdir("/dev/fd"))
for _ in range(1500):
    try:
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, 0.002))
        client.send_email("A_CHANNEL", "test@example.com", timeout=10)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeUpError:
        raised += 1
signal.setitimer(signal.ITIMER_REAL, 0)
assert raised > 100, raised
client.send_email("A_CHANNEL", "test@example.com")
gc.collect()  # What was interrupted while it was made belongs to nobody.
assert len(os.listdir("/dev/fd")) <= descriptors, os.listdir("/dev/fd")

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


CALLING = """
import logging, random, signal, sys
import httpx
from genauth_email import APITimeoutError, AuthenticationClient

def send(email, timeout):
    return client.send_email("A_CHANNEL", email, timeout=timeout)

def handler(*_):
    try:
        send("handler@example.com", 0.02 if most == 1 else 20)
        outcomes.append("sent")
    except APITimeoutError as error:
        outcomes.append(error.delivery)

logging.disable()  # Its locks are not ours.
signal.signal(signal.SIGALRM, handler)
most = int(sys.argv[2]) or None
chance, outcomes, calls = random.Random(1), [], 0
client = AuthenticationClient("app123", sys.argv[1], limits=httpx.Limits(max_connections=most) if most else None)
while len(outcomes) < 200:
    signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, 0.002))
    assert send("main@example.com", 20).status_code == 200
    calls += 1
signal.setitimer(signal.ITIMER_REAL, 0)
if most != 1:
    assert set(outcomes) == {"sent"}, outcomes
# Where the interrupted call has the only connection, a handler's wait for it ends.
assert set(outcomes) <= {"sent", "not_sent", "unknown"}, outcomes
print(calls, outcomes.count("sent"), outcomes.count("unknown"))
""".replace("A_CHANNEL", CHANNEL)


@pytest.mark.parametrize("max_connections", [0, 2, 1], ids=["no cap", "a cap of 2", "a cap of 1"])
def test_a_signal_handler_can_make_calls_with_the_client_that_it_interrupts(max_connections: int) -> None:
    with RawServer() as server:
        command = [sys.executable, "-W", "ignore::ResourceWarning", "-c", CALLING, server.url, f"{max_connections}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
    calls, sent, unknown = map(int, done.stdout.split())
    assert 0 <= len(server.received) - calls - sent <= unknown
