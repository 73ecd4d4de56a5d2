"""The interface as users see it: responses, errors, options and the messages about mistakes."""

import asyncio
import inspect
import json
import logging
import os
import pydoc
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import genauth_email
import httpx
import pytest
from genauth_email import (
    AsyncAuthenticationClient,
    AuthenticationClient,
    Lang,
    SendEmailDto,
    StatusCode,
)
from genauth_email.api.email import send_email
from genauth_email.testing import mock_genauth

from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.contract.facts import CHANNEL, SCHEMAS
from tests.contract.operations import FIRST_CALLS
from tests.servers import MockServer

from .helpers import BODY, EMAIL, LEAST, MockNetwork, dto

HOST = "https://example.genauth.ai"
CLIENTS = [AuthenticationClient, AsyncAuthenticationClient]
each_client = pytest.mark.parametrize("kind", CLIENTS)


# Missing fields are None, `status_code` is the API's, and `http_status` is HTTP's.


@before_transport
@pytest.mark.parametrize("more", [{}, {"requestId": None, "apiCode": None}], ids=["absent", "null"])
def test_fields_that_the_server_did_not_send_are_none_and_left_out_of_the_json(
    make_client: ClientFactory, more: dict[str, Any]
) -> None:
    response = MockNetwork(httpx.Response(200, json=LEAST | more)).new_client(make_client).send_email(CHANNEL, EMAIL)

    assert json.dumps({"id": response.request_id, "code": response.api_code}) == '{"id": null, "code": null}'
    assert response.to_dict() == LEAST
    assert "None" not in repr(response)


@before_transport
@pytest.mark.parametrize(("http_status", "status_code"), [(200, 200), (202, 200), (200, 404), (503, 404)])
def test_a_detailed_response_has_both_statuses_under_their_names(
    make_client: ClientFactory, http_status: int, status_code: int
) -> None:
    client = MockNetwork(httpx.Response(http_status, content=dto(status_code))).new_client(make_client)

    response = client.call(send_email, detailed=True, body=BODY)

    assert (response.http_status, response.parsed.status_code) == (http_status, status_code)
    assert not hasattr(response, "status_code")


def test_every_error_class_has_the_common_attributes() -> None:
    exported: list[Any] = [getattr(genauth_email, name) for name in genauth_email.__all__ if name.endswith("Error")]
    assert len(exported) > 15
    for kind in exported:
        error = kind()
        assert (error.delivery, error.retryable) == ("unknown", False)
        for name in ("status_code", "api_code", "request_id", "http_status", "retry_after"):
            assert getattr(error, name) is None


# Options can be read but not assigned.

OPTIONS: dict[str, tuple[Any, Any]] = {
    "app_id": ("my-app", "my-app"),
    "app_host": (f"{HOST}/", HOST),
    "access_token": ("s3cret-token", "s3cret-token"),
    "lang": ("en-US", Lang.EN_US),
    "real_ip": ("203.0.113.9", "203.0.113.9"),
    "timeout": (httpx.Timeout(3, read=5), httpx.Timeout(3, read=5)),
    "max_retries": (7, 7),
    "retry_unknown": (True, True),
    "on_attempt": (print, print),
}
"""Each option as it is given and as it is read."""
DEFAULTS = {
    "app_id": "my-app",
    "app_host": "https://api.genauth.ai",
    "access_token": None,
    "lang": None,
    "real_ip": None,
    "timeout": 10.0,
    "max_retries": 2,
    "retry_unknown": False,
    "on_attempt": None,
}
OF_CONNECTIONS: dict[str, Any] = {
    "limits": httpx.Limits(max_connections=3),
    "ssl_context": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    "http_client": None,
}


def read(client: Any) -> dict[str, object]:
    return {name: getattr(client, name) for name in OPTIONS}


@each_client
def test_options_can_be_read_with_their_effective_values(kind: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    given = {name: value for name, (value, _) in OPTIONS.items()}
    counting = {name: value for name, (_, value) in OPTIONS.items()}
    plain = kind("my-app")

    assert read(plain) == DEFAULTS
    assert read(kind(**given)) == read(plain.with_options(**given)) == counting
    assert read(plain) == DEFAULTS
    derived = kind("my-app", **OF_CONNECTIONS).with_options(timeout=1)
    assert {name: getattr(derived, name) for name in OF_CONNECTIONS} == OF_CONNECTIONS
    monkeypatch.setenv("GENAUTH_APP_ID", "app-of-environment")
    monkeypatch.setenv("GENAUTH_LANG", "ja-JP")
    assert (kind().app_id, kind().lang) == ("app-of-environment", Lang.JA_JP)


@each_client
@pytest.mark.parametrize("name", [*OPTIONS, *OF_CONNECTIONS])
def test_assigning_an_option_says_what_to_do_and_changes_nothing(kind: type[Any], name: str) -> None:
    advice = rf".* with_options\({name}=" if name in OPTIONS else "make another client$"
    client = kind("my-app")
    for each in (client, client.with_options()):
        before = read(each)
        with pytest.raises(AttributeError, match=f"^{name} cannot be set: {advice}"):
            setattr(each, name, OPTIONS.get(name, [None])[0])
        with pytest.raises(AttributeError):
            delattr(each, name)
        assert read(each) == before


# Messages about mistakes


@before_transport
@pytest.mark.parametrize(
    ("mistake", "text"),
    [
        (lambda client: type(client.client)("my-app", proxy="x"), "{name}.__init__() got an unexpected keyword"),
        (lambda client: type(client.client)("my-app", HOST, "x"), "{name}.__init__() takes from 1 to 3 positional"),
        (lambda client: client.send_email(CHANNEL, EMAIL, ip="x"), "{name}.send_email() got an unexpected keyword"),
        (lambda client: client.send_email(CHANNEL, EMAIL, "x"), "{name}.send_email() takes 3 positional arguments"),
        (lambda client: client.send_email(), "{name}.send_email() missing 2 required positional arguments"),
        (lambda client: client.with_options(ip="x"), "with_options() got an unexpected keyword argument 'ip'"),
        (lambda client: client.client.with_options("x"), "with_options() takes 1 positional argument but 2 were"),
    ],
)
def test_an_unknown_argument_is_reported_with_the_name_of_the_public_class(
    make_client: ClientFactory, mistake: Callable[[BlockingClient], object], text: str
) -> None:
    client = make_client(HOST)
    with pytest.raises(TypeError) as caught:
        mistake(client)
    assert str(caught.value).startswith(text.format(name=type(client.client).__name__))


ALLOWED = f"allowed are {', '.join(SCHEMAS['Channel']['enum'])}"
NEEDED = f"a Channel or its value, such as '{SCHEMAS['Channel']['enum'][0]}'"
NO_CHANNELS: list[Any] = ["NO_CHANNEL", CHANNEL.lower(), f"{CHANNEL}\n", "", Lang.EN_US]
OF_OTHER_TYPES: list[Any] = [None, [], StatusCode.OK, b"bytes"]
WRONG_ARGUMENTS: list[tuple[Any, Any, type[Exception], str]] = [
    (EMAIL, CHANNEL, ValueError, f"channel looks like an email address; {ALLOWED}"),
    *((each, EMAIL, ValueError, f"channel is not a valid Channel; {ALLOWED}") for each in NO_CHANNELS),
    *((each, EMAIL, TypeError, f"channel must be {NEEDED}, not {type(each).__name__}") for each in OF_OTHER_TYPES),
    *((CHANNEL, each, TypeError, f"email must be a string, not {type(each).__name__}") for each in OF_OTHER_TYPES),
]


@before_transport
@pytest.mark.parametrize(("channel", "email", "kind", "text"), WRONG_ARGUMENTS)
def test_a_wrong_argument_is_reported_with_the_allowed_values_before_any_io(
    make_client: ClientFactory, mock_server: MockServer, channel: Any, email: Any, kind: type[Exception], text: str
) -> None:
    client = make_client(mock_server.url)
    body = SendEmailDto(channel=channel, email=email)
    for call in (
        lambda: client.send_email(channel, email),
        lambda: client.call(send_email, body=body),
        lambda: client.call(send_email, detailed=True, body=body),
    ):
        with pytest.raises(kind) as caught:
            call()
        assert type(caught.value) is kind
        assert str(caught.value) == text
    assert mock_server.received == []


# Type checkers reject both: see `tests/typing/rejected.py`.


def test_with_on_the_async_client_says_which_class_to_use() -> None:
    client: Any = AsyncAuthenticationClient("my-app", HOST)
    text = "^AsyncAuthenticationClient is for `async with`: use AuthenticationClient for `with`$"
    with pytest.raises(TypeError, match=text), client:
        pass


def test_async_with_on_the_sync_client_says_which_class_to_use_and_does_not_close_it(mock_server: MockServer) -> None:
    client: Any = AuthenticationClient("my-app", mock_server.url)

    async def main() -> None:
        async with client:
            pass

    text = "^AuthenticationClient is for `with`: use AsyncAuthenticationClient for `async with`$"
    with pytest.raises(TypeError, match=text):
        asyncio.run(main())
    with client:
        assert client.send_email(CHANNEL, EMAIL).status_code == 200


# Built-in help


@each_client
def test_each_method_of_a_client_has_a_docstring_whose_parts_stand_apart(kind: type[Any]) -> None:
    methods = {
        name: inspect.getdoc(method) for name, method in inspect.getmembers(kind, callable) if not name.startswith("_")
    }
    operations = [call.method for call in FIRST_CALLS]
    assert {*operations, "with_options", "close" if kind is AuthenticationClient else "aclose"} == methods.keys()
    for name, text in [("class", inspect.getdoc(kind)), *methods.items()]:
        assert text
        for heading in ("Args:", "Returns:", "Raises:"):
            assert text.count(heading) == text.count(f"\n\n{heading}\n")
            assert name not in operations or heading in text


def test_the_help_of_the_package_shows_how_to_begin() -> None:
    text = pydoc.plain(pydoc.render_doc(genauth_email)).partition("PACKAGE CONTENTS")[0]
    for part in (
        "with AuthenticationClient(app_id=",
        f'client.send_email("{CHANNEL}"',
        "GenAuthError",
        "delivery",
        "AsyncAuthenticationClient",
        "genauth_email.testing",
        "python -m genauth_email",
    ):
        assert part in text
    # The pages are where it says.
    pages = Path(genauth_email.__file__).with_name("docs")
    assert "docs" in str(genauth_email.__doc__)
    assert {"failure-behaviour.md", "testing-your-code.md"} <= {page.name for page in pages.iterdir()}


def test_the_example_in_the_help_works(mock_server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, example = str(genauth_email.__doc__).partition("\n\n    ")
    code = "    " + example.partition("\n\nA ")[0]
    lines = [line.removeprefix("    ") for line in code.splitlines()]
    program = "\n".join(lines).replace(HOST, mock_server.url)

    exec(program, {})

    assert [request.json["channel"] for request in mock_server.received] == [CHANNEL]
    assert capsys.readouterr() == ("", "")


# No output unless logging is set up

RETRYING = """
import asyncio
from genauth_email import AsyncAuthenticationClient, AuthenticationClient, GenAuthError

def fail(attempt):
    raise ValueError("theirs")

options = {{"app_id": "my-app", "app_host": {url!r}, "on_attempt": fail}}
with AuthenticationClient(**options) as client:
    client.send_email({channel!r}, "sync@example.com")

async def main():
    async with AsyncAuthenticationClient(**options) as client:
        await client.send_email({channel!r}, "async@example.com")

asyncio.run(main())
"""


@pytest.mark.parametrize(("before", "lines"), [("", 0), ("import logging; logging.basicConfig()", 2)])
def test_a_program_that_retries_prints_nothing_unless_it_has_set_up_logging(before: str, lines: int) -> None:
    with mock_genauth() as server:
        for _ in range(2):
            server.fail_next(status_code=503, retry_after=0)
        program = before + RETRYING.format(url=server.url, channel=CHANNEL)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GENAUTH_")}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.count("retrying after: statusCode 503") == lines
        if not before:
            assert done.stderr == ""
        assert [email["email"] for email in server.sent] == ["sync@example.com", "async@example.com"]
        assert len(server.received) == 4
    logger = logging.getLogger("genauth_email")
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
    assert (logger.level, logger.propagate) == (logging.NOTSET, True)
