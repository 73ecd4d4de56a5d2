"""OpenTelemetry, which hooks httpx, sees our calls."""

from collections.abc import Callable, Generator
from typing import Any

import pytest
from genauth_email import ThrottleError
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.clients import BlockingClient, ClientFactory, on_httpx
from tests.servers import MockServer

from .helpers import PATH, each_way, send

Call = Callable[[BlockingClient], Any]
pytestmark = on_httpx


@pytest.fixture
def spans() -> Generator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    yield exporter
    instrumentor.uninstrument()
    provider.shutdown()


@each_way
def test_a_span_is_recorded_for_each_call(
    make_client: ClientFactory, mock_server: MockServer, spans: InMemorySpanExporter, call: Call
) -> None:
    client = make_client(mock_server.url, access_token="s3cret-token")
    call(client)
    with pytest.raises(ThrottleError):
        call(client)

    finished = spans.get_finished_spans()
    assert [span.name for span in finished] == ["POST", "POST"]
    for span, request in zip(finished, mock_server.received, strict=True):
        shown = dict(span.attributes or {})
        assert shown.get("http.url", shown.get("url.full")) == f"{mock_server.url}{PATH}"
        assert span.context is not None
        assert f"{span.context.trace_id:032x}-{span.context.span_id:016x}" in request.headers["traceparent"]
        assert "s3cret-token" not in span.to_json()
        assert "test@" not in span.to_json()


def test_a_client_made_before_it_was_enabled_is_seen(
    make_client: ClientFactory, mock_server: MockServer, request: pytest.FixtureRequest
) -> None:
    client = make_client(mock_server.url)
    spans: InMemorySpanExporter = request.getfixturevalue("spans")
    send(client)
    assert len(spans.get_finished_spans()) == 1
