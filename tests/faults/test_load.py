"""Many calls at once: each ends with its own response, none is carried out twice, and nothing leaks."""

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import chain
from random import Random, SystemRandom
from typing import Any

import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    APITimeoutError,
    GenAuthError,
    SendEmailRespDto,
    ThrottleError,
)

from tests import processes
from tests.clients import KINDS, BlockingClient, ClientFactory, no_pauses
from tests.contract.facts import CHANNEL
from tests.servers.load import LoadServer, Reaction, Seen
from tests.servers.raw import SUCCESS, RawServer, Step

from . import programs
from .faults import FAULTS, PLAIN, Fault

# The secrets watch would take most of the time. It sees the same behaviours in other tests.
pytestmark = pytest.mark.usefixtures("unwatched")


def is_ordinary(fault: Fault) -> bool:
    """Tell whether a server can play a fault that only responds to the first request or hangs up."""
    steps = tuple(Step(step.content, step.then) for step in fault.steps[:1])
    known = replace(fault, url=PLAIN, idle=None, port="accepts", certificate=None, proxied=False, steps=steps)
    return bool(steps) and fault == known


NUMBERED = {f"{number}": fault for number, fault in enumerate(chain(*FAULTS.values())) if is_ordinary(fault)}
"""The faults of the table that the server knows by their numbers. The email `1@7.example.com` asks for number 7."""


def reaction(fault: Fault) -> Reaction:
    [step] = fault.steps
    carried_out = fault.outcome.delivery != "not_sent" and fault.outcome.requests == 1
    return Reaction(step.content, step.then, carried_out)


def fault_of(email: str) -> Fault | None:
    return NUMBERED.get(email.partition("@")[2].partition(".")[0])


class Load:
    """Calls, one for each email, and their results."""

    def __init__(self, emails: list[str]) -> None:
        # Allocated before memory is measured.
        self.results: dict[str, type[object]] = dict.fromkeys(emails, object)
        self._deliveries: dict[str, str | None] = dict.fromkeys(emails)

    def run(self, client: BlockingClient, emails: list[str], workers: int) -> int:
        """Make the calls, and return the number of Python's memory blocks. tracemalloc would be three times as slow."""
        left = iter(emails)

        def work() -> None:
            for email in left:
                self._call(client, email)

        with ThreadPoolExecutor(workers) as threads:
            for future in [threads.submit(work) for _ in range(workers)]:
                future.result()
        gc.collect()
        return sys.getallocatedblocks()

    def _call(self, client: BlockingClient, email: str) -> None:
        fault = fault_of(email)
        try:
            response = client.send_email(CHANNEL, email, timeout=fault.timeout if fault else 60)
            assert fault or response.message == email
            self.results[email] = SendEmailRespDto
        except GenAuthError as error:
            self.results[email] = type(error)
            self._deliveries[email] = error.delivery

    def check(self, seen: Seen) -> None:
        assert seen.open == 0
        for email, result in self.results.items():
            accepted = seen.accepted[email]
            assert accepted <= 1, f"{email} was carried out twice"
            if result is SendEmailRespDto:
                assert accepted == 1, f"{email} was not carried out"
            if self._deliveries[email] == "not_sent":
                assert accepted == 0, f"{email} was carried out"

    def known(self) -> float:
        """The share of calls whose caller knows whether they were carried out."""
        known = [
            result in (SendEmailRespDto, ThrottleError) or self._deliveries[email] == "not_sent"
            for email, result in self.results.items()
        ]
        return sum(known) / len(known)


@pytest.fixture(autouse=True)
def no_logging() -> Generator[None]:
    """Disable logging, because pytest would keep all records until the end of the test."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def seed() -> int:
    """The seed of the load. pytest shows it if the test fails."""
    seed = int(os.environ.get("LOAD_SEED", SystemRandom().randrange(10**6)))
    print(f"LOAD_SEED={seed}")
    return seed


@pytest.mark.parametrize("kind", KINDS)
def test_each_of_many_calls_to_a_faulty_server_ends_and_none_is_carried_out_twice(
    kind: str, thorough: bool, seed: int
) -> None:
    calls, workers = 3_000 if thorough else 600, 20
    chance = Random(seed)
    faults = chance.choices(list(NUMBERED), k=calls)
    emails = [f"{n}@{fault}.example.com" if n % 4 == 0 else f"{n}@example.com" for n, fault in enumerate(faults)]
    warm_up = calls // 4
    load = Load(emails)
    reactions = {name: reaction(fault) for name, fault in NUMBERED.items()}
    with LoadServer(reactions, dropped=0.02, seed=seed) as server, no_pauses():
        descriptors, threads = os.listdir("/dev/fd"), threading.enumerate()
        with ExitStack() as stack:
            client = ClientFactory(kind, stack)(server.url)
            before = load.run(client, emails[:warm_up], workers)
            after = load.run(client, emails[warm_up:], workers)
        assert os.listdir("/dev/fd") == descriptors
        assert set(threading.enumerate()) <= set(threads)
        seen = server.finish()

    load.check(seen)
    for email, result in load.results.items():
        # The server may close the connection before it sees the call.
        lost = issubclass(result, APIConnectionError) and not seen.accepted[email]
        fault = fault_of(email)
        expected = fault.outcome_for(kind).result if fault else SendEmailRespDto
        assert lost or result is expected, f"{email} ended as {result.__name__}"
    # The second part may open a few more connections, and trio keeps up to a thousand deadlines of ended scopes.
    assert after - before < calls + 2_500, "more than a block for each call is left"


@pytest.mark.parametrize("retry_unknown", [False, True])
def test_unknown_outcomes_are_resolved_and_no_mailbox_gets_two_emails(
    make_client: ClientFactory, retry_unknown: bool, thorough: bool, seed: int
) -> None:
    emails = [f"{number}@example.com" for number in range(2_500 if thorough else 250)]
    load = Load(emails)
    losses = {
        name: reaction(fault)
        for name, fault in NUMBERED.items()
        if fault.outcome.delivery == "unknown" and fault.outcome.result not in (ThrottleError, APITimeoutError)
    }
    with LoadServer(losses, lost=0.2, seed=seed) as server, no_pauses():
        client = make_client(server.url, retry_unknown=retry_unknown)
        load.run(client, emails, 16)
        client.close()
        seen = server.finish()

    load.check(seen)
    assert all(seen.accepted[email] == 1 for email, result in load.results.items() if result is ThrottleError)
    assert load.known() > 0.95 if retry_unknown else load.known() < 0.9


@pytest.mark.parametrize("users", [False, True], ids=["the client's own connections", "an http_client"])
def test_a_call_beyond_the_limit_waits_until_its_timeout_and_is_not_sent(
    make_client: ClientFactory, users: bool
) -> None:
    response = threading.Event()
    held = Step(SUCCESS, before=partial(response.wait, 60))
    with RawServer(Step(SUCCESS), held) as server, ThreadPoolExecutor(2) as threads:
        options: dict[str, Any] = {"limits": httpx.Limits(max_connections=1)}
        if users:
            options = {"http_client": make_client.http_client(**options)}
        client = make_client(server.url, timeout=60, **options)
        call = partial(client.send_email, CHANNEL, "test@example.com")
        call()  # It leaves as many places as there were.
        calls = [threads.submit(call)]
        server.wait_for_end_of_script()
        calls.append(threads.submit(call))

        began = time.monotonic()
        with pytest.raises(APITimeoutError) as caught:
            client.send_email(CHANNEL, "late@example.com", timeout=0.2)
        assert time.monotonic() - began >= 0.2
        assert caught.value.delivery == "not_sent"

        response.set()
        assert [each.result(60).status_code for each in calls] == [200, 200]
        client.close()
    assert len(server.received) == 3
    assert not any(b"late@" in request for request in server.received)


@pytest.mark.parametrize(("kind", "other_threads"), [("sync", 0), ("sync", 10), ("asyncio", 10), ("aiohttp", 10)])
def test_a_client_is_used_before_and_after_a_fork(kind: str, other_threads: int, thorough: bool) -> None:
    forks = 10 if thorough else 3
    with LoadServer() as server:
        processes.run(programs.call_in_forks, kind, server.url, forks, other_threads * (10 if thorough else 1))
        seen = server.finish()
    assert set(seen.received.values()) == {1}
    # Each process has its own connection, and keeps it.
    assert other_threads or seen.connections == 1 + forks
