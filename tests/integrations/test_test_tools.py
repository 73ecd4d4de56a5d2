"""Responses and errors from tools with which users test their code are handled like the API's.

`delivery` depends on the tool: if it reads the request body, our client cannot tell whether it has sent it. Tests of
respx and pytest-httpx are in tests/client/test_instrumentation.py and tests/mock/test_simulated_errors.py.
"""

import json
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import aiohttp
import pytest
import time_machine
import vcr
from aioresponses import aioresponses
from genauth_email import APIConnectionError, APITimeoutError, ThrottleError
from pytest_httpserver import HTTPServer

from tests.client.helpers import EMAIL, PATH, SENT, error_of, send
from tests.clients import BlockingClient, ClientFactory
from tests.contract.facts import CHANNEL
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

HOST = "https://example.genauth.ai"
BODY = {"channel": CHANNEL, "email": EMAIL}
THROTTLED = {"statusCode": 429, "message": "Too many."}

pytestmark = pytest.mark.usefixtures("no_pauses")


def on(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("make_client", kinds, indirect=True)


def check_responses(client: BlockingClient) -> None:
    """Check that the first email is sent and the second one refused."""
    response = send(client)
    assert (response.status_code, bool(response.request_id)) == (200, True)
    error = error_of(client, ThrottleError)
    assert (error.status_code, error.http_status, error.delivery) == (429, 200, "unknown")


def check_connection_error(client: BlockingClient, delivery: str) -> None:
    assert error_of(client, APIConnectionError).delivery == delivery


@on("sync", "asyncio", "aiohttp")
def test_pytest_httpserver_responds_and_refuses_connections_once_it_is_stopped(make_client: ClientFactory) -> None:
    # All tests share the server of the fixture `httpserver`, so none can stop it.
    with HTTPServer() as server:
        for body in (SENT, THROTTLED):
            server.expect_ordered_request(PATH, method="POST", json=BODY).respond_with_json(body)
        client = make_client(server.url_for(""))
        check_responses(client)
        server.check()
    check_connection_error(client, "not_sent")


def without_body(request: vcr.request.Request) -> vcr.request.Request:
    request.body = None
    return request


@on("sync", "asyncio", "aiohttp")
def test_vcr_records_once_and_replays_without_a_server(
    make_client: ClientFactory, mock_server: MockServer, tmp_path: Path
) -> None:
    recorder = vcr.VCR(filter_headers=["authorization"], before_record_request=without_body)
    for _ in ("records", "replays"):
        with recorder.use_cassette(tmp_path / "emails.yaml") as cassette:
            check_responses(make_client(mock_server.url, access_token="s3cret-token"))
    assert cassette.play_count == 2
    assert [request.headers["authorization"] for request in mock_server.received] == ["s3cret-token"] * 2

    recorded = (tmp_path / "emails.yaml").read_text()
    assert "s3cret" not in recorded
    assert EMAIL not in recorded


@on("sync", "asyncio", "aiohttp")
def test_vcr_lets_a_connection_error_through(make_client: ClientFactory, tmp_path: Path) -> None:
    with RawServer(listening=False) as server, vcr.use_cassette(tmp_path / "emails.yaml"):
        check_connection_error(make_client(server.url), "not_sent" if make_client.kind == "aiohttp" else "unknown")


@on("aiohttp")
def test_aioresponses_responds_and_its_connection_errors_are_retried(make_client: ClientFactory) -> None:
    # aiohttp 3.14 needs this argument, which aioresponses 0.7.9 does not know.
    response_class = partial(aiohttp.ClientResponse, stream_writer=Mock(output_size=0))
    with aioresponses() as mock:
        for body in (SENT, THROTTLED):
            mock.post(HOST + PATH, payload=body, response_class=response_class)
        mock.post(HOST + PATH, exception=aiohttp.ClientConnectionError("no connection"), repeat=True)
        client = make_client(HOST)
        check_responses(client)
        # It never reads the request body.
        check_connection_error(client, "not_sent")
        assert sum(len(calls) for calls in mock.requests.values()) == 2 + 3


@on("sync", "asyncio", "aiohttp")
@pytest.mark.parametrize("tick", [True, False])
def test_time_machine_breaks_neither_a_call_nor_its_timeout(make_client: ClientFactory, tick: bool) -> None:
    with time_machine.travel("2035-01-01T00:00Z", tick=tick) as traveller:
        script = (
            Step(SUCCESS, before=lambda: traveller.shift(3600)),
            Step(http(200, json.dumps(THROTTLED).encode()), before=lambda: traveller.shift(-7200)),
            Step(then="hold"),
        )
        with RawServer(*script) as server:
            client = make_client(server.url)
            check_responses(client)
            error_of(client, APITimeoutError, timeout=0.1)
