"""Many calls at once: each ends with its own response, none is carried out twice, and nothing is left."""

import gc
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
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

from tests.clients import KINDS, LOOPS, ClientFactory, limit_connections, no_pauses, on_httpx, options_of
from tests.contract.facts import CHANNEL, ROOT
from tests.servers.load import BEHAVIOURS, LoadServer, Seen
from tests.servers.raw import SUCCESS, RawServer, Step

from .load_fork import FORKS

CALLS = 2_500  # of each kind of client
WARM_UP = 1_000


def allocated_blocks() -> int:
    """How many blocks of memory Python has. tracemalloc would tell more, and make calls take three times as long."""
    gc.collect()
    return sys.getallocatedblocks()


class Load:
    """The calls, drawn from a seed, and how each ended."""

    def __init__(self, seed: int) -> None:
        chance = Random(seed)
        weights = [behaviour.weight for behaviour in BEHAVIOURS.values()]
        self.behaviours = chance.choices(list(BEHAVIOURS), weights, k=CALLS)
        # Made before memory is measured.
        self.emails = [f"{number}@{name}.example.com" for number, name in enumerate(self.behaviours)]
        self.outcomes: list[type[object]] = [object] * CALLS
        self.deliveries: list[str | None] = [None] * CALLS
        self._memory: list[int] = []

    def arguments(self, number: int) -> dict[str, Any]:
        silence = self.behaviours[number].startswith("silence")
        return {
            "channel": CHANNEL,
            "email": self.emails[number],
            "timeout": 0.1 if silence else 60,
        }

    def succeeded(self, number: int, response: SendEmailRespDto) -> None:
        assert response.message == self.emails[number], "the response to another call"
        self.outcomes[number] = SendEmailRespDto

    def failed(self, number: int, error: GenAuthError) -> None:
        self.outcomes[number] = type(error)
        self.deliveries[number] = error.delivery

    def measure(self) -> None:
        self._memory.append(allocated_blocks())

    @property
    def growth(self) -> int:
        """Blocks of memory from the first time that they were counted to the last."""
        return self._memory[-1] - self._memory[0]

    def check(self, seen: Seen) -> None:
        assert set(self.outcomes) == {behaviour.outcome for behaviour in BEHAVIOURS.values() if behaviour.weight}
        for email, name, outcome, delivery in zip(
            self.emails, self.behaviours, self.outcomes, self.deliveries, strict=True
        ):
            accepted = seen.accepted.get(email, 0)
            assert accepted <= 1, f"{email} was carried out twice"
            if outcome is SendEmailRespDto:
                assert accepted == 1, f"{email} was not carried out"
            if delivery == "not_sent":
                assert accepted == 0, f"{email} was carried out"
            # The server may close the connection before it sees the call.
            lost = issubclass(outcome, APIConnectionError) and not accepted
            assert lost or outcome is BEHAVIOURS[name].outcome, f"{email} ended as {outcome.__name__}"


def sixteen_threads(url: str, load: Load) -> None:
    with AuthenticationClient("app123", url) as client:

        def work(numbers: Iterator[int]) -> None:
            for number in numbers:
                try:
                    load.succeeded(number, client.send_email(**load.arguments(number)))
                except GenAuthError as error:
                    load.failed(number, error)

        for numbers in iter(range(WARM_UP)), iter(range(WARM_UP, CALLS)):
            with ThreadPoolExecutor(16) as threads:
                for future in [threads.submit(work, numbers) for _ in range(16)]:
                    future.result()
            load.measure()


async def five_hundred_tasks(url: str, load: Load, kind: str) -> None:
    before = anyio.get_running_tasks()
    async with AsyncAuthenticationClient("app123", url, **options_of(kind)) as client:

        async def work(numbers: Iterator[int]) -> None:
            for number in numbers:
                try:
                    load.succeeded(number, await client.send_email(**load.arguments(number)))
                except GenAuthError as error:
                    load.failed(number, error)

        for numbers in iter(range(WARM_UP)), iter(range(WARM_UP, CALLS)):
            async with anyio.create_task_group() as tasks:
                for _ in range(500):
                    tasks.start_soon(work, numbers)
            load.measure()
    assert anyio.get_running_tasks() == before


@pytest.fixture
def no_logging() -> Generator[None]:
    """pytest would keep all that is logged, until the end of the test."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


# The twins of `connect` have one caller. Here, many threads or tasks share a client.
@pytest.mark.usefixtures("no_logging")
@pytest.mark.parametrize("kind", KINDS)
def test_of_many_calls_to_a_faulty_server_each_ends_and_none_is_carried_out_twice(kind: str) -> None:
    seed = int(os.environ.get("LOAD_SEED", SystemRandom().randrange(10**6)))
    print(f"\n{kind}, LOAD_SEED={seed}: ", end="")
    load = Load(seed)
    with LoadServer(dropped=0.02, seed=seed) as server, no_pauses():
        descriptors, threads = os.listdir("/dev/fd"), threading.enumerate()
        began = time.perf_counter()
        if kind == "sync":
            sixteen_threads(server.url, load)
        else:
            anyio.run(five_hundred_tasks, server.url, load, kind, backend=LOOPS[kind])
        seconds = time.perf_counter() - began
        assert os.listdir("/dev/fd") == descriptors
        assert set(threading.enumerate()) <= set(threads)
        seen = server.finish()
    print(f"{CALLS / seconds:.0f} calls/s, {seconds:.1f} s, {load.growth:+} blocks", end=", ")
    print(f"{seen.connections} connections, ", Counter(each.__name__ for each in load.outcomes))
    assert seen.open == 0
    assert load.growth < CALLS - WARM_UP, "a block for each call is left"
    load.check(seen)


class Mailing:
    """Calls to a server that loses a fifth of its responses, and how each ended."""

    def __init__(self, calls: int) -> None:
        self.emails = [f"{number}@success.example.com" for number in range(calls)]
        self.outcomes: dict[str, GenAuthError | None] = {}

    def known(self, seen: Seen) -> float:
        """Check the outcomes, and return the share of calls that end known."""
        known = 0
        for email in self.emails:
            error = self.outcomes[email]
            accepted = seen.accepted.get(email, 0)
            assert accepted <= 1, f"{email} was sent twice"
            if error is None:
                assert accepted == 1, f"{email} was not sent"
            elif error.delivery == "not_sent":
                assert accepted == 0, f"{email} was sent"
            elif isinstance(error, ThrottleError):
                assert error.__cause__ is not None
                assert accepted == 1, f"{email} was not sent"
            known += error is None or error.delivery == "not_sent" or isinstance(error, ThrottleError)
        return known / len(self.emails)


def send_all(url: str, mailing: Mailing, retry_unknown: bool) -> None:
    with AuthenticationClient("app123", url, retry_unknown=retry_unknown) as client, ThreadPoolExecutor(16) as threads:

        def send(email: str) -> None:
            try:
                client.send_email(CHANNEL, email)
                mailing.outcomes[email] = None
            except GenAuthError as error:
                mailing.outcomes[email] = error

        for each in [threads.submit(send, email) for email in mailing.emails]:
            each.result()


async def send_all_async(url: str, mailing: Mailing, retry_unknown: bool, kind: str) -> None:
    options = options_of(kind)
    async with AsyncAuthenticationClient("app123", url, retry_unknown=retry_unknown, **options) as client:
        emails = iter(mailing.emails)

        async def work() -> None:
            for email in emails:
                try:
                    await client.send_email(CHANNEL, email)
                    mailing.outcomes[email] = None
                except GenAuthError as error:
                    mailing.outcomes[email] = error

        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(work)


# Here too, many threads or tasks share a client. The four kinds make 10,000 calls with the option.
@pytest.mark.usefixtures("no_logging")
@pytest.mark.parametrize("retry_unknown", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_outcome_is_resolved_and_no_mailbox_has_two_emails(kind: str, retry_unknown: bool) -> None:
    seed = int(os.environ.get("LOAD_SEED", SystemRandom().randrange(10**6)))
    mailing = Mailing(2_500 if retry_unknown else 500)
    with LoadServer(lost=0.2, seed=seed) as server, no_pauses():
        if kind == "sync":
            send_all(server.url, mailing, retry_unknown)
        else:
            anyio.run(send_all_async, server.url, mailing, retry_unknown, kind, backend=LOOPS[kind])
        seen = server.finish()
    known = mailing.known(seen)
    print(f"\n{kind}, LOAD_SEED={seed}: {retry_unknown=}: {known:.2%} of {len(mailing.emails)} calls end known")
    assert known > 0.98 if retry_unknown else known < 0.85


@pytest.mark.parametrize("size", [1, 100], ids=["one connection", "the client's own connections"])
def test_a_call_too_many_waits_for_its_timeout_and_is_not_sent_past_it(make_client: ClientFactory, size: int) -> None:
    arrived, response = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        arrived.release()
        response.wait(60)

    with (
        RawServer(*[Step(SUCCESS, before=hold)] * size) as server,
        ThreadPoolExecutor(size + 1) as threads,
        ExitStack() as stack,
    ):
        stack.callback(response.set)
        limits = httpx.Limits(max_connections=size)
        options: dict[str, Any] = {"http_client": make_client.http_client(limits=limits)} if size == 1 else {}
        if size == 100 and make_client.kind == "sync":
            options = {"limits": limits}  # It has none by itself.
        client = make_client(server.url, timeout=60, **options)
        call = partial(client.send_email, CHANNEL, "test@example.com")
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
    assert len(server.received) == size + 1
    assert not any(b"late@" in request for request in server.received)


def test_a_sync_client_has_as_many_connections_as_threads() -> None:
    threads = 150
    all_there = threading.Barrier(threads)
    with (
        RawServer(*[Step(SUCCESS, before=partial(all_there.wait, 60))] * threads) as server,
        AuthenticationClient("app123", server.url, timeout=60) as client,
        ThreadPoolExecutor(threads) as pool,
    ):
        calls = [pool.submit(client.send_email, CHANNEL, f"{number}@example.com") for number in range(threads)]
        assert all(each.result().status_code == 200 for each in calls)
        # It keeps a hundred of them.
        server.wait_for_open(100)
        client.send_email(CHANNEL, "test@example.com")
        assert server.connections == threads


# In aiohttp's own limit, idle connections do not count.
@on_httpx
def test_idle_and_used_connections_together_are_as_many_as_are_allowed(
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


def test_callers_take_turns_on_connections_that_are_too_few(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_connections(monkeypatch, 1)
    calls, start = [0, 0], threading.Barrier(2)

    def work(caller: int) -> None:
        start.wait()
        while max(calls) < 200:
            client.send_email(CHANNEL, "test@example.com")
            calls[caller] += 1

    with RawServer() as server, ThreadPoolExecutor() as threads:
        client = make_client(server.url)
        for future in [threads.submit(work, caller) for caller in range(2)]:
            future.result()
        client.close()
    # Nobody waits while the other calls again and again.
    assert min(calls) > 20


# An async client does not outlive a fork, as its event loop does not.
@pytest.mark.parametrize("other_threads", [0, 100])
def test_a_client_is_used_before_and_after_a_fork(other_threads: int) -> None:
    with LoadServer() as server:
        command = [sys.executable, "-m", "tests.faults.load_fork", server.url, f"{other_threads}"]
        subprocess.run(command, cwd=ROOT, check=True, timeout=120)
        seen = server.finish()
    assert set(seen.received.values()) == {1}
    # Each process has its own, and keeps it.
    assert other_threads or seen.connections == 1 + FORKS
