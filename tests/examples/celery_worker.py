"""A Celery worker process that runs the example, as a user would start it."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from celery import Celery
from celery.result import AsyncResult
from genauth_email import ThrottleError

from tests.contract.facts import CHANNEL
from tests.servers import MockServer

EXAMPLES = Path(__file__).parents[2] / "examples"
# Generous, for a busy machine.
SECONDS = 120


@contextmanager
def celery_worker(app: Celery, directory: Path, app_host: str, module: str) -> Generator[None]:
    """Run a prefork worker in `directory`, with the broker of `app`. It must end when asked to."""
    settings = {
        "CELERY_BROKER_URL": app.conf.broker_url,
        "CELERY_RESULT_BACKEND": app.conf.result_backend,
        "GENAUTH_APP_ID": "my-app",
        "GENAUTH_APP_HOST": app_host,
        "PYTHONPATH": str(EXAMPLES),
    }
    # The excluded features are for several workers, and make the start slow.
    command = (
        f"celery --app {module} worker --pool prefork --concurrency 1"
        " --without-mingle --without-gossip --without-heartbeat"
    )
    # pytest shows its output if the test fails.
    worker = subprocess.Popen(
        [sys.executable, "-m", *command.split()], cwd=directory, env=os.environ | settings, start_new_session=True
    )
    try:
        yield
        worker.terminate()
        assert worker.wait(SECONDS) == 0
    finally:
        with suppress(ProcessLookupError):  # The worker and its children have ended.
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def check_that_errors_travel(app: Celery, directory: Path, mock_server: MockServer, module: str = "celery_app") -> None:
    """Send two tasks to a worker process: one succeeds, and the other one's caller gets our error."""
    # Both wait in the queue for the worker. Either can be the first.
    mock_server.respond_next({"statusCode": 429, "message": "Too many.", "requestId": "r-1"})
    arguments = [CHANNEL, "test@example.com"]
    tasks: list[AsyncResult] = [app.send_task("celery_app.send_email", arguments) for _ in range(2)]
    with celery_worker(app, directory, mock_server.url, module):
        for task in tasks:
            task.get(timeout=SECONDS, interval=0.02, propagate=False)

    sent, refused = sorted(tasks, key=AsyncResult.failed)
    assert sent.get() is None
    with pytest.raises(ThrottleError) as caught:
        refused.get()
    assert (caught.value.delivery, caught.value.status_code, caught.value.request_id) == ("unknown", 429, "r-1")
    assert [request.json["email"] for request in mock_server.received] == ["test@example.com"] * 2
