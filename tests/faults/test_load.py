"""Many calls at once: each ends with its own response, none is carried out twice, and nothing leaks."""

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from random import Random, SystemRandom
from typing import Any

import anyio
import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    APITimeoutError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    GenAuthError,
    SendEmailRespDto,
    ThrottleError,
)

from tests import processes
from tests.clients import KINDS, LOOPS, ClientFactory, limit_connections, no_pauses, on_httpx, options_of
from tests.contract.facts import CHANNEL
from tests.servers.load import BEHAVIOURS, LoadServer, Seen
from tests.servers.raw import SUCCESS, RawServer, Step

from . import programs

# The secrets watch would take most of the time. It sees the same behaviours in other tests.
pytestmark = pytest.mark.usefixtures("unwatched")


class Load:
    """Calls, one for each email, and their results.

    Attributes:
        memory: The number of Python's memory blocks after each part of the calls. tracemalloc would show more, but make
            calls three times as slow.
    """

    def __init__(self, *parts: list[str]) -> None:
        self.memory: list[int] = []
        self._parts = parts
        # Allocated before memory is measured.
        emails = [email for part in parts for email in part]
        self.outcomes: dict[str, type[object]] = dict.fromkeys(emails, object)
        self._deliveries: dict[str, str | None] = dict.fromkeys(emails)

    def run(self, kind: str, url: str, workers: int, **options: Any) -> None:
        if kind == "sync":
            self._run_in_threads(url, workers, options)
        else:
            options |= options_of(kind)
            anyio.run(self._run_in_tasks, url, workers, options, backend=LOOPS[kind])

    def _run_in_threads(self, url: str, workers: int, options: dict[str, Any]) -> None:
        with AuthenticationClient("app123", url, **options) as client:

            def work(emails: Iterator[str]) -> None:
                for email in emails:
                    with self._noting(email):
                        assert client.send_email(CHANNEL, email, timeout=_timeout(email)).message == email

            for part in self._parts:
                emails = iter(part)
                with ThreadPoolExecutor(workers) as threads:
                    for future in [threads.submit(work, emails) for _ in range(workers)]:
                        future.result()
                self._measure()

    async def _run_in_tasks(self, url: str, workers: int, options: dict[str, Any]) -> None:
        before = anyio.get_running_tasks()
        async with AsyncAuthenticationClient("app123", url, **options) as client:

            async def work(emails: Iterator[str]) -> None:
                for email in emails:
                    with self._noting(email):
                        assert (await client.send_email(CHANNEL, email, timeout=_timeout(email))).message == email

            for part in self._parts:
                emails = iter(part)
                async with anyio.create_task_group() as tasks:
                    for _ in range(workers):
                        tasks.start_soon(work, emails)
                self._measure()
        assert anyio.get_running_tasks() == before

    @contextmanager
    def _noting(self, email: str) -> Generator[None]:
        try:
            yield
            self.outcomes[email] = SendEmailRespDto
        except GenAuthError as error:
            self.outcomes[email] = type(error)
            self._deliveries[email] = error.delivery

    def _measure(self) -> None:
        gc.collect()
        self.memory.append(sys.getallocatedblocks())

    def check(self, seen: Seen) -> None:
        assert seen.open == 0
        for email, outcome in self.outcomes.items():
            accepted = seen.accepted.get(email, 0)
            assert accepted <= 1, f"{email} was carried out twice"
            if outcome is SendEmailRespDto:
                assert accepted == 1, f"{email} was not carried out"
            if self._deliveries[email] == "not_sent":
                assert accepted == 0, f"{email} was carried out"

    def known(self) -> float:
        """The share of calls whose caller knows whether they were carried out."""
        known = [
            outcome in (SendEmailRespDto, ThrottleError) or self._deliveries[email] == "not_sent"
            for email, outcome in self.outcomes.items()
        ]
        return sum(known) / len(known)


def _timeout(email: str) -> float:
    return 0.1 if "@silence" in email else 60


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
    calls, workers = (3_000, 100) if thorough else (600, 20)
    weights = [behaviour.weight for behaviour in BEHAVIOURS.values()]
    drawn = Random(seed).choices(list(BEHAVIOURS), weights, k=calls)
    emails = [f"{number}@{behaviour}.example.com" for number, behaviour in enumerate(drawn)]
    warm_up = calls // 4
    load = Load(emails[:warm_up], emails[warm_up:])
    with LoadServer(dropped=0.02, seed=seed) as server, no_pauses():
        descriptors, threads = os.listdir("/dev/fd"), threading.enumerate()
        load.run(kind, server.url, 16 if kind == "sync" else workers)
        assert os.listdir("/dev/fd") == descriptors
        assert set(threading.enumerate()) <= set(threads)
        seen = server.finish()

    load.check(seen)
    for behaviour, (email, outcome) in zip(drawn, load.outcomes.items(), strict=True):
        # The server may close the connection before it sees the call.
        lost = issubclass(outcome, APIConnectionError) and not seen.accepted.get(email)
        assert lost or outcome is BEHAVIOURS[behaviour].outcome, f"{email} ended as {outcome.__name__}"
    # trio keeps up to a thousand deadlines of ended scopes.
    spare = 2_500 if kind == "trio" else 0
    assert load.memory[1] - load.memory[0] < calls + spare, "more than a block for each call is left"


@pytest.mark.parametrize("retry_unknown", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_unknown_outcomes_are_resolved_and_no_mailbox_gets_two_emails(
    kind: str, retry_unknown: bool, thorough: bool, seed: int
) -> None:
    load = Load([f"{number}@success.example.com" for number in range(2_500 if thorough else 250)])
    with LoadServer(lost=0.2, seed=seed) as server, no_pauses():
        load.run(kind, server.url, 16, retry_unknown=retry_unknown)
        seen = server.finish()

    load.check(seen)
    assert all(seen.accepted[email] == 1 for email, outcome in load.outcomes.items() if outcome is ThrottleError)
    assert load.known() > 0.95 if retry_unknown else load.known() < 0.9


@pytest.mark.parametrize("size", [1, 100], ids=["one connection", "the client's own connections"])
def test_a_call_beyond_the_limit_waits_until_its_timeout_and_is_not_sent(make_client: ClientFactory, size: int) -> None:
    arrived, response = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        arrived.release()
        response.wait(60)

    with (
        RawServer(Step(SUCCESS), *[Step(SUCCESS, before=hold)] * size) as server,
        ThreadPoolExecutor(size + 1) as threads,
        ExitStack() as stack,
    ):
        stack.callback(response.set)
        limits = httpx.Limits(max_connections=size)
        options: dict[str, Any] = {"http_client": make_client.http_client(limits=limits)} if size == 1 else {}
        if size == 100 and make_client.kind == "sync":
            options = {"limits": limits}  # It has no limit by default.
        client = make_client(server.url, timeout=60, **options)
        call = partial(client.send_email, CHANNEL, "test@example.com")
        call()  # It leaves as many places as there were.
        calls = [threads.submit(call) for _ in range(size)]
        for _ in calls:
            assert arrived.acquire(timeout=60)
        calls.append(threads.submit(call))

        began = time.monotonic()
        with pytest.raises(APITimeoutError) as caught:
            client.send_email(CHANNEL, "late@example.com", timeout=0.2)
        assert time.monotonic() - began >= 0.2
        assert caught.value.delivery == "not_sent"

        response.set()
        assert [each.result(60).status_code for each in calls] == [200] * (size + 1)
        client.close()
    assert len(server.received) == size + 2
    assert not any(b"late@" in request for request in server.received)


def test_a_sync_client_opens_as_many_connections_as_threads() -> None:
    threads = 150
    all_there = threading.Barrier(threads)
    with (
        RawServer(*[Step(SUCCESS, before=partial(all_there.wait, 60))] * threads) as server,
        AuthenticationClient("app123", server.url, timeout=60) as client,
        ThreadPoolExecutor(threads) as pool,
    ):
        calls = [pool.submit(client.send_email, CHANNEL, f"{number}@example.com") for number in range(threads)]
        assert all(each.result().status_code == 200 for each in calls)
        # It keeps one hundred of them.
        server.wait_for_open(100)
        client.send_email(CHANNEL, "test@example.com")
        assert server.connections == threads


# aiohttp's limit does not count idle connections.
@on_httpx
def test_idle_and_used_connections_together_do_not_exceed_the_limit(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_connections(monkeypatch, 3)
    with RawServer() as first, RawServer() as second, ThreadPoolExecutor(3) as threads:
        client = make_client(first.url)
        for server in (first, second, first):
            send = partial(client.with_options(app_host=server.url).send_email, CHANNEL, "test@example.com")
            for call in [threads.submit(send) for _ in range(3)]:
                call.result()
            other = second if server is first else first
            other.wait_for_open(3 - server.open)


def test_callers_take_turns_if_connections_are_too_few(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_connections(monkeypatch, 1)
    calls, start = [0, 0], threading.Barrier(2)

    def work(caller: int) -> None:
        start.wait()
        while max(calls) < 60:
            client.send_email(CHANNEL, "test@example.com")
            calls[caller] += 1

    with RawServer() as server, ThreadPoolExecutor() as threads:
        client = make_client(server.url)
        for future in [threads.submit(work, caller) for caller in range(2)]:
            future.result()
        client.close()
    # No caller waits while another calls again and again.
    assert min(calls) > 10


# An async client does not survive a fork, because its event loop does not.
@pytest.mark.parametrize("other_threads", [0, 100])
def test_a_client_is_used_before_and_after_a_fork(other_threads: int, thorough: bool) -> None:
    forks = 10 if thorough else 3
    with LoadServer() as server:
        processes.run(programs.call_in_forks, server.url, forks, other_threads if thorough else other_threads // 10)
        seen = server.finish()
    assert set(seen.received.values()) == {1}
    # Each process has its own connection, and keeps it.
    assert other_threads or seen.connections == 1 + forks
