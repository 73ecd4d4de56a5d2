"""`on_attempt` is told of each attempt, whatever came of it."""

import logging
from contextlib import suppress
from typing import Any

import httpx
import pytest
from genauth_email import APIConnectionError, AttemptDetails, GenAuthError, ThrottleError

from tests.clients import BlockingClient, ClientFactory, before_transport, on_httpx
from tests.clock import Clock
from tests.contract.facts import CHANNEL
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .mock import SENT, MockNetwork

pytestmark = pytest.mark.usefixtures("no_pauses")

SUCCESSFUL: dict[str, Any] = {
    "method": "POST",
    "path": "/api/v3/send-email",
    "number": 1,
    "duration": 0.0,
    "http_status": 200,
    "status_code": 200,
    "api_code": None,
    "request_id": "r-1",
    "error": None,
    "delivery": None,
}


def send(client: BlockingClient) -> Any:
    return client.send_email(CHANNEL, "test@example.com")


def played(make_client: ClientFactory, *steps: Step, **options: Any) -> list[dict[str, Any]]:
    """What is told of a call to a server that plays these steps. Durations are zeros."""
    told: list[AttemptDetails] = []
    with RawServer(*steps) as server, suppress(GenAuthError):
        send(make_client(server.url, on_attempt=told.append, **options))
    assert all(0 < each.duration < 60 for each in told)
    return [each._asdict() | {"duration": 0.0} for each in told]


def test_a_success_is_told(make_client: ClientFactory) -> None:
    assert played(make_client, Step(SUCCESS)) == [SUCCESSFUL]


@pytest.mark.parametrize(
    ("status_code", "error", "delivery"),
    [(429, "ThrottleError", "unknown"), (500, "ServerError", "unknown"), (418, "APIError", "not_sent")],
)
def test_a_failure_inside_http_200_is_told(
    make_client: ClientFactory, status_code: int, error: str, delivery: str
) -> None:
    body = f'{{"statusCode": {status_code}, "apiCode": 2002, "message": "No.", "requestId": "r-2"}}'.encode()
    failed = {"status_code": status_code, "api_code": 2002, "request_id": "r-2", "error": error, "delivery": delivery}
    assert played(make_client, Step(http(200, body))) == [SUCCESSFUL | failed]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (Step(http(502, b"<h1>")), {"http_status": 502, "error": "BadGatewayError"}),
        (Step(http(200, b"<h1>")), {"http_status": 200, "error": "InvalidResponseError"}),
        (Step(then="close"), {"http_status": None, "error": "APIConnectionError"}),
    ],
    ids=["a gateway's error", "a login page", "no response"],
)
def test_what_is_no_response_of_the_api_is_told(make_client: ClientFactory, step: Step, told: dict[str, Any]) -> None:
    absent = {"status_code": None, "request_id": None, "delivery": "unknown"}
    assert played(make_client, step) == [SUCCESSFUL | absent | told]


def test_each_retry_is_told(make_client: ClientFactory) -> None:
    busy = Step(http(200, b'{"statusCode": 503, "message": "Busy."}', {"retry-after": "0"}))
    refused = SUCCESSFUL | {
        "status_code": 503,
        "request_id": None,
        "error": "ServiceUnavailableError",
        "delivery": "not_sent",
    }
    told = played(make_client, busy, busy, Step(SUCCESS))
    assert told == [refused, refused | {"number": 2}, SUCCESSFUL | {"number": 3}]


def test_after_an_unknown_outcome_a_refusal_is_unknown_too(make_client: ClientFactory) -> None:
    throttled = Step(http(200, b'{"statusCode": 429, "message": "Too many."}'))
    first, second = played(make_client, Step(then="close"), throttled, retry_unknown=True)
    assert (first["number"], first["error"], first["delivery"]) == (1, "APIConnectionError", "unknown")
    assert (second["number"], second["error"], second["delivery"]) == (2, "ThrottleError", "unknown")


def test_a_refused_connection_is_told(make_client: ClientFactory) -> None:
    told: list[AttemptDetails] = []
    with RawServer(listening=False) as server, pytest.raises(APIConnectionError):
        send(make_client(server.url, on_attempt=told.append, max_retries=1))
    assert [(each.number, each.error, each.delivery) for each in told] == [
        (1, "APIConnectionError", "not_sent"),
        (2, "APIConnectionError", "not_sent"),
    ]


@on_httpx
def test_the_duration_is_that_of_the_attempt_in_seconds(make_client: ClientFactory, clock: Clock) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        clock.advance(1.5)
        return httpx.Response(200, json=SENT)

    told: list[AttemptDetails] = []
    send(MockNetwork(respond).new_client(make_client, on_attempt=told.append))
    assert [each.duration for each in told] == [1.5]


def test_no_secret_is_told(make_client: ClientFactory) -> None:
    told: list[AttemptDetails] = []
    body = b'{"statusCode": 500, "message": "s3cret test@example.com", "requestId": "s3cret test@example.com"}'
    with RawServer(Step(http(200, body))) as server, pytest.raises(GenAuthError):
        send(make_client(server.url, on_attempt=told.append, access_token="s3cret"))
    assert told[0].request_id == "***"
    assert "s3cret" not in repr(told)
    assert "test@" not in repr(told)


def test_an_exception_of_the_function_is_logged_and_the_call_goes_on(
    make_client: ClientFactory, mock_server: MockServer, caplog: pytest.LogCaptureFixture
) -> None:
    def on_attempt(details: AttemptDetails) -> None:
        raise LookupError(details.path)

    client = make_client(mock_server.url, on_attempt=on_attempt)
    assert send(client).status_code == 200
    with pytest.raises(ThrottleError):
        send(client)
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in records] == ["on_attempt raised an exception"] * 2
    assert all(record.exc_info and record.exc_info[0] is LookupError for record in records)


@before_transport
def test_a_derived_client_has_the_function_or_another_or_none(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    first: list[AttemptDetails] = []
    second: list[AttemptDetails] = []
    client = make_client(mock_server.url, on_attempt=first.append)
    derived = client.with_options(lang="en-US")
    derived.send_email(CHANNEL, "1@example.com")
    assert len(first) == 1
    client.with_options(on_attempt=second.append).send_email(CHANNEL, "2@example.com")
    client.with_options(on_attempt=None).send_email(CHANNEL, "3@example.com")
    assert (len(first), len(second)) == (1, 1)


async def not_a_function(details: AttemptDetails) -> None:
    raise AssertionError(details)


@before_transport
@pytest.mark.parametrize("value", ["print", not_a_function, 1])
def test_what_cannot_be_called_is_refused(make_client: ClientFactory, value: Any) -> None:
    with pytest.raises(TypeError, match="on_attempt must be a function, and not an async one, not "):
        make_client("https://example.genauth.ai", on_attempt=value)
