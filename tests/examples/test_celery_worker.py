"""The Celery example in a worker process. Its broker and its result backend are folders."""

from pathlib import Path

import pytest
from celery import Celery

from tests.examples.celery_worker import check_that_errors_travel
from tests.servers import MockServer

# With a broker that it has to poll, Celery waits up to twice for two seconds before it ends. This shortens the wait.
IMPATIENT = """
from celery_app import app
from kombu.transport.filesystem import Transport

drain_events = Transport.drain_events
Transport.drain_events = lambda self, connection, timeout=None: drain_events(self, connection, 0.02)
Transport.polling_interval = 0.02
"""


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
    check_that_errors_travel(app, tmp_path, mock_server, module="impatient")
