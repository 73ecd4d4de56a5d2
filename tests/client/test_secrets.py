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

from tests.clients import BlockingClient, ClientFactory, before_transport, on_httpx
from tests.contract.facts import CHANNEL
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .mock import MockNetwork

TOKEN = "eyJ.s3cret.sig"
EMAIL = "somebody@example.com"
PACKAGE = str(Path(genauth_email.__file__).parent)

Send = Callable[[BlockingClient], Any]


def by_method(client: BlockingClient) -> Any:
    return client.with_options(access_token=TOKEN).send_email(CHANNEL, EMAIL)


def by_method_with_a_token_of_its_own(client: BlockingClient) -> Any:
    return client.send_email(CHANNEL, EMAIL, access_token=TOKEN)


def by_function(client: BlockingClient) -> Any:
    body = SendEmailDto(channel=Channel(CHANNEL), email=EMAIL)
    return client.with_options(access_token=TOKEN).call(send_email, body=body)


def by_detailed_function(client: BlockingClient) -> Any:
    body = SendEmailDto(channel=Channel(CHANNEL), email=EMAIL)
    return client.with_options(access_token=TOKEN).call(send_email, detailed=True, body=body)


WAYS = [by_method, by_method_with_a_token_of_its_own, by_function, by_detailed_function]
REFUSAL = Step(http(200, b'{"statusCode": 503, "message": "Busy."}', {"retry-after": "0"}))
FAULTS = {
    "an invalid response": [Step(http(200, b"<h1>Log in</h1>"))],
    "a DTO of a wrong type": [Step(http(200, b'{"statusCode": "200", "message": ""}'))],
    "an HTTP error": [Step(http(502, b"<h1>Bad Gateway</h1>"))],
    "a broken connection": [Step(then="reset")],
    "half a response": [Step(SUCCESS[:-5], then="close")],
    "a gateway's refusal": [Step(http(503, b"<h1>Busy</h1>", {"retry-after": "0"}))],
    "a retry that is lost": [REFUSAL, Step(then="close")],
}
API_FAILURES = {
    "by statusCode": http(200, b'{"statusCode": 403, "apiCode": 2333, "message": "No.", "requestId": "r-1"}'),
    "after retries": http(200, b'{"statusCode": 503, "message": "Later."}', {"retry-after": "0"}),
}


pytestmark = pytest.mark.usefixtures("no_pauses")


def shows_no_secret(shown: str) -> bool:
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
    assert shows_no_secret(str(error))
    assert "s***@example.com" in str(error)
    assert shows_no_secret(repr(error))
    assert shows_no_secret(repr(error.args))
    assert shows_no_secret(repr(vars(error)))
    assert shows_no_secret(pickle.dumps(error, protocol=0).decode("latin-1"))
    assert shows_no_secret(pickle.dumps(error).decode("latin-1"))
    assert shows_no_secret("".join(str(each) for each in all_of(TracebackException.from_exception(error))))
    variables = local_variables(error)
    assert variables
    assert [each for each in variables if not shows_no_secret(each)] == []
    check_log(logged)


def check_log(logged: pytest.LogCaptureFixture) -> None:
    """What is in the records counts as well as their texts: some handlers send it all."""
    records = [f"{record.getMessage()} {vars(record)!r}" for record in logged.records]
    assert any("genauth_email" in record for record in records)
    assert [record for record in records if not shows_no_secret(record)] == []


@pytest.mark.parametrize("send", WAYS)
@pytest.mark.parametrize("script", FAULTS.values(), ids=FAULTS.keys())
def test_a_failed_call_shows_no_secret(
    make_client: ClientFactory, caplog: pytest.LogCaptureFixture, script: list[Step], send: Send
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawServer(*script) as server, pytest.raises(GenAuthError) as caught:
        send(make_client(server.url))
    check(caught.value, caplog)


@pytest.mark.parametrize("send", WAYS)
def test_a_refused_connection_shows_no_secret(
    make_client: ClientFactory, caplog: pytest.LogCaptureFixture, send: Send
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawServer(listening=False) as server, pytest.raises(GenAuthError) as caught:
        send(make_client(server.url))
    check(caught.value, caplog)


@pytest.mark.parametrize("send", WAYS[:-1])
@pytest.mark.parametrize("response", API_FAILURES.values(), ids=API_FAILURES.keys())
def test_a_failure_of_the_api_shows_no_secret(
    make_client: ClientFactory, caplog: pytest.LogCaptureFixture, response: bytes, send: Send
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawServer(*[Step(response)] * 3) as server, pytest.raises(GenAuthError) as caught:
        send(make_client(server.url))
    check(caught.value, caplog)


@on_httpx
@pytest.mark.parametrize("send", WAYS)
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.PoolTimeout, httpx.ReadTimeout, httpx.WriteError])
def test_an_error_of_the_transport_shows_no_secret(
    make_client: ClientFactory, caplog: pytest.LogCaptureFixture, error: type[httpx.TransportError], send: Send
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("no", request=request)

    caplog.set_level(logging.DEBUG)
    with pytest.raises(GenAuthError) as caught:
        send(MockNetwork(fail).new_client(make_client, "http://127.0.0.1"))
    check(caught.value, caplog)


@pytest.mark.parametrize("send", WAYS)
def test_no_log_of_a_success_shows_a_secret(
    make_client: ClientFactory, mock_server: MockServer, caplog: pytest.LogCaptureFixture, send: Send
) -> None:
    caplog.set_level(logging.DEBUG)
    send(make_client(mock_server.url))
    check_log(caplog)
    # Those of httpcore are among them; aiohttp has none.
    loggers = {"genauth_email"} if make_client.kind == "aiohttp" else {"genauth_email", "httpcore.http11"}
    assert loggers <= {record.name for record in caplog.records}


@before_transport
def test_a_call_that_cannot_be_made_shows_no_token(make_client: ClientFactory) -> None:
    body = SendEmailDto(channel=Channel(CHANNEL), email=cast(str, object()))
    with pytest.raises(TypeError) as caught:
        make_client("http://127.0.0.1", access_token=TOKEN).call(send_email, body=body)
    assert [each for each in local_variables(caught.value) if not shows_no_secret(each)] == []


@before_transport
@pytest.mark.parametrize("option", ["app_host", "lang", "real_ip"])
def test_an_address_in_the_wrong_place_is_not_shown(make_client: ClientFactory, option: str) -> None:
    with pytest.raises(ValueError, match=option) as caught:
        make_client(**{option: EMAIL})
    assert shows_no_secret("".join(str(each) for each in all_of(TracebackException.from_exception(caught.value))))


@before_transport
def test_no_object_shows_a_secret(make_client: ClientFactory, mock_server: MockServer) -> None:
    client = make_client(mock_server.url, access_token=TOKEN)
    body = SendEmailDto(channel=Channel(CHANNEL), email=EMAIL)
    response = client.call(send_email, detailed=True, body=body)
    request = Request("POST", mock_server.url, body)
    derived = client.with_options(lang="en-US")
    for shown in (client.client, derived.client, body, request, response, response.parsed, response.request):
        assert shows_no_secret(repr(shown))
        assert shows_no_secret(str(shown))
        assert shows_no_secret(f"{shown}")


@before_transport
@pytest.mark.parametrize("wrong", [f"{TOKEN}\n", f"{TOKEN}\u00e9", f" {TOKEN}"])
def test_a_token_that_is_not_allowed_is_not_shown(make_client: ClientFactory, wrong: str) -> None:
    client = make_client("http://127.0.0.1:1")
    for use in (
        lambda: make_client("http://127.0.0.1:1", access_token=wrong),
        lambda: client.with_options(access_token=wrong),
        lambda: client.send_email(CHANNEL, EMAIL, access_token=wrong),
    ):
        with pytest.raises(ValueError, match="access_token") as caught:
            use()
        assert shows_no_secret(f"{caught.value!r} {caught.value.__cause__!r}")
