"""`genauth_email.testing`: ready-made errors and responses, and the mock server in tests and as a process."""

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
from typing import Any
from urllib.parse import urlsplit

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
from tests.contract.facts import CHANNEL, EXAMPLES, FAILURES, OTHER_CHANNEL, SENT

BODY = {"channel": CHANNEL, "email": "test@example.com"}
HEADERS = {"x-genauth-app-id": "any", "content-type": "application/json"}


@pytest.fixture
def server() -> Generator[MockServer]:
    with mock_genauth() as other, mock_genauth() as server:
        assert other.url != server.url
        yield server
        assert other.received == []


@contextmanager
def connect(url: str) -> Generator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        yield connection
    finally:
        connection.close()


def ask(connection: http.client.HTTPConnection, *, method: str = "POST", **changes: Any) -> Any:
    """Send a request, and return the API's response."""
    request = {"url": "/api/v3/send-email", "body": json.dumps(BODY), "headers": HEADERS} | changes
    connection.request(method, **request)
    response = connection.getresponse()
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    return json.loads(response.read())


# Ready-made errors and responses


@pytest.mark.parametrize(
    ("error", "kind", "text", "delivery", "retryable", "codes"),
    [
        (throttled(), ThrottleError, "statusCode 429 [made by a test]", "unknown", False, (429, 200, 60)),
        (throttled(retry_after=30), ThrottleError, "statusCode 429 [", "unknown", False, (429, 200, 30)),
        (connection_refused(), APIConnectionError, "ConnectError", "not_sent", True, (None, None, None)),
        (unknown_outcome(), APIConnectionError, "disconnected", "unknown", False, (None, None, None)),
        (gateway_error(), ERRORS[502], "HTTP 502", "unknown", False, (None, 502, None)),
        (gateway_error(429), ThrottleError, "HTTP 429", "unknown", False, (None, 429, None)),
        (gateway_error(520), APIError, "HTTP 520", "unknown", False, (None, 520, None)),
        (
            api_error(404, "No.", 2004),
            NotFoundError,
            "statusCode 404, apiCode 2004 [",
            "not_sent",
            False,
            (404, 200, None),
        ),
        # The operation's interval, as without a `Retry-After` header.
        (api_error(429), ThrottleError, "statusCode 429 [", "unknown", False, (429, 200, 60)),
        (api_error(503), ServiceUnavailableError, "statusCode 503 [", "not_sent", True, (503, 200, None)),
        (api_error(999), APIError, "statusCode 999", "unknown", False, (999, 200, None)),
        *(
            (api_error(code), ERRORS[code], f"statusCode {code} [", delivery, False, (code, 200, None))
            for code in sorted(FAILURES.keys() - {429, 503})
            for delivery in ("not_sent" if code < 500 else "unknown",)
        ),
    ],
)
def test_a_ready_made_error_explains_itself_and_survives_serialization(
    error: GenAuthError, kind: type[GenAuthError], text: str, delivery: str, retryable: bool, codes: tuple[object, ...]
) -> None:
    assert type(error) is kind
    assert text in str(error)
    assert (error.delivery, error.retryable) == (delivery, retryable)
    assert (error.status_code, error.http_status, error.retry_after) == codes
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.args) == (kind, error.args)
    assert json.loads(json.dumps(error.args)) == list(error.args)


def test_a_ready_made_error_has_the_content_of_a_real_one() -> None:
    error = api_error(404, "No such user.", api_code=2004)
    assert (error.message, error.api_code) == ("No such user.", 2004)
    assert json.loads(error.content) == {"statusCode": 404, "message": "No such user.", "apiCode": 2004}
    assert gateway_error(503).content.startswith(b"<")
    with pytest.raises(ValueError, match="200"):
        api_error(200)
    with pytest.raises(ValueError, match="400 to 599"):
        gateway_error(200)


def test_a_ready_made_response_is_the_contracts_example() -> None:
    response = send_email_response()
    assert isinstance(response, SendEmailRespDto)
    assert response == send_email_response(200)
    assert (response.status_code, response.message) == (200, "Operation successful")
    for code in FAILURES:
        assert send_email_response(code).status_code == code
        assert send_email_response(code).to_dict() in EXAMPLES.values()
    with pytest.raises(ValueError, match=r"^there is no example with statusCode 418; there is 200, 400, "):
        send_email_response(418)


def test_every_exported_name_is_documented_and_defined_there() -> None:
    for name in testing_module.__all__:
        thing = getattr(testing_module, name)
        assert thing.__doc__
        assert thing.__module__ == testing_module.__name__


# The mock server, through the clients


def test_sent_requests_can_be_inspected(server: MockServer, make_client: ClientFactory) -> None:
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
    with connect(server.url) as connection:
        connection.putrequest("POST", "/api/v3/send-email?q=a+b&q=&r=%2F")
        for name, value in (("X-Real-IP", "203.0.113.9"), ("x-real-ip", "203.0.113.8"), ("Content-Length", len(text))):
            connection.putheader(name, value)
        connection.endheaders(text.encode())
        connection.getresponse().read()
    (request,) = server.received
    assert (request.method, request.target) == ("POST", "/api/v3/send-email?q=a+b&q=&r=%2F")
    assert (request.path, request.query) == ("/api/v3/send-email", {"q": ["a b", ""], "r": ["/"]})
    assert (request.body, request.json) == (text.encode(), {"channel": CHANNEL, "email": "T@example.com"})
    assert request.headers["x-real-ip"] == "203.0.113.9, 203.0.113.8"


def test_a_second_email_within_the_minute_is_refused(server: MockServer, make_client: ClientFactory) -> None:
    client = make_client(server.url)
    client.send_email(CHANNEL, "test@example.com")
    server.advance(55)
    with pytest.raises(ThrottleError) as caught:
        client.send_email(CHANNEL, "Test@EXAMPLE.com")  # The same mailbox.
    assert caught.value.message == "Too many requests. The same was sent 55 s ago, and the interval is 60 s."
    assert caught.value.request_id is None  # As in the contract's example.
    client.send_email(OTHER_CHANNEL, "test@example.com")
    client.send_email(CHANNEL, "other@example.com")
    server.advance(5)  # The refused email did not begin a new minute.
    client.send_email(CHANNEL, "test@example.com")

    assert len(server.received) == 5
    assert [email["email"].partition("@")[0] for email in server.sent] == ["test", "test", "other", "test"]


def test_the_clock_does_not_go_back(server: MockServer) -> None:
    with pytest.raises(ValueError, match=r"^seconds must be 0 or more, not -1$"):
        server.advance(-1)
    with pytest.raises(ValueError, match=r"^seconds must be a finite number$"):
        server.advance(float("nan"))
    advance: Any = server.advance
    with pytest.raises(TypeError, match=r"^seconds must be a number, not str$"):
        advance("60")


def test_a_reset_server_is_like_a_new_one(server: MockServer, make_client: ClientFactory) -> None:
    client = make_client(server.url)
    client.send_email(CHANNEL, "test@example.com")
    server.advance(30)
    server.fail_next(status_code=500)
    server.fail_next(connection="broken")
    received, sent = server.received, server.sent

    server.reset()

    # The lists stay the same objects, because a fixture may have passed them on.
    assert server.received is received == []
    assert server.sent is sent == []
    # No failure is left, and the minute of the first email is over.
    client.send_email(CHANNEL, "test@example.com")
    assert server.sent == [BODY]
    # This email has begun a new minute.
    server.advance(59)
    with pytest.raises(ThrottleError):
        client.send_email(CHANNEL, "test@example.com")
    server.advance(1)
    client.send_email(CHANNEL, "test@example.com")


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize(
    ("failure", "kind", "codes"),
    [
        ({"status_code": 503, "retry_after": 7}, ServiceUnavailableError, (503, 200, 7)),
        ({"http_status": 502, "retry_after": 3}, ERRORS[502], (None, 502, 3)),
        ({"connection": "broken"}, APIConnectionError, (None, None, None)),
        ({"connection": "silent"}, APITimeoutError, (None, None, None)),
    ],
)
def test_a_request_fails_and_is_carried_out_or_not(
    server: MockServer,
    make_client: ClientFactory,
    failure: dict[str, Any],
    kind: type[GenAuthError],
    codes: tuple[object, ...],
    carried_out: bool,
) -> None:
    server.fail_next(**failure, carried_out=carried_out)
    client = make_client(server.url, max_retries=0)
    with pytest.raises(GenAuthError) as caught:
        client.send_email(CHANNEL, "test@example.com", timeout=0.1 if failure.get("connection") == "silent" else 5)
    assert type(caught.value) is kind
    assert (caught.value.status_code, caught.value.http_status, caught.value.retry_after) == codes
    assert server.sent == [BODY] * carried_out
    assert len(server.received) == 1
    client.send_email(OTHER_CHANNEL, "test@example.com")


def test_the_api_fails_as_in_its_example_or_with_a_code_without_one(
    server: MockServer, make_client: ClientFactory
) -> None:
    client = make_client(server.url)
    server.fail_next(status_code=404)
    server.fail_next(status_code=999)
    with pytest.raises(NotFoundError) as caught:
        client.send_email(CHANNEL, "test@example.com")
    assert caught.value.message == send_email_response(404).message
    assert caught.value.request_id not in (None, send_email_response(404).request_id)
    with pytest.raises(APIError, match="statusCode 999"):
        client.send_email(CHANNEL, "test@example.com")
    client.send_email(CHANNEL, "test@example.com")


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
def test_an_unknown_failure_is_refused_with_the_reason(
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
    assert threading.active_count() == before + 1  # Each connection has a thread.


def test_of_many_emails_at_once_one_is_sent(server: MockServer) -> None:
    def send(_: int) -> int:
        with connect(server.url) as connection:
            status_code: int = ask(connection)["statusCode"]
            return status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(send, range(16))) == [200] + [429] * 15
    assert server.sent == [BODY]


# How it starts and stops


def test_it_listens_only_on_the_loopback_interface(server: MockServer) -> None:
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


# Requests that a typed client cannot send


@pytest.mark.parametrize(
    ("changes", "status_code", "message"),
    [
        ({"url": "/api/v3/nothing"}, 404, "There is no POST /api/v3/nothing. There is: POST /api/v3/"),
        ({"url": "/api/v3/send-email/"}, 404, "There is no POST /api/v3/send-email/."),
        *(
            ({"method": method}, 404, f"There is no {method} /")
            for method in ("DELETE", "GET", "OPTIONS", "PATCH", "PUT")
        ),
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
def test_a_wrong_request_is_refused_with_the_reason(
    server: MockServer, changes: dict[str, Any], status_code: int, message: str
) -> None:
    with connect(server.url) as connection:
        response = ask(connection, **changes)
        # The connection stays usable.
        assert (
            ask(connection, headers=HEADERS | {"content-type": "Application/JSON; charset=utf-8"})["statusCode"] == 200
        )
    assert response["statusCode"] == status_code
    assert message in response["message"]
    assert response.keys() == {"statusCode", "message", "requestId"}
    assert (len(server.received), server.sent) == (2, [BODY])


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
    """Kill a process at the end, so that a failed test does not wait for it."""
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


def test_the_process_accepts_a_port_and_reports_an_unusable_one(server: MockServer) -> None:
    for port in (str(urlsplit(server.url).port), "99999"):
        done = subprocess.run([*PROGRAM, "--port", port], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith(f"port {port} cannot be used: ")
        assert done.stderr.count("\n") == 1
