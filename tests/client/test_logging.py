"""The log records of calls."""

import logging
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from genauth_email import SendEmailDto
from genauth_email.types import Request

from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.clock import Clock
from tests.contract.facts import CHANNEL
from tests.servers.raw import RawServer

from .helpers import BUSY, PATH, SENT, MockNetwork, after, dto, each_way, error_of, explained, send

HOST = "http://example.com"
ASKED = f"POST {HOST}{PATH} SendEmailDto(channel={CHANNEL}, email=t***@example.com)"
OK, THROTTLED, BUSY_TEXT = (f"statusCode {explained('StatusCode', code)}" for code in (200, 429, 503))
SUCCESS = httpx.Response(200, json=SENT | {"requestId": "r-1"})
REFUSED = httpx.ConnectError("no route")

pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.fixture
def debug(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="genauth_email")
    return caplog


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return the level and the text of each of our records, without the request and the duration."""
    ours = [record for record in caplog.records if record.name.startswith("genauth_email")]
    texts = [re.sub(r"in \d+ ms$", "in N ms", record.getMessage()) for record in ours]
    assert all(text.startswith(f"{ASKED}: ") for text in texts)
    return [(each.levelname, text.removeprefix(f"{ASKED}: ")) for each, text in zip(ours, texts, strict=True)]


@before_transport
@each_way
def test_an_attempt_is_one_line(
    make_client: ClientFactory, debug: pytest.LogCaptureFixture, call: Callable[[BlockingClient], Any]
) -> None:
    call(MockNetwork(SUCCESS).new_client(make_client, HOST))
    assert lines(debug) == [("DEBUG", f"HTTP 200, {OK}, request id r-1, in N ms")]


@before_transport
@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (httpx.Response(200, json={"statusCode": 429, "message": ""}), f"HTTP 200, {THROTTLED}"),
        *(
            (httpx.Response(status, content=b"<h1>Hello</h1>"), f"HTTP {status}, not a SendEmailRespDto")
            for status in (200, 302, 404, 502)
        ),
        (httpx.ReadTimeout("silence"), "ReadTimeout: silence"),
        (httpx.WriteError(""), "WriteError"),
    ],
)
def test_a_failed_attempt_is_logged_with_its_reason(
    make_client: ClientFactory, debug: pytest.LogCaptureFixture, outcome: Any, text: str
) -> None:
    error_of(MockNetwork(outcome).new_client(make_client, HOST))
    assert lines(debug) == [("DEBUG", f"{text}, in N ms")]


@before_transport
def test_each_retry_is_a_warning_with_its_reason(make_client: ClientFactory, debug: pytest.LogCaptureFixture) -> None:
    refusal = httpx.Response(200, content=dto(503), headers={"retry-after": "0"})
    error_of(MockNetwork(REFUSED, httpx.PoolTimeout("pool is full"), refusal).new_client(make_client, HOST))

    assert lines(debug) == [
        ("DEBUG", "ConnectError: no route, in N ms"),
        ("WARNING", "retrying after: ConnectError: no route"),
        ("DEBUG", "PoolTimeout: pool is full, in N ms"),
        ("WARNING", "retrying after: PoolTimeout: pool is full"),
        # The last attempt.
        ("DEBUG", f"HTTP 200, {BUSY_TEXT}, in N ms"),
    ]


def test_a_retry_is_logged_once_and_by_us(make_client: ClientFactory, caplog: pytest.LogCaptureFixture) -> None:
    with RawServer(*[BUSY] * 2) as server, caplog.at_level(logging.WARNING):
        send(make_client(server.url))
    assert [record.name for record in caplog.records] == ["genauth_email"] * 2
    assert caplog.text.count(f"retrying after: {BUSY_TEXT}") == 2


@before_transport
def test_the_duration_is_the_attempts_own(
    make_client: ClientFactory, clock: Clock, debug: pytest.LogCaptureFixture
) -> None:
    send(MockNetwork(after(clock, 1.5, REFUSED), after(clock, 0.25, SUCCESS)).new_client(make_client, HOST))
    attempts = [record.getMessage() for record in debug.records if record.levelname == "DEBUG"]
    assert [attempt.rpartition(", ")[2] for attempt in attempts] == ["in 1500 ms", "in 250 ms"]


@before_transport
@pytest.mark.usefixtures("unwatched")  # The suite's search for secrets would format the records.
def test_nothing_is_formatted_while_nobody_listens(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> str:
        raise AssertionError("formatted")

    monkeypatch.setattr(Request, "__str__", refuse)
    monkeypatch.setattr(SendEmailDto, "__repr__", refuse)
    caplog.set_level(logging.INFO, logger="genauth_email")
    send(MockNetwork().new_client(make_client))
    assert lines(caplog) == []
