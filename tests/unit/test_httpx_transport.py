import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

from runtime.http import httpx
from runtime.transport.httpx_transport import AsyncHttpxTransport, HttpxTransport, fail_at_deadline
from runtime.transport.request import STEPS, Attempt, HTTPRequest
from tests.clock import Clock

from .test_request import attempt_at

REQUEST = HTTPRequest("POST", httpx.URL("https://example.genauth.ai/tea"), {"content-length": "2"}, b"{}")

Handler = Callable[[httpx.Request], httpx.Response]


class Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a response. It records how it is used."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self.closed = False
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if self.closed:
                return
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


kinds = pytest.mark.parametrize("kind", ["sync", "async"])


def send(kind: str, handler: Handler, attempt: Attempt, **options: Any) -> None:
    """Send a request through a user's own client."""
    transport = httpx.MockTransport(handler)
    if kind == "sync":
        with httpx.Client(transport=transport, **options) as client:
            HttpxTransport(client, None, None).send(REQUEST, attempt)
        return

    async def send_async() -> None:
        async with httpx.AsyncClient(transport=transport, **options) as client:
            await AsyncHttpxTransport(client, None, None).send(REQUEST, attempt)

    asyncio.run(send_async())


@kinds
def test_reading_stops_at_the_deadline_and_closes_the_response(clock: Clock, kind: str) -> None:
    attempt = attempt_at(clock, deadline=8.0)
    stream = Chunks(b"1", b"2", b"3", b"4")

    def at_the_deadline(request: httpx.Request) -> httpx.Response:
        clock.advance(9)
        return httpx.Response(200, stream=stream)

    send(kind, at_the_deadline, attempt)
    assert attempt.reader.timed_out
    assert attempt.reader.body() == b"12"
    assert stream.closed


@kinds
def test_error_while_reading_keeps_the_received_part_and_closes_the_response(clock: Clock, kind: str) -> None:
    attempt, stream = attempt_at(clock), Chunks(b"{", httpx.ReadError("reset"))
    with pytest.raises(httpx.ReadError, match="reset"):
        send(kind, lambda request: httpx.Response(200, stream=stream), attempt)
    assert attempt.reader.body() == b"{"
    assert stream.closed


def test_async_tls_error_is_a_read_error(clock: Clock) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise ssl.SSLError(1, "certificate required")

    with pytest.raises(httpx.ReadError, match="certificate required") as caught:
        send("async", fail, attempt_at(clock))
    assert isinstance(caught.value.__cause__, ssl.SSLError)


# The deadline


@pytest.mark.parametrize(
    ("body_started", "error"), [(False, httpx.ConnectTimeout), (True, httpx.ReadTimeout)], ids=["before", "after"]
)
def test_deadline_cancels_an_async_clients_work(body_started: bool, error: type[Exception]) -> None:
    attempt = Attempt({}, 0.0, 0.0)  # The deadline has passed long ago.
    attempt.body_started = body_started

    async def wait() -> None:
        with fail_at_deadline(attempt):
            await asyncio.Event().wait()

    with pytest.raises(error):
        asyncio.run(wait())


class TokenAuth(httpx.Auth):
    """Requests a token first, with its own timeouts if it has any."""

    requires_response_body = True

    def __init__(self, timeouts: dict[str, float | None] | None) -> None:
        self.ended = False
        self._extensions = {} if timeouts is None else {"timeout": timeouts}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        try:
            response = yield httpx.Request("GET", "https://auth.test/token", extensions=self._extensions)
            request.headers["x-token"] = response.text
            yield request
        finally:
            self.ended = True


@pytest.mark.parametrize(
    ("own", "timeouts"),
    [
        (None, dict.fromkeys(STEPS, 3.0)),
        ({"read": 1.0, "connect": None}, {"connect": 3.0, "read": 1.0, "write": 3.0, "pool": 3.0}),
    ],
    ids=["no timeouts", "its own"],
)
def test_requests_of_an_authentication_have_the_rest_of_the_calls_time(
    clock: Clock, own: dict[str, float | None] | None, timeouts: dict[str, float]
) -> None:
    seen: list[tuple[httpx.Request, dict[str, float]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request, dict(request.extensions["timeout"])))
        clock.advance(1)
        return httpx.Response(200, text="abc")

    attempt, auth = attempt_at(clock, 4.0, deadline=8.0), TokenAuth(own)
    clock.advance(5)
    send("sync", answer, attempt, auth=auth)
    (_, first), (sent, second) = seen
    assert first == timeouts
    assert second == dict.fromkeys(STEPS, 2.0)
    assert sent.headers["x-token"] == "abc"
    assert attempt.reader.body() == b"abc"
    assert auth.ended


@kinds
def test_authentication_ends_if_its_request_fails(clock: Clock, kind: str) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    attempt, auth = attempt_at(clock), TokenAuth(None)
    with pytest.raises(httpx.ConnectError):
        send(kind, refuse, attempt, auth=auth)
    assert auth.ended
    assert not attempt.body_started
