"""The examples, run as a user would, with their settings in the environment."""

import importlib
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import uvicorn
from genauth_email import APIConnectionError
from genauth_email._runtime.options import DEFAULT_MAX_RETRIES

from tests.clients import no_pauses
from tests.contract.facts import CHANNEL, SENT
from tests.servers import MockServer
from tests.servers.raw import RawServer, Step, http

EXAMPLES = Path(__file__).parents[2] / "examples"
LOGIN = {"email": "test@example.com"}


@pytest.fixture(autouse=True)
def settings(mock_server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAUTH_APP_ID", "my-app")
    monkeypatch.setenv("GENAUTH_APP_HOST", mock_server.url)
    monkeypatch.setenv("GENAUTH_LANG", "en-US")
    monkeypatch.setenv("LOGIN_CHANNEL", CHANNEL)
    monkeypatch.syspath_prepend(EXAMPLES)


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "send_email.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_script_sends_an_email_and_says_so(mock_server: MockServer) -> None:
    result = script(CHANNEL, "test@example.com")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{SENT['message']}\n", "")
    assert mock_server.received[0].json == {"channel": CHANNEL, "email": "test@example.com"}


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (http(200, b'{"statusCode": 429, "message": ""}'), "Look for the last email, or try again in 60 seconds."),
        (http(200, b'{"statusCode": 403, "message": "Not permitted."}'), "No email was sent: statusCode 403"),
        (http(502, b"<h1>Bad Gateway</h1>"), "The email may have been sent."),
        (None, "No email was sent: ConnectError"),
    ],
)
def test_the_script_says_what_went_wrong(monkeypatch: pytest.MonkeyPatch, response: bytes | None, said: str) -> None:
    with RawServer(Step(response or b""), listening=response is not None) as server:
        monkeypatch.setenv("GENAUTH_APP_HOST", server.url)
        result = script(CHANNEL, "test@example.com")
    assert (result.returncode, result.stdout) == (1, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [[], ["CHANNEL_LOGON", "test@example.com"]])
def test_the_script_explains_its_arguments(mock_server: MockServer, arguments: list[str]) -> None:
    result = script(*arguments)
    assert result.returncode == 1
    assert CHANNEL in result.stderr
    assert not mock_server.received


@contextmanager
def fastapi_website() -> Generator[httpx.Client]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config("fastapi_app:app", lifespan="on", ws="none", log_config=None)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def flask_website() -> Generator[httpx.Client]:
    module = importlib.import_module("flask_app")
    module.client.cache_clear()  # The previous test's client has other settings.
    with httpx.Client(base_url="http://localhost", transport=httpx.WSGITransport(module.app)) as client:
        yield client
    module.client().close()


@pytest.fixture(params=[fastapi_website, flask_website], ids=["FastAPI", "Flask"])
def website(request: pytest.FixtureRequest) -> Generator[httpx.Client]:
    """A web application behind a proxy. This client takes the proxy's part."""
    with request.param() as client:
        yield client


def test_the_website_passes_on_the_end_users_ip_and_sends_a_retry_after(
    mock_server: MockServer, website: httpx.Client
) -> None:
    first, second = (
        website.post("/login-email", json=LOGIN, headers={"x-forwarded-for": address})
        for address in ("203.0.113.9", "198.51.100.7")
    )
    assert (first.status_code, second.status_code, second.headers["retry-after"]) == (202, 429, "60")
    assert [each.headers["x-real-ip"] for each in mock_server.received] == ["203.0.113.9", "198.51.100.7"]


@pytest.mark.parametrize(("status_code", "http_status"), [(400, 422), (403, 503), (500, 502)])
def test_the_website_responds_to_a_failure_with_an_http_status(
    mock_server: MockServer, website: httpx.Client, status_code: int, http_status: int
) -> None:
    mock_server.respond_next({"statusCode": status_code, "message": "no"})
    response = website.post("/login-email", json=LOGIN, headers={"x-forwarded-for": "203.0.113.9"})
    assert response.status_code == http_status


@pytest.fixture
def celery_app(monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    """The Celery application with a new client. `test_celery_worker.py` runs it in a worker process."""
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "cache+memory://")
    module = importlib.import_module("celery_app")
    module.client.cache_clear()  # The previous test's client has other settings.
    yield module
    module.client().close()


def run_task(celery_app: Any, *arguments: str) -> None:
    """Run the task in this process, with immediate retries."""
    celery_app.send_email.apply((CHANNEL, "test@example.com", *arguments)).get()


def test_the_task_is_retried_until_the_email_is_sent(mock_server: MockServer, celery_app: Any) -> None:
    attempts_of_a_call = 1 + DEFAULT_MAX_RETRIES
    for _ in range(attempts_of_a_call):
        mock_server.respond_next({"statusCode": 503, "message": "Under maintenance"})
    with no_pauses():
        run_task(celery_app, "203.0.113.9")
    assert len(mock_server.received) == attempts_of_a_call + 1
    assert mock_server.sent == [{"channel": CHANNEL, "email": "test@example.com"}]
    assert {each.headers["x-real-ip"] for each in mock_server.received} == {"203.0.113.9"}


def test_the_task_is_never_retried_if_the_email_may_have_been_sent(
    celery_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(Step(then="close")) as server:
        monkeypatch.setenv("GENAUTH_APP_HOST", server.url)
        with pytest.raises(APIConnectionError) as caught:
            run_task(celery_app)
        assert caught.value.delivery == "unknown"
        celery_app.client().close()
        assert len(server.finish()) == 1


def test_the_task_gives_up_with_our_error(celery_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery_app.send_email, "max_retries", 1)
    with RawServer(listening=False) as server:
        monkeypatch.setenv("GENAUTH_APP_HOST", server.url)
        with pytest.raises(APIConnectionError) as caught:
            run_task(celery_app)
    assert caught.value.delivery == "not_sent"
