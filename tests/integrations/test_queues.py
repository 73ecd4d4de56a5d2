"""Our errors travel from a worker to the caller with their class and all attributes.

tests/examples covers Celery.
"""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest
from genauth_email import AsyncAuthenticationClient, AuthenticationClient, ThrottleError
from taskiq import InMemoryBroker, TaskiqResult
from taskiq.abc.serializer import TaskiqSerializer
from taskiq.serializers import JSONSerializer, PickleSerializer

from tests.contract.facts import CHANNEL
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
