"""Tracing tools record a span for each attempt, and none shows a secret."""

import json
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import sentry_sdk
from genauth_email import AttemptDetails, GenAuthError, ThrottleError
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import StatusCode

from tests.servers import MockServer
from tests.servers.raw import RawServer, Step, http

from .tracing_tools import TOOLS, Work, send

TOKEN = "s3cret-token"
EMAIL = "somebody@example.com"
HEADERS = {
    "sentry": ["sentry-trace", "baggage"],
    "datadog": ["traceparent", "x-datadog-trace-id"],
    "newrelic": ["traceparent", "tracestate"],
    "elastic": ["traceparent", "elastic-apm-traceparent"],
}
"""The headers that the tools send besides or instead of `traceparent`. The first contains the span's id."""

each_kind = pytest.mark.parametrize("kind", ["sync", "asyncio", "aiohttp"])


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, mock_server: MockServer) -> None:
    values = {"APP_ID": "app123", "APP_HOST": mock_server.url, "ACCESS_TOKEN": TOKEN}
    for name, value in values.items():
        monkeypatch.setenv(f"GENAUTH_{name}", value)
    monkeypatch.setenv("EMAIL", EMAIL)


def refuse_twice(mock_server: MockServer) -> None:
    for _ in range(2):
        mock_server.respond_next({"statusCode": 503, "message": "Busy."}, headers={"Retry-After": "0"})


@each_kind
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_records_one_span_for_each_attempt(tool: str, kind: str, mock_server: MockServer) -> None:
    refuse_twice(mock_server)
    program = [sys.executable, "-m", "tests.integrations.tracing_tools", tool, kind]
    run = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    spans, shown = result["spans"], json.dumps(result["shown"])

    assert set(result["hosts"]) <= {"127.0.0.1", "localhost"}
    id_header, *others = HEADERS.get(tool, ["traceparent"])
    assert [request.headers[id_header].split("-")[-2] for request in mock_server.received] == [
        span["id"] for span in spans
    ]
    assert all(name in request.headers for request in mock_server.received for name in others)
    # New Relic does not record the status of aiohttp's responses.
    statuses = [None] * 4 if (tool, kind) == ("newrelic", "aiohttp") else [200] * 4
    assert [span["status"] for span in spans] == statuses
    # The last one was a ThrottleError.
    assert not spans[-1]["failed"]
    assert "ThrottleError" in shown
    assert TOKEN not in shown
    assert EMAIL not in shown


# These functions are on the page about other tools. A retry can still make up for a 503. Any other HTTP status shows as
# a failure in the tool's own span of the attempt. A success sets nothing, because OpenTelemetry's OK is final and would
# hide later failures in the span.
def mark_opentelemetry_span(attempt: AttemptDetails) -> None:
    if attempt.error and attempt.http_status == 200 and attempt.status_code != 503:
        trace.get_current_span().set_status(StatusCode.ERROR, attempt.error)


def mark_sentry_span(attempt: AttemptDetails) -> None:
    span = sentry_sdk.get_current_span()
    if span and attempt.error and attempt.http_status == 200 and attempt.status_code != 503:
        span.set_status("internal_error")


@contextmanager
def sentry_client(**options: Any) -> Generator[None]:
    """Use Sentry without its hooks, which cannot be removed again, and without its threads."""
    quiet: dict[str, Any] = {
        "default_integrations": False,
        "enable_backpressure_handling": False,
        "send_client_reports": False,
    }
    with sentry_sdk.Client(**quiet, **options) as client, sentry_sdk.new_scope() as scope:
        scope.set_client(client)
        yield


def fails_in_opentelemetry(work: Work) -> bool:
    with TracerProvider().get_tracer("test").start_as_current_span("job") as span:
        work()
    assert isinstance(span, ReadableSpan)
    return span.status.status_code is StatusCode.ERROR


def fails_in_sentry(work: Work) -> bool:
    with sentry_client(traces_sample_rate=1.0), sentry_sdk.start_transaction(name="job") as span:
        work()
    return span.status == "internal_error"


@each_kind
@pytest.mark.parametrize(
    ("fails", "mark"),
    [(fails_in_opentelemetry, mark_opentelemetry_span), (fails_in_sentry, mark_sentry_span)],
    ids=["opentelemetry", "sentry"],
)
def test_on_attempt_marks_the_span_around_a_failure_inside_http_200_but_not_around_retries_that_help(
    fails: Callable[[Work], bool], mark: Callable[[AttemptDetails], None], kind: str, mock_server: MockServer
) -> None:
    def send_one_too_many() -> None:
        with suppress(ThrottleError):
            send(kind, on_attempt=mark)

    refuse_twice(mock_server)
    assert not fails(lambda: send(kind, on_attempt=mark))
    assert len(mock_server.received) == 3
    assert fails(send_one_too_many)


FAULTS = {
    "a response of the API": Step(http(200, b'{"statusCode": 403, "message": "No."}')),
    "a login page": Step(http(200, b"<h1>Log in</h1>")),
    "no response": Step(then="close"),
}


@each_kind
@pytest.mark.parametrize("step", FAULTS.values(), ids=FAULTS)
def test_an_error_that_sentry_captures_with_local_variables_shows_no_secret(
    kind: str, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Any] = []
    recording = sentry_client(
        dsn="http://key@sentry.invalid/1",
        before_send=lambda event, hint: events.append(event),  # It sends the result.
    )
    with RawServer(step) as server, recording:
        monkeypatch.setenv("GENAUTH_APP_HOST", server.url)
        try:
            send(kind)
        except GenAuthError:
            sentry_sdk.capture_exception()

    frames = [frame for error in events[0]["exception"]["values"] for frame in error["stacktrace"].pop("frames")]
    assert any(frame["module"].startswith("genauth_email.") for frame in frames)
    assert any(frame["vars"].get("kind") == repr(kind) for frame in frames)
    # The frames of the suite's secrets watch contain the address.
    shown = json.dumps([events, [frame for frame in frames if frame["module"] != "tests.secrets_watch"]])
    assert TOKEN not in shown
    assert EMAIL not in shown
