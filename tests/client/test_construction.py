"""Clients are made from arguments, the environment and the contract. Mistakes are refused before any I/O."""

import copy
import pickle
import traceback
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import httpx
import pytest
from genauth_email import AsyncAuthenticationClient, AuthenticationClient, Lang

from tests.clients import ClientFactory, before_transport
from tests.conftest import VARIABLES
from tests.contract.facts import CHANNEL, CONTRACT, SCHEMAS
from tests.servers import MockServer

from .helpers import EMAIL, PATH, MockNetwork, send

SECRET = "s3cret"


@before_transport
def test_the_environment_supplies_missing_arguments(
    make_client: ClientFactory, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAUTH_APP_ID", "app-of-environment")
    monkeypatch.setenv("GENAUTH_APP_HOST", mock_server.url)
    monkeypatch.setenv("GENAUTH_ACCESS_TOKEN", "s3cret-of-environment")
    monkeypatch.setenv("GENAUTH_LANG", "ja-JP")

    make_client(app_id=None).send_email(CHANNEL, EMAIL)

    headers = mock_server.received[0].headers
    assert headers["x-genauth-app-id"] == "app-of-environment"
    assert headers["authorization"] == "s3cret-of-environment"
    assert headers["x-genauth-lang"] == "ja-JP"


@before_transport
def test_arguments_win_over_the_environment(
    make_client: ClientFactory, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "not even\nallowed")

    client = make_client(mock_server.url, app_id="mine", access_token="my-s3cret", lang=Lang.EN_US)
    client.send_email(CHANNEL, EMAIL)

    headers = mock_server.received[0].headers
    assert headers["x-genauth-app-id"] == "mine"
    assert headers["authorization"] == "my-s3cret"
    assert headers["x-genauth-lang"] == "en-US"


@before_transport
def test_with_empty_variables_the_host_is_the_contracts_and_nothing_else_is_sent(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "")
    network = MockNetwork()

    network.new_client(make_client).send_email(CHANNEL, EMAIL)

    server, request = CONTRACT["servers"][0], network.requests[0]
    assert str(request.url) == server["url"].format(host=server["variables"]["host"]["default"]) + PATH
    assert not {"authorization", "x-genauth-lang", "x-real-ip"} & set(request.headers)


@before_transport
@pytest.mark.parametrize("variable", [None, ""])
def test_a_missing_app_id_is_a_value_error(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    if variable is not None:
        monkeypatch.setenv("GENAUTH_APP_ID", variable)

    with pytest.raises(ValueError, match="app_id is missing: pass it, or set GENAUTH_APP_ID"):
        make_client("https://example.com", app_id=None)


@before_transport
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("GENAUTH_APP_ID", "a\nb", r"has '\\n' at position 1"),
        ("GENAUTH_APP_HOST", "example.com", "must be a URL .* not 'example.com'"),
        ("GENAUTH_APP_HOST", f"https://example.com{PATH}", f"must be the host alone.* without {PATH}"),
        ("GENAUTH_ACCESS_TOKEN", f"{SECRET}\n", r"has '\\n' at position 6"),
        ("GENAUTH_ACCESS_TOKEN", f"Bearer {SECRET}", "must be the token alone, without 'Bearer' in front"),
        ("GENAUTH_LANG", "klingon", "is not a valid Lang; allowed are zh-CN"),
    ],
)
def test_an_environment_variable_is_validated_like_an_argument_and_named(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv("GENAUTH_APP_ID", "app123")
    monkeypatch.setenv(variable, value)

    with pytest.raises(ValueError, match=f"^{variable} {message}") as caught:
        make_client(app_id=None)

    assert SECRET not in str(caught.value)


# The given value, the error's class, and its words about the given and the allowed values.
Bad = tuple[object, type[Exception], str, str]
HEADERS: list[Bad] = [
    ("", ValueError, "not empty", "a string"),
    (f"{SECRET}\r\nx: y", ValueError, r"'\r' at position 6", "printable ASCII"),
    (f" {SECRET}", ValueError, "' ' at position 0", "no space at either end"),
    (f"{SECRET} ", ValueError, "' ' at position 6", "no space at either end"),
    (SECRET.encode(), TypeError, "bytes", "a string"),
    (5, TypeError, "int", "a string"),
]
ALL_LANGS = ", ".join(SCHEMAS["Lang"]["enum"])
LANGS: list[Bad] = [
    *((value, ValueError, "is not a valid Lang", ALL_LANGS) for value in ("klingon", "en-us", "")),
    ("test@example.com", ValueError, "looks like an email address", ALL_LANGS),
    (5, TypeError, "not int", "a Lang or its value, such as 'zh-CN'"),
    (["en-US"], TypeError, "not list", "a Lang or its value, such as 'zh-CN'"),
]
REAL_IPS: list[Bad] = [
    *(
        (value, ValueError, f"not {value[:1]}***", "an IPv4 or IPv6 address")
        for value in ("", "localhost", "203.0.113.9:80", "203.0.113.9\n", " ::1", "256.1.1.1", "10.0.0.0/8")
    ),
    (SECRET, ValueError, "not s***", "an IPv4 or IPv6 address"),
    ("fe80::1%zone\r\nx: y", ValueError, r"'\r' at position 12", "printable ASCII"),
    (5, TypeError, "int", "a string"),
    (b"\x7f\0\0\1", TypeError, "bytes", "a string"),
]
TIMEOUTS: list[Bad] = [
    *((value, ValueError, repr(value), "positive") for value in (0, -1, -0.5, float("nan"), float("inf"))),
    ("10", TypeError, "not str", "a positive number of seconds, or an httpx.Timeout"),
    (True, TypeError, "not bool", "a positive number of seconds, or an httpx.Timeout"),
    (httpx.Timeout(-1), ValueError, "timeout.connect", "positive"),
    (httpx.Timeout(5, read=0), ValueError, "timeout.read", "positive"),
]
RETRIES: list[Bad] = [
    (-1, ValueError, "-1", "0 or a positive integer"),
    *((value, TypeError, f"not {type(value).__name__}", "0 or a positive integer") for value in (1.0, True, "2", None)),
]
NO_TIMEOUT: Bad = (None, TypeError, "not None", "httpx.Timeout(None) sets no limit")
NO_URL = "a URL such as https://example.genauth.ai, with http or https, a host, and at most a port and a path"
NO_URLS = [
    "example.com",
    "//example.com",
    "/example.com",
    "ftp://example.com",
    "https:example.com",
    "https://",
    "https://:443",
    "https://a..b",
    "http://.",
    "https://example.com\\",
    "https://*.example.com",
    "https://999.1.1.1",
    "https://[::1",
    *(f"https://example.com:{port}" for port in ("0", "99999", "-1", "https")),
    f"https://{'a' * 64}.example",
]
WITH_SPACES = [" https://example.com", "https://exa mple.com", "https://example.com ", "https://example.com/a b"]
# Each value as it is given and as it is shown.
WITH_SECRETS = [
    ("https://example.com?", "'https://example.com?***'"),
    (f"https://example.com/?key={SECRET}", "'https://example.com/?***'"),
    (f"https://example.com#{SECRET}", "'https://example.com?***'"),
    ("https://example.com/#", "'https://example.com/?***'"),
    (f"https://user:{SECRET}@example.com", "'***@example.com'"),
    (f"https://{SECRET}@example.com", "'***@example.com'"),
    (f"https://user:{SECRET}/x@example.com", "'***@example.com'"),
    (f"https://user:{SECRET}?\n@example.com", "'***@example.com'"),
]
APP_HOSTS: list[Bad] = [
    *((value, ValueError, repr(value), NO_URL) for value in ["", *NO_URLS, *WITH_SPACES]),
    *((value, ValueError, shown, NO_URL) for value, shown in WITH_SECRETS),
    (f"https://example.com{PATH}", ValueError, f"without {PATH}", "the host alone"),
    (f"https://example.com/private{PATH}//", ValueError, f"without {PATH}", "the host alone"),
    (b"https://example.com", TypeError, "bytes", "a string"),
    (5, TypeError, "int", "a string"),
]


def pickled(protocol: int) -> Callable[[object], object]:
    return lambda value: pickle.dumps(value, protocol)


WAYS_TO_COPY: list[Callable[[object], object]] = [
    copy.copy,
    copy.deepcopy,
    *(pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
]


def cases(**options: list[Bad]) -> list[Any]:
    return [
        pytest.param(name, *bad, id=f"{name}={bad[0]!r}".encode("unicode_escape").decode())
        for name, all_bad in options.items()
        for bad in all_bad
    ]


def check_error(error: Exception, kind: type[Exception], name: str, given: str, allowed: str) -> None:
    assert type(error) is kind
    assert str(error).startswith(name)
    assert given in str(error)
    assert allowed in str(error)
    assert SECRET not in "".join(traceback.format_exception(error))


OF_A_CLIENT = cases(
    app_id=HEADERS,
    app_host=APP_HOSTS,
    access_token=HEADERS,
    lang=LANGS,
    real_ip=REAL_IPS,
    timeout=[*TIMEOUTS, NO_TIMEOUT],
    max_retries=RETRIES,
)
PER_CALL = {"access_token": HEADERS, "lang": LANGS, "real_ip": REAL_IPS, "timeout": TIMEOUTS}


@pytest.mark.parametrize(("name", "value", "kind", "given", "allowed"), OF_A_CLIENT)
def test_a_bad_option_of_a_client_is_refused(
    name: str, value: Any, kind: type[Exception], given: str, allowed: str
) -> None:
    clients: list[type[Any]] = [AuthenticationClient, AsyncAuthenticationClient]
    for client in clients:
        with pytest.raises(kind) as of_constructor:
            client(**{"app_id": "app123", name: value})
        with pytest.raises(kind) as of_with_options:
            client("app123").with_options(**{name: value})
        for caught in (of_constructor, of_with_options):
            check_error(caught.value, kind, name, given, allowed)


# For each option in a header or a URL, a value that one character makes invalid.
FIT = {
    "app_id": SECRET,
    "app_host": "https://example.com/private",
    "access_token": SECRET,
    "lang": "en-US",
    "real_ip": "203.0.113.9",
}
NOWHERE = ["\r\n", "\r", "\n", "\0", "\t", "\x7f", "\x85", "\u2028", "\u3000", "\udcff"]
NOT_IN_HEADERS = ["é", "语", "🎂"]  # In a URL, httpx encodes them.


@before_transport
@pytest.mark.parametrize("name", FIT)
def test_a_character_that_a_header_or_url_cannot_contain_is_refused_before_any_io(
    make_client: ClientFactory, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fit, variable = FIT[name], f"GENAUTH_{name.upper()}"
    client = make_client(mock_server.url)
    # Each way, with the name that the error reports.
    ways: list[tuple[str, Callable[[str], object]]] = [
        (name, lambda value: make_client(**{name: value})),
        (name, lambda value: client.with_options(**{name: value})),
    ]
    if name not in ("app_id", "app_host"):
        ways.append((name, lambda value: send(client, **{name: value})))
    if variable in VARIABLES:

        def by_environment(value: str) -> None:
            with monkeypatch.context() as patch:
                patch.setenv("GENAUTH_APP_ID", "app123")
                patch.setenv(variable, value.replace("\0", "\n"))  # A variable cannot contain a NUL.
                make_client(app_id=None)

        ways.append((variable, by_environment))

    for character in NOWHERE if name == "app_host" else NOWHERE + NOT_IN_HEADERS:
        for value in (character + fit, fit[:9] + character + fit[9:], fit + character):
            for shown, way in ways:
                with pytest.raises(ValueError, match=f"^{shown}") as caught:
                    way(value)
                check_error(caught.value, ValueError, shown, "", "")

    assert mock_server.received == []


@pytest.mark.parametrize("name", ["app_id", "app_host"])
def test_a_required_option_cannot_be_cleared(name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} must be"):
        AuthenticationClient("app123").with_options(**{name: None})  # type: ignore[arg-type]


@before_transport
@pytest.mark.parametrize("name", PER_CALL)
def test_a_bad_option_of_a_call_is_refused_before_any_io(
    make_client: ClientFactory, mock_server: MockServer, name: str
) -> None:
    client = make_client(mock_server.url)

    for value, kind, given, allowed in PER_CALL[name]:
        with pytest.raises(kind) as caught:
            send(client, **{name: value})
        check_error(caught.value, kind, name, given, allowed)

    assert mock_server.received == []


@pytest.mark.parametrize("slashes", ["", "/", "///"])
def test_a_trailing_slash_makes_no_difference_and_a_path_is_kept(
    make_client: ClientFactory, mock_server: MockServer, slashes: str
) -> None:
    mock_server.in_front = lambda request: replace(request, target=request.target.removeprefix("/private/genauth"))
    private = mock_server.url + "/private/genauth" + slashes

    make_client(mock_server.url + slashes).send_email(CHANNEL, "a@example.com")
    make_client(private).send_email(CHANNEL, "b@example.com")
    make_client("http://127.0.0.1:1").with_options(app_host=private).send_email(CHANNEL, "c@example.com")

    assert [received.path for received in mock_server.received] == [PATH] * 3


@before_transport
@pytest.mark.parametrize(
    ("app_host", "url", "host"),
    [
        ("http://example.com", "http://example.com", "example.com"),
        ("HTTPS://EXAMPLE.com", "https://example.com", "example.com"),
        ("https://example.com:8443/", "https://example.com:8443", "example.com:8443"),
        ("https://example.com:443", "https://example.com", "example.com"),
        ("https://example.com/a/b/", "https://example.com/a/b", "example.com"),
        ("https://example.com/%41%2Fb", "https://example.com/%41%2Fb", "example.com"),
        ("https://my_genauth.internal", "https://my_genauth.internal", "my_genauth.internal"),
        ("https://192.0.2.1:8443", "https://192.0.2.1:8443", "192.0.2.1:8443"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]", "[2001:db8::1]"),
        ("http://[2001:db8::1]:8080/a/", "http://[2001:db8::1]:8080/a", "[2001:db8::1]:8080"),
        ("https://bücher.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah", "xn--r8jz45g.xn--zckzah"),
    ],
)
def test_an_app_host_leads_to_the_right_url(make_client: ClientFactory, app_host: str, url: str, host: str) -> None:
    network = MockNetwork()

    network.new_client(make_client, app_host).send_email(CHANNEL, EMAIL)

    assert str(network.requests[0].url) == url + PATH
    assert network.requests[0].headers["host"] == host


@before_transport
def test_an_ip_address_of_either_version_can_be_a_string_or_an_object(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    client = make_client(mock_server.url)
    for number, real_ip in enumerate(["203.0.113.9", "2001:db8::9", "::ffff:203.0.113.9", "fe80::1%eth0"]):
        # Before Python 3.13, the third object has another string form.
        for value, sent in ((real_ip, real_ip), (ip_address(real_ip), str(ip_address(real_ip)))):
            client.send_email(CHANNEL, f"call-{number}-{type(value).__name__}@example.com", real_ip=value)
            assert mock_server.received[-1].headers["x-real-ip"] == sent
            client.with_options(real_ip=value).send_email(CHANNEL, f"{number}-{type(value).__name__}@example.com")
            assert mock_server.received[-1].headers["x-real-ip"] == sent
            assert client.with_options(real_ip=value).client.real_ip == sent


@before_transport
def test_a_client_whose_construction_failed_has_a_repr(make_client: ClientFactory) -> None:
    with pytest.raises(ValueError, match="real_ip") as caught:
        make_client(real_ip="nowhere", access_token=SECRET)

    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "AuthenticationClient object at" in shown


@before_transport
@pytest.mark.parametrize("derive", [True, False])
def test_a_client_cannot_be_copied_or_pickled_and_stays_usable(
    make_client: ClientFactory, mock_server: MockServer, derive: bool
) -> None:
    client = make_client(mock_server.url, access_token=SECRET)
    if derive:
        client = client.with_options(lang="en-US")
    name = type(client.client).__name__

    for copied in WAYS_TO_COPY:
        for value in (client.client, [client.client], {"client": client.client}):
            if copied is copy.copy and value is not client.client:
                continue  # It does not copy the items of a container.
            with pytest.raises(TypeError, match=rf"^{name} cannot be copied or pickled: derive .* with_options\(\)$"):
                copied(value)

    client.send_email(CHANNEL, EMAIL)
    assert len(mock_server.received) == 1
