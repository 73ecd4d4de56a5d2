"""No frame of a traceback shows a secret in its local variables, and the user's own frames keep theirs."""

import pickle
import traceback
from collections.abc import Callable, Iterator
from itertools import dropwhile
from pathlib import Path
from typing import Any, cast

import genauth_email
import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    APITimeoutError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    Channel,
    ForbiddenError,
    GenAuthError,
    InvalidResponseError,
    SendEmailDto,
)
from genauth_email.api.email import send_email

from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.contract.facts import CHANNEL
from tests.secrets_watch import chain_of
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .helpers import AT_ONCE, LOST, MockNetwork

PACKAGE = str(Path(genauth_email.__file__).parent)
TESTS = str(Path(__file__).parents[1])
TOKEN = "eyJ.s3cret.sig"
WRONG_TOKEN = f"{TOKEN}\n"
EMAIL = "somebody@example.com"

Send = Callable[[BlockingClient], object]
pytestmark = pytest.mark.usefixtures("no_pauses")


# Ways to make a call


def by_method(channel: str, email: str, **options: Any) -> Send:
    return lambda client: client.send_email(channel, email, **options)


def by_function(channel: str, email: str, *, detailed: bool = False) -> Send:
    body = SendEmailDto(channel=cast(Channel, channel), email=email)
    return lambda client: client.call(send_email, detailed=detailed, body=body)


WAYS: dict[str, Send] = {
    "method": by_method(CHANNEL, EMAIL),
    "token of the call": by_method(CHANNEL, EMAIL, access_token=TOKEN, real_ip="203.0.113.9"),
    "derived client": lambda client: client.with_options(lang="en-US").send_email(CHANNEL, EMAIL),
    "function": by_function(CHANNEL, EMAIL),
    "detailed function": by_function(CHANNEL, EMAIL, detailed=True),
}


def frames_of(error: BaseException) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the file, the function and the local variables of all frames in an error's chain."""
    for each in chain_of(error):
        for frame in traceback.TracebackException.from_exception(each, capture_locals=True).stack:
            yield frame.filename, frame.name, frame.locals or {}


def shows_a_secret(text: str) -> bool:
    return TOKEN in text or EMAIL in text.lower()


def check_no_secret(error: BaseException) -> None:
    """Search all frames as error trackers do: the package's, the HTTP library's and the event loop's."""
    # The frames before the package's are the test's.
    frames = list(dropwhile(lambda frame: not frame[0].startswith(PACKAGE), frames_of(error)))
    assert frames
    leaks = [
        f"{filename}, {function}: {name} = {value}"
        for filename, function, variables in frames
        for name, value in variables.items()
        if shows_a_secret(value) and not filename.startswith(TESTS)
    ]
    assert leaks == []


ECHO = f'{{"statusCode": 403, "message": "{TOKEN} of {EMAIL.upper()}"}}'.encode()
BUSY = b'{"statusCode": 503, "message": ""}'
FAILURES: dict[str, tuple[type[GenAuthError], list[Step]]] = {
    "a refusal that repeats both": (ForbiddenError, [Step(http(200, ECHO))]),
    "a login page": (InvalidResponseError, [Step(http(200, b"<h1>Log in</h1>"))]),
    "not UTF-8": (InvalidResponseError, [Step(http(200, f'{{"message": "{EMAIL}\xff"}}'.encode("latin-1")))]),
    "a body that is not gzip": (InvalidResponseError, [Step(http(200, ECHO, {"content-encoding": "gzip"}))]),
    "a retry that is lost": (APIConnectionError, [Step(http(200, BUSY, AT_ONCE)), LOST]),
    "silence within the body": (APITimeoutError, [Step(SUCCESS[:-5], then="hold")]),
    "no connection": (APIConnectionError, []),
}


# `tests/faults/` looks at the frames of many more failures, with one way to call.
@pytest.mark.parametrize(
    ("way", "failure"),
    [
        (way, failure)
        for way in WAYS
        for failure in FAILURES
        if (way, failure) != ("detailed function", "a refusal that repeats both")  # That raises nothing.
    ],
)
def test_no_frame_of_a_failed_call_shows_a_secret(make_client: ClientFactory, way: str, failure: str) -> None:
    error, script = FAILURES[failure]
    timeout = httpx.Timeout(10, read=0.05) if error is APITimeoutError else 10
    with RawServer(*script, listening=bool(script)) as server:
        client = make_client(server.url, access_token=TOKEN, timeout=timeout)
        with pytest.raises(error) as caught:
            WAYS[way](client)
    check_no_secret(caught.value)


@before_transport
@pytest.mark.parametrize("outcome", [httpx.PoolTimeout("no"), httpx.WriteError("no"), httpx.Response(502)])
def test_no_attribute_of_an_error_shows_a_secret(make_client: ClientFactory, outcome: Any) -> None:
    client = MockNetwork(outcome).new_client(make_client, access_token=TOKEN)
    with pytest.raises(GenAuthError) as caught:
        client.send_email(CHANNEL, EMAIL)
    error = caught.value
    pickles = [pickle.dumps(error, protocol).decode("latin-1") for protocol in (0, pickle.DEFAULT_PROTOCOL)]
    assert not shows_a_secret(f"{error.args!r} {vars(error)!r} {pickles}")


WRONG: dict[str, tuple[str, Send]] = {
    "a wrong channel": ("is not a valid Channel", by_method("CHANNEL_NONE", EMAIL)),
    "the address as the channel": ("^channel looks like an email", by_method(EMAIL, CHANNEL)),
    "the address as the channel by function": ("^channel looks like an email", by_function(EMAIL, CHANNEL)),
    "a lone surrogate": ("lone surrogate", by_method(CHANNEL, f"\udcff{EMAIL}")),
    "a lone surrogate by function": ("lone surrogate", by_function(CHANNEL, f"{EMAIL}\ud800")),
    "a bad token of with_options": ("^access_token", lambda client: client.with_options(access_token=WRONG_TOKEN)),
    "a bad token of the call": ("^access_token", by_method(CHANNEL, EMAIL, access_token=WRONG_TOKEN)),
    "the address as the host": ("app_host", lambda client: client.with_options(app_host=EMAIL)),
    "the address as the language": ("^lang", lambda client: client.with_options(lang=EMAIL)),
}


@before_transport
@pytest.mark.parametrize(("text", "send"), WRONG.values(), ids=WRONG)
def test_no_frame_of_a_refused_argument_shows_a_secret(make_client: ClientFactory, text: str, send: Send) -> None:
    client = make_client("http://127.0.0.1:1", access_token=TOKEN)
    with pytest.raises(ValueError, match=text) as caught:
        send(client)
    check_no_secret(caught.value)


@before_transport
@pytest.mark.parametrize("options", [{"access_token": WRONG_TOKEN}, {"access_token": TOKEN, "real_ip": EMAIL}])
def test_no_frame_of_a_client_that_cannot_be_made_shows_a_secret(
    make_client: ClientFactory, options: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=r"^(access_token|real_ip) ") as caught:
        make_client(**options)
    check_no_secret(caught.value)


def test_no_frame_of_a_closed_client_shows_a_secret(make_client: ClientFactory) -> None:
    client = make_client("http://127.0.0.1:1", access_token=TOKEN)
    client.close()
    with pytest.raises(RuntimeError) as caught:
        client.send_email(CHANNEL, EMAIL)
    check_no_secret(caught.value)


# The user's own frames


def break_down() -> None:
    precious = "kept"
    raise LookupError(precious)


@pytest.mark.parametrize("scene", ["by the server", "before sending", "after retries"])
@pytest.mark.parametrize("with_cause", [True, False])
def test_the_users_own_frames_keep_their_variables(make_client: ClientFactory, scene: str, with_cause: bool) -> None:
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

    function: Any = user_function if make_client.kind == "sync" else user_function_async
    with RawServer(Step(http(200, ECHO)), listening=scene != "after retries") as server:
        client = make_client(server.url, access_token=TOKEN)
        with pytest.raises((GenAuthError, ValueError)) as caught:
            client.run(function, client.client)

    for frame, variable, value in (
        (function.__name__, "order_number", "'order 7'"),
        ("fail", "note", "'of the user'"),
        ("break_down", "precious", "'kept'"),
    ):
        assert {variables[variable] for _, name, variables in frames_of(caught.value) if name == frame} == {value}
    check_no_secret(caught.value)
