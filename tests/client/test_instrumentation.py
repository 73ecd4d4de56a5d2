"""Tools that hook httpx see our calls."""

from collections.abc import Callable, Generator
from typing import Any

import httpx
import pytest
import respx
from genauth_email import ThrottleError
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_httpx import HTTPXMock

from tests.clients import BlockingClient, ClientFactory, on_httpx
from tests.contract.facts import CHANNEL
from tests.servers import MockServer

from .helpers import EMAIL, PATH, SENT, each_way, send

HOST = "https://example.genauth.ai"
URL = f"{HOST}{PATH}"
THROTTLED = {"statusCode": 429, "message": "Too many."}
TRANSPORTS = [(httpx.HTTPTransport, "handle_request"), (httpx.AsyncHTTPTransport, "handle_async_request")]


Call = Callable[[BlockingClient], Any]
pytestmark = on_httpx


@pytest.fixture(autouse=True, scope="module")
def hooks_are_removed_again() -> Generator[None]:
    before = [getattr(transport, name) for transport, name in TRANSPORTS]
    yield
    assert [getattr(transport, name) for transport, name in TRANSPORTS] == before


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


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@each_way
def test_opentelemetry_records_a_span_for_each_call(
    make_client: ClientFactory, mock_server: MockServer, spans: InMemorySpanExporter, call: Call
) -> None:
    client = make_client(mock_server.url, access_token="s3cret-token")
    call(client)
    with pytest.raises(ThrottleError):
        call(client)

    finished = spans.get_finished_spans()
    assert [span.name for span in finished] == ["POST", "POST"]
    for span, request in zip(finished, mock_server.received, strict=True):
        shown = attributes(span)
        assert shown.get("http.url", shown.get("url.full")) == f"{mock_server.url}{PATH}"
        assert span.context is not None
        assert f"{span.context.trace_id:032x}-{span.context.span_id:016x}" in request.headers["traceparent"]
        assert "s3cret-token" not in span.to_json()
        assert "test@" not in span.to_json()


def test_opentelemetry_sees_a_client_made_before_it_was_enabled(
    make_client: ClientFactory, mock_server: MockServer, request: pytest.FixtureRequest
) -> None:
    client = make_client(mock_server.url)
    spans: InMemorySpanExporter = request.getfixturevalue("spans")
    send(client)
    assert len(spans.get_finished_spans()) == 1


@each_way
def test_respx_responds_to_our_calls(make_client: ClientFactory, call: Call) -> None:
    client = make_client(HOST, access_token="s3cret-token")
    with respx.mock:
        route = respx.post(URL, headers={"authorization": "s3cret-token"})
        route.side_effect = [httpx.Response(200, json=SENT), httpx.Response(200, json=THROTTLED)]
        assert call(client).message == SENT["message"]
        with pytest.raises(ThrottleError):
            call(client)
        assert route.call_count == 2


@each_way
def test_pytest_httpx_responds_to_our_calls(make_client: ClientFactory, httpx_mock: HTTPXMock, call: Call) -> None:
    httpx_mock.add_response(
        method="POST",
        url=URL,
        match_json={"channel": CHANNEL, "email": EMAIL},
        match_headers={"x-genauth-app-id": "app123"},
        json=SENT,
    )
    httpx_mock.add_response(json=THROTTLED)
    client = make_client(HOST)
    assert call(client).message == SENT["message"]
    with pytest.raises(ThrottleError):
        call(client)
    assert len(httpx_mock.get_requests()) == 2
