"""`on_attempt` receives the details of each attempt, whatever its outcome."""

import logging
from contextlib import suppress
from functools import partial
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from genauth_email import APIConnectionError, AttemptDetails, GenAuthError, ThrottleError

from tests.clients import ClientFactory, before_transport
from tests.clock import Clock
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .helpers import BUSY, LOST, PATH, MockNetwork, dto, error_of, refusal, send

pytestmark = pytest.mark.usefixtures("no_pauses")

SUCCESSFUL: dict[str, Any] = {
    "method": "POST",
    "path": PATH,
    "number": 1,
    "duration": 0.0,
    "http_status": 200,
    "status_code": 200,
    "api_code": None,
    "request_id": "r-1",
    "error": None,
    "delivery": None,
}
NO_RESPONSE = SUCCESSFUL | {"http_status": None, "status_code": None, "request_id": None, "delivery": "unknown"}
BROKEN = NO_RESPONSE | {"error": "APIConnectionError"}
REFUSED = NO_RESPONSE | {
    "http_status": 200,
    "status_code": 503,
    "error": "ServiceUnavailableError",
    "delivery": "not_sent",
}


def failed(status_code: int, error: str, delivery: str) -> tuple[list[Step], list[dict[str, Any]]]:
    """Return a failure with all possible fields, and the details that `on_attempt` should receive."""
    more = {"status_code": status_code, "api_code": 2002, "request_id": "r-2", "error": error, "delivery": delivery}
    body = dto(status_code, apiCode=2002, requestId="r-2")
    return [Step(http(200, body))], [SUCCESSFUL | more]


CASES: dict[str, tuple[list[Step], list[dict[str, Any]]]] = {
    "a success": ([Step(SUCCESS)], [SUCCESSFUL]),
    "statusCode 429": failed(429, "ThrottleError", "unknown"),
    "statusCode 500": failed(500, "ServerError", "unknown"),
    "statusCode 418": failed(418, "APIError", "not_sent"),
    "a gateway's error": (
        [Step(http(502, b"<h1>"))],
        [NO_RESPONSE | {"http_status": 502, "error": "BadGatewayError"}],
    ),
    "a login page": (
        [Step(http(200, b"<h1>"))],
        [NO_RESPONSE | {"http_status": 200, "error": "InvalidResponseError"}],
    ),
    "no response": ([LOST], [BROKEN]),
    "retries": ([BUSY, BUSY, Step(SUCCESS)], [REFUSED, REFUSED | {"number": 2}, SUCCESSFUL | {"number": 3}]),
}


def told_of(make_client: ClientFactory, *steps: Step, **options: Any) -> list[dict[str, Any]]:
    """Return the details of each attempt of a call to a server that plays these steps. Durations are zero."""
    told: list[AttemptDetails] = []
    with RawServer(*steps) as server, suppress(GenAuthError):
        send(make_client(server.url, on_attempt=told.append, **options))
    assert all(0 < each.duration < 60 for each in told)
    return [each._asdict() | {"duration": 0.0} for each in told]


@pytest.mark.parametrize(("steps", "told"), CASES.values(), ids=CASES)
def test_each_attempt_is_reported(make_client: ClientFactory, steps: list[Step], told: list[dict[str, Any]]) -> None:
    assert told_of(make_client, *steps) == told


def test_after_an_unknown_outcome_a_refusal_is_unknown_too(make_client: ClientFactory) -> None:
    first, second = told_of(make_client, LOST, refusal(429, {}), retry_unknown=True)
    assert first == BROKEN
    assert (second["number"], second["error"], second["delivery"]) == (2, "ThrottleError", "unknown")


def test_a_refused_connection_is_reported(make_client: ClientFactory) -> None:
    told: list[AttemptDetails] = []
    with RawServer(listening=False) as server:
        error_of(make_client(server.url, on_attempt=told.append, max_retries=1), APIConnectionError)
    assert [each._asdict() | {"duration": 0.0} for each in told] == [
        BROKEN | {"delivery": "not_sent", "number": number} for number in (1, 2)
    ]


@before_transport
def test_the_duration_is_the_attempts_own_in_seconds(make_client: ClientFactory, clock: Clock) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        clock.advance(1.5)
        return httpx.Response(200, content=dto(200))

    told: list[AttemptDetails] = []
    send(MockNetwork(respond).new_client(make_client, on_attempt=told.append))
    assert [each.duration for each in told] == [1.5]


@before_transport
def test_the_details_contain_no_secret(make_client: ClientFactory) -> None:
    told: list[AttemptDetails] = []
    secret = "s3cret test@example.com"
    network = MockNetwork(httpx.Response(200, content=dto(500, message=secret, requestId=secret)))
    error_of(network.new_client(make_client, on_attempt=told.append, access_token="s3cret"))
    assert told[0].request_id == "***"
    assert "s3cret" not in repr(told)
    assert "test@" not in repr(told)


@before_transport
def test_an_exception_in_the_function_is_logged_and_the_call_continues(
    make_client: ClientFactory, mock_server: MockServer, caplog: pytest.LogCaptureFixture
) -> None:
    def on_attempt(details: AttemptDetails) -> None:
        raise LookupError(details.path)

    client = make_client(mock_server.url, on_attempt=on_attempt)
    assert send(client).status_code == 200
    error_of(client, ThrottleError)
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in records] == ["on_attempt raised an exception"] * 2
    assert all(record.exc_info and record.exc_info[0] is LookupError for record in records)


@before_transport
def test_a_derived_client_can_keep_replace_or_drop_the_function(make_client: ClientFactory) -> None:
    first: list[AttemptDetails] = []
    second: list[AttemptDetails] = []
    client = MockNetwork().new_client(make_client, on_attempt=first.append)
    send(client.with_options(lang="en-US"))
    assert len(first) == 1
    send(client.with_options(on_attempt=second.append))
    send(client.with_options(on_attempt=None))
    assert (len(first), len(second)) == (1, 1)


class AsyncHook:
    async def __call__(self, details: object) -> None:
        raise AssertionError("it is never awaited")

    async def method(self, details: object) -> None:
        await self(details)


ASYNC_HOOKS = [AsyncHook(), AsyncHook().method, partial(AsyncHook().method), AsyncMock()]


@before_transport
@pytest.mark.parametrize("value", ["print", 1, *ASYNC_HOOKS], ids=lambda value: type(value).__name__)
def test_a_value_that_is_not_callable_or_is_async_is_refused(make_client: ClientFactory, value: Any) -> None:
    for take in (make_client, make_client().with_options):
        with pytest.raises(TypeError, match=r"^on_attempt must be a function, and not an async one, not "):
            take(on_attempt=value)


@before_transport
def test_a_callable_object_is_accepted(make_client: ClientFactory) -> None:
    class Hook:
        details: AttemptDetails

        def __call__(self, details: AttemptDetails) -> None:
            self.details = details

    hook = Hook()
    send(MockNetwork().new_client(make_client, on_attempt=hook))
    assert hook.details.number == 1
