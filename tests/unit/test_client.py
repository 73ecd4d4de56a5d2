"""Both clients, with a transport that says what comes of each attempt."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from runtime import client as module
from runtime.base_client import validate_client
from runtime.client import AsyncClient, SyncClient, call, call_async, request, request_async
from runtime.errors import APIConnectionError
from runtime.http import httpx
from runtime.transport.request import Attempt, HTTPRequest
from tests.clock import Clock

from .coroutines import run
from .specification import OPERATION, SPECIFICATION, Lang, RequestDto, ResponseDto, TeapotError
from .test_call import document


class Sync(SyncClient[Lang]):
    _specification = SPECIFICATION


class Async(AsyncClient[Lang]):
    _specification = SPECIFICATION


class Script:
    """A transport. Each attempt comes to what is next."""

    def __init__(self, *outcomes: bytes | Exception) -> None:
        self.sent: list[HTTPRequest] = []
        self._outcomes = list(outcomes)

    def send(self, request: HTTPRequest, attempt: Attempt) -> None:
        self.sent.append(request)
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        attempt.body_started = True
        attempt.reader.start(200, httpx.Headers())
        attempt.reader.feed(outcome)


class AsyncScript:
    """The async counterpart of `Script`."""

    def __init__(self, script: Script) -> None:
        self._script = script

    async def send(self, request: HTTPRequest, attempt: Attempt) -> None:
        self._script.send(request, attempt)


Send = Callable[..., Any]

CLIENTS: dict[str, type[Sync | Async]] = {"sync": Sync, "async": Async}
FUNCTIONS: dict[tuple[str, str], Callable[..., Any]] = {
    ("sync", "request"): request,
    ("sync", "call"): call,
    ("async", "request"): request_async,
    ("async", "call"): call_async,
}


@pytest.fixture(params=["sync", "async"])
def send(request: pytest.FixtureRequest) -> Send:
    """Send a request by either client, and return what is returned for the function of that kind."""

    def send(function: str, script: Script) -> Any:
        client: Any = CLIENTS[request.param]("app-1", max_retries=2)
        client._transport = script if request.param == "sync" else AsyncScript(script)
        result = FUNCTIONS[request.param, function](client, OPERATION, body=RequestDto("test@example.com"))
        return result if request.param == "sync" else run(result)

    return send


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> list[float]:
    """The pauses between attempts. Each is the longest that it can be."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        clock.advance(seconds)

    async def pause_async(seconds: float) -> None:
        pause(seconds)

    monkeypatch.setattr("runtime.call.uniform", lambda least, most: most)
    monkeypatch.setattr(module, "sleep", pause)
    monkeypatch.setattr(anyio, "sleep", pause_async)
    return pauses


def refused() -> Exception:
    return httpx.ConnectError("refused")


@pytest.mark.parametrize("function", ["request", "call"])
def test_request_is_sent_until_there_is_a_result_with_a_pause_each_time(
    send: Send, pauses: list[float], function: str
) -> None:
    script = Script(refused(), refused(), document(200))
    result = send(function, script)
    assert (result if function == "call" else result.parsed) == ResponseDto(200, "Said.")
    assert pauses == [0.5, 1.0]
    assert [(each.method, str(each.url), each.content) for each in script.sent] == [
        ("POST", "https://default.genauth.ai/tea", b'{"email":"test@example.com"}')
    ] * 3


@pytest.mark.parametrize("function", ["request", "call"])
def test_last_error_is_raised_where_there_is_no_result(send: Send, pauses: list[float], function: str) -> None:
    script = Script(*(httpx.ConnectError(f"refused {number}") for number in range(1, 4)))
    with pytest.raises(APIConnectionError, match="refused 3") as caught:
        send(function, script)
    assert (caught.value.delivery, caught.value.retryable) == ("not_sent", True)
    assert len(script.sent) == 3
    assert pauses == [0.5, 1.0]


def test_time_that_passes_in_a_pause_ends_the_call(
    send: Send, pauses: list[float], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def oversleep(seconds: float) -> None:
        clock.advance(11)

    monkeypatch.setattr(module, "sleep", lambda seconds: clock.advance(11))
    monkeypatch.setattr(anyio, "sleep", oversleep)
    script = Script(refused())
    with pytest.raises(APIConnectionError, match="refused"):
        send("request", script)
    assert len(script.sent) == 1


def test_failure_of_the_api_is_returned_by_request_and_raised_by_call(send: Send) -> None:
    assert send("request", Script(document(418))).parsed == ResponseDto(418, "Said.")
    with pytest.raises(TeapotError) as caught:
        send("call", Script(document(418)))
    assert caught.value.status_code == 418


@pytest.mark.parametrize("error", [ValueError("of a hook"), RuntimeError("closed"), httpx.InvalidURL("theirs")])
def test_errors_of_others_go_through_and_are_not_retried(send: Send, pauses: list[float], error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        send("request", Script(error))
    assert caught.value is error
    assert pauses == []


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Sync, "asyncio and asyncio_detailed need an async client, not Sync"),
        (Async, "sync and sync_detailed need a sync client, not Async"),
    ],
)
def test_client_of_the_other_kind_is_refused(kind: type[Sync | Async], message: str) -> None:
    client: Any = kind("app-1")
    with pytest.raises(TypeError) as caught:
        run(request_async(client, OPERATION)) if kind is Sync else request(client, OPERATION)
    assert str(caught.value) == message


@pytest.mark.parametrize("other", [None, Sync, object()])
def test_what_is_not_a_client_is_refused_by_its_type(other: object) -> None:
    with pytest.raises(TypeError, match=f"need a sync client, not {type(other).__name__}$"):
        validate_client(other, SyncClient)


def test_client_of_its_kind_is_taken() -> None:
    for client in (Sync("app-1"), Async("app-1")):
        assert validate_client(client, type(client).__mro__[1]) is client
