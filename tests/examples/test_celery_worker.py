"""The Celery example in a worker process. Its broker and its result backend are folders."""

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
# With a broker that it has to poll, Celery waits up to twice for two seconds before it ends. This shortens the wait.
IMPATIENT = """
from celery_app import app
from kombu.transport.filesystem import Transport

drain_events = Transport.drain_events
Transport.drain_events = lambda self, connection, timeout=None: drain_events(self, connection, 0.02)
Transport.polling_interval = 0.02
"""


@contextmanager
def celery_worker(app: Celery, app_host: str) -> Generator[None]:
    """Run a prefork worker with the broker of `app`, as a user would start it. It must end when asked to."""
    settings = {
        "CELERY_BROKER_URL": app.conf.broker_url,
        "CELERY_RESULT_BACKEND": app.conf.result_backend,
        "GENAUTH_APP_ID": "my-app",
        "GENAUTH_APP_HOST": app_host,
        "PYTHONPATH": str(EXAMPLES),
    }
    # The excluded features are for several workers, and make the start slow.
    command = (
        "celery --app impatient worker --pool prefork --concurrency 1"
        " --without-mingle --without-gossip --without-heartbeat"
    )
    # pytest shows its output if the test fails.
    worker = subprocess.Popen(
        [sys.executable, "-m", *command.split()], env=os.environ | settings, start_new_session=True
    )
    try:
        yield
        worker.terminate()
        assert worker.wait(SECONDS) == 0
    finally:
        with suppress(ProcessLookupError):  # The worker and its children have ended.
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def test_a_worker_process_sends_our_errors_to_the_caller(
    mock_server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Celery's default folders are in the working directory.
    monkeypatch.chdir(tmp_path)
    Path("data_in").mkdir()
    Path("impatient.py").write_text(IMPATIENT)
    app = Celery(broker="filesystem://", backend=tmp_path.as_uri(), set_as_current=False)
    # The worker reads from the folder that the caller writes to.
    app.conf.broker_transport_options = {"data_folder_out": "data_in"}
    # Both tasks wait in the queue for the worker. Either can be the first.
    mock_server.respond_next({"statusCode": 429, "message": "Too many.", "requestId": "r-1"})
    arguments = [CHANNEL, "test@example.com"]
    tasks: list[AsyncResult] = [app.send_task("celery_app.send_email", arguments) for _ in range(2)]
    with celery_worker(app, mock_server.url):
        for task in tasks:
            task.get(timeout=SECONDS, interval=0.02, propagate=False)

    sent, refused = sorted(tasks, key=AsyncResult.failed)
    assert sent.get() is None
    with pytest.raises(ThrottleError) as caught:
        refused.get()
    assert (caught.value.delivery, caught.value.status_code, caught.value.request_id) == ("unknown", 429, "r-1")
    assert [request.json["email"] for request in mock_server.received] == ["test@example.com"] * 2
