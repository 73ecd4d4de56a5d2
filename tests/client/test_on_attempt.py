"""`on_attempt` receives the details of each attempt, whatever its outcome."""

import logging
from contextlib import suppress
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from genauth_email import AttemptDetails, GenAuthError, ThrottleError

from tests.clients import ClientFactory, before_transport
from tests.clock import Clock
from tests.contract.facts import UNLISTED_4XX
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .helpers import BUSY, LOST, PATH, MockNetwork, after, dto, error_of, refusal, send

pytestmark = pytest.mark.usefixtures("no_pauses")

OK = httpx.Response(200, content=dto(200))
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
    "statusCode 4xx without a class": failed(UNLISTED_4XX, "APIError", "not_sent"),
    "a gateway's error": (
        [Step(http(502, b"<h1>"))],
        [NO_RESPONSE | {"http_status": 502, "error": "BadGatewayError"}],
    ),
    "a login page": (
        [Step(http(200, b"<h1>"))],
        [NO_RESPONSE | {"http_status": 200, "error": "InvalidResponseError"}],
    ),
    "no response": ([LOST], [BROKEN]),
    "no connection": ([], [BROKEN | {"delivery": "not_sent", "number": number} for number in (1, 2, 3)]),
    "retries": ([BUSY, BUSY, Step(SUCCESS)], [REFUSED, REFUSED | {"number": 2}, SUCCESSFUL | {"number": 3}]),
}


def told_of(make_client: ClientFactory, *steps: Step, **options: Any) -> list[dict[str, Any]]:
    """Return the details of each attempt of a call to a server that plays these steps. Durations are zero."""
    told: list[AttemptDetails] = []
    with RawServer(*steps, listening=bool(steps)) as server, suppress(GenAuthError):
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


@before_transport
def test_the_duration_is_the_attempts_own_in_seconds(make_client: ClientFactory, clock: Clock) -> None:
    told: list[AttemptDetails] = []
    network = MockNetwork(after(clock, 1.5, httpx.ConnectError("refused")), after(clock, 0.25, OK))
    send(network.new_client(make_client, on_attempt=told.append))
    assert [each.duration for each in told] == [1.5, 0.25]


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
    first, second = Mock(), Mock()  # A callable object is a function, too.
    client = MockNetwork().new_client(make_client, on_attempt=first)
    send(client.with_options(lang="en-US"))
    assert len(first.mock_calls) == 1
    send(client.with_options(on_attempt=second))
    send(client.with_options(on_attempt=None))
    assert (len(first.mock_calls), len(second.mock_calls)) == (1, 1)
