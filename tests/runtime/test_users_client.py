import socket
from collections.abc import Callable, Generator
from typing import Any

import pytest

from runtime.http import httpx
from runtime.users_client import TimeLeft, Timeouts, bound_auth, extensions_of

from .clock import Clock
from .test_request import attempt_at

CONNECTING = ["connection.connect_tcp.started", "socks.connect_tcp.started", "proxy.start_tls.started"]


class Stream:
    def __init__(self) -> None:
        self.timeouts: list[float | None] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.timeouts.append(timeout)
        return b""


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def install(number: int) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: [()] * number)

    return install


@pytest.mark.parametrize("event", CONNECTING)
def test_each_step_of_connecting_gets_what_is_left(clock: Clock, resolve: Callable[[int], None], event: str) -> None:
    resolve(1)
    trace = extensions_of(attempt_at(clock, 4.0, deadline=8.0))["trace"]
    lefts = []
    for _ in range(3):
        info = {"timeout": 99.0, "host": "example.com", "port": 443}
        trace(event, info)
        lefts.append(info.pop("timeout"))
        assert info == {"host": "example.com", "port": 443}
        clock.advance(3)
    assert lefts == [4.0, 4.0, 2.0]


def test_the_addresses_of_a_name_share_what_is_left(clock: Clock, resolve: Callable[[int], None]) -> None:
    resolve(5)
    info: dict[str, Any] = {"host": "example.com", "port": 443}
    extensions_of(attempt_at(clock, 4.0))["trace"]("connection.connect_tcp.started", info)
    assert info["timeout"] == 0.8


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
def test_a_name_that_cannot_be_looked_up_is_left_to_httpcore(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def getaddrinfo(*args: object, **options: object) -> list[object]:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    info: dict[str, Any] = {"host": "example.com", "port": 443}
    extensions_of(attempt_at(clock, 4.0))["trace"]("connection.connect_tcp.started", info)
    assert info["timeout"] == 4.0


def test_connecting_again_is_given_no_timeout(clock: Clock) -> None:
    info: dict[str, object] = {}
    extensions_of(attempt_at(clock))["trace"]("connection.retry.started", info)
    assert info == {}


@pytest.mark.parametrize("event", [*CONNECTING, "connection.retry.started"])
def test_nothing_connects_after_the_deadline(clock: Clock, resolve: Callable[[int], None], event: str) -> None:
    resolve(1)
    trace = extensions_of(attempt_at(clock, deadline=8.0))["trace"]
    clock.advance(8)
    with pytest.raises(httpx.ConnectTimeout, match="there was no connection in time"):
        trace(event, {})


def test_other_events_are_left_as_they_are(clock: Clock) -> None:
    trace = extensions_of(attempt_at(clock, deadline=8.0))["trace"]
    clock.advance(9)
    for event in ("connection.connect_tcp.failed", "connection.retry.complete", "http11.receive_body.started"):
        info = {"timeout": 99.0}
        trace(event, info)
        assert info == {"timeout": 99.0}


@pytest.mark.parametrize("event", ["connection.connect_tcp.complete", "proxy.start_tls.complete"])
def test_each_read_gets_what_is_left_at_that_moment(clock: Clock, event: str) -> None:
    stream = Stream()
    first = extensions_of(attempt_at(clock, 4.0, deadline=8.0))
    first["trace"](event, {"return_value": stream})
    seconds = first["timeout"].get("read")
    for _ in range(3):
        stream.read(1, seconds)
        clock.advance(3)
    # The connection lives on, and its next request has another deadline.
    second = extensions_of(attempt_at(clock, 4.0, deadline=8.0))
    stream.read(1, timeout=second["timeout"].get("read"))
    stream.read(1, timeout=30.0)  # The user's own request.
    stream.read(1)
    assert stream.timeouts == [4.0, 4.0, 2.0, 4.0, 30.0, None]
    with pytest.raises(httpx.ConnectTimeout):
        stream.read(1, seconds)


def test_stream_that_cannot_be_changed_is_left_as_it_is(clock: Clock) -> None:
    class Slotted:
        __slots__ = ()

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            return b""

    extensions_of(attempt_at(clock))["trace"]("connection.connect_tcp.complete", {"return_value": Slotted()})


def test_timeouts_are_numbers(clock: Clock) -> None:
    timeouts = Timeouts(attempt_at(clock, 4.0, deadline=8.0))
    assert timeouts == {"connect": 4.0, "read": 4.0, "write": 4.0, "pool": 4.0}
    assert isinstance(timeouts.get("read"), TimeLeft)
    assert Timeouts(attempt_at(clock, None, deadline=float("inf"))).get("read") is None


class TokenAuth(httpx.Auth):
    """Asks for a token first."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        response = yield httpx.Request("GET", "https://auth.test/token")
        request.headers["x-token"] = response.text
        yield request


def test_a_request_of_an_authentication_keeps_to_the_deadline(clock: Clock) -> None:
    seen = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, text="abc")

    attempt = attempt_at(clock, 4.0, deadline=8.0)
    mine = {"timeout": {"read": 1.0}}
    with httpx.Client(transport=httpx.MockTransport(respond), auth=TokenAuth()) as client:
        client.post("https://example.genauth.ai", extensions=mine, **bound_auth(client, attempt))
    token, sent = seen
    assert isinstance(token.extensions["timeout"], Timeouts)
    assert sent.headers["x-token"] == "abc"
    assert sent.extensions["timeout"] == mine["timeout"]
