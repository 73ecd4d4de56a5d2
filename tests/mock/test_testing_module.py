"""`genauth_email.testing`: the ready errors and responses, and the mock server in tests and as a process."""

import http.client
import json
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import anyio
import genauth_email.testing as testing_module
import pytest
from genauth_email import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AsyncAuthenticationClient,
    Channel,
    GenAuthError,
    NotFoundError,
    SendEmailRespDto,
    ServiceUnavailableError,
    ThrottleError,
)
from genauth_email.errors import ERRORS
from genauth_email.testing import (
    MockServer,
    api_error,
    connection_refused,
    gateway_error,
    mock_genauth,
    send_email_response,
    throttled,
    unknown_outcome,
)

from tests.clients import ClientFactory
from tests.contract.facts import CHANNEL, FAILURES, OTHER_CHANNEL, SENT

BODY = {"channel": CHANNEL, "email": "test@example.com"}
HEADERS = {"x-genauth-app-id": "any", "content-type": "application/json"}


@pytest.fixture
def server() -> Generator[MockServer]:
    with mock_genauth() as server:
        yield server


@contextmanager
def connect(url: str) -> Generator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        yield connection
    finally:
        connection.close()


def ask(connection: http.client.HTTPConnection, *, method: str = "POST", **changes: Any) -> Any:
    """Send a request, and return the response of the API."""
    request = {"url": "/api/v3/send-email", "body": json.dumps(BODY), "headers": HEADERS} | changes
    connection.request(method, **request)
    response = connection.getresponse()
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    return json.loads(response.read())


# The ready errors and responses


@pytest.mark.parametrize(
    ("error", "kind", "delivery", "text"),
    [
        (throttled(), ThrottleError, "unknown", "statusCode 429 [made by a test]"),
        (connection_refused(), APIConnectionError, "not_sent", "ConnectError"),
        (unknown_outcome(), APIConnectionError, "unknown", "disconnected"),
        (gateway_error(), ERRORS[502], "unknown", "HTTP 502"),
        (gateway_error(429), ThrottleError, "unknown", "HTTP 429"),
        (gateway_error(520), APIError, "unknown", "HTTP 520"),
        (api_error(404, "No such user.", 2004), NotFoundError, "not_sent", "statusCode 404, apiCode 2004 ["),
        (api_error(429), ThrottleError, "unknown", "statusCode 429 ["),
        (api_error(503), ServiceUnavailableError, "not_sent", "statusCode 503 ["),
        (api_error(999), APIError, "unknown", "statusCode 999"),
    ],
)
def test_a_ready_error_says_what_happened_and_travels(
    error: GenAuthError, kind: type[GenAuthError], delivery: str, text: str
) -> None:
    assert type(error) is kind
    assert error.delivery == delivery
    assert text in str(error)
    transient = kind is ServiceUnavailableError or (kind is APIConnectionError and delivery == "not_sent")
    assert error.retryable is transient
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.args) == (kind, error.args)
    assert json.loads(json.dumps(error.args)) == list(error.args)


def test_a_ready_error_of_the_api_has_the_parts_of_a_real_one() -> None:
    error = throttled(retry_after=30)
    assert (error.status_code, error.http_status, error.retry_after) == (429, 200, 30)
    # As without a `Retry-After` header: the interval of the operation.
    assert throttled().retry_after == api_error(429).retry_after == 60
    refused = api_error(404, "No such user.", api_code=2004)
    assert (refused.status_code, refused.message, refused.api_code) == (404, "No such user.", 2004)
    assert json.loads(refused.content) == {"statusCode": 404, "message": "No such user.", "apiCode": 2004}
    gateway = gateway_error(503)
    assert (gateway.status_code, gateway.http_status) == (None, 503)
    assert gateway.content.startswith(b"<")


@pytest.mark.parametrize("status_code", FAILURES)
def test_each_documented_failure_has_its_class_and_an_example(status_code: int) -> None:
    assert type(api_error(status_code)).__name__ == FAILURES[status_code]
    assert send_email_response(status_code).status_code == status_code


def test_a_success_is_no_error() -> None:
    with pytest.raises(ValueError, match="200"):
        api_error(200)
    with pytest.raises(ValueError, match="400 to 599"):
        gateway_error(200)


def test_a_ready_response_is_the_example_of_the_contract() -> None:
    response = send_email_response()
    assert isinstance(response, SendEmailRespDto)
    assert response == send_email_response(200)
    assert (response.status_code, response.message) == (200, "Operation successful")
    with pytest.raises(ValueError, match=r"^there is no example with statusCode 418; there is 200, 400, "):
        send_email_response(418)


def test_everything_that_is_exported_is_documented_and_at_home_there() -> None:
    for name in testing_module.__all__:
        thing = getattr(testing_module, name)
        assert thing.__doc__
        assert thing.__module__ == testing_module.__name__


# The mock server, through the clients


def test_what_is_sent_is_there_to_look_at(server: MockServer, make_client: ClientFactory) -> None:
    client = make_client(server.url, lang="en-US")
    response = client.send_email(Channel(CHANNEL), "test@example.com")

    assert response.status_code == 200
    assert response.request_id
    assert server.sent == [BODY]
    (request,) = server.received
    assert (request.method, request.path, request.json) == ("POST", "/api/v3/send-email", BODY)
    assert request.headers["x-genauth-app-id"] == "app123"
    assert request.headers["x-genauth-lang"] == "en-US"


def test_a_request_is_kept_as_it_arrived(server: MockServer) -> None:
    text = f'{{"channel":"{CHANNEL}", "email":"T@example.com"}}'
    headers = HEADERS | {"X-Real-IP": "203.0.113.9"}
    with connect(server.url) as connection:
        ask(connection, url="/api/v3/send-email?q=a+b&q=&r=%2F", body=text, headers=headers)
    (request,) = server.received
    assert (request.method, request.target) == ("POST", "/api/v3/send-email?q=a+b&q=&r=%2F")
    assert (request.path, request.query) == ("/api/v3/send-email", {"q": ["a b", ""], "r": ["/"]})
    assert (request.body, request.json) == (text.encode(), {"channel": CHANNEL, "email": "T@example.com"})
    assert request.headers["x-real-ip"] == "203.0.113.9"


def test_a_header_that_came_twice_is_kept_twice(server: MockServer) -> None:
    with connect(server.url) as connection:
        connection.putrequest("GET", "/")
        for address in ("203.0.113.9", "203.0.113.8"):
            connection.putheader("X-Real-IP", address)
        connection.endheaders()
        connection.getresponse().read()
    assert server.received[0].headers["x-real-ip"] == "203.0.113.9, 203.0.113.8"


def test_no_two_responses_have_the_same_request_id(server: MockServer) -> None:
    with connect(server.url) as connection:
        first, second = (ask(connection, body=json.dumps(BODY | {"email": f"{name}@example.com"})) for name in "ab")
    assert UUID(first["requestId"]) != UUID(second["requestId"])


def test_a_second_email_within_the_minute_is_refused(server: MockServer, make_client: ClientFactory) -> None:
    client = make_client(server.url)
    client.send_email(CHANNEL, "test@example.com")
    server.advance(55)
    with pytest.raises(ThrottleError) as caught:
        client.send_email(CHANNEL, "Test@EXAMPLE.com")
    assert caught.value.message == "Too many requests. The same was sent 55 s ago, and the interval is 60 s."
    assert caught.value.request_id is None  # As in the contract's example.
    client.send_email(OTHER_CHANNEL, "test@example.com")
    client.send_email(CHANNEL, "other@example.com")
    server.advance(5)  # A refused one has begun no new minute.
    client.send_email(CHANNEL, "test@example.com")

    assert len(server.received) == 5
    assert [email["email"] for email in server.sent] == ["test@example.com"] * 2 + ["other@example.com"] * 1 + [
        "test@example.com"
    ]


def test_upper_and_lower_case_are_the_same_mailbox(server: MockServer) -> None:
    with connect(server.url) as connection:
        assert ask(connection, body=json.dumps(BODY | {"email": "straße@example.com"}))["statusCode"] == 200
        assert ask(connection, body=json.dumps(BODY | {"email": "STRASSE@Example.COM"}))["statusCode"] == 429


def test_every_channel_has_a_minute_of_its_own(server: MockServer) -> None:
    bodies = [json.dumps(BODY | {"channel": channel.value}) for channel in Channel]
    with connect(server.url) as connection:
        for status_code in (200, 429):
            assert {ask(connection, body=body)["statusCode"] for body in bodies} == {status_code}


def test_the_clock_does_not_go_back(server: MockServer) -> None:
    with pytest.raises(ValueError, match=r"^seconds must be 0 or more, not -1$"):
        server.advance(-1)
    with pytest.raises(ValueError, match=r"^seconds must be a finite number$"):
        server.advance(float("nan"))
    advance: Any = server.advance
    with pytest.raises(TypeError, match=r"^seconds must be a number, not str$"):
        advance("60")


def test_a_server_that_is_reset_is_as_new(server: MockServer, make_client: ClientFactory) -> None:
    client = make_client(server.url)
    client.send_email(CHANNEL, "test@example.com")
    server.advance(30)
    server.fail_next(status_code=500)
    server.fail_next(connection="broken")
    received, sent = server.received, server.sent

    server.reset()

    # The lists stay the same objects, as a fixture may have handed them on.
    assert server.received is received == []
    assert server.sent is sent == []
    # No failure is left, and the minute of the first email is over.
    client.send_email(CHANNEL, "test@example.com")
    assert server.sent == [BODY]
    # A new minute has begun with it.
    server.advance(59)
    with pytest.raises(ThrottleError):
        client.send_email(CHANNEL, "test@example.com")
    server.advance(1)
    client.send_email(CHANNEL, "test@example.com")


@pytest.mark.parametrize("carried_out", [False, True])
def test_the_api_fails(server: MockServer, make_client: ClientFactory, carried_out: bool) -> None:
    server.fail_next(status_code=503, retry_after=7, carried_out=carried_out)
    client = make_client(server.url, max_retries=0)
    with pytest.raises(ServiceUnavailableError) as caught:
        client.send_email(CHANNEL, "test@example.com")
    assert (caught.value.http_status, caught.value.retry_after) == (200, 7)
    assert server.sent == [BODY] * carried_out


def test_the_api_fails_as_in_its_example_or_with_a_code_of_no_example(
    server: MockServer, make_client: ClientFactory
) -> None:
    client = make_client(server.url)
    server.fail_next(status_code=404)
    with pytest.raises(NotFoundError) as caught:
        client.send_email(CHANNEL, "test@example.com")
    assert caught.value.message == send_email_response(404).message
    assert caught.value.request_id not in (None, send_email_response(404).request_id)
    server.fail_next(status_code=999)
    with pytest.raises(APIError, match="statusCode 999"):
        client.send_email(CHANNEL, "test@example.com")


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_gateway_fails(server: MockServer, make_client: ClientFactory, carried_out: bool) -> None:
    server.fail_next(http_status=502, retry_after=3, carried_out=carried_out)
    with pytest.raises(ERRORS[502]) as caught:
        make_client(server.url).send_email(CHANNEL, "test@example.com")
    assert (caught.value.http_status, caught.value.retry_after, caught.value.delivery) == (502, 3, "unknown")
    assert caught.value.content.startswith(b"<")
    assert server.sent == [BODY] * carried_out


@pytest.mark.parametrize("carried_out", [False, True])
def test_the_connection_breaks(server: MockServer, make_client: ClientFactory, carried_out: bool) -> None:
    server.fail_next(connection="broken", carried_out=carried_out)
    client = make_client(server.url)
    with pytest.raises(APIConnectionError) as caught:
        client.send_email(CHANNEL, "test@example.com")
    assert type(caught.value) is APIConnectionError
    assert caught.value.delivery == "unknown"
    assert server.sent == [BODY] * carried_out
    assert len(server.received) == 1
    client.send_email(OTHER_CHANNEL, "test@example.com")


@pytest.mark.parametrize("carried_out", [False, True])
def test_no_response_comes(server: MockServer, make_client: ClientFactory, carried_out: bool) -> None:
    server.fail_next(connection="silent", carried_out=carried_out)
    client = make_client(server.url)
    with pytest.raises(APITimeoutError) as caught:
        client.send_email(CHANNEL, "test@example.com", timeout=0.1)
    assert caught.value.delivery == "unknown"
    assert server.sent == [BODY] * carried_out
    client.send_email(OTHER_CHANNEL, "test@example.com")


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("connection", ["broken", "silent"])
def test_an_unknown_outcome_is_resolved_within_the_minute(
    server: MockServer, make_client: ClientFactory, connection: Literal["broken", "silent"]
) -> None:
    if connection == "broken":
        server.fail_next(connection=connection, carried_out=False)
        assert make_client(server.url, retry_unknown=True).send_email(**BODY).status_code == 200
        assert (len(server.received), server.sent) == (2, [BODY])
    else:
        server.fail_next(connection=connection, carried_out=True)
        with pytest.raises(APITimeoutError):
            make_client(server.url, retry_unknown=True, timeout=0.1).send_email(**BODY)
        assert server.sent == [BODY]


def test_failures_queue_up(server: MockServer, make_client: ClientFactory) -> None:
    server.fail_next(status_code=500)
    server.fail_next(http_status=503)
    client = make_client(server.url)
    with pytest.raises(ERRORS[500]):
        client.send_email(CHANNEL, "test@example.com")
    with pytest.raises(ServiceUnavailableError):
        client.send_email(CHANNEL, "test@example.com")
    client.send_email(CHANNEL, "test@example.com")
    assert server.sent == [BODY]


@pytest.mark.parametrize(
    ("failure", "error", "text"),
    [
        ({}, TypeError, "{one_of}, not none of them"),
        ({"retry_after": 3}, TypeError, "{one_of}, not none of them"),
        ({"status_code": 500, "http_status": 500}, TypeError, "{one_of}, not status_code and http_status"),
        ({"http_status": 500, "connection": "broken"}, TypeError, "{one_of}, not http_status and connection"),
        ({"status_code": 200}, ValueError, "statusCode 200 is success"),
        ({"http_status": 200}, ValueError, "http_status must be 400 to 599, not 200"),
        ({"http_status": 600}, ValueError, "http_status must be 400 to 599, not 600"),
        ({"connection": "slow"}, ValueError, 'connection must be "broken" or "silent", not \'slow\''),
    ],
)
def test_a_failure_that_there_is_not_is_refused_with_what_is_wrong(
    server: MockServer, failure: dict[str, Any], error: type[Exception], text: str
) -> None:
    fail_next: Any = server.fail_next
    with pytest.raises(error) as caught:
        fail_next(**failure)
    assert str(caught.value) == text.format(one_of="pass exactly one of status_code, http_status, connection")


def test_a_client_keeps_its_connection(server: MockServer, make_client: ClientFactory) -> None:
    client = make_client(server.url)
    before = threading.active_count()
    for name in "abc":
        client.send_email(CHANNEL, f"{name}@example.com")
    assert len(server.sent) == 3
    assert threading.active_count() == before + 1  # A connection has a thread.


def test_many_threads_send_at_once(server: MockServer, make_client: ClientFactory) -> None:
    client = make_client(server.url)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: client.send_email(CHANNEL, f"{number}@example.com"), range(100)))
    assert sorted(email["email"] for email in server.sent) == sorted(f"{number}@example.com" for number in range(100))


def test_of_many_emails_at_once_one_is_sent(server: MockServer) -> None:
    def send(_: int) -> int:
        with connect(server.url) as connection:
            status_code: int = ask(connection)["statusCode"]
            return status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(send, range(16))) == [200] + [429] * 15
    assert server.sent == [BODY]


# How it starts and stops


def test_it_listens_on_the_loopback_interface_alone(server: MockServer) -> None:
    url = urlsplit(server.url)
    assert url.hostname == "127.0.0.1"
    with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
        socket.create_connection(("127.0.0.2", url.port or 0), timeout=1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_same_object_is_an_async_context_manager(backend: str) -> None:
    async def send() -> list[dict[str, Any]]:
        async with mock_genauth() as server, AsyncAuthenticationClient("my-app", server.url) as client:
            await client.send_email(CHANNEL, "test@example.com")
            return server.sent

    assert anyio.run(send, backend=backend) == [BODY]


def test_it_stops_with_connections_open_and_a_request_unanswered() -> None:
    before = threading.active_count()
    with mock_genauth() as server, connect(server.url) as idle, connect(server.url) as silent:
        ask(idle)
        server.fail_next(connection="silent")
        silent.request("POST", "/")
        while len(server.received) < 2:
            pass
        server.__exit__()
        assert threading.active_count() == before
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=5)


def test_two_run_side_by_side() -> None:
    with mock_genauth() as one, mock_genauth() as other, connect(one.url) as connection:
        ask(connection)
        assert one.url != other.url
        assert (len(one.sent), len(other.sent)) == (1, 0)


# Requests that a typed client cannot send


@pytest.mark.parametrize(
    ("changes", "status_code", "message"),
    [
        ({"url": "/api/v3/nothing"}, 404, "There is no POST /api/v3/nothing. There is: POST /api/v3/send-email."),
        ({"url": "/api/v3/send-email/"}, 404, "There is no POST /api/v3/send-email/."),
        ({"method": "GET"}, 404, "There is no GET /api/v3/send-email."),
        ({"headers": {"content-type": "application/json"}}, 400, "The header x-genauth-app-id is missing."),
        ({"headers": HEADERS | {"x-genauth-app-id": ""}}, 400, "The header x-genauth-app-id is missing."),
        ({"headers": HEADERS | {"content-type": "text/plain"}}, 400, "application/json, not text/plain"),
        ({"headers": {"x-genauth-app-id": "any"}}, 400, "application/json, not none"),
        ({"url": "//api/v3/send-email"}, 404, "There is no POST //api/v3/send-email."),
        ({"body": ""}, 400, "channel is missing."),
        ({"body": "{"}, 400, "the body must be a JSON object."),
        ({"body": b"\xff"}, 400, "the body must be a JSON object."),
        ({"body": "[" * 100_000}, 400, "the body must be a JSON object."),
        ({"body": "[]"}, 400, "the body must be a JSON object."),
        ({"body": json.dumps({"channel": CHANNEL})}, 400, "email is missing."),
        ({"body": json.dumps(BODY | {"email": None})}, 400, "The request is not allowed: "),
        ({"body": json.dumps(BODY | {"channel": 1})}, 400, "The request is not allowed: "),
        ({"body": json.dumps(BODY | {"channel": "LOGIN"})}, 400, "L*** is not a valid Channel; allowed are CHANNEL_"),
        ({"body": json.dumps(BODY | {"channel": CHANNEL.lower()})}, 400, "c*** is not a valid Channel; allowed are "),
        ({"body": json.dumps(BODY | {"channel": [CHANNEL]})}, 400, "The request is not allowed: "),
    ],
)
def test_a_wrong_request_is_refused_with_what_is_wrong(
    server: MockServer, changes: dict[str, Any], status_code: int, message: str
) -> None:
    with connect(server.url) as connection:
        response = ask(connection, **changes)
    assert response["statusCode"] == status_code
    assert message in response["message"]
    assert response.keys() == {"statusCode", "message", "requestId"}
    assert (len(server.received), server.sent) == (1, [])


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "PATCH", "PUT"])
def test_any_method_is_told_in_the_body(server: MockServer, method: str) -> None:
    with connect(server.url) as connection:
        assert ask(connection, method=method)["statusCode"] == 404
        assert ask(connection, url="/api/v3/send-email?x=1")["statusCode"] == 200
    assert [request.path for request in server.received] == ["/api/v3/send-email"] * 2


def test_a_wrong_request_that_should_fail_after_it_was_carried_out_is_not_carried_out(server: MockServer) -> None:
    server.fail_next(status_code=500, carried_out=True)
    with connect(server.url) as connection:
        assert ask(connection, body="{}")["statusCode"] == 500
    assert server.sent == []


def test_json_may_name_its_charset(server: MockServer) -> None:
    with connect(server.url) as connection:
        headers = HEADERS | {"content-type": "Application/JSON; charset=utf-8"}
        assert ask(connection, headers=headers)["statusCode"] == 200


def test_half_a_request_is_not_received(server: MockServer) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=5) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert server.received == []


@pytest.mark.parametrize("header", [{"content-length": "many"}, {"transfer-encoding": "chunked"}])
def test_a_body_of_unknown_length_is_refused_and_not_received(server: MockServer, header: dict[str, str]) -> None:
    with connect(server.url) as connection:
        connection.request("POST", "/", body=b"many\r\n", headers=header)
        response = connection.getresponse()
        assert (response.status, response.headers["connection"]) == (411, "close")
    assert server.received == []


def test_a_client_that_hangs_up_leaves_no_trace(server: MockServer, capfd: pytest.CaptureFixture[str]) -> None:
    address = ("127.0.0.1", urlsplit(server.url).port or 0)
    with socket.create_connection(address) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\n")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with connect(server.url) as connection:
        ask(connection)
    assert capfd.readouterr() == ("", "")


# The process


@contextmanager
def killed(process: subprocess.Popen[str]) -> Generator[None]:
    """Kill a process at the end, which a failed test would wait for."""
    try:
        yield
    finally:
        process.kill()


PROGRAM = [sys.executable, "-W", "error", "-m", "genauth_email.testing"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_process_prints_each_request_and_stops_without_a_traceback(stop: signal.Signals) -> None:
    with (
        subprocess.Popen(PROGRAM, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        killed(process),
    ):
        assert process.stdout
        url = process.stdout.readline().split()[6]
        assert process.stdout.readline() == f"GENAUTH_APP_HOST={url}\n"
        asked = f"POST /api/v3/send-email {CHANNEL} test@example.com"
        with connect(url) as connection:
            ask(connection)
            sent = f"statusCode 200 {SENT['message']}\n"
            assert process.stdout.readline() == f"{asked}: {sent}"
            ask(connection)
            refused = f"{asked}: statusCode 429 Too many requests. "
            assert process.stdout.readline().startswith(refused)
            ask(connection, body=json.dumps(BODY | {"email": "\u2028\n\x1b"}))
            assert process.stdout.readline() == f"POST /api/v3/send-email {CHANNEL}  : {sent}"
            ask(connection, method="GET", url="/api/v3/send-email?x=1", body=None)
            assert process.stdout.readline().startswith("GET /api/v3/send-email 1: statusCode 404 There is no GET ")
        process.send_signal(stop)
        assert process.communicate(timeout=10) == ("", "")
        assert process.returncode == 0


def test_the_process_takes_a_port_and_tells_one_that_cannot_be_used(server: MockServer) -> None:
    for port in (str(urlsplit(server.url).port), "99999"):
        done = subprocess.run([*PROGRAM, "--port", port], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith(f"port {port} cannot be used: ")
        assert done.stderr.count("\n") == 1


def test_the_help_says_that_addresses_are_printed() -> None:
    done = subprocess.run([*PROGRAM, "--help"], capture_output=True, text=True, check=True)
    assert "for development" in done.stdout
    assert "personal data such as addresses" in " ".join(done.stdout.split())
    assert done.stdout.startswith("usage: python -m genauth_email.testing ")
