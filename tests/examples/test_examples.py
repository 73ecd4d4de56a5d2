"""The examples, run as a user runs them, with their settings in the environment."""

import importlib
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, cast

import httpx
import pytest
import uvicorn
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging
from genauth_email import APIConnectionError, ThrottleError
from genauth_email._runtime.options import DEFAULT_MAX_RETRIES
from werkzeug.serving import make_server

from tests.clients import no_pauses
from tests.contract.facts import CHANNEL, SENT
from tests.servers import MockServer
from tests.servers.raw import RawServer, Step

EXAMPLES = Path(__file__).parents[2] / "examples"
LOGIN = {"email": "test@example.com"}


@pytest.fixture(autouse=True)
def settings(mock_server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAUTH_APP_ID", "my-app")
    monkeypatch.setenv("GENAUTH_APP_HOST", mock_server.url)
    monkeypatch.setenv("GENAUTH_LANG", "en-US")
    monkeypatch.setenv("LOGIN_CHANNEL", CHANNEL)
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "cache+memory://")
    monkeypatch.syspath_prepend(EXAMPLES)


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "send_email.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_script_sends_an_email_and_says_so(mock_server: MockServer) -> None:
    result = script(CHANNEL, "test@example.com")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{SENT['message']}\n", "")
    assert mock_server.received[0].json == {"channel": CHANNEL, "email": "test@example.com"}


@pytest.mark.parametrize(
    ("content", "http_status", "said"),
    [
        (b'{"statusCode": 429, "message": ""}', 200, "Look for the last email, or try again in 60 seconds."),
        (b'{"statusCode": 403, "message": "Not permitted."}', 200, "No email was sent: statusCode 403"),
        (b"<h1>Forbidden</h1>", 403, "The email may have been sent."),
        (b"<h1>Bad Gateway</h1>", 502, "The email may have been sent."),
        (b"<h1>Log in</h1>", 200, "The email may have been sent."),
    ],
)
def test_the_script_says_what_went_wrong(mock_server: MockServer, content: bytes, http_status: int, said: str) -> None:
    mock_server.respond_next(content, http_status=http_status, validate=False)
    result = script(CHANNEL, "test@example.com")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(said)


def test_the_script_says_that_no_email_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(listening=False) as server:
        monkeypatch.setenv("GENAUTH_APP_HOST", server.url)
        result = script(CHANNEL, "test@example.com")
    assert (result.returncode, result.stdout) == (1, "")
    assert "No email was sent: ConnectError" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["CHANNEL_LOGON", "test@example.com"]])
def test_the_script_says_what_it_takes(mock_server: MockServer, arguments: list[str]) -> None:
    result = script(*arguments)
    assert result.returncode == 1
    assert CHANNEL in result.stderr
    assert not mock_server.received


@contextmanager
def fastapi_url() -> Generator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config("fastapi_app:app", lifespan="on", ws="none", log_config=None)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def flask_url() -> Generator[str]:
    module = importlib.import_module("flask_app")
    module.client.cache_clear()  # The client of the test before has other settings.
    with make_server("127.0.0.1", 0, module.app, threaded=True) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            module.client().close()


@pytest.fixture(params=[fastapi_url, flask_url], ids=["FastAPI", "Flask"])
def website(request: pytest.FixtureRequest) -> Generator[httpx.Client]:
    """A web application behind a proxy, to which this client goes as the proxy does."""
    with request.param() as url, httpx.Client(base_url=url, headers={"x-forwarded-for": "203.0.113.9"}) as client:
        yield client


def test_the_website_passes_on_the_end_users_ip(mock_server: MockServer, website: httpx.Client) -> None:
    assert website.post("/login-email", json=LOGIN).status_code == 202
    other = {"x-forwarded-for": "198.51.100.7"}
    assert website.post("/login-email", json={"email": "other@example.com"}, headers=other).status_code == 202
    assert [each.headers["x-real-ip"] for each in mock_server.received] == ["203.0.113.9", "198.51.100.7"]


def test_the_website_sends_a_retry_after(website: httpx.Client) -> None:
    website.post("/login-email", json=LOGIN)
    response = website.post("/login-email", json=LOGIN)
    assert (response.status_code, response.headers["retry-after"]) == (429, "60")


@pytest.mark.parametrize(("status_code", "http_status"), [(400, 422), (403, 503), (404, 503), (500, 502), (602, 502)])
def test_the_website_responds_to_a_failure_with_an_http_status(
    mock_server: MockServer, website: httpx.Client, status_code: int, http_status: int
) -> None:
    mock_server.respond_next({"statusCode": status_code, "message": "no"})
    assert website.post("/login-email", json=LOGIN).status_code == http_status


def leave_logging(**_: object) -> None:
    """Celery, when this is connected, leaves logging, stdout and stderr to pytest."""


@pytest.fixture(scope="module")
def worker_app() -> Generator[Any]:
    """The Celery application with a worker in a thread, and a broker and a result backend in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELERY_BROKER_URL", "memory://")
        patch.setenv("CELERY_RESULT_BACKEND", "cache+memory://")
        patch.syspath_prepend(EXAMPLES)
        module = importlib.import_module("celery_app")
        # Instead of a second, as in memory nobody tells of a new task.
        patch.setitem(module.app.conf, "broker_transport_options", {"polling_interval": 0.02})
        setup_logging.connect(leave_logging)
        worker = start_worker(module.app, perform_ping_check=False)
        with cast(AbstractContextManager[object], worker):
            yield module
        setup_logging.disconnect(leave_logging)


@pytest.fixture
def send(worker_app: Any, monkeypatch: pytest.MonkeyPatch) -> Generator[Callable[..., None]]:
    """Sends an email through the task, and returns or raises what the caller gets."""
    worker_app.client.cache_clear()  # The client of the test before has other settings.
    monkeypatch.setattr(worker_app.send_email, "default_retry_delay", 0)
    yield lambda *arguments: worker_app.send_email.delay(*arguments).get(timeout=30, interval=0.02)
    worker_app.client().close()


def test_the_task_sends_an_email(mock_server: MockServer, send: Callable[..., None]) -> None:
    send(CHANNEL, "test@example.com", "203.0.113.9")
    (received,) = mock_server.received
    assert received.json == {"channel": CHANNEL, "email": "test@example.com"}
    assert received.headers["x-real-ip"] == "203.0.113.9"


def test_the_caller_of_the_task_gets_our_error(mock_server: MockServer, send: Callable[..., None]) -> None:
    body = {"statusCode": 429, "apiCode": 2005, "message": "请稍后再试", "requestId": "r-1"}
    mock_server.respond_next(body, headers={"retry-after": "42"})

    with pytest.raises(ThrottleError) as caught:
        send(CHANNEL, "test@example.com")

    error = caught.value
    assert (error.status_code, error.api_code, error.message) == (429, 2005, "请稍后再试")
    assert (error.request_id, error.http_status, error.delivery) == ("r-1", 200, "unknown")
    assert (error.retry_after, error.headers["Retry-After"]) == (42, "42")
    assert "t***@example.com" in str(error)
    assert len(mock_server.received) == 1


def test_the_task_is_retried_if_nothing_was_sent(mock_server: MockServer, send: Callable[..., None]) -> None:
    attempts_of_a_call = 1 + DEFAULT_MAX_RETRIES
    for _ in range(attempts_of_a_call):
        mock_server.respond_next({"statusCode": 503, "message": "Under maintenance"})
    with no_pauses():
        send(CHANNEL, "test@example.com")
    assert len(mock_server.received) == attempts_of_a_call + 1


def test_the_task_is_never_retried_if_the_email_may_have_been_sent(
    worker_app: Any, monkeypatch: pytest.MonkeyPatch, send: Callable[..., None]
) -> None:
    with RawServer(Step(then="close")) as server:
        monkeypatch.setenv("GENAUTH_APP_HOST", server.url)
        with pytest.raises(APIConnectionError) as caught:
            send(CHANNEL, "test@example.com")
        assert caught.value.delivery == "unknown"
        worker_app.client().close()
        assert len(server.finish()) == 1


def test_the_task_gives_up_with_our_error(
    worker_app: Any, monkeypatch: pytest.MonkeyPatch, send: Callable[..., None]
) -> None:
    monkeypatch.setattr(worker_app.send_email, "max_retries", 1)
    with RawServer(listening=False) as server:
        monkeypatch.setenv("GENAUTH_APP_HOST", server.url)
        with pytest.raises(APIConnectionError) as caught:
            send(CHANNEL, "test@example.com")
    assert caught.value.delivery == "not_sent"
