"""Programs that tests run in separate processes."""

import asyncio
import faulthandler
import gc
import logging
import os
import random
import signal
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import count, takewhile
from threading import Event

import httpx
from genauth_email import APITimeoutError, AsyncAuthenticationClient, AuthenticationClient

from tests.clients import options_of
from tests.contract.facts import CHANNEL
from tests.interruptions import interruptions

PATIENCE = 90


class TimeUpError(Exception):
    """Raised by a soft time limit."""


def call(client: AuthenticationClient, email: str, timeout: float = 20) -> None:
    """Make a call to a `LoadServer`, and check that it gets its own response."""
    assert client.send_email(CHANNEL, email, timeout=timeout).message == email


def at_random(moments: int, action: Callable[[], object]) -> Iterator[AbstractContextManager[None]]:
    """Yield moments at which a real signal comes, if what runs takes long enough."""

    @contextmanager
    def moment() -> Generator[None]:
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00005, 0.002))
        yield
        signal.setitimer(signal.ITIMER_REAL, 0)

    chance = random.Random(1)
    signal.signal(signal.SIGALRM, lambda *_: action())
    for _ in range(moments):
        yield moment()
    signal.setitimer(signal.ITIMER_REAL, 0)


def call_while_signals_come(
    one: str, other: str, both_held: str, action: str, connections: int | None, when: int | tuple[str, ...]
) -> None:
    """Make calls to two hosts while a signal handler makes others, closes the client or raises.

    It comes before each line of some modules, or at a number of random moments, even within the libraries.
    """
    faulthandler.dump_traceback_later(PATIENCE, exit=True)  # A deadlock would hang for ever.
    logging.disable()  # An exception at the wrong moment would leave logging's lock held.
    warnings.simplefilter("ignore", ResourceWarning)
    # A call finds its idle connection, or each one puts its own in the place of that to the other host.
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=2 if isinstance(when, int) else 1)
    client = AuthenticationClient("app123", one, limits=limits)
    handled, inside = 0, False

    def handle() -> None:
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
            # The interrupted call holds the only connection until the handler is done.
            call(client, f"inner-{handled}@example.com", 0.01 if connections == 1 else 20)
        except APITimeoutError:
            assert connections == 1
        finally:
            inside = False

    call(client, "before@example.com")
    call(client.with_options(app_host=other), "before@example.com")
    descriptors = os.listdir("/dev/fd")
    calls, raised = 0, list[TimeUpError]()
    for moment in at_random(when, handle) if isinstance(when, int) else interruptions(when, handle, "line"):
        outer = client.with_options(app_host=(one, other)[calls % 2])
        calls += 1
        try:
            with moment:
                call(outer, f"outer-{calls}@example.com")
        except TimeUpError as error:
            raised.append(error)
        except RuntimeError as error:
            if action != "close" or "client is closed" not in str(error):
                raise
    faulthandler.dump_traceback_later(PATIENCE, exit=True)  # The interruptions had their own.
    assert handled > calls / 8
    if action == "raise" and not isinstance(when, int):
        # At a random moment, Python's codecs raise a copy, and its garbage collector drops the error.
        assert len(raised) == handled
        assert {error.__cause__ for error in raised} == {None}
    gc.collect()  # Connections whose creation was interrupted have no owner.
    assert len(os.listdir("/dev/fd")) <= len(descriptors)
    # All connections can still be used.
    client = client.with_options(app_host=both_held)
    with ThreadPoolExecutor() as threads:
        last = [threads.submit(client.send_email, CHANNEL, "after@example.com") for _ in range(connections or 2)]
        assert {each.result().status_code for each in last} == {200}


def call_in_forks(kind: str, url: str, forks: int, other_threads: int) -> None:
    """Call through one client in this process, in its threads, and in forks during their first calls."""
    signal.alarm(PATIENCE)
    # Python 3.12 and newer warn about forks with other threads, which this tests.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    stop = Event()

    def make_calls(caller: str, numbers: Iterable[int] = range(20)) -> None:
        for number in numbers:
            if isinstance(client, AuthenticationClient):
                call(client, f"{caller}-{number}@example.com")
            else:
                asyncio.run(client.send_email(CHANNEL, f"{caller}-{number}@example.com", timeout=20))

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

    client = (AuthenticationClient if kind == "sync" else AsyncAuthenticationClient)("app123", url, **options_of(kind))
    with ThreadPoolExecutor(other_threads + 1) as threads:
        if not other_threads:
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
