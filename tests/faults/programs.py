"""Programs that tests run in separate processes."""

import faulthandler
import gc
import logging
import os
import random
import signal
import traceback
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count, takewhile
from threading import Event

import httpx
from genauth_email import APITimeoutError, AuthenticationClient

from tests.contract.facts import CHANNEL

PATIENCE = 90


class TimeUpError(Exception):
    """Raised by a soft time limit."""


def call(client: AuthenticationClient, email: str, timeout: float = 20) -> None:
    """Make a call to a `LoadServer`, and check that it gets its own response."""
    assert client.send_email(CHANNEL, email, timeout=timeout).message == email


def call_while_signals_come(
    one: str, other: str, both_held: str, action: str, connections: int | None, rounds: int
) -> None:
    """Make calls to two hosts while, at random moments, a signal handler makes others, closes the client or raises."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    logging.disable()  # An exception at the wrong moment would leave logging's lock held.
    warnings.simplefilter("ignore", ResourceWarning)
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=2, keepalive_expiry=30)
    client = AuthenticationClient("app123", one, limits=limits)
    chance, handled, inside = random.Random(1), 0, False

    def handle(*_: object) -> None:
        nonlocal client, handled, inside
        if inside:
            return
        handled += 1
        if action == "raise":
            raise TimeUpError
        inside = True
        try:
            if action == "close":
                client.close()
                client = AuthenticationClient("app123", one, limits=limits)
            call(client, f"inner-{handled}@example.com", 0.02 if connections == 1 else 20)
        except APITimeoutError:
            assert connections == 1
        finally:
            inside = False

    call(client, "before@example.com")
    call(client.with_options(app_host=other), "before@example.com")
    descriptors = os.listdir("/dev/fd")
    signal.signal(signal.SIGALRM, handle)
    for number in range(rounds):
        outer = client.with_options(app_host=(one, other)[number % 2])
        try:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00005, 0.002))
            call(outer, f"outer-{number}@example.com")
            signal.setitimer(signal.ITIMER_REAL, 0)
        except TimeUpError:
            pass
        except RuntimeError as error:
            if action != "close" or "client is closed" not in str(error):
                raise
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert handled > rounds / 8
    gc.collect()  # Connections whose creation was interrupted have no owner.
    assert len(os.listdir("/dev/fd")) <= len(descriptors)
    # All connections can still be used.
    client = client.with_options(app_host=both_held)
    with ThreadPoolExecutor() as threads:
        calls = [threads.submit(client.send_email, CHANNEL, "after@example.com") for _ in range(connections or 2)]
        assert {each.result().status_code for each in calls} == {200}


def call_in_forks(url: str, forks: int, other_threads: int) -> None:
    """Call through one client in this process, in its threads, and in forks."""
    signal.alarm(PATIENCE)
    # Python 3.12 and newer warn about forks with other threads, which this tests.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    stop = Event()

    def make_calls(caller: str, numbers: Iterable[int] = range(20)) -> None:
        for number in numbers:
            call(client, f"{caller}-{number}@example.com")

    def fork(caller: str) -> int:
        if child := os.fork():
            return child
        # This signal ends a deadlock. The child does not inherit the parent's timer.
        signal.alarm(PATIENCE)
        try:
            make_calls(caller)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    with AuthenticationClient("app123", url) as client, ThreadPoolExecutor(other_threads + 1) as threads:
        make_calls("before")
        others = [
            threads.submit(make_calls, f"thread{number}", takewhile(lambda _: not stop.is_set(), count()))
            for number in range(other_threads)
        ]
        try:
            children = [fork(f"child{number}") for number in range(forks)]
            make_calls("parent")
            assert {os.waitpid(child, 0)[1] for child in children} == {0}
        finally:
            stop.set()
        for other in others:
            other.result()
        make_calls("after")
