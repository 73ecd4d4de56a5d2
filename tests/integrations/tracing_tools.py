"""Send two emails with a tracing tool enabled, and print the tool's data about them as JSON.

Most of these tools patch a program permanently, so each test runs its own:
`python -m tests.integrations.tracing_tools TOOL KIND`. The address and the client's options come from the environment,
so only the package could show them. The second email is one too many for its minute.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

Work = Callable[[], object]
Spans = list[dict[str, Any]]
"""For each HTTP span: its `id` as in `traceparent`, its HTTP `status`, and whether the tool shows it as `failed`."""


def send(kind: str, times: int = 1, **options: Any) -> None:
    """Send the email that many times through a client of that kind."""
    # Imported here, because some tools must be enabled before the modules that they patch are loaded.
    from genauth_email import AsyncAuthenticationClient, AuthenticationClient, Channel

    async def send_async() -> None:
        async with AsyncAuthenticationClient(http_client="aiohttp" if kind == "aiohttp" else None, **options) as client:
            for _ in range(times):
                await client.send_email(next(iter(Channel)), os.environ["EMAIL"])

    if kind != "sync":
        return asyncio.run(send_async())
    with AuthenticationClient(**options) as client:
        for _ in range(times):
            client.send_email(next(iter(Channel)), os.environ["EMAIL"])


def opentelemetry(work: Work) -> tuple[Spans, object]:
    from opentelemetry import trace
    from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.sdk.trace import TracerProvider

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    HTTPXClientInstrumentor().instrument()
    AioHttpClientInstrumentor().instrument()
    with suppress(Exception), trace.get_tracer("test").start_as_current_span("job"):
        work()
    return _opentelemetry_spans(exporter)


def logfire(work: Work) -> tuple[Spans, object]:
    import logfire

    exporter = InMemorySpanExporter()
    logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[SimpleSpanProcessor(exporter)])
    logfire.instrument_httpx()
    logfire.instrument_aiohttp_client()
    with suppress(Exception), logfire.span("job"):
        work()
    return _opentelemetry_spans(exporter)


def _opentelemetry_spans(exporter: Any) -> tuple[Spans, object]:
    finished = exporter.get_finished_spans()
    spans = [
        {
            "id": f"{span.context.span_id:016x}",
            "status": span.attributes["http.status_code"],
            "failed": span.status.status_code.name == "ERROR",
        }
        for span in finished
        if span.kind.name == "CLIENT"
    ]
    return spans, [span.to_json() for span in finished]


def sentry(work: Work) -> tuple[Spans, object]:
    import sentry_sdk

    events: list[Any] = []
    sentry_sdk.init(
        # The SDK sends no header to its own host.
        "http://key@sentry.invalid/1",
        traces_sample_rate=1.0,
        # Sentry sends the results of these.
        before_send=lambda event, hint: events.append(event),
        before_send_transaction=lambda event, hint: events.append(event),
        send_client_reports=False,
        auto_session_tracking=False,
    )
    with suppress(Exception), sentry_sdk.start_transaction(name="job"):
        try:
            work()
        except Exception:
            sentry_sdk.capture_exception()
            raise
    return [
        {"id": span["span_id"], "status": span["data"]["http.response.status_code"], "failed": span["status"] != "ok"}
        for span in events[-1]["spans"]
        if span["op"] == "http.client"
    ], events


def datadog(work: Work) -> tuple[Spans, object]:
    for feature in ("INSTRUMENTATION_TELEMETRY", "REMOTE_CONFIGURATION", "CRASHTRACKING"):
        os.environ[f"DD_{feature}_ENABLED"] = "false"
    import ddtrace.auto  # noqa: F401
    from ddtrace.trace import Span, TraceFilter, tracer

    spans: list[Span] = []

    class Recorder(TraceFilter):
        def process_trace(self, trace: list[Span]) -> None:  # ddtrace sends the result.
            spans.extend(trace)

    tracer.configure(trace_processors=[Recorder()])
    with suppress(Exception), tracer.trace("job"):
        work()
    return [
        {"id": f"{span.span_id:016x}", "status": int(span.get_tag("http.status_code") or 0), "failed": bool(span.error)}
        for span in spans
        if span.span_type == "http"
    ], [[span.name, span.resource, span.get_tags()] for span in spans]


def newrelic(work: Work) -> tuple[Spans, object]:
    import newrelic.agent  # type: ignore[import-untyped]
    from newrelic.core.agent import agent_instance  # type: ignore[import-untyped]

    settings = newrelic.agent.global_settings()
    settings.developer_mode = True
    for cloud in ("aws", "azure", "gcp", "pcf"):
        setattr(settings.utilization, f"detect_{cloud}", False)
    newrelic.agent.initialize()
    application = newrelic.agent.register_application(timeout=10)
    with suppress(Exception), newrelic.agent.BackgroundTask(application, "job"):
        work()
    recorded = agent_instance().application(application.name)._stats_engine
    events = list(recorded.span_events)
    return [
        {"id": about["guid"], "status": more.get("http.statusCode"), "failed": "error.class" in more}
        for about, _, more in events
        if about["category"] == "http"
    ], [events, list(recorded.error_events)]


class ElasticTransport:
    """Keeps the data instead of sending it."""

    def __init__(self, **options: Any) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.start_stop_order = 0

    def queue(self, event_type: str, data: Any, flush: bool = False) -> None:
        self.sent.append((event_type, data))

    def start_thread(self, pid: int | None = None) -> None:
        pass

    def stop_thread(self) -> None:
        pass


def elastic(work: Work) -> tuple[Spans, object]:
    import elasticapm

    client: Any = elasticapm.Client(
        service_name="job",
        transport_class=f"{__name__}.ElasticTransport",
        metrics_interval="0s",
        central_config=False,
        cloud_provider="none",
        # Otherwise it merges two similar short spans.
        span_compression_enabled=False,
    )
    elasticapm.instrument()
    client.begin_transaction("job")
    try:
        work()
    except Exception:
        client.capture_exception()
    client.end_transaction("job", "done")
    client.close()
    sent = client._transport.sent
    return [
        {"id": span["id"], "status": span["context"]["http"]["status_code"], "failed": span["outcome"] == "failure"}
        for event_type, span in sent
        if event_type == "span"
    ], sent


TOOLS = {tool.__name__: tool for tool in (opentelemetry, logfire, sentry, datadog, newrelic, elastic)}


def main(tool: str, kind: str) -> None:
    hosts: set[str] = set()

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        # New Relic connects a datagram socket to learn its own address, which sends nothing.
        if event == "socket.connect" and arguments[0].type == socket.SOCK_STREAM:
            hosts.add(str(arguments[1][0]))
        if event == "socket.getaddrinfo":
            hosts.add(str(arguments[0]))

    sys.addaudithook(watch)
    spans, shown = TOOLS[tool](lambda: send(kind, times=2))
    print(json.dumps({"spans": spans, "shown": shown, "hosts": [*hosts]}, default=repr))


if __name__ == "__main__":
    main(*sys.argv[1:])
