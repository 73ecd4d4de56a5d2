"""A call that is cancelled or interrupted by Ctrl-C closes its connection, and the next one works."""

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from socket import create_connection
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import TaskStatus

from tests.clients import BlockingClient, ClientFactory
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step, http

EMAIL = "test@example.com"
OWN, USERS = POOLS = ("the client's own connections", "an http_client")
WAYS = [("sync", "Ctrl-C"), ("asyncio", "a cancel scope"), ("trio", "a cancel scope"), ("asyncio", "Task.cancel")]
"""The kinds of clients, and how their calls are given up."""

HELD = Step(at_once=True, reading="nothing", then="hold")
released = threading.Event()


@dataclass(frozen=True)
class Stage:
    """A point at which a call is given up.

    Attributes:
        logged: The last record before it, of httpcore or ours, contains this.
        script: The server's actions until then.
        scheme: The scheme of the client's `app_host`.
        email: The recipient.
        kept: How many connections the call has returned, so that they are kept for the next.
        pools: The pools that close the connection.
    """

    logged: str
    script: tuple[Step, ...] = ()
    scheme: str = "http"
    email: str = EMAIL
    kept: int = 0
    pools: tuple[str, ...] = POOLS


STAGES = {
    "connecting": Stage("connect_tcp.started"),
    "shaking hands": Stage(
        "start_tls.started",
        (Step(reading="nothing", then="hold"),),
        "https",
        # In an http_client, the garbage collector closes the connection, because httpcore forgets it.
        pools=(OWN,),
    ),
    "sending": Stage(
        "send_request_body.started",
        (Step(reading="nothing", before=partial(released.wait, 60), then="close"),),
        # More than the buffers of two sockets can hold.
        email="x" * (32 << 20),
    ),
    "waiting for the response": Stage("receive_response_headers.started", (Step(then="hold"),)),
    "in the headers": Stage("receive_response_headers.started", (Step(SUCCESS[:40]), HELD)),
    "in the body": Stage("receive_response_body.started", (Step(SUCCESS[:-5]), HELD)),
    "waiting to try again": Stage(
        "statusCode 503", (Step(http(200, b'{"statusCode": 503, "message": ""}', {"retry-after": "9"})),), kept=1
    ),
}
CASES = [pytest.param(stage, pool, id=f"{name}-{pool}") for name, stage in STAGES.items() for pool in stage.pools]


@contextmanager
def server_at(stage: Stage) -> Generator[RawServer]:
    """Yield a server that holds a call at that stage."""
    released.clear()
    is_full = "connect" in stage.logged
    with RawServer(*stage.script, listening=not is_full) as server, ExitStack() as stack:
        stack.callback(released.set)
        if is_full:
            server.listener.listen(0)
            stack.enter_context(create_connection(server.address))  # This takes the only place in the queue.
        yield server


def give_up(client: BlockingClient, way: str, email: str, is_time: Callable[[], bool]) -> None:
    """Make a call, and give it up as soon as it is time."""
    call = partial(client.client.send_email, CHANNEL, email)
    if way == "Ctrl-C":
        with ctrl_c(is_time), pytest.raises(KeyboardInterrupt):
            call()
    else:
        client.run(cancel, way, call, is_time)


@contextmanager
def ctrl_c(is_time: Callable[[], bool]) -> Generator[None]:
    """Send a real signal, as Ctrl-C does."""
    main, over = threading.get_ident(), threading.Event()

    def interrupt() -> None:
        while not over.wait(0.01):
            if is_time():
                signal.pthread_kill(main, signal.SIGINT)
                return

    # A program that runs in the background, as tests may, would ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGINT, before)


async def cancel(way: str, call: Callable[[], Awaitable[object]], is_time: Callable[[], bool]) -> None:
    async with anyio.create_task_group() as tasks:
        cancel = await tasks.start(cancelled, way, call)
        with anyio.fail_after(30):
            while not await anyio.to_thread.run_sync(is_time):
                await anyio.sleep(0.001)
        await anyio.wait_all_tasks_blocked()
        cancel()


async def cancelled(
    way: str, call: Callable[[], Awaitable[object]], *, task_status: TaskStatus[Callable[[], object]]
) -> None:
    """Make a call that will be cancelled. Report the function that does so as the task's start value."""
    if way == "a cancel scope":
        with anyio.CancelScope() as scope:
            task_status.started(scope.cancel)
            await call()
        assert scope.cancelled_caught
    else:
        task = asyncio.ensure_future(call())
        task_status.started(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task


# Python closes a socket that was connecting or in a handshake only when nothing refers to it.
@pytest.mark.filterwarnings("ignore:unclosed .*socket:ResourceWarning")
@pytest.mark.parametrize(("stage", "pool"), CASES)
@pytest.mark.parametrize(("make_client", "way"), WAYS, indirect=["make_client"])
def test_a_call_can_be_given_up_at_any_stage(
    make_client: ClientFactory, way: str, stage: Stage, pool: str, caplog: pytest.LogCaptureFixture
) -> None:
    def is_at_stage() -> bool:
        server.wait_for_end_of_script()
        return any(stage.logged in message for message in caplog.messages[-1:])

    caplog.set_level(logging.DEBUG, "httpcore")
    caplog.set_level(logging.DEBUG, "genauth_email")
    # A call that does not return its connection leaves none for the next.
    limits = httpx.Limits(max_connections=1)
    options: dict[str, Any] = (
        {"http_client": make_client.http_client(limits=limits)} if pool == USERS else {"limits": limits}
    )
    with server_at(stage) as server, RawServer() as healthy:
        url = "{}://{}:{}".format(stage.scheme, *server.address)
        client = make_client(url, timeout=60, **options)
        give_up(client, way, stage.email, is_at_stage)
        released.set()
        server.wait_for_open(stage.kept)
        again = client.with_options(app_host=healthy.url, timeout=10)
        assert again.send_email(CHANNEL, EMAIL).status_code == 200


@pytest.mark.parametrize(("make_client", "way"), WAYS, indirect=["make_client"])
def test_a_call_can_be_given_up_while_it_waits_for_a_connection(make_client: ClientFactory, way: str) -> None:
    response = threading.Event()
    with RawServer(Step(SUCCESS, before=partial(response.wait, 60))) as server, ThreadPoolExecutor() as threads:
        client = make_client(server.url, timeout=60, limits=httpx.Limits(max_connections=1))
        first = threads.submit(client.send_email, CHANNEL, EMAIL)
        server.wait_for_end_of_script()
        # Nothing shows that a sync call waits. An earlier interruption is a valid test too.
        give_up(client, way, EMAIL, lambda: True)
        response.set()
        assert first.result().status_code == client.send_email(CHANNEL, EMAIL).status_code == 200
        assert len(server.received) == 2
