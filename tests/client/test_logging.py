"""What a call logs."""

import logging
import re
from typing import Any

import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    APITimeoutError,
    Channel,
    GenAuthError,
    SendEmailDto,
    ServiceUnavailableError,
    ThrottleError,
)
from genauth_email.api.email import send_email
from genauth_email.types import Request

from tests.clients import BlockingClient, ClientFactory, on_httpx
from tests.clock import Clock
from tests.contract.facts import CHANNEL, SCHEMAS
from tests.servers import MockServer
from tests.servers.raw import RawServer, Step, http

from .mock import SENT, MockNetwork

ASKED = f"POST {{url}}/api/v3/send-email SendEmailDto(channel={CHANNEL}, email=t***@example.com)"
STATUS_CODES = SCHEMAS["StatusCode"]["x-enumDescriptions"]
OK, THROTTLED, BUSY = (f"statusCode {code} ({STATUS_CODES[code].rstrip('.')})" for code in ("200", "429", "503"))
REFUSAL = http(200, b'{"statusCode": 503, "message": "Busy."}', {"retry-after": "0"})


pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.fixture
def debug(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="genauth_email")
    return caplog


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and text of each of our records, without how long it took."""
    return [
        (record.levelname, re.sub(r"in \d+ ms$", "in N ms", record.getMessage()))
        for record in caplog.records
        if record.name.startswith("genauth_email")
    ]


def send(client: BlockingClient) -> Any:
    return client.send_email(CHANNEL, "test@example.com")


def test_an_attempt_is_one_line(
    make_client: ClientFactory, mock_server: MockServer, debug: pytest.LogCaptureFixture
) -> None:
    response = send(make_client(mock_server.url))

    asked = ASKED.format(url=mock_server.url)
    assert lines(debug) == [("DEBUG", f"{asked}: HTTP 200, {OK}, request id {response.request_id}, in N ms")]


def test_an_endpoint_functions_attempt_is_the_same_line(
    make_client: ClientFactory, mock_server: MockServer, debug: pytest.LogCaptureFixture
) -> None:
    body = SendEmailDto(channel=Channel(CHANNEL), email="test@example.com")
    response = make_client(mock_server.url).call(send_email, body=body)

    asked = ASKED.format(url=mock_server.url)
    assert lines(debug) == [("DEBUG", f"{asked}: HTTP 200, {OK}, request id {response.request_id}, in N ms")]


def test_a_failure_of_the_api_is_logged_with_its_code(
    make_client: ClientFactory, mock_server: MockServer, debug: pytest.LogCaptureFixture
) -> None:
    client = make_client(mock_server.url)
    send(client)
    debug.clear()
    with pytest.raises(ThrottleError):
        send(client)

    asked = ASKED.format(url=mock_server.url)
    assert lines(debug) == [("DEBUG", f"{asked}: HTTP 200, {THROTTLED}, in N ms")]


@pytest.mark.parametrize("http_status", [200, 302, 404, 502])
def test_a_response_that_is_not_a_dto_is_logged_as_such(
    make_client: ClientFactory, mock_server: MockServer, debug: pytest.LogCaptureFixture, http_status: int
) -> None:
    mock_server.respond_next(b"<h1>Hello</h1>", http_status=http_status, validate=False)
    with pytest.raises(GenAuthError):
        send(make_client(mock_server.url))

    asked = ASKED.format(url=mock_server.url)
    assert lines(debug) == [("DEBUG", f"{asked}: HTTP {http_status}, not a SendEmailRespDto, in N ms")]


def test_an_attempt_without_a_response_is_logged_with_its_reason(
    make_client: ClientFactory, debug: pytest.LogCaptureFixture
) -> None:
    with RawServer(Step(then="close")) as server, pytest.raises(APIConnectionError):
        send(make_client(server.url))

    asked = ASKED.format(url=server.url)
    reason = "RemoteProtocolError: Server disconnected"
    if make_client.kind != "aiohttp":
        reason += " without sending a response."
    assert lines(debug) == [("DEBUG", f"{asked}: {reason}, in N ms")]


def test_an_attempt_that_timed_out_is_logged_with_its_reason(
    make_client: ClientFactory, debug: pytest.LogCaptureFixture
) -> None:
    with RawServer(Step(then="hold")) as server, pytest.raises(APITimeoutError):
        send(make_client(server.url, timeout=httpx.Timeout(10, read=0.05)))

    ((level, line),) = lines(debug)
    assert level == "DEBUG"
    assert line.startswith(f"{ASKED.format(url=server.url)}: ReadTimeout")


@on_httpx
def test_each_retry_is_a_warning_with_the_reason_for_it(
    make_client: ClientFactory, debug: pytest.LogCaptureFixture
) -> None:
    outcomes = iter([httpx.ConnectError("no route"), httpx.PoolTimeout("pool is full")])

    def response(request: httpx.Request) -> httpx.Response:
        if error := next(outcomes, None):
            raise error
        return httpx.Response(200, json={**SENT, "requestId": "r-1"})

    send(MockNetwork(response).new_client(make_client, "http://127.0.0.1"))

    asked = ASKED.format(url="http://127.0.0.1")
    assert lines(debug) == [
        ("DEBUG", f"{asked}: ConnectError: no route, in N ms"),
        ("WARNING", f"{asked}: retrying after: ConnectError: no route"),
        ("DEBUG", f"{asked}: PoolTimeout: pool is full, in N ms"),
        ("WARNING", f"{asked}: retrying after: PoolTimeout: pool is full"),
        ("DEBUG", f"{asked}: HTTP 200, {OK}, request id r-1, in N ms"),
    ]


def test_a_retry_that_is_not_made_is_no_warning(make_client: ClientFactory, debug: pytest.LogCaptureFixture) -> None:
    with RawServer(*[Step(REFUSAL)] * 3) as server:
        client = make_client(server.url, max_retries=2)
        with pytest.raises(ServiceUnavailableError):
            send(client)
        client.close()
        assert len(server.finish()) == 3

    asked = ASKED.format(url=server.url)
    attempt = ("DEBUG", f"{asked}: HTTP 200, {BUSY}, in N ms")
    retry = ("WARNING", f"{asked}: retrying after: {BUSY}")
    assert lines(debug) == [attempt, retry, attempt, retry, attempt]


def test_a_call_that_is_not_retried_says_nothing_above_debug(
    make_client: ClientFactory, debug: pytest.LogCaptureFixture
) -> None:
    with RawServer(Step(REFUSAL), Step(then="reset")) as server:
        client = make_client(server.url, max_retries=0)
        for _ in range(2):
            with pytest.raises(GenAuthError):
                send(client)

    assert [level for level, _ in lines(debug)] == ["DEBUG", "DEBUG"]


@on_httpx
def test_the_duration_is_that_of_the_attempt(
    make_client: ClientFactory, clock: Clock, debug: pytest.LogCaptureFixture
) -> None:
    takes, began = iter([1.5, 0.25]), clock.now

    def response(request: httpx.Request) -> httpx.Response:
        clock.advance(next(takes))
        if clock.now < began + 1.6:
            raise httpx.ConnectError("no route")
        return httpx.Response(200, json=SENT)

    send(MockNetwork(response).new_client(make_client, "http://127.0.0.1"))

    attempts = [record.getMessage() for record in debug.records if record.levelname == "DEBUG"]
    assert [attempt.rpartition(", ")[2] for attempt in attempts] == ["in 1500 ms", "in 250 ms"]


@pytest.mark.usefixtures("unwatched")  # The suite's search for secrets listens, and formats.
def test_nothing_is_formatted_while_nobody_listens(
    make_client: ClientFactory,
    mock_server: MockServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> str:
        raise AssertionError("formatted")

    monkeypatch.setattr(Request, "__str__", refuse)
    monkeypatch.setattr(SendEmailDto, "__repr__", refuse)
    caplog.set_level(logging.INFO, logger="genauth_email")
    send(make_client(mock_server.url))
    assert lines(caplog) == []


def test_the_logger_is_left_to_the_program(
    make_client: ClientFactory,
    mock_server: MockServer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # pytest's own handlers are set aside, so that it is as in a program that sets up no logging.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    client = make_client(mock_server.url)
    send(client)
    with pytest.raises(ThrottleError):
        send(client)
    with pytest.raises(APIConnectionError):
        send(client.with_options(app_host="http://127.0.0.1:1", max_retries=0))

    assert capfd.readouterr() == ("", "")
    logger = logging.getLogger("genauth_email")
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
    assert (logger.level, logger.propagate) == (logging.NOTSET, True)


def test_a_retry_is_logged_once_and_by_us(
    make_client: ClientFactory, no_pauses: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(APIConnectionError):
        make_client("http://127.0.0.1:1").send_email(CHANNEL, "test@example.com")
    assert [record.name for record in caplog.records] == ["genauth_email"] * 2
