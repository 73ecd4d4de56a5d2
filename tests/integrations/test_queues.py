"""Our errors travel from a worker to the caller with their class and all attributes."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from genauth_email import AsyncAuthenticationClient, AuthenticationClient, ThrottleError
from taskiq import InMemoryBroker, TaskiqResult
from taskiq.abc.serializer import TaskiqSerializer
from taskiq.serializers import JSONSerializer, PickleSerializer

from tests.contract.facts import CHANNEL
from tests.examples.celery_worker import check_that_errors_travel
from tests.servers import MockServer


@pytest.fixture
def throttled(mock_server: MockServer) -> str:
    """Return the URL of a server that refuses the next email."""
    mock_server.respond_next({"statusCode": 429, "message": "Too many.", "requestId": "r-1"})
    return mock_server.url


def check_error(error: ThrottleError) -> None:
    assert type(error) is ThrottleError
    assert (error.delivery, error.status_code, error.request_id) == ("unknown", 429, "r-1")
    assert "t***@example.com" in str(error)


def send_email(app_host: str) -> None:
    with AuthenticationClient("my-app", app_host) as client:
        client.send_email(CHANNEL, "test@example.com")


def test_an_error_of_a_child_process_is_raised_in_its_parent(throttled: str) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor, pytest.raises(ThrottleError) as caught:
        executor.submit(send_email, throttled).result()
    check_error(caught.value)


async def result_of_taskiq(app_host: str) -> TaskiqResult[Any]:
    broker = InMemoryBroker()

    @broker.task
    async def send_email() -> None:
        async with AsyncAuthenticationClient("my-app", app_host) as client:
            await client.send_email(CHANNEL, "test@example.com")

    await broker.startup()
    try:
        task = await send_email.kiq()
        return await task.wait_result(check_interval=0.02, timeout=120)
    finally:
        await broker.shutdown()


@pytest.mark.parametrize("serializer", [JSONSerializer(), PickleSerializer()])
def test_the_serializers_of_taskiq_keep_our_error(throttled: str, serializer: TaskiqSerializer) -> None:
    result = asyncio.run(result_of_taskiq(throttled))
    # taskiq's external result backends do this.
    copy = TaskiqResult[Any].model_validate(serializer.loadb(serializer.dumpb(result.model_dump())))
    with pytest.raises(ThrottleError) as caught:
        copy.raise_for_error()
    check_error(caught.value)


@pytest.fixture
def redis_url(tmp_path: Path) -> Generator[str]:
    if shutil.which("redis-server") is None:
        pytest.fail("This test needs redis-server. Install it, for example with: apt-get install redis-server")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            lines = []
            for line in server.stdout:
                lines.append(line)
                if "Ready to accept connections" in line:
                    break
            else:
                pytest.fail("".join(lines))
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


def test_a_worker_of_celery_on_redis_sends_our_errors_to_the_caller(
    redis_url: str, mock_server: MockServer, tmp_path: Path
) -> None:
    app = Celery(broker=redis_url, backend=redis_url, set_as_current=False)
    check_that_errors_travel(app, tmp_path, mock_server)
