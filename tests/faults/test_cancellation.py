"""A call that is cancelled or interrupted by Ctrl-C closes its connection, and the next one works."""

import asyncio
import gc
import logging
import signal
import ssl
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from socket import create_connection
from typing import Any, Literal

import anyio
import httpx
import pytest
from anyio.abc import TaskStatus
from genauth_email import AsyncAuthenticationClient, AuthenticationClient
from genauth_email.types import AttemptDetails

from tests.clients import limit_connections
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step, http

Pool = Literal["the client's own connections", "an http_client"]
POOLS: tuple[Pool, ...] = ("the client's own connections", "an http_client")
WAYS = [
    ("asyncio", "a cancel scope"),
    ("trio", "a cancel scope"),
    ("asyncio", "Task.cancel"),
]
HELD = Step(at_once=True, reading="nothing", then="hold")
LAST = SUCCESS.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
EMAIL = "test@example.com"


@dataclass(frozen=True)
class Stage:
    """A point at which a call is given up.

    Attributes:
        step: The last step that is logged before it.
        script: The server's actions until then.
        url: The client's `app_host`.
        email: The recipient.
        kept: How many connections the call has returned, so that they are kept for the next.
        pools: The pools that close the connection.
    """

    step: str
    script: tuple[Step, ...] = ()
    url: str = "http://{}:{}"
    email: str = EMAIL
    kept: int = 0
    pools: tuple[Pool, ...] = POOLS


released = threading.Event()
STAGES = {
    "connecting": Stage("connect_tcp.started"),
    "shaking hands": Stage(
        "start_tls.started",
        (Step(reading="nothing", then="hold"),),
        "https://{}:{}",
        # In an http_client, the garbage collector closes the connection, because httpcore forgets it.
        pools=POOLS[:1],
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
        "attempt.complete",
        (Step(http(200, b'{"statusCode": 503, "message": ""}', {"retry-after": "9"})),),
        kept=1,
    ),
}
CASES = [pytest.param(stage, pool, id=f"{name}-{pool}") for name, stage in STAGES.items() for pool in stage.pools]


class Steps(logging.Handler):
    """Records the steps of calls, as httpcore logs them, and the ends of attempts."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self._step: str | int | None = None
        self._action: Callable[[], object] = self.names.clear

    def emit(self, record: logging.LogRecord) -> None:
        self.note(record.getMessage().split()[0])

    def note_attempt(self, _: AttemptDetails) -> None:
        """Use this as a client's `on_attempt`. The pause before a retry comes after it."""
        self.note("attempt.complete")

    def note(self, name: str) -> None:
        self.names.append(name)
        if self._step in (name, len(self.names) - 1):
            self._action()

    @contextmanager
    def at(self, step: str | int, action: Callable[[], object]) -> Generator[None]:
        """Call `action` at a step, given by its name or counted from now."""
        self.names.clear()
        self._step, self._action = step, action
        try:
            yield
        finally:
            self._step = None


@pytest.fixture
def steps(caplog: pytest.LogCaptureFixture) -> Generator[Steps]:
    steps = Steps()
    with ExitStack() as stack:
        logger = logging.getLogger("httpcore")
        stack.enter_context(caplog.at_level(logging.DEBUG, logger.name))
        logger.addHandler(steps)
        stack.callback(logger.removeHandler, steps)
        yield steps


@pytest.fixture(autouse=True)
def room_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow one connection, so a call that does not return it leaves none for the next."""
    limit_connections(monkeypatch, 1)


@contextmanager
def server_at(stage: Stage) -> Generator[RawServer]:
    """Yield a server that holds a call at that stage."""
    released.clear()
    with (
        RawServer(*stage.script, listening=stage.step != "connect_tcp.started") as server,
        ExitStack() as stack,
    ):
        stack.callback(released.set)
        if stage.step == "connect_tcp.started":
            server.listener.listen(0)
            stack.enter_context(create_connection(server.address))  # This takes the only place in the queue.
        yield server


@asynccontextmanager
async def async_client(pool: Pool, app_host: str) -> AsyncGenerator[AsyncAuthenticationClient]:
    options: dict[str, Any] = {"app_id": "app123", "app_host": app_host, "timeout": 60}
    if pool == "an http_client":
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(limits=limits, trust_env=False, verify=False) as http_client:
            yield AsyncAuthenticationClient(**options, http_client=http_client)
    else:
        async with AsyncAuthenticationClient(**options) as client:
            yield client


async def run(
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


@pytest.mark.parametrize(("stage", "pool"), CASES)
@pytest.mark.parametrize(("backend", "way"), WAYS)
def test_a_call_can_be_cancelled_at_any_stage(backend: str, way: str, stage: Stage, pool: Pool, steps: Steps) -> None:
    async def main() -> None:
        async with async_client(pool, stage.url.format(*server.address)) as client:
            noted = client.with_options(on_attempt=steps.note_attempt)
            async with anyio.create_task_group() as tasks:
                cancel = await tasks.start(run, way, partial(noted.send_email, CHANNEL, stage.email))
                with anyio.fail_after(30):
                    await anyio.to_thread.run_sync(server.wait_for_end_of_script)
                    while steps.names[-1:] != [stage.step]:
                        await anyio.sleep(0.001)
                await anyio.wait_all_tasks_blocked()
                cancel()
            released.set()
            await anyio.to_thread.run_sync(server.wait_for_open, stage.kept)
            again = client.with_options(app_host=healthy.url, timeout=10)
            assert (await again.send_email(CHANNEL, EMAIL)).status_code == 200

    with server_at(stage) as server, RawServer() as healthy:
        anyio.run(main, backend=backend)


@pytest.mark.parametrize(("backend", "way"), WAYS)
def test_a_call_can_be_cancelled_while_it_waits_for_a_connection(backend: str, way: str) -> None:
    async def main() -> None:
        async with async_client(POOLS[0], server.url) as client, anyio.create_task_group() as tasks:
            call = partial(client.send_email, CHANNEL, EMAIL)
            tasks.start_soon(call)
            await anyio.to_thread.run_sync(server.wait_for_end_of_script)
            cancel = await tasks.start(run, way, call)
            await anyio.wait_all_tasks_blocked()
            cancel()
            await anyio.wait_all_tasks_blocked()
            response.set()
            assert (await call()).status_code == 200

    response = threading.Event()
    with RawServer(Step(SUCCESS, before=partial(response.wait, 60))) as server:
        anyio.run(main, backend=backend)
        assert len(server.received) == 2


# An http_client may lose connections here: https://github.com/encode/httpcore/issues/1093
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_many_calls_can_be_cancelled_at_once(backend: str) -> None:
    async def main() -> None:
        async with async_client(POOLS[0], server.url) as client:
            call = partial(client.send_email, CHANNEL, EMAIL)
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(call)
                await anyio.to_thread.run_sync(server.wait_for_end_of_script)
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
            await anyio.to_thread.run_sync(server.wait_for_open, 0)
            assert (await call()).status_code == 200

    with RawServer(Step(then="hold")) as server:
        anyio.run(main, backend=backend)


# An http_client loses that connection and its place forever, because of the same issue.
@pytest.mark.parametrize(("backend", "way"), WAYS)
def test_a_call_can_be_cancelled_just_as_a_connection_comes_free(backend: str, way: str, steps: Steps) -> None:
    async def main() -> None:
        async with async_client(POOLS[0], server.url) as client:
            call = partial(client.send_email, CHANNEL, EMAIL)
            with ExitStack() as stack:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(call)
                    await anyio.to_thread.run_sync(server.wait_for_end_of_script)
                    cancel = await tasks.start(run, way, call)
                    await anyio.wait_all_tasks_blocked()
                    stack.enter_context(steps.at("response_closed.complete", cancel))
                    response.set()
            assert (await client.send_email(CHANNEL, EMAIL, timeout=10)).status_code == 200

    response = threading.Event()
    with RawServer(Step(LAST, before=partial(response.wait, 60))) as server:
        anyio.run(main, backend=backend)


# An http_client loses a new connection and its place, because of the same issue.
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_call_can_be_cancelled_at_each_step(backend: str, steps: Steps, tls: ssl.SSLContext) -> None:
    async def main() -> None:
        async with async_client(POOLS[0], server.url) as client:
            call = partial(client.send_email, CHANNEL, EMAIL, timeout=10)
            await call()
            for step in range(len(steps.names)):
                with anyio.CancelScope() as scope, steps.at(step, scope.cancel):
                    await call()
                await anyio.to_thread.run_sync(server.wait_for_open, 0)
                await call()

    with RawServer(*[Step(LAST)] * 100, tls=tls) as server:
        anyio.run(main, backend=backend)


@pytest.mark.parametrize(("backend", "way"), [("asyncio", "Task.cancel"), ("asyncio", "scope"), ("trio", "scope")])
def test_a_client_closes_all_connections_even_if_closing_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, backend: str, way: str
) -> None:
    limit_connections(monkeypatch, 5)

    async def main() -> None:
        async with async_client(POOLS[0], server.url) as client:
            async with anyio.create_task_group() as tasks:
                for number in range(5):
                    tasks.start_soon(client.send_email, CHANNEL, f"{number}@example.com")
            with anyio.CancelScope() as scope:
                if way == "scope":
                    scope.cancel()
                    await client.aclose()
                else:
                    closing = asyncio.create_task(client.aclose())
                    await asyncio.sleep(0)
                    closing.cancel()
                    await asyncio.wait([closing])
            await anyio.to_thread.run_sync(server.wait_for_open, 0)

    all_there = threading.Barrier(5)
    gc.disable()  # It would close forgotten connections.
    try:
        with RawServer(*[Step(SUCCESS, before=partial(all_there.wait, 10))] * 5) as server:
            anyio.run(main, backend=backend)
    finally:
        gc.enable()


@contextmanager
def sync_client(pool: Pool, app_host: str) -> Generator[AuthenticationClient]:
    options: dict[str, Any] = {"app_id": "app123", "app_host": app_host, "timeout": 60}
    if pool == "an http_client":
        limits = httpx.Limits(max_connections=1)
        with httpx.Client(limits=limits, trust_env=False, verify=False) as http_client:
            yield AuthenticationClient(**options, http_client=http_client)
    else:
        with AuthenticationClient(**options) as client:
            yield client


@contextmanager
def interruption(when: Callable[[], bool]) -> Generator[None]:
    """Send a real signal, like Ctrl-C, as soon as `when` returns True."""
    main, over = threading.get_ident(), threading.Event()

    def interrupt() -> None:
        while not over.wait(0.01):
            if when():
                signal.pthread_kill(main, signal.SIGINT)
                return

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def ctrl_c() -> Generator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, even if the tests run in the background and would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# Python closes a socket that was connecting or in a handshake only when nothing refers to it.
@pytest.mark.filterwarnings("ignore:unclosed .*socket:ResourceWarning")
@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(("stage", "pool"), CASES)
def test_a_call_can_be_interrupted_at_any_stage(stage: Stage, pool: Pool, steps: Steps) -> None:
    def is_held() -> bool:
        server.wait_for_end_of_script()
        return steps.names[-1:] == [stage.step]

    with (
        server_at(stage) as server,
        RawServer() as healthy,
        sync_client(pool, stage.url.format(*server.address)) as client,
    ):
        with pytest.raises(KeyboardInterrupt), interruption(is_held):
            client.with_options(on_attempt=steps.note_attempt).send_email(CHANNEL, stage.email)
        released.set()
        server.wait_for_open(stage.kept)
        again = client.with_options(app_host=healthy.url, timeout=10)
        assert again.send_email(CHANNEL, EMAIL).status_code == 200


@pytest.mark.usefixtures("ctrl_c")
def test_a_call_can_be_interrupted_while_it_waits_for_a_connection() -> None:
    response = threading.Event()
    with (
        RawServer(Step(SUCCESS, before=partial(response.wait, 60))) as server,
        sync_client(POOLS[0], server.url) as client,
        ThreadPoolExecutor() as threads,
    ):
        call = partial(client.send_email, CHANNEL, EMAIL)
        first = threads.submit(call)
        server.wait_for_end_of_script()
        # Nothing shows that it waits. An earlier interruption is a valid test too.
        with pytest.raises(KeyboardInterrupt), interruption(lambda: True):
            call()
        response.set()
        assert first.result().status_code == call().status_code == 200
        assert len(server.received) == 2


@pytest.mark.filterwarnings("ignore:unclosed .*socket:ResourceWarning")  # As above.
@pytest.mark.usefixtures("ctrl_c")
def test_a_call_can_be_interrupted_at_each_step(steps: Steps, tls: ssl.SSLContext) -> None:
    with (
        RawServer(*[Step(LAST)] * 100, tls=tls) as server,
        sync_client(POOLS[0], server.url) as client,
    ):
        call = partial(client.send_email, CHANNEL, EMAIL, timeout=10)
        interrupt = partial(signal.raise_signal, signal.SIGINT)
        call()
        for step in range(len(steps.names)):
            with pytest.raises(KeyboardInterrupt), steps.at(step, interrupt):
                call()
            server.wait_for_open(0)
            call()
