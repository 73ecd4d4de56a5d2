"""Clients are made from arguments, the environment and the contract. Mistakes are refused before any I/O."""

import base64
import re
import ssl
import traceback
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from genauth_email import Lang
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.conftest import VARIABLES
from tests.contract.facts import CHANNEL, CONTRACT, SCHEMAS
from tests.secrets_watch import chain_of
from tests.servers import MockServer

from .helpers import COPIES, EMAIL, PATH, MockNetwork, drawing, send

SECRET = "s3cret"
SERVER = CONTRACT["servers"][0]
pytestmark = before_transport


# Values by their variables, then by arguments, and what is sent: the host, the id, the token and the language
@pytest.mark.parametrize(
    ("values", "arguments", "sent"),
    [
        (
            ("app-1", "https://example.com", "s3cret-1", "ja-JP"),
            {"app_id": None},
            ["https://example.com", "app-1", "s3cret-1", "ja-JP"],
        ),
        (
            ["not even\nallowed"] * 4,
            {"app_id": "mine", "app_host": "http://mine.example", "access_token": "my-s3cret", "lang": Lang.EN_US},
            ["http://mine.example", "mine", "my-s3cret", "en-US"],
        ),
        ([""] * 4, {}, [SERVER["url"].format(host=SERVER["variables"]["host"]["default"]), "app123", None, None]),
    ],
    ids=["variables", "arguments", "empty variables"],
)
def test_an_option_comes_from_its_argument_or_its_variable_or_the_contract(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, values: Any, arguments: dict[str, Any], sent: list[Any]
) -> None:
    for variable, value in zip(VARIABLES, values, strict=True):
        monkeypatch.setenv(variable, value)
    network = MockNetwork()

    send(network.new_client(make_client, **arguments))

    (request,) = network.requests
    host = str(request.url).removesuffix(PATH)
    names = ("x-genauth-app-id", "authorization", "x-genauth-lang")
    assert [host, *(request.headers.get(name) for name in names)] == sent
    assert "x-real-ip" not in request.headers


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("GENAUTH_APP_ID", "", "app_id is missing: pass it, or set GENAUTH_APP_ID"),
        ("GENAUTH_APP_ID", "a\nb", r"GENAUTH_APP_ID has '\\n' at position 1"),
        ("GENAUTH_APP_HOST", "example.com", "GENAUTH_APP_HOST must be a URL .* not 'example.com'"),
        ("GENAUTH_APP_HOST", f"https://example.com{PATH}", f"GENAUTH_APP_HOST must be the host alone.* without {PATH}"),
        ("GENAUTH_ACCESS_TOKEN", f"{SECRET}\n", r"GENAUTH_ACCESS_TOKEN has '\\n' at position 6"),
        ("GENAUTH_ACCESS_TOKEN", f"Bearer {SECRET}", "GENAUTH_ACCESS_TOKEN must be the token alone, without 'Bearer'"),
        ("GENAUTH_LANG", "klingon", "GENAUTH_LANG is not a valid Lang; allowed are zh-CN"),
    ],
)
def test_an_environment_variable_is_validated_like_an_argument_and_named(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv("GENAUTH_APP_ID", "app123")
    monkeypatch.setenv(variable, value)

    with pytest.raises(ValueError, match=f"^{message}") as caught:
        make_client(app_id=None)

    assert SECRET not in str(caught.value)


# Wrong values, and all ways to pass them

Ways = Callable[[str], list[Callable[[Any], object]]]
OF_CONNECTIONS = ("limits", "ssl_context", "http_client")
PER_CALL = ("access_token", "lang", "real_ip", "timeout")


@pytest.fixture
def client(make_client: ClientFactory) -> BlockingClient:
    # An attempt to connect would raise another error.
    return make_client("http://127.0.0.1:1")


@pytest.fixture
def ways(make_client: ClientFactory, client: BlockingClient) -> Ways:
    """Returns the ways to pass an option: to a new client, to a derived one, and to a call."""

    def pass_to(function: Callable[..., object], name: str) -> Callable[[Any], object]:
        return lambda value: function(**{name: value})

    def ways(name: str) -> list[Callable[[Any], object]]:
        functions: list[Callable[..., object]] = [make_client]
        if name not in OF_CONNECTIONS:
            functions.append(client.with_options)
        if name in PER_CALL:
            functions.append(partial(send, client))
        if name == "channel":
            functions = [partial(client.send_email, email=EMAIL)]
        return [pass_to(each, name) for each in functions]

    return ways


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


class AsyncHook:
    async def __call__(self, details: object) -> None:
        raise AssertionError("it is never awaited")

    async def method(self, details: object) -> None:
        await self(details)


HOOKS: list[Any] = ["print", 1, AsyncHook(), AsyncHook().method, partial(AsyncHook().method), AsyncMock()]
LIMITS: list[Bad] = [
    (100, TypeError, "not int", "an httpx.Limits"),
    (httpx.Limits(max_connections=0), ValueError, ".max_connections", "1 or more, not 0"),
    (httpx.Limits(max_keepalive_connections=-1), ValueError, ".max_keepalive_connections", "0 or more, not -1"),
    (httpx.Limits(keepalive_expiry=-1), ValueError, ".keepalive_expiry", "0 or more, not -1"),
]
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
BAD: dict[str, list[Bad]] = {
    "app_id": HEADERS,
    "app_host": APP_HOSTS,
    "access_token": HEADERS,
    "lang": LANGS,
    "real_ip": REAL_IPS,
    "timeout": TIMEOUTS,
    "max_retries": RETRIES,
    "retry_unknown": [(value, TypeError, f"not {type(value).__name__}", "True or False") for value in (1, "yes", None)],
    "on_attempt": [(value, TypeError, "not ", "must be a function, and not an async one") for value in HOOKS],
    "limits": LIMITS,
    "ssl_context": [(True, TypeError, "not bool", "an ssl.SSLContext")],
}


def case_id(value: object) -> str:
    plain = isinstance(value, str | bytes | int | float | httpx.Timeout | httpx.Limits)
    # The repr of a hook has its place in memory.
    shown = repr(value) if plain else type(value).__name__
    return shown.encode("unicode_escape").decode()


@pytest.mark.parametrize(
    ("name", "value", "kind", "given", "allowed"),
    [pytest.param(name, *bad, id=f"{name}={case_id(bad[0])}") for name, all_bad in BAD.items() for bad in all_bad],
)
def test_a_bad_option_is_refused_before_any_io(
    ways: Ways, name: str, value: Any, kind: type[Exception], given: str, allowed: str
) -> None:
    for way in ways(name):
        with pytest.raises(kind) as caught:
            way(value)
        assert type(caught.value) is kind
        assert str(caught.value).startswith(name)
        assert given in str(caught.value)
        assert allowed in str(caught.value)
        assert SECRET not in "".join(traceback.format_exception(caught.value))


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


@pytest.mark.parametrize("name", FIT)
def test_a_character_that_a_header_or_url_cannot_contain_is_refused_before_any_io(ways: Ways, name: str) -> None:
    fit = FIT[name]
    for character in NOWHERE if name == "app_host" else NOWHERE + NOT_IN_HEADERS:
        for value in (character + fit, fit[:9] + character + fit[9:], fit + character):
            for way in ways(name):
                with pytest.raises(ValueError, match=f"^{name}") as caught:
                    way(value)
                assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("name", ["app_id", "app_host", "timeout"])
def test_a_required_option_cannot_be_cleared(client: BlockingClient, name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} must be .*not None"):
        client.with_options(**{name: None})


@pytest.mark.parametrize(
    "options", [{"limits": httpx.Limits()}, {"ssl_context": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}]
)
def test_connection_settings_beside_an_http_client_are_refused(
    make_client: ClientFactory, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=f"^pass either {next(iter(options))} or http_client, not both"):
        make_client(http_client=make_client.http_client(), **options)


# The error messages' own words are not drawn.
TOKENS = st.builds(
    lambda start, data, end: start + base64.urlsafe_b64encode(data).decode() + end,
    st.sampled_from(["", "eyJ", "Bearer ", "1.2.3.4", "1.2.3.4%", "https://", "zh-CN", "10"]),
    st.binary(min_size=16, max_size=60),
    st.sampled_from(["", ".sig", "%41", ":80", "/", "é", "\x00", "\n"]),
)


# An `app_host` is shown because it is not a secret, and an `app_id` accepts any text.
@pytest.mark.usefixtures("unwatched")
@pytest.mark.parametrize(
    "name", ["channel", "http_client", *sorted(BAD.keys() - {"app_id", "app_host", "access_token"})]
)
@settings(drawing, max_examples=50)
@given(token=TOKENS)
@example("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U")
@example("ghp_16C7e42F292c6912E7710c838347Ae178B4a~+/==")
def test_a_token_in_the_place_of_another_option_is_not_shown(ways: Ways, name: str, token: str) -> None:
    secret = max(re.split(r"[^\w=-]", token), key=len)
    parts = [secret[start : start + 8] for start in range(0, len(secret) - 7)]
    for way in ways(name):
        with pytest.raises((TypeError, ValueError)) as caught:
            way(token)
        shown = [f"{each} {each!r} {each.args!r}" for each in chain_of(caught.value)]
        assert not [part for part in parts if part in "".join(shown)]


# Allowed values


@pytest.mark.parametrize(
    ("app_host", "url", "host"),
    [
        ("http://example.com", "http://example.com", "example.com"),
        ("HTTPS://EXAMPLE.com", "https://example.com", "example.com"),
        ("https://example.com:8443/", "https://example.com:8443", "example.com:8443"),
        ("https://example.com:443", "https://example.com", "example.com"),
        ("https://example.com/a/b///", "https://example.com/a/b", "example.com"),
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

    send(network.new_client(make_client, app_host))
    send(network.new_client(make_client).with_options(app_host=app_host))

    for request in network.requests:
        assert str(request.url) == url + PATH
        assert request.headers["host"] == host


@pytest.mark.parametrize("real_ip", ["203.0.113.9", "2001:db8::9", "::ffff:203.0.113.9", "fe80::1%eth0"])
def test_an_ip_address_of_either_version_can_be_a_string_or_an_object(make_client: ClientFactory, real_ip: str) -> None:
    network = MockNetwork()
    client = network.new_client(make_client)
    # Before Python 3.13, the third object has another string form.
    for value, sent in ((real_ip, real_ip), (ip_address(real_ip), str(ip_address(real_ip)))):
        derived = client.with_options(real_ip=value)
        send(client, real_ip=value)
        send(derived)
        assert [request.headers["x-real-ip"] for request in network.requests[-2:]] == [sent, sent]
        assert derived.client.real_ip == sent


def test_a_client_whose_construction_failed_has_a_repr(make_client: ClientFactory) -> None:
    with pytest.raises(ValueError, match="real_ip") as caught:
        make_client(real_ip="nowhere", access_token=SECRET)

    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "AuthenticationClient object at" in shown


def test_a_client_cannot_be_copied_or_pickled_and_stays_usable(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    client = make_client(mock_server.url, access_token=SECRET)
    name = type(client.client).__name__
    for each in (client.client, client.with_options(lang="en-US").client):
        for copied in COPIES.values():
            with pytest.raises(TypeError, match=rf"^{name} cannot be copied or pickled: derive .* with_options\(\)$"):
                copied(each)

    client.send_email(CHANNEL, EMAIL)
    assert len(mock_server.received) == 1
