"""No text, log or traceback with local variables shows an access token or a whole email address."""

import logging
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from traceback import TracebackException
from typing import Any, cast

import genauth_email
import httpx
import pytest
from genauth_email import Channel, GenAuthError, SendEmailDto
from genauth_email.api.email import send_email
from genauth_email.types import Request

from tests.faults.server import SUCCESS, Answer, RawServer, http
from tests.genauth_server import GenAuth
from tests.twins import Connect, Twin

from .mock import Network

TOKEN = "eyJ.an-access-token.sig"
EMAIL = "somebody@example.com"
PACKAGE = str(Path(genauth_email.__file__).parent)

Send = Callable[[Twin], Any]


def by_method(client: Twin) -> Any:
    return client.with_options(access_token=TOKEN).send_email("CHANNEL_LOGIN", EMAIL)


def by_method_with_a_token_of_its_own(client: Twin) -> Any:
    return client.send_email("CHANNEL_LOGIN", EMAIL, access_token=TOKEN)


def by_function(client: Twin) -> Any:
    body = SendEmailDto(channel=Channel.CHANNEL_LOGIN, email=EMAIL)
    return client.with_options(access_token=TOKEN).call(send_email, body=body)


def by_detailed_function(client: Twin) -> Any:
    body = SendEmailDto(channel=Channel.CHANNEL_LOGIN, email=EMAIL)
    return client.with_options(access_token=TOKEN).call(send_email, detailed=True, body=body)


WAYS = [by_method, by_method_with_a_token_of_its_own, by_function, by_detailed_function]
REFUSAL = Answer(http(503, b"<h1>Busy</h1>", {"retry-after": "0"}))
FAULTS = {
    "an invalid answer": [Answer(http(200, b"<h1>Log in</h1>"))],
    "a DTO of a wrong type": [Answer(http(200, b'{"statusCode": "200", "message": ""}'))],
    "an HTTP error": [Answer(http(502, b"<h1>Bad Gateway</h1>"))],
    "a broken connection": [Answer(then="reset")],
    "half an answer": [Answer(SUCCESS[:-5], then="close")],
    "retries that are refused": [REFUSAL] * 3,
    "a retry that is lost": [REFUSAL, Answer(then="close")],
}
API_FAILURES = {
    "by statusCode": http(200, b'{"statusCode": 403, "apiCode": 2333, "message": "No.", "requestId": "r-1"}'),
    "after retries": http(503, b'{"statusCode": 503, "message": "Later."}', {"retry-after": "0"}),
}


pytestmark = pytest.mark.usefixtures("no_backoff")


def hidden(shown: str) -> bool:
    return TOKEN not in shown and EMAIL not in shown.lower()


def all_of(error: TracebackException) -> Iterator[TracebackException]:
    yield error
    for other in (error.__cause__, error.__context__):
        if other is not None:
            yield from all_of(other)


def local_variables(error: BaseException) -> list[str]:
    """The local variables in the package's frames of `error` and of what led to it."""
    shown = TracebackException.from_exception(error, capture_locals=True)
    return [
        f"{frame.name}: {name} = {value}"
        for each in all_of(shown)
        for frame in each.stack
        if frame.filename.startswith(PACKAGE)
        for name, value in (frame.locals or {}).items()
    ]


def check(error: GenAuthError, logged: pytest.LogCaptureFixture) -> None:
    assert hidden(str(error))
    assert "s***@example.com" in str(error)
    assert hidden(repr(error))
    assert hidden(repr(error.args))
    assert hidden(repr(vars(error)))
    assert hidden(pickle.dumps(error, protocol=0).decode("latin-1"))
    assert hidden(pickle.dumps(error).decode("latin-1"))
    assert hidden("".join(str(each) for each in all_of(TracebackException.from_exception(error))))
    variables = local_variables(error)
    assert variables
    assert [each for each in variables if not hidden(each)] == []
    check_log(logged)


def check_log(logged: pytest.LogCaptureFixture) -> None:
    """What is in the records counts as well as their texts: some handlers send it all."""
    records = [f"{record.getMessage()} {vars(record)!r}" for record in logged.records]
    assert any("genauth_email" in record for record in records)
    assert [record for record in records if not hidden(record)] == []


@pytest.mark.parametrize("send", WAYS)
@pytest.mark.parametrize("script", FAULTS.values(), ids=FAULTS.keys())
def test_a_failed_call_shows_no_secret(
    connect: Connect, caplog: pytest.LogCaptureFixture, script: list[Answer], send: Send
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawServer(*script) as server, pytest.raises(GenAuthError) as caught:
        send(connect(server.url))
    check(caught.value, caplog)


@pytest.mark.parametrize("send", WAYS)
def test_a_refused_connection_shows_no_secret(
    connect: Connect, caplog: pytest.LogCaptureFixture, send: Send
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawServer(listening=False) as server, pytest.raises(GenAuthError) as caught:
        send(connect(server.url))
    check(caught.value, caplog)


@pytest.mark.parametrize("send", WAYS[:-1])
@pytest.mark.parametrize("answer", API_FAILURES.values(), ids=API_FAILURES.keys())
def test_a_failure_of_the_api_shows_no_secret(
    connect: Connect, caplog: pytest.LogCaptureFixture, answer: bytes, send: Send
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawServer(*[Answer(answer)] * 3) as server, pytest.raises(GenAuthError) as caught:
        send(connect(server.url))
    check(caught.value, caplog)


@pytest.mark.parametrize("send", WAYS)
@pytest.mark.parametrize(
    "error", [httpx.ConnectError, httpx.PoolTimeout, httpx.ReadTimeout, httpx.WriteError]
)
def test_an_error_of_the_transport_shows_no_secret(
    connect: Connect, caplog: pytest.LogCaptureFixture, error: type[httpx.TransportError], send: Send
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("no", request=request)

    caplog.set_level(logging.DEBUG)
    with pytest.raises(GenAuthError) as caught:
        send(Network(fail).connect(connect, "http://127.0.0.1"))
    check(caught.value, caplog)


@pytest.mark.parametrize("send", WAYS)
def test_no_log_of_a_success_shows_a_secret(
    connect: Connect, genauth: GenAuth, caplog: pytest.LogCaptureFixture, send: Send
) -> None:
    caplog.set_level(logging.DEBUG)
    send(connect(genauth.url))
    check_log(caplog)
    # Those of httpcore are among them.
    assert {"genauth_email", "httpcore.http11"} <= {record.name for record in caplog.records}


def test_a_call_that_cannot_be_made_shows_no_token(connect: Connect) -> None:
    body = SendEmailDto(channel=Channel.CHANNEL_LOGIN, email=cast(str, object()))
    with pytest.raises(TypeError) as caught:
        connect("http://127.0.0.1", access_token=TOKEN).call(send_email, body=body)
    assert [each for each in local_variables(caught.value) if not hidden(each)] == []


def test_an_address_that_the_server_repeats_is_masked(
    connect: Connect, genauth: GenAuth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    genauth.answer_next({"statusCode": 400, "message": f"{EMAIL.upper()} is no address"})
    with pytest.raises(GenAuthError, match=r"s\*\*\*@example.com is no address") as caught:
        by_method(connect(genauth.url))
    assert hidden(f"{caught.value} {caught.value!r}")
    check_log(caplog)


def test_no_object_shows_a_secret(connect: Connect, genauth: GenAuth) -> None:
    client = connect(genauth.url, access_token=TOKEN)
    body = SendEmailDto(channel=Channel.CHANNEL_LOGIN, email=EMAIL)
    response = client.call(send_email, detailed=True, body=body)
    request = Request("POST", genauth.url, body)
    derived = client.with_options(lang="en-US")
    for shown in (client.client, derived.client, body, request, response, response.parsed, response.request):
        assert hidden(repr(shown))
        assert hidden(str(shown))
        assert hidden(f"{shown}")


@pytest.mark.parametrize("wrong", [f"{TOKEN}\n", f"{TOKEN}\u00e9", f" {TOKEN}"])
def test_a_token_that_is_not_allowed_is_not_shown(connect: Connect, wrong: str) -> None:
    client = connect("http://127.0.0.1:1")
    for use in (
        lambda: connect("http://127.0.0.1:1", access_token=wrong),
        lambda: client.with_options(access_token=wrong),
        lambda: client.send_email("CHANNEL_LOGIN", EMAIL, access_token=wrong),
    ):
        with pytest.raises(ValueError, match="access_token") as caught:
            use()
        assert hidden(f"{caught.value!r} {caught.value.__cause__!r}")
