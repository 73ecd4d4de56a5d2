"""A traceback with local variables, as error trackers show it, has no secret in it and leaves the user's own alone.

The frames of each chain are looked at whole: those of this package, of the HTTP library, and of the event loop. A
portal, as `make_client` has it for the async clients, would add frames with the arguments of the call. So the async
clients are run by `asyncio.run` and `trio.run` here.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
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

from tests.clients import KINDS, LOOPS, options_of
from tests.contract.facts import CHANNEL
from tests.servers.raw import SUCCESS, RawServer, Step, http

TESTS = str(Path(__file__).parents[1])
TOKEN = "eyJ.s3cret.sig"
WRONG_TOKEN = f"{TOKEN}\n"
EMAIL = "somebody@example.com"
AT_ONCE = {"retry-after": "0"}

Options = dict[str, Any]
pytestmark = pytest.mark.usefixtures("no_pauses")
each_kind = pytest.mark.parametrize("kind", KINDS)


def run(kind: str, main: Callable[[], Awaitable[None]]) -> None:
    async def run_main() -> None:
        await main()

    if LOOPS[kind] == "trio":
        trio.run(run_main)
    else:
        asyncio.run(run_main())


def by_method(channel: str, email: str) -> Callable[[Any], Any]:
    return lambda client: client.send_email(channel, email)


def by_method_with_options(channel: str, email: str) -> Callable[[Any], Any]:
    return lambda client: client.send_email(channel, email, access_token=TOKEN, real_ip="203.0.113.9")


def by_function(channel: str, email: str) -> Callable[[Any], Any]:
    body = SendEmailDto(channel=cast(Channel, channel), email=email)
    return lambda client: (
        send_email.sync(client=client, body=body)
        if isinstance(client, AuthenticationClient)
        else send_email.asyncio(client=client, body=body)
    )


def with_wrong_token(client: Any) -> Any:
    return client.with_options(access_token=WRONG_TOKEN)


def with_wrong_token_of_the_call(client: Any) -> Any:
    return client.send_email(CHANNEL, EMAIL, access_token=WRONG_TOKEN)


WAYS = [by_method, by_method_with_options, by_function]


def error_of(kind: str, url: str, send: Callable[[Any], Any], **options: Any) -> Exception:
    """Return what a call raises."""
    options = {"access_token": TOKEN, **options_of(kind), **options}
    caught: list[Exception] = []
    if kind == "sync":
        with ExitStack() as stack:
            try:
                send(stack.enter_context(AuthenticationClient("app123", url, **options)))
            except Exception as error:
                caught.append(error)
    else:

        async def main() -> None:
            async with AsyncExitStack() as stack:
                try:
                    result = send(await stack.enter_async_context(AsyncAuthenticationClient("app123", url, **options)))
                    if isinstance(result, Awaitable):
                        await result
                except Exception as error:
                    caught.append(error)

        run(kind, main)
    (raised,) = caught
    return raised


def frames_of(error: BaseException) -> Iterator[tuple[str, str, dict[str, str]]]:
    """The file, the function and the local variables of all frames of an error and of what led to it."""
    pending = [traceback.TracebackException.from_exception(error, capture_locals=True)]
    while pending:
        each = pending.pop()
        for frame in each.stack:
            yield frame.filename, frame.name, frame.locals or {}
        pending += [
            other for other in (each.__cause__, each.__context__, *(each.exceptions or ())) if other is not None
        ]


def check_no_secret(error: BaseException) -> None:
    frames = [frame for frame in frames_of(error) if not frame[0].startswith(TESTS)]
    assert frames
    leaks = [
        f"{filename}, {function}: {name} = {value}"
        for filename, function, variables in frames
        for name, value in variables.items()
        if TOKEN in value or EMAIL in value.lower()
    ]
    assert leaks == []
    # `__context__` as well, though no traceback shows it after `from`: some error trackers do.
    text = "".join(f"{each!s} {each!r}" for each in chain_of(error))
    assert TOKEN not in text
    assert EMAIL not in text.lower()


def chain_of(error: BaseException) -> Iterator[BaseException]:
    pending, seen = [error], set[int]()
    while pending:
        each = pending.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += [other for other in (each.__cause__, each.__context__) if other is not None]


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
    "gzip that is none": (InvalidResponseError, [Step(http(200, b"gzip?", {"content-encoding": "gzip"}))]),
    "a reset": (APIConnectionError, [Step(then="reset")]),
    "an end": (APIConnectionError, [Step(then="close")]),
    "what is not HTTP": (APIConnectionError, [Step(f"550 {EMAIL} unknown\r\n".encode(), then="close")]),
    "silence": (APITimeoutError, [Step(then="hold")]),
    "silence within the body": (APITimeoutError, [Step(SUCCESS[:-5], then="hold")]),
    "a retry that is lost": (APIConnectionError, [Step(http(200, dto(503), AT_ONCE)), Step(then="close")]),
}


@each_kind
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("error", "script"), RESPONSES.values(), ids=RESPONSES)
def test_no_frame_of_a_failed_call_shows_a_secret(
    kind: str, way: Callable[[str, str], Callable[[Any], Any]], error: type[GenAuthError], script: list[Step]
) -> None:
    timeout = httpx.Timeout(10, read=0.05) if error is APITimeoutError else 10
    with RawServer(*script) as server:
        caught = error_of(kind, server.url, way(CHANNEL, EMAIL), timeout=timeout)

    assert isinstance(caught, error)
    check_no_secret(caught)


@each_kind
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status_code", [403, 500])
def test_no_frame_shows_a_token_that_the_server_repeats(
    kind: str, way: Callable[[str, str], Callable[[Any], Any]], status_code: int
) -> None:
    with RawServer(Step(http(200, dto(status_code, f"{TOKEN} of {EMAIL}")))) as server:
        caught = error_of(kind, server.url, way(CHANNEL, EMAIL))

    assert isinstance(caught, APIError)
    check_no_secret(caught)


@each_kind
@pytest.mark.parametrize("status", [200, 500])
def test_no_error_of_the_chain_quotes_a_body_that_is_not_utf_8(kind: str, status: int) -> None:
    with RawServer(Step(http(status, f'{{"message": "{EMAIL}\xff"}}'.encode("latin-1")))) as server:
        caught = error_of(kind, server.url, by_method(CHANNEL, EMAIL))

    check_no_secret(caught)


@each_kind
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_frame_of_a_refused_connection_shows_a_secret(
    kind: str, way: Callable[[str, str], Callable[[Any], Any]], scheme: str
) -> None:
    with RawServer(listening=False) as server:
        url = server.url.replace("http://", f"{scheme}://")
        caught = error_of(kind, url, way(CHANNEL, EMAIL))

    assert isinstance(caught, APIConnectionError)
    assert caught.delivery == "not_sent"
    check_no_secret(caught)


WRONG: dict[str, tuple[str, Options, Callable[[Any], Any]]] = {
    "a wrong channel": ("is not a valid Channel", {}, by_method("CHANNEL_NONE", EMAIL)),
    "the address as the channel": ("^channel looks like an email", {}, by_method(EMAIL, CHANNEL)),
    "the address as the channel by function": ("^channel looks like an email", {}, by_function(EMAIL, CHANNEL)),
    "a lone surrogate": ("lone surrogate", {}, by_method(CHANNEL, f"\udcff{EMAIL}")),
    "a lone surrogate by function": ("lone surrogate", {}, by_function(CHANNEL, f"{EMAIL}\ud800")),
    "a bad token of the client": ("^access_token", {"access_token": WRONG_TOKEN}, by_method(CHANNEL, EMAIL)),
    "a bad token of with_options": ("^access_token", {}, with_wrong_token),
    "a bad token of the call": ("^access_token", {}, with_wrong_token_of_the_call),
    "the address as the IP": ("^real_ip", {"real_ip": EMAIL}, by_method(CHANNEL, EMAIL)),
    "the address as the language": ("^lang", {"lang": EMAIL}, by_method(CHANNEL, EMAIL)),
}


@each_kind
@pytest.mark.parametrize(("text", "options", "send"), WRONG.values(), ids=WRONG)
def test_no_frame_of_a_refused_argument_shows_a_secret(
    kind: str, text: str, options: Options, send: Callable[[Any], Any]
) -> None:
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


# What is the user's own.


def locals_of(error: BaseException, function: str) -> list[dict[str, str]]:
    return [variables for _, name, variables in frames_of(error) if name == function]


def break_down() -> None:
    precious = "kept"
    raise LookupError(precious)


@each_kind
@pytest.mark.parametrize("email", [EMAIL, f"\udcff{EMAIL}"], ids=["by the server", "before sending"])
def test_the_users_own_frames_keep_their_locals(kind: str, email: str) -> None:
    def user_function(client: AuthenticationClient) -> None:
        order_number = "order 7"
        client.send_email(CHANNEL, email)
        print(order_number)

    async def user_function_async(client: AsyncAuthenticationClient) -> None:
        order_number = "order 7"
        await client.send_email(CHANNEL, email)
        print(order_number)

    function: Any = user_function if kind == "sync" else user_function_async
    with RawServer(Step(http(200, dto(403)))) as server:
        caught = error_of(kind, server.url, function)

    (variables,) = locals_of(caught, function.__name__)
    assert variables["order_number"] == "'order 7'"


@each_kind
@pytest.mark.parametrize("email", [EMAIL, f"\udcff{EMAIL}"], ids=["by the server", "before sending"])
@pytest.mark.parametrize("with_cause", [True, False])
def test_an_exception_that_the_user_was_handling_keeps_its_locals(kind: str, email: str, with_cause: bool) -> None:
    def fail() -> None:
        note = "of the user"
        try:
            break_down()
        except LookupError as error:
            raise ZeroDivisionError(note) from (error if with_cause else None)

    def user_function(client: AuthenticationClient) -> None:
        try:
            fail()
        except ZeroDivisionError:
            client.send_email(CHANNEL, email)

    async def user_function_async(client: AsyncAuthenticationClient) -> None:
        try:
            fail()
        except ZeroDivisionError:
            await client.send_email(CHANNEL, email)

    function: Any = user_function if kind == "sync" else user_function_async
    with RawServer(Step(http(200, dto(403)))) as server:
        caught = error_of(kind, server.url, function)

    handled = next(each for each in chain_of(caught) if isinstance(each, ZeroDivisionError))
    assert {variables["note"] for variables in locals_of(handled, "fail")} == {"'of the user'"}
    cause = handled.__context__
    assert cause is not None
    assert {variables["precious"] for variables in locals_of(cause, "break_down")} == {"'kept'"}
    check_no_secret(caught)


@each_kind
def test_an_exception_that_the_user_was_handling_keeps_its_locals_after_a_retry(kind: str) -> None:
    def user_function(client: AuthenticationClient) -> None:
        try:
            break_down()
        except LookupError:
            client.send_email(CHANNEL, EMAIL)

    async def user_function_async(client: AsyncAuthenticationClient) -> None:
        try:
            break_down()
        except LookupError:
            await client.send_email(CHANNEL, EMAIL)

    function: Any = user_function if kind == "sync" else user_function_async
    with RawServer(listening=False) as server:
        caught = error_of(kind, server.url, function)

    handled = next(each for each in chain_of(caught) if isinstance(each, LookupError))
    assert {variables["precious"] for variables in locals_of(handled, "break_down")} == {"'kept'"}
    check_no_secret(caught)
