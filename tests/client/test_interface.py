"""The interface as its users meet it: what responses and errors have, what options do, and what mistakes are told."""

import asyncio
import inspect
import json
import os
import pickle
import pydoc
import ssl
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from enum import Enum
from pathlib import Path
from typing import Any

import genauth_email
import httpx
import pytest
import trustme
from genauth_email import (
    ApiCode,
    APIConnectionError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    Channel,
    GenAuthError,
    InvalidResponseError,
    Lang,
    SendEmailDto,
    StatusCode,
)
from genauth_email.api.email import send_email
from genauth_email.testing import mock_genauth

from tests import secrets_watch
from tests.clients import BlockingClient, ClientFactory, before_transport, on_httpx
from tests.contract.facts import CHANNEL, CHANNEL_TEXT, SCHEMAS
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step

from .mock import MockNetwork

EMAIL = "test@example.com"
HOST = "https://example.genauth.ai"
CLIENTS = [AuthenticationClient, AsyncAuthenticationClient]
each_client = pytest.mark.parametrize("kind", CLIENTS)


def responding(make_client: ClientFactory, body: dict[str, Any], http_status: int = 200) -> BlockingClient:
    return MockNetwork(lambda _: httpx.Response(http_status, json=body)).new_client(make_client, max_retries=0)


# What the server did not send is None.


@before_transport
@pytest.mark.parametrize("more", [{}, {"requestId": None, "apiCode": None}], ids=["absent", "null"])
def test_what_the_server_did_not_send_is_none_and_left_out_of_the_json(
    make_client: ClientFactory, more: dict[str, Any]
) -> None:
    client = responding(make_client, {"statusCode": 200, "message": "", **more})

    response = client.send_email(CHANNEL, EMAIL)

    assert (response.request_id, response.api_code) == (None, None)
    assert json.dumps({"id": response.request_id, "code": response.api_code}) == '{"id": null, "code": null}'
    assert response.to_dict() == {"statusCode": 200, "message": ""}
    assert "None" not in repr(response)


def test_unset_and_its_type_can_be_imported_from_the_top() -> None:
    assert isinstance(genauth_email.UNSET, genauth_email.Unset)
    assert {"UNSET", "Unset"} <= set(genauth_email.__all__)


# `status_code` is the API's, and `http_status` is HTTP's.


@before_transport
@pytest.mark.parametrize(("http_status", "status_code"), [(200, 200), (202, 200), (200, 404), (503, 404)])
def test_a_detailed_response_has_both_statuses_under_their_names(
    make_client: ClientFactory, http_status: int, status_code: int
) -> None:
    client = responding(make_client, {"statusCode": status_code, "message": ""}, http_status)

    response = client.call(send_email, detailed=True, body=SendEmailDto(Channel(CHANNEL), EMAIL))

    assert (response.http_status, response.parsed.status_code) == (http_status, status_code)
    assert not hasattr(response, "status_code")


EXPORTED: list[Any] = [getattr(genauth_email, name) for name in genauth_email.__all__]
ERRORS: list[type[GenAuthError]] = [
    each for each in EXPORTED if isinstance(each, type) and issubclass(each, GenAuthError)
]
NUMBERS_AND_TEXTS = ("status_code", "api_code", "request_id", "http_status", "retry_after")


def test_every_class_of_errors_has_the_attributes_of_all() -> None:
    assert len(ERRORS) > 15
    for kind in ERRORS:
        error = kind()
        assert (error.delivery, error.retryable) == ("unknown", False)
        assert [getattr(error, name) for name in NUMBERS_AND_TEXTS] == [None] * 5


@before_transport
def test_an_error_has_what_there_is_and_none_for_the_rest(make_client: ClientFactory) -> None:
    def error_of(client: BlockingClient) -> GenAuthError:
        with pytest.raises(GenAuthError) as caught:
            client.send_email(CHANNEL, EMAIL)
        return caught.value

    def values(error: GenAuthError) -> list[object]:
        return [getattr(error, name) for name in NUMBERS_AND_TEXTS]

    refusal = {"statusCode": 404, "message": "", "apiCode": 2004, "requestId": "r-1"}
    assert values(error_of(responding(make_client, refusal))) == [404, 2004, "r-1", 200, None]
    assert values(error_of(responding(make_client, {"statusCode": 429, "message": ""}))) == [429, None, None, 200, 60]
    assert values(error_of(responding(make_client, {}, 502))) == [None, None, None, 502, None]
    of_login_page = error_of(responding(make_client, {}, 200))
    assert isinstance(of_login_page, InvalidResponseError)
    assert values(of_login_page) == [None, None, None, 200, None]
    with RawServer(listening=False) as server:
        of_no_server = error_of(make_client(server.url, max_retries=0))
    assert isinstance(of_no_server, APIConnectionError)
    assert values(of_no_server) == [None] * 5
    assert (of_no_server.delivery, of_no_server.retryable) == ("not_sent", True)


# Options can be read and not assigned.

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
"""Each option, as it is given and as it is read."""
DEFAULTS = {
    "app_host": "https://api.genauth.ai",
    "access_token": None,
    "lang": None,
    "real_ip": None,
    "timeout": 10.0,
    "max_retries": 2,
    "retry_unknown": False,
    "on_attempt": None,
}


def read(client: Any) -> dict[str, object]:
    return {name: getattr(client, name) for name in OPTIONS}


@each_client
def test_options_can_be_read_as_they_count(kind: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    given = {name: value for name, (value, _) in OPTIONS.items()}
    counting = {name: value for name, (_, value) in OPTIONS.items()}
    plain = kind("my-app")

    assert read(plain) == DEFAULTS | {"app_id": "my-app"}
    assert read(kind(**given)) == read(plain.with_options(**given)) == counting
    assert read(plain) == DEFAULTS | {"app_id": "my-app"}
    monkeypatch.setenv("GENAUTH_APP_ID", "app-of-environment")
    monkeypatch.setenv("GENAUTH_LANG", "ja-JP")
    assert (kind().app_id, kind().lang) == ("app-of-environment", Lang.JA_JP)


@each_client
@pytest.mark.parametrize("name", OPTIONS)
def test_assigning_an_option_says_what_to_do_and_changes_nothing(kind: type[Any], name: str) -> None:
    client = kind("my-app")
    for each in (client, client.with_options()):
        before = read(each)
        with pytest.raises(AttributeError, match=rf"^{name} cannot be set: .* with_options\({name}="):
            setattr(each, name, OPTIONS[name][0])
        with pytest.raises(AttributeError):
            delattr(each, name)
        assert read(each) == before


# The TLS settings of our own connections.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """The TLS settings of a server that wants a certificate of its clients, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    # In TLS 1.3 a client that has no certificate learns of it only after its handshake.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def client_context(authority: trustme.CA | None, *, certificate: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority is not None:
        authority.configure_trust(context)
        if certificate:
            authority.issue_cert("client@example.com").configure_cert(context)
    return context


def test_an_ssl_context_is_for_a_private_ca_and_a_certificate_of_the_client(
    make_client: ClientFactory, authority: trustme.CA, server_context: ssl.SSLContext
) -> None:
    context = client_context(authority, certificate=True)
    # Over TLS the server cannot tell that the client has hung up while it waits for the next request.
    step = Step(SUCCESS.replace(b"content-type", b"connection: close\r\ncontent-type", 1), then="close")
    with RawServer(step, step, tls=server_context) as server:
        client = make_client(server.url, ssl_context=context)
        assert client.send_email(CHANNEL, EMAIL).message == "Sent."
        assert client.with_options(lang="en-US").send_email(CHANNEL, EMAIL).message == "Sent."


@pytest.mark.parametrize("trusts", [True, False], ids=["without a certificate", "without trust"])
def test_an_ssl_context_that_does_not_fit_sends_nothing(
    make_client: ClientFactory, authority: trustme.CA, server_context: ssl.SSLContext, trusts: bool
) -> None:
    context = client_context(authority if trusts else None, certificate=False)
    with RawServer(tls=server_context) as server:
        with pytest.raises(APIConnectionError) as caught:
            make_client(server.url, ssl_context=context).send_email(CHANNEL, EMAIL)
        assert (caught.value.delivery, caught.value.retryable) == ("not_sent", False)
        assert server.finish() == []


@on_httpx
def test_an_ssl_context_beside_an_http_client_is_refused(make_client: ClientFactory) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ValueError, match=r"^pass either ssl_context or http_client, not both"):
        make_client(HOST, ssl_context=context, http_client=make_client.http_client())
    given: Any = True
    with pytest.raises(TypeError, match=r"^ssl_context must be an ssl\.SSLContext, not bool$"):
        make_client(HOST, ssl_context=given)


# The headers of a user's own client.


def headers_sent(make_client: ClientFactory, server: MockServer, theirs: dict[str, str], **options: Any) -> Any:
    make_client(server.url, http_client=make_client.http_client(headers=theirs), **options).send_email(CHANNEL, EMAIL)
    return server.received[0].headers


@on_httpx
def test_ours_has_the_user_agent_where_the_http_client_has_the_one_of_httpx(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    expected = f"genauth-email/{genauth_email.__version__} python-httpx/{httpx.__version__}"
    assert headers_sent(make_client, mock_server, {})["user-agent"] == expected


@on_httpx
def test_its_headers_are_kept_but_for_those_that_we_set(make_client: ClientFactory, mock_server: MockServer) -> None:
    theirs = {
        "User-Agent": "theirs/1.0",
        "Accept": "a/b",
        "Accept-Encoding": "gzip",
        "Authorization": "theirs",
        "Content-Type": "text/plain",
        "X-Genauth-App-Id": "theirs",
        "X-Gateway-Key": "key",
    }

    sent = headers_sent(make_client, mock_server, theirs, access_token="s3cret-of-the-end-user")

    assert (sent["user-agent"], sent["accept"], sent["x-gateway-key"]) == ("theirs/1.0", "a/b", "key")
    assert sent["accept-encoding"] == "identity"
    assert sent["authorization"] == "s3cret-of-the-end-user"
    assert sent["content-type"] == "application/json"
    assert sent["x-genauth-app-id"] == "app123"


@on_httpx
def test_its_authorization_is_sent_where_there_is_no_end_user(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    assert headers_sent(make_client, mock_server, {"Authorization": "theirs"})["authorization"] == "theirs"


# What mistakes are told.

Mistake = Callable[[Any], object]


def told(kind: type[Any], mistake: Mistake) -> Exception:
    """Return what a mistake raises: of a call, or of the making of one."""
    client = kind("my-app", "http://127.0.0.1:1")

    async def run() -> None:
        result = mistake(client)
        if inspect.isawaitable(result):
            await result

    with pytest.raises(Exception) as caught:  # noqa: PT011  The caller looks at it.
        asyncio.run(run())
    return caught.value


@each_client
@pytest.mark.parametrize(
    ("mistake", "text"),
    [
        (lambda client: type(client)("my-app", proxy="x"), "{name}.__init__() got an unexpected keyword argument"),
        (lambda client: type(client)("my-app", HOST, "x"), "{name}.__init__() takes from 1 to 3 positional arguments"),
        (lambda client: client.send_email(CHANNEL, EMAIL, ip="x"), "{name}.send_email() got an unexpected keyword"),
        (lambda client: client.send_email(CHANNEL, EMAIL, "x"), "{name}.send_email() takes 3 positional arguments"),
        (lambda client: client.send_email(), "{name}.send_email() missing 2 required positional arguments"),
        (lambda client: client.with_options(ip="x"), "with_options() got an unexpected keyword argument 'ip'"),
        (lambda client: client.with_options("x"), "with_options() takes 1 positional argument but 2 were given"),
    ],
)
def test_an_argument_that_there_is_not_is_told_by_the_name_of_the_public_class(
    kind: type[Any], mistake: Mistake, text: str
) -> None:
    error = told(kind, mistake)
    assert type(error) is TypeError
    assert str(error).startswith(text.format(name=kind.__name__))
    assert "SyncClient" not in f"{error}".replace("AsyncClient", "SyncClient")


ALLOWED = f"allowed are {', '.join(SCHEMAS['Channel']['enum'])}"
NEEDED = f"a Channel or its value, such as '{CHANNEL}'"


@each_client
@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((EMAIL, CHANNEL), ValueError, f"channel looks like an email address; {ALLOWED}"),
        (("CHANNEL_LOGON", EMAIL), ValueError, f"channel is not a valid Channel; {ALLOWED}"),
        ((None, EMAIL), TypeError, f"channel must be {NEEDED}, not NoneType"),
        ((Lang.EN_US, EMAIL), ValueError, f"channel is not a valid Channel; {ALLOWED}"),
        ((StatusCode.OK, EMAIL), TypeError, f"channel must be {NEEDED}, not StatusCode"),
        ((CHANNEL, None), TypeError, "email must be a string, not NoneType"),
    ],
)
def test_a_wrong_argument_is_told_with_what_it_takes(
    kind: type[Any], arguments: tuple[Any, Any], error: type[Exception], text: str
) -> None:
    caught = told(kind, lambda client: client.send_email(*arguments))
    assert type(caught) is error
    assert str(caught) == text


def test_no_timeout_is_told_how_to_have_none() -> None:
    given: Any = None
    client = AuthenticationClient("my-app")
    for take in (AuthenticationClient, client.with_options):
        with pytest.raises(TypeError, match=r"not None; httpx\.Timeout\(None\) sets no limit$"):
            take(app_id="my-app", timeout=given)
    assert client.with_options(timeout=httpx.Timeout(None)).timeout == httpx.Timeout(None)


def frames_from_the_users(error: Exception) -> list[str]:
    """The functions that a traceback names, from the user's `main` on, but for the tests' watch of secrets."""
    frames = traceback.extract_tb(error.__traceback__)
    names = [frame.name for frame in frames if frame.filename != secrets_watch.__file__]
    return names[names.index("main") :]


@pytest.mark.parametrize("arguments", [("CHANNEL_LOGON", EMAIL), (None, EMAIL), (CHANNEL, None)])
def test_a_mistyped_argument_is_at_most_eight_frames(arguments: tuple[Any, Any]) -> None:
    def main() -> None:
        AuthenticationClient("my-app").send_email(*arguments)

    with pytest.raises((TypeError, ValueError)) as caught:
        main()
    assert len(frames_from_the_users(caught.value)) <= 8

    async def asynchronously() -> None:
        await AsyncAuthenticationClient("my-app").send_email(*arguments)

    asynchronously.__code__ = asynchronously.__code__.replace(co_name="main")  # It is the user's, too.
    with pytest.raises((TypeError, ValueError)) as caught:
        asyncio.run(asynchronously())
    assert len(frames_from_the_users(caught.value)) <= 8


# Type checkers refuse both: see `tests/typing/rejected.py`.


def test_with_on_the_async_client_says_which_class_to_use() -> None:
    client: Any = AsyncAuthenticationClient("my-app", HOST)
    text = "^AsyncAuthenticationClient is for `async with`: use AuthenticationClient for `with`$"
    with pytest.raises(TypeError, match=text), client:
        pass


def test_async_with_on_the_sync_client_says_which_class_to_use(mock_server: MockServer) -> None:
    client: Any = AuthenticationClient("my-app", mock_server.url)

    async def main() -> None:
        async with client:
            pass

    text = "^AuthenticationClient is for `with`: use AsyncAuthenticationClient for `async with`$"
    with pytest.raises(TypeError, match=text):
        asyncio.run(main())
    # It was not closed.
    with client:
        assert client.send_email(CHANNEL, EMAIL).status_code == 200


# What explains itself.

METHODS: list[tuple[Callable[..., Any], Callable[..., Awaitable[Any]]]] = [
    (AuthenticationClient.send_email, AsyncAuthenticationClient.send_email),
]


@pytest.mark.parametrize(("method", "async_method"), METHODS)
def test_an_async_method_has_the_whole_docstring(
    method: Callable[..., Any], async_method: Callable[..., Awaitable[Any]]
) -> None:
    text = inspect.getdoc(async_method)
    assert text == inspect.getdoc(method)
    assert text is not None
    for part in ("\n\nArgs:\n", "\n\nReturns:\n", "\n\nRaises:\n", CHANNEL):
        assert part in text


def public_methods(kind: type[Any]) -> dict[str, str | None]:
    return {
        name: inspect.getdoc(method) for name, method in inspect.getmembers(kind, callable) if not name.startswith("_")
    }


@each_client
def test_each_method_of_a_client_has_a_docstring_whose_parts_stand_apart(kind: type[Any]) -> None:
    methods = public_methods(kind)
    assert {"send_email", "with_options", "close" if kind is AuthenticationClient else "aclose"} == methods.keys()
    for text in [inspect.getdoc(kind), *methods.values()]:
        assert text
        for heading in ("Args:", "Returns:", "Raises:"):
            assert text.count(heading) == text.count(f"\n\n{heading}\n")


def test_the_help_of_the_package_shows_how_to_begin() -> None:
    text = pydoc.plain(pydoc.render_doc(genauth_email))
    for part in (
        "with AuthenticationClient(app_id=",
        f'client.send_email("{CHANNEL}"',
        "GenAuthError",
        "delivery",
        "AsyncAuthenticationClient",
        "genauth_email.testing",
        "python -m genauth_email",
    ):
        assert part in text.partition("PACKAGE CONTENTS")[0]
    # It says where the pages are, and there they are.
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


@pytest.mark.parametrize("kind", [Channel, ApiCode, StatusCode, Lang])
def test_a_member_of_an_enum_shows_its_explanation(kind: type[Enum]) -> None:
    texts = [member.__doc__ for member in kind]
    assert all(texts)
    assert len(set(texts)) == len(texts)
    assert kind.__doc__ not in texts
    for member in kind:
        assert pickle.loads(pickle.dumps(member)) is member


def test_the_explanation_of_a_member_is_the_one_of_the_contract() -> None:
    assert f"{CHANNEL}: {Channel(CHANNEL).__doc__}" == CHANNEL_TEXT


# No output where no logging is set up.

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


def test_the_settings_of_the_connections_can_be_read_and_not_assigned() -> None:
    limits, context = httpx.Limits(max_connections=3), ssl.create_default_context()
    for client in (
        genauth_email.AuthenticationClient("app123", limits=limits, ssl_context=context),
        genauth_email.AsyncAuthenticationClient("app123", limits=limits, ssl_context=context),
    ):
        derived = client.with_options(timeout=1)
        assert (derived.limits, derived.ssl_context, derived.http_client) == (limits, context, None)
        for name in ("limits", "ssl_context", "http_client"):
            with pytest.raises(AttributeError, match=f"^{name} cannot be set: make another client$"):
                setattr(client, name, None)
