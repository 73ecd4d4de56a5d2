"""No text, log or traceback with local variables shows a secret, and the user's own frames keep their variables.

The tests inspect all frames of each error chain, as error trackers do: the package's, the HTTP library's and the event
loop's. The portal that `make_client` uses for async clients would add frames with the call's arguments, so these tests
run the async clients with `asyncio.run` and `trio.run`.
"""

import asyncio
import logging
import pickle
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import trio
from genauth_email import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    Channel,
    GenAuthError,
    InvalidResponseError,
    SendEmailDto,
)
from genauth_email.api.email import send_email
from genauth_email.types import Request

from tests.clients import KINDS, LOOPS, ClientFactory, before_transport, options_of
from tests.contract.facts import CHANNEL
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .helpers import AT_ONCE, LOST, MockNetwork

TESTS = str(Path(__file__).parents[1])
TOKEN = "eyJ.s3cret.sig"
WRONG_TOKEN = f"{TOKEN}\n"
EMAIL = "somebody@example.com"

Options = dict[str, Any]
Send = Callable[[Any], Any]
pytestmark = pytest.mark.usefixtures("no_pauses")
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


# Ways to make a call. With an async client, each returns an awaitable.


def by_method(channel: str, email: str) -> Send:
    return lambda client: client.send_email(channel, email)


def by_function(channel: str, email: str, name: str = "") -> Send:
    body = SendEmailDto(channel=cast(Channel, channel), email=email)

    def send(client: Any) -> Any:
        function = ("sync" if isinstance(client, AuthenticationClient) else "asyncio") + name
        return getattr(send_email, function)(client=client, body=body)

    return send


def with_a_token_of_the_call(client: Any, token: str = TOKEN) -> Any:
    return client.send_email(CHANNEL, EMAIL, access_token=token, real_ip="203.0.113.9")


WAYS: dict[str, Send] = {
    "method": by_method(CHANNEL, EMAIL),
    "token of the call": with_a_token_of_the_call,
    "derived client": lambda client: client.with_options(lang="en-US").send_email(CHANNEL, EMAIL),
    "function": by_function(CHANNEL, EMAIL),
    "detailed function": by_function(CHANNEL, EMAIL, "_detailed"),
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def error_of(kind: str, url: str, send: Send, **options: Any) -> Exception:
    """Return the error that a call raises."""
    options = {"access_token": TOKEN, **options_of(kind), **options}
    caught: list[Exception] = []

    async def main() -> None:
        client: AsyncAuthenticationClient | None = None
        try:
            client = AsyncAuthenticationClient("app123", url, **options)
            result = send(client)
            if isinstance(result, Awaitable):
                await result
        except Exception as error:
            caught.append(error)
        if client is not None:
            await client.aclose()

    if kind == "sync":
        try:
            with AuthenticationClient("app123", url, **options) as client:
                send(client)
        except Exception as error:
            caught.append(error)
    elif LOOPS[kind] == "trio":
        trio.run(main)
    else:
        asyncio.run(main())
    (raised,) = caught
    return raised


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error with its causes and contexts. Some error trackers show contexts that tracebacks hide."""
    pending, seen = [error], set[int]()
    while pending:
        each = pending.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += [
                other
                for other in (each.__cause__, each.__context__, *getattr(each, "exceptions", ()))
                if other is not None
            ]


def frames_of(error: BaseException) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the file, the function and the local variables of all frames in an error's chain."""
    for each in chain_of(error):
        for frame in traceback.TracebackException.from_exception(each, capture_locals=True).stack:
            yield frame.filename, frame.name, frame.locals or {}


def shows_a_secret(text: str) -> bool:
    return TOKEN in text or EMAIL in text.lower()


def check_no_secret(error: BaseException) -> None:
    frames = [frame for frame in frames_of(error) if not frame[0].startswith(TESTS)]
    assert frames
    leaks = [
        f"{filename}, {function}: {name} = {value}"
        for filename, function, variables in frames
        for name, value in variables.items()
        if shows_a_secret(value)
    ]
    assert leaks == []
    assert not shows_a_secret("".join(f"{each!s} {each!r}" for each in chain_of(error)))


def check_log(log: pytest.LogCaptureFixture) -> None:
    """Search the contents of the records as well as their texts, because some handlers send both."""
    records = [f"{record.getMessage()} {vars(record)!r}" for record in log.records]
    assert any("genauth_email" in record for record in records)
    assert [record for record in records if shows_a_secret(record)] == []


def check_failed_call(error: Exception, kind: type[GenAuthError], log: pytest.LogCaptureFixture) -> None:
    assert isinstance(error, kind)
    assert "s***@example.com" in str(error)
    check_no_secret(error)
    check_log(log)


def dto(status_code: int, message: str = EMAIL.upper()) -> bytes:
    return f'{{"statusCode": {status_code}, "message": "{message}", "apiCode": 2333}}'.encode()


RESPONSES: dict[str, tuple[type[GenAuthError], list[Step]]] = {
    "a refusal": (APIError, [Step(http(200, dto(403)))]),
    "a refusal by the interval": (APIError, [Step(http(200, dto(429)))]),
    "a failure": (APIError, [Step(http(200, dto(500)))]),
    "an undocumented statusCode": (APIError, [Step(http(200, dto(604)))]),
    "a refusal after retries": (APIError, [Step(http(200, dto(503), AT_ONCE))] * 3),
    "a gateway's refusal": (APIError, [Step(http(503, b"<h1>Busy</h1>", AT_ONCE))]),
    "a gateway's refusal that looks like the API's": (APIError, [Step(http(503, dto(503), AT_ONCE))]),
    "a gateway's error with a DTO of success": (APIError, [Step(http(502, dto(200)))]),
    "a login page": (InvalidResponseError, [Step(http(200, b"<h1>Log in</h1>"))]),
    "half a body": (InvalidResponseError, [Step(SUCCESS[:-5], then="close")]),
    "a DTO of a wrong type": (InvalidResponseError, [Step(http(200, b'{"statusCode": "200", "message": ""}'))]),
    "not UTF-8": (InvalidResponseError, [Step(http(200, b'{"message": "\xff"}'))]),
    "a body that is not gzip": (InvalidResponseError, [Step(http(200, b"gzip?", {"content-encoding": "gzip"}))]),
    "a reset": (APIConnectionError, [Step(then="reset")]),
    "an end": (APIConnectionError, [LOST]),
    "a response that is not HTTP": (APIConnectionError, [Step(f"550 {EMAIL} unknown\r\n".encode(), then="close")]),
    "silence": (APITimeoutError, [Step(then="hold")]),
    "silence within the body": (APITimeoutError, [Step(SUCCESS[:-5], then="hold")]),
    "a retry that is lost": (APIConnectionError, [Step(http(200, dto(503), AT_ONCE)), LOST]),
}


@each_kind
@pytest.mark.parametrize(("error", "script"), RESPONSES.values(), ids=RESPONSES)
def test_a_failed_call_shows_no_secret(
    kind: str, error: type[GenAuthError], script: list[Step], log: pytest.LogCaptureFixture
) -> None:
    timeout = httpx.Timeout(10, read=0.05) if error is APITimeoutError else 10
    with RawServer(*script) as server:
        caught = error_of(kind, server.url, with_a_token_of_the_call, timeout=timeout)
    check_failed_call(caught, error, log)


@each_kind
@each_way
@pytest.mark.parametrize(
    ("error", "script"),
    [
        (InvalidResponseError, [Step(http(200, b"<h1>Log in</h1>"))]),
        (APIConnectionError, [Step(http(200, dto(503), AT_ONCE)), LOST]),
    ],
)
def test_no_way_to_call_shows_a_secret(
    kind: str, way: Send, error: type[GenAuthError], script: list[Step], log: pytest.LogCaptureFixture
) -> None:
    with RawServer(*script) as server:
        check_failed_call(error_of(kind, server.url, way), error, log)


@each_kind
@pytest.mark.parametrize("name", [name for name in WAYS if name != "detailed function"])
@pytest.mark.parametrize("status_code", [403, 500])
def test_no_frame_shows_a_token_that_the_server_repeats(
    kind: str, name: str, status_code: int, log: pytest.LogCaptureFixture
) -> None:
    with RawServer(Step(http(200, dto(status_code, f"{TOKEN} of {EMAIL}")))) as server:
        caught = error_of(kind, server.url, WAYS[name])

    assert isinstance(caught, APIError)
    check_no_secret(caught)
    check_log(log)


@each_kind
@pytest.mark.parametrize("status", [200, 500])
def test_no_error_of_the_chain_quotes_a_body_that_is_not_utf_8(kind: str, status: int) -> None:
    with RawServer(Step(http(status, f'{{"message": "{EMAIL}\xff"}}'.encode("latin-1")))) as server:
        check_no_secret(error_of(kind, server.url, by_method(CHANNEL, EMAIL)))


@each_kind
@each_way
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_refused_connection_shows_no_secret(kind: str, way: Send, scheme: str, log: pytest.LogCaptureFixture) -> None:
    with RawServer(listening=False) as server:
        caught = error_of(kind, server.url.replace("http://", f"{scheme}://"), way)
    check_failed_call(caught, APIConnectionError, log)


@before_transport
@pytest.mark.parametrize("outcome", [httpx.PoolTimeout("no"), httpx.WriteError("no"), httpx.Response(502)])
def test_no_attribute_of_an_error_shows_a_secret(make_client: ClientFactory, outcome: Any) -> None:
    client = MockNetwork(outcome).new_client(make_client, access_token=TOKEN)
    with pytest.raises(GenAuthError) as caught:
        client.send_email(CHANNEL, EMAIL)
    error = caught.value
    pickles = [pickle.dumps(error, protocol).decode("latin-1") for protocol in (0, pickle.DEFAULT_PROTOCOL)]
    assert not shows_a_secret(f"{error.args!r} {vars(error)!r} {pickles}")


@each_way
@pytest.mark.parametrize("kind", KINDS)
def test_no_log_of_a_success_shows_a_secret(kind: str, way: Send, log: pytest.LogCaptureFixture) -> None:
    def send_and_fail(client: Any) -> Any:
        result = way(client)
        if not isinstance(result, Awaitable):
            raise ZeroDivisionError

        async def finish() -> None:
            await result
            raise ZeroDivisionError

        return finish()

    with RawServer() as server:
        assert type(error_of(kind, server.url, send_and_fail)) is ZeroDivisionError
    check_log(log)
    # httpcore's records are among them. aiohttp has none.
    loggers = {"genauth_email"} if kind == "aiohttp" else {"genauth_email", "httpcore.http11"}
    assert loggers <= {record.name for record in log.records}


@before_transport
def test_no_object_shows_a_secret(make_client: ClientFactory, mock_server: MockServer) -> None:
    client = make_client(mock_server.url, access_token=TOKEN)
    body = SendEmailDto(channel=Channel(CHANNEL), email=EMAIL)
    response = client.call(send_email, detailed=True, body=body)
    request = Request("POST", mock_server.url, body)
    derived = client.with_options(lang="en-US")
    for shown in (client.client, derived.client, body, request, response, response.parsed, response.request):
        assert not shows_a_secret(f"{shown!r} {shown!s} {shown}")


WRONG: dict[str, tuple[str, Options, Send]] = {
    "a wrong channel": ("is not a valid Channel", {}, by_method("CHANNEL_NONE", EMAIL)),
    "the address as the channel": ("^channel looks like an email", {}, by_method(EMAIL, CHANNEL)),
    "the address as the channel by function": ("^channel looks like an email", {}, by_function(EMAIL, CHANNEL)),
    "a lone surrogate": ("lone surrogate", {}, by_method(CHANNEL, f"\udcff{EMAIL}")),
    "a lone surrogate by function": ("lone surrogate", {}, by_function(CHANNEL, f"{EMAIL}\ud800")),
    "a bad token of the client": ("^access_token", {"access_token": WRONG_TOKEN}, by_method(CHANNEL, EMAIL)),
    "a bad token of with_options": ("^access_token", {}, lambda client: client.with_options(access_token=WRONG_TOKEN)),
    "a bad token of the call": (
        "^access_token",
        {},
        lambda client: with_a_token_of_the_call(client, WRONG_TOKEN),
    ),
    "the address as the IP": ("^real_ip", {"real_ip": EMAIL}, by_method(CHANNEL, EMAIL)),
    "the address as the host": ("app_host", {"lang": "en-US"}, lambda client: client.with_options(app_host=EMAIL)),
    "the address as the language": ("^lang", {"lang": EMAIL}, by_method(CHANNEL, EMAIL)),
}


@each_kind
@pytest.mark.parametrize(("text", "options", "send"), WRONG.values(), ids=WRONG)
def test_no_frame_of_a_refused_argument_shows_a_secret(kind: str, text: str, options: Options, send: Send) -> None:
    caught = error_of(kind, "http://127.0.0.1:1", send, **options)

    with pytest.raises(ValueError, match=text):
        raise caught
    check_no_secret(caught)


@each_kind
def test_no_frame_of_a_closed_client_shows_a_secret(kind: str) -> None:
    def close_and_send(client: Any) -> Any:
        if isinstance(client, AuthenticationClient):
            client.close()
            return client.send_email(CHANNEL, EMAIL)
        return close_and_send_async(client)

    async def close_and_send_async(client: AsyncAuthenticationClient) -> None:
        await client.aclose()
        await client.send_email(CHANNEL, EMAIL)

    caught = error_of(kind, "http://127.0.0.1:1", close_and_send)

    assert isinstance(caught, RuntimeError)
    check_no_secret(caught)


# The user's own frames


def break_down() -> None:
    precious = "kept"
    raise LookupError(precious)


@each_kind
@pytest.mark.parametrize("scene", ["by the server", "before sending", "after retries"])
@pytest.mark.parametrize("with_cause", [True, False])
def test_the_users_own_frames_keep_their_variables(kind: str, scene: str, with_cause: bool) -> None:
    email = f"\udcff{EMAIL}" if scene == "before sending" else EMAIL

    def fail() -> None:
        note = "of the user"
        try:
            break_down()
        except LookupError as error:
            raise ZeroDivisionError(note) from (error if with_cause else None)

    def user_function(client: AuthenticationClient) -> None:
        order_number = "order 7"
        try:
            fail()
        except ZeroDivisionError:
            client.send_email(CHANNEL, email)
        print(order_number)

    async def user_function_async(client: AsyncAuthenticationClient) -> None:
        order_number = "order 7"
        try:
            fail()
        except ZeroDivisionError:
            await client.send_email(CHANNEL, email)
        print(order_number)

    function: Any = user_function if kind == "sync" else user_function_async
    with RawServer(Step(http(200, dto(403))), listening=scene != "after retries") as server:
        caught = error_of(kind, server.url, function)

    for frame, variable, value in (
        (function.__name__, "order_number", "'order 7'"),
        ("fail", "note", "'of the user'"),
        ("break_down", "precious", "'kept'"),
    ):
        assert {variables[variable] for _, name, variables in frames_of(caught) if name == frame} == {value}
    check_no_secret(caught)
