"""`genauth_email.testing`: ready-made errors and responses, and the mock server in tests and as a process."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from typing import Any
from urllib.parse import urlsplit

import anyio
import genauth_email.testing as testing_module
import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AsyncAuthenticationClient,
    GenAuthError,
    NotFoundError,
    ServiceUnavailableError,
    StatusCode,
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
from tests.contract.facts import CHANNEL, EXAMPLES, FAILURES, OTHER_CHANNEL, SENT, UNLISTED_4XX

PATH = "/api/v3/send-email"
BODY = {"channel": CHANNEL, "email": "test@example.com"}


@pytest.fixture
def server() -> Generator[MockServer]:
    with mock_genauth() as other, mock_genauth() as server:
        assert other.url != server.url
        yield server
        assert other.received == []


def connect(url: str) -> httpx.Client:
    # No proxy from the environment, and no TLS, because loading certificates would take most of a test's time.
    return httpx.Client(base_url=url, headers={"x-genauth-app-id": "any"}, trust_env=False, verify=False)


@pytest.fixture
def http(server: MockServer) -> Generator[httpx.Client]:
    with connect(server.url) as http:
        yield http


def address_of(server: MockServer) -> tuple[str, int]:
    url = urlsplit(server.url)
    return str(url.hostname), int(url.port or 0)


# Ready-made errors and responses


@pytest.mark.parametrize(
    ("error", "kind", "text", "delivery", "retryable", "codes"),
    [
        (throttled(), ThrottleError, "statusCode 429 [made by a test]", "unknown", False, (429, 200, 60)),
        (throttled(retry_after=30), ThrottleError, "statusCode 429 [", "unknown", False, (429, 200, 30)),
        (connection_refused(), APIConnectionError, "ConnectError", "not_sent", True, (None, None, None)),
        (unknown_outcome(), APIConnectionError, "disconnected", "unknown", False, (None, None, None)),
        (gateway_error(), ERRORS[502], "HTTP 502", "unknown", False, (None, 502, None)),
        (gateway_error(520), APIError, "HTTP 520", "unknown", False, (None, 520, None)),
        (api_error(404), NotFoundError, "statusCode 404 [", "not_sent", False, (404, 200, None)),
        # The operation's interval, as without a `Retry-After` header.
        (api_error(429), ThrottleError, "statusCode 429 [", "unknown", False, (429, 200, 60)),
        (api_error(503), ServiceUnavailableError, "statusCode 503 [", "not_sent", True, (503, 200, None)),
        (api_error(999), APIError, "statusCode 999", "unknown", False, (999, 200, None)),
    ],
)
def test_a_ready_made_error_explains_itself(
    error: GenAuthError, kind: type[GenAuthError], text: str, delivery: str, retryable: bool, codes: tuple[object, ...]
) -> None:
    assert type(error) is kind
    assert text in str(error)
    assert (error.delivery, error.retryable) == (delivery, retryable)
    assert (error.status_code, error.http_status, error.retry_after) == codes


def test_a_ready_made_error_has_the_content_of_a_real_one() -> None:
    error = api_error(404, "No such user.", api_code=2004)
    assert str(error) == "statusCode 404, apiCode 2004 [made by a test]"
    assert (error.message, error.api_code) == ("No such user.", 2004)
    assert json.loads(error.content) == {"statusCode": 404, "message": "No such user.", "apiCode": 2004}
    assert json.loads(api_error(404).content) == {"statusCode": 404, "message": ""}
    assert gateway_error(503).content.startswith(b"<")
    with pytest.raises(ValueError, match="200"):
        api_error(200)


def test_a_ready_made_response_is_the_contracts_example() -> None:
    for code in (200, *FAILURES):
        response = send_email_response(code)
        assert response.status_code == code
        assert response.to_dict() in EXAMPLES.values()
    assert send_email_response().status_code is StatusCode(200)
    codes = ", ".join(dict.fromkeys(str(example["statusCode"]) for example in EXAMPLES.values()))
    with pytest.raises(ValueError, match=f"^there is no example with statusCode {UNLISTED_4XX}; there is {codes}$"):
        send_email_response(UNLISTED_4XX)


def test_every_exported_name_is_documented_and_defined_there() -> None:
    for name in testing_module.__all__:
        thing = getattr(testing_module, name)
        assert thing.__doc__
        assert thing.__module__ == testing_module.__name__


# The mock server. `tests/contract/test_operations.py` calls each operation on it.


def test_a_request_is_kept_as_it_arrived(server: MockServer, http: httpx.Client) -> None:
    text = f'{{"channel":"{CHANNEL}", "email":"T@example.com"}}'.encode()
    headers = [("X-Real-IP", "203.0.113.9"), ("x-real-ip", "203.0.113.8")]
    http.post(f"{server.url}/{PATH}?q=a+b&q=&r=%2F", content=text, headers=headers)
    (request,) = server.received
    assert (request.method, request.target) == ("POST", f"/{PATH}?q=a+b&q=&r=%2F")
    assert (request.path, request.query) == (f"/{PATH}", {"q": ["a b", ""], "r": ["/"]})
    assert (request.body, request.json) == (text, {"channel": CHANNEL, "email": "T@example.com"})
    assert request.headers["x-real-ip"] == "203.0.113.9, 203.0.113.8"


@pytest.mark.parametrize("method", ["DELETE", "GET", "OPTIONS", "PATCH", "PUT", "TRACE"])
def test_another_method_is_refused_and_leaves_the_connection_open(
    server: MockServer, http: httpx.Client, method: str
) -> None:
    threads = threading.active_count()
    refused = http.request(method, PATH)
    assert (refused.status_code, refused.headers["content-type"]) == (200, "application/json")
    assert refused.json()["statusCode"] == 404
    assert refused.json()["message"].startswith(f"There is no {method} {PATH}. There is: POST ")
    assert http.post(PATH, json=BODY).json()["statusCode"] == 200
    assert threading.active_count() == threads + 1  # Each connection has a thread.


def test_the_models_of_the_contract_validate_a_body(server: MockServer, http: httpx.Client) -> None:
    message = http.post(PATH, json=BODY | {"channel": "LOGIN"}).json()["message"]
    assert message.startswith("The request is not allowed: channel: L*** is not a valid Channel; allowed are CHANNEL_")
    assert server.sent == []


def test_a_second_email_within_the_minute_is_refused(server: MockServer, make_client: ClientFactory) -> None:
    client = make_client(server.url)
    client.send_email(CHANNEL, "test@example.com")
    server.advance(55)
    with pytest.raises(ThrottleError) as caught:
        client.send_email(CHANNEL, "Test@EXAMPLE.com")  # The same mailbox.
    assert caught.value.message == "Too many requests. The same was sent 55 s ago, and the interval is 60 s."
    client.send_email(OTHER_CHANNEL, "test@example.com")
    client.send_email(CHANNEL, "other@example.com")
    server.advance(5)  # The refused email did not begin a new minute.
    client.send_email(CHANNEL, "test@example.com")

    assert len(server.received) == 5
    assert [email["email"].partition("@")[0] for email in server.sent] == ["test", "test", "other", "test"]


@pytest.mark.parametrize(("seconds", "reason"), [(-1, "0 or more, not -1"), (float("nan"), "a finite number")])
def test_the_clock_does_not_go_back(server: MockServer, seconds: float, reason: str) -> None:
    server.advance(0)
    with pytest.raises(ValueError, match=f"^seconds must be {reason}$"):
        server.advance(seconds)


def test_a_reset_server_is_like_a_new_one(server: MockServer, http: httpx.Client) -> None:
    def send() -> Any:
        return http.post(PATH, json=BODY).json()["statusCode"]

    send()
    server.advance(30)
    server.fail_next(status_code=500)
    received, sent = server.received, server.sent

    server.reset()

    # The lists stay the same objects, because a fixture may have passed them on.
    assert server.received is received == []
    assert server.sent is sent == []
    # The failure is forgotten, and so is the first email, so that this one begins a minute.
    assert send() == 200
    assert server.sent == [BODY]
    server.advance(59)
    assert send() == 429
    server.advance(1)
    assert send() == 200


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize(
    ("failure", "kind", "codes"),
    [
        ({"status_code": 503, "retry_after": 7}, ServiceUnavailableError, (503, 200, 7)),
        ({"http_status": 400}, ERRORS[400], (None, 400, None)),
        ({"http_status": 599, "retry_after": 3}, APIError, (None, 599, 3)),
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


def test_failures_of_the_api_come_in_turn_with_their_examples(server: MockServer, http: httpx.Client) -> None:
    server.fail_next(status_code=404)
    server.fail_next(status_code=999)
    example = send_email_response(404).to_dict()
    known, unknown, usual = (http.post(PATH, json=BODY).json() for _ in range(3))
    assert known == example | {"requestId": known["requestId"]}
    assert known["requestId"] not in ("", example["requestId"])
    assert unknown == {"statusCode": 999, "message": "", "requestId": unknown["requestId"]}
    assert usual["statusCode"] == 200


@pytest.mark.parametrize(
    ("failure", "error", "text"),
    [
        ({"retry_after": 3}, TypeError, "{one_of}, not none of them"),
        ({"status_code": 500, "http_status": 500}, TypeError, "{one_of}, not status_code and http_status"),
        ({"http_status": 500, "connection": "broken"}, TypeError, "{one_of}, not http_status and connection"),
        ({"status_code": "500"}, TypeError, "status_code must be an integer, not str"),
        ({"status_code": 500, "retry_after": 0.5}, TypeError, "retry_after must be an integer, not float"),
        ({"status_code": 200}, ValueError, "statusCode 200 is success"),
        ({"http_status": 399}, ValueError, "http_status must be 400 to 599, not 399"),
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


# Connections


@pytest.mark.parametrize(
    ("request_lines", "response"),
    [
        ("content-length: 9\r\n\r\nhalf", b""),
        ("content-length: many\r\n\r\n", b"HTTP/1.1 411 "),
        ("transfer-encoding: chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.1 411 "),
    ],
)
def test_a_request_without_its_whole_body_is_not_received(
    server: MockServer, request_lines: str, response: bytes
) -> None:
    with socket.create_connection(address_of(server), timeout=5) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\n{request_lines}".encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read()[:13] == response
    assert server.received == []


def test_a_client_that_hangs_up_leaves_no_trace(
    server: MockServer, http: httpx.Client, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(address_of(server)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\n")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    http.post(PATH, json=BODY)
    assert capfd.readouterr() == ("", "")


def test_it_listens_only_on_the_loopback_interface(server: MockServer) -> None:
    host, port = address_of(server)
    assert host == "127.0.0.1"
    with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
        socket.create_connection(("127.0.0.2", port), timeout=1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_same_object_is_an_async_context_manager(backend: str) -> None:
    async def send() -> MockServer:
        async with mock_genauth() as server, AsyncAuthenticationClient("my-app", server.url) as client:
            await client.send_email(CHANNEL, "test@example.com")
            return server

    server = anyio.run(send, backend=backend)
    assert server.sent == [BODY]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address_of(server), timeout=5)


def test_it_stops_with_connections_open_and_a_request_unanswered() -> None:
    before = threading.active_count()
    with mock_genauth() as server, connect(server.url) as idle:
        idle.post(PATH, json=BODY)
        server.fail_next(connection="silent")
        with socket.create_connection(address_of(server)) as silent:
            silent.sendall(b"POST / HTTP/1.1\r\n\r\n")
            while len(server.received) < 2:
                pass
            server.__exit__()
            assert threading.active_count() == before
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address_of(server), timeout=5)


# The process

PROGRAM = [sys.executable, "-W", "error", "-m", "genauth_email.testing"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_process_prints_each_request_and_stops_without_a_traceback(stop: signal.Signals) -> None:
    with subprocess.Popen(PROGRAM, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().split()[6]
            assert process.stdout.readline() == f"GENAUTH_APP_HOST={url}\n"
            with connect(url) as http:
                http.post(PATH, json=BODY)
                http.post(PATH, json=BODY)
                http.post(PATH, json=BODY | {"email": "\u2028\n\x1b"})
                http.get(f"{PATH}?x=1")
            process.send_signal(stop)
            output, errors = process.communicate(timeout=10)
        finally:
            process.kill()  # A failed test must not wait for it.
    assert (process.returncode, errors) == (0, "")
    sent, refused, on_one_line, unknown = output.splitlines()
    assert sent == f"POST {PATH} {CHANNEL} test@example.com: statusCode 200 {SENT['message']}"
    assert refused.startswith(f"POST {PATH} {CHANNEL} test@example.com: statusCode 429 Too many requests. ")
    assert on_one_line == f"POST {PATH} {CHANNEL}  : statusCode 200 {SENT['message']}"
    assert unknown.startswith(f"GET {PATH} 1: statusCode 404 There is no GET ")


def test_the_process_accepts_a_port_and_reports_an_unusable_one(server: MockServer) -> None:
    for port in (address_of(server)[1], 99999):
        done = subprocess.run([*PROGRAM, "--port", str(port)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"port {port} cannot be used: ")
        assert done.stderr.count("\n") == 1
