import math
import ssl
from ipaddress import IPv4Address, IPv6Address
from threading import TIMEOUT_MAX
from typing import Any

import pytest

from runtime.http import httpx
from runtime.options import (
    Options,
    exclude_unset,
    headers_from_arguments,
    options_from_environment,
    validate_connection_options,
    validate_header_value,
    validate_http_client,
    validate_options,
)
from runtime.transport.request import STEPS
from runtime.types import UNSET

from .specification import SPECIFICATION, Lang

GIVEN: dict[str, Any] = {
    "app_id": "app-1",
    "app_host": "https://example.genauth.ai",
    "access_token": None,
    "lang": None,
    "real_ip": None,
    "timeout": 10.0,
    "max_retries": 2,
    "retry_unknown": False,
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in SPECIFICATION.environment.values():
        monkeypatch.delenv(variable, raising=False)


def options(**values: Any) -> Options:
    return options_from_environment(SPECIFICATION, **{**GIVEN, **values})


def validated(name: str, value: object) -> Any:
    return validate_options(SPECIFICATION, {name: value})[name]


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("app_id", "app-1", "app-1"),
        ("app_id", "with a space", "with a space"),
        ("access_token", "!~", "!~"),
        ("access_token", "x", "x"),
        ("access_token", "Bearer", "Bearer"),
        ("access_token", "bearers3cret", "bearers3cret"),
        ("access_token", None, None),
        ("lang", "zh-CN", Lang.ZH),
        ("lang", Lang.EN, Lang.EN),
        ("lang", None, None),
        ("real_ip", "192.0.2.1", "192.0.2.1"),
        ("real_ip", "2001:db8::1", "2001:db8::1"),
        ("real_ip", "fe80::1%eth0", "fe80::1%eth0"),
        ("real_ip", IPv4Address("192.0.2.1"), "192.0.2.1"),
        ("real_ip", IPv6Address("2001:db8::1"), "2001:db8::1"),
        ("real_ip", None, None),
        ("timeout", 1, 1),
        ("timeout", 0.5, 0.5),
        ("timeout", TIMEOUT_MAX, TIMEOUT_MAX),
        ("timeout", httpx.Timeout(None), httpx.Timeout(None)),
        ("timeout", httpx.Timeout(5, connect=None), httpx.Timeout(5, connect=None)),
        ("max_retries", 0, 0),
        ("max_retries", 7, 7),
        ("retry_unknown", True, True),
        ("retry_unknown", False, False),
    ],
)
def test_allowed_values_are_taken(name: str, value: object, result: object) -> None:
    assert validated(name, value) == result


@pytest.mark.parametrize(
    ("host", "result"),
    [
        ("https://example.genauth.ai", "https://example.genauth.ai"),
        ("https://example.genauth.ai/", "https://example.genauth.ai"),
        ("https://example.genauth.ai/base/", "https://example.genauth.ai/base"),
        ("HTTPS://Example.GenAuth.ai", "https://example.genauth.ai"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://my_host.", "http://my_host."),
        ("http://192.0.2.1:65535", "http://192.0.2.1:65535"),
        ("http://[2001:db8::1]:8000", "http://[2001:db8::1]:8000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_host_is_a_url_without_a_slash_at_its_end(host: str, result: str) -> None:
    assert httpx.URL(validated("app_host", host)) == httpx.URL(result)
    assert not validated("app_host", host).endswith("/")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.genauth.ai",
        "ftp://example.genauth.ai",
        "https://",
        "https:///path",
        "https://a..b",
        "https://.example",
        f"https://{'a' * 64}.example",
        "https://example.com:0",
        "https://example.com:65536",
        "https://example.com:port",
        "https://exa mple.com",
        "https://example.com/a b",
        "https://example.com/\n",
        "https://example.com?",
        "https://example.com#",
        "https://[::1",
        "https://\udc80.example",
        "https://user@example.com",
    ],
)
def test_what_is_no_such_url_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="app_host must be a URL such as") as caught:
        validated("app_host", host)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("host", ["https://example.com/tea", "https://example.com/base/tea//"])
def test_host_that_ends_in_the_path_of_an_operation_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"^app_host must be the host alone, such as .*, without /tea$"):
        validated("app_host", host)
    assert validated("app_host", "https://example.com/tea/base") == "https://example.com/tea/base"


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("https://user:s3cret@example.com", "'***@example.com'"),
        ("https://user:s3c@ret@example.com/x", "'***@example.com/x'"),
        ("https://user:s3\ncret@example.com", "'***@example.com'"),
        ("https://example.com?token=s3cret", "'https://example.com?***'"),
        ("https://example.com#s3cret", "'https://example.com?***'"),
    ],
)
def test_refused_host_shows_no_secret(host: str, shown: str) -> None:
    with pytest.raises(ValueError, match="app_host") as caught:
        validated("app_host", host)
    assert str(caught.value).endswith(f"not {shown}")


@pytest.mark.parametrize("name", ["app_id", "app_host", "access_token", "real_ip"])
@pytest.mark.parametrize("value", [1, b"s3cret", ["s3cret"]])
def test_what_is_no_string_is_refused_by_its_type(name: str, value: object) -> None:
    with pytest.raises(TypeError) as caught:
        validated(name, value)
    assert str(caught.value) == f"{name} must be a string, not {type(value).__name__}"


@pytest.mark.parametrize("name", ["app_id", "app_host", "timeout", "max_retries", "retry_unknown"])
def test_what_every_client_has_cannot_be_none(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        validated(name, None)


@pytest.mark.parametrize("name", ["app_id", "access_token"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "must be a string that is not empty"),
        (" s3cret", "has ' ' at position 0"),
        ("s3cret ", "has ' ' at position 6"),
        (" ", "has ' ' at position 0"),
        ("s3\ncret", "has '\\n' at position 2"),
        ("s3cret\x7f", "has '\\x7f' at position 6"),
        ("s3crét", "has 'é' at position 4"),
        ("s3cret\udc80", "has '\\udc80' at position 6"),
    ],
)
def test_what_can_be_no_header_is_refused_without_showing_it(name: str, value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=name) as caught:
        validated(name, value)
    assert str(caught.value).startswith(f"{name} {reason}")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("value", ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret"])
def test_access_token_is_the_token_alone(value: str) -> None:
    with pytest.raises(ValueError, match="access_token") as caught:
        validated("access_token", value)
    assert str(caught.value) == "access_token must be the token alone, without 'Bearer' in front"
    assert validated("app_id", value) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", "***"),
        ("192.0.2.256", "1***"),
        ("192.0.2.1:80", "1***"),
        ("192.0.2.0/24", "1***"),
        ("test@example.com", "t***@example.com"),
    ],
)
def test_what_is_no_ip_address_is_refused(value: str, shown: str) -> None:
    with pytest.raises(ValueError, match="real_ip") as caught:
        validated("real_ip", value)
    assert str(caught.value) == f"real_ip must be an IPv4 or IPv6 address, not {shown}"
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_zone_of_an_ipv6_address_has_to_fit_into_a_header() -> None:
    with pytest.raises(ValueError, match=r"real_ip has '\\n'"):
        validated("real_ip", "fe80::1%a\nb")


@pytest.mark.parametrize(
    ("value", "error", "problem"),
    [
        ("fr-FR", ValueError, "is not a valid Lang; allowed are en-US, zh-CN"),
        ("", ValueError, "is not a valid Lang; allowed are en-US, zh-CN"),
        ("test@example.com", ValueError, "looks like an email address; allowed are en-US, zh-CN"),
        (1, TypeError, "must be a Lang or its value, such as 'en-US', not int"),
    ],
)
def test_unknown_language_is_refused(value: object, error: type[Exception], problem: str) -> None:
    with pytest.raises(error) as caught:
        validated("lang", value)
    assert str(caught.value) == f"lang {problem}"
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("value", [0, -1, 0.0, math.nan, math.inf, TIMEOUT_MAX * 2])
def test_timeout_that_is_not_positive_or_too_long_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"^timeout must be a positive number of seconds, or an httpx.Timeout, not"):
        validated("timeout", value)
    with pytest.raises(ValueError, match=r"^timeout\.read must be a positive number of seconds"):
        validated("timeout", httpx.Timeout(5, read=value))


@pytest.mark.parametrize("value", ["10", True, (1, 2)])
def test_timeout_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"^timeout must be a positive number of seconds"):
        validated("timeout", value)


@pytest.mark.parametrize("value", ["2", 2.0, True])
def test_number_of_retries_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"^max_retries must be 0 or a positive integer, not"):
        validated("max_retries", value)


def test_number_of_retries_cannot_be_negative() -> None:
    with pytest.raises(ValueError, match=r"^max_retries must be 0 or a positive integer, not -1"):
        validated("max_retries", -1)


@pytest.mark.parametrize("value", [0, 1, "True"])
def test_switch_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(TypeError) as caught:
        validated("retry_unknown", value)
    assert str(caught.value) == f"retry_unknown must be True or False, not {type(value).__name__}"


def test_options_that_are_left_out_are_not_validated() -> None:
    assert validate_options(SPECIFICATION, {"app_id": UNSET, "timeout": UNSET, "max_retries": 1}) == {"max_retries": 1}


def test_environment_gives_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAPOT_APP_ID", "app-2")
    monkeypatch.setenv("TEAPOT_APP_HOST", "https://other.genauth.ai/")
    monkeypatch.setenv("TEAPOT_ACCESS_TOKEN", "s3cret")
    monkeypatch.setenv("TEAPOT_LANG", "zh-CN")
    made = options(app_id=None, app_host=None)
    assert (made.app_id, made.app_host, made.access_token, made.lang) == (
        "app-2",
        "https://other.genauth.ai",
        "s3cret",
        Lang.ZH,
    )
    made = options(access_token="s3cret", lang="en-US")
    assert (made.app_id, made.app_host, made.access_token, made.lang) == (
        "app-1",
        "https://example.genauth.ai",
        "s3cret",
        Lang.EN,
    )


def test_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in SPECIFICATION.environment.values():
        monkeypatch.setenv(variable, "")
    made = options(app_host=None)
    assert (made.app_host, made.access_token, made.lang) == ("https://default.genauth.ai", None, None)
    with pytest.raises(ValueError, match=r"^app_id is missing: pass it, or set TEAPOT_APP_ID$"):
        options(app_id=None)


def test_wrong_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAPOT_LANG", "fr-FR")
    with pytest.raises(ValueError, match=r"^TEAPOT_LANG is not a valid Lang; allowed are en-US, zh-CN$"):
        options()


def test_empty_argument_is_not_the_same_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAPOT_APP_ID", "app-2")
    with pytest.raises(ValueError, match="app_id must be a string that is not empty"):
        options(app_id="")


def test_headers_are_those_of_the_specification_and_of_the_options() -> None:
    made = options(access_token="s3cret", lang="zh-CN", real_ip="192.0.2.1")
    assert made.headers == {
        "user-agent": f"teapot/1.2.3 python-httpx/{httpx.__version__}",
        "accept-encoding": "identity",
        "x-from": "sdk",
        "x-app-id": "app-1",
        "x-access-token": "s3cret",
        "x-lang": "zh-CN",
        "x-real-ip": "192.0.2.1",
    }


def test_option_that_is_none_is_no_header() -> None:
    assert not options().headers.keys() & {"x-access-token", "x-lang", "x-real-ip"}


def test_headers_are_made_once() -> None:
    made = options()
    assert made.headers is made.headers


def test_replaced_options_are_others_with_headers_and_timeouts_of_their_own() -> None:
    first = options(access_token="s3cret-1")
    assert first.headers["x-access-token"] == "s3cret-1"
    second = first.replace({"access_token": "s3cret-2", "timeout": 3.0})
    assert second.headers["x-access-token"] == "s3cret-2"
    assert second.timeouts == dict.fromkeys(STEPS, 3.0)
    assert (second.seconds, second.app_id, second.max_retries) == (3.0, "app-1", 2)
    assert first.headers["x-access-token"] == "s3cret-1"
    assert first.seconds == 10.0
    assert first.replace({"access_token": None}).headers.keys() == first.headers.keys() - {"x-access-token"}


@pytest.mark.parametrize(
    ("timeout", "timeouts", "seconds"),
    [
        (4.0, dict.fromkeys(STEPS, 4.0), 4.0),
        (httpx.Timeout(4, read=9, pool=1), {"connect": 4, "read": 9, "write": 4, "pool": 1}, 9),
        (httpx.Timeout(4, read=None), {"connect": 4, "read": None, "write": 4, "pool": 4}, math.inf),
        (httpx.Timeout(None), dict.fromkeys(STEPS, None), math.inf),
    ],
    ids=["number", "longest", "one without an end", "all without an end"],
)
def test_call_may_take_the_longest_of_its_timeouts(
    timeout: float | httpx.Timeout, timeouts: dict[str, float | None], seconds: float
) -> None:
    made = options(timeout=timeout)
    assert made.timeouts == timeouts
    assert made.seconds == seconds


def test_other_client_is_refused_by_its_type() -> None:
    owner = UNSET
    with pytest.raises(TypeError) as caught:
        validate_http_client(print, httpx.Client, owner, " or more")
    assert str(caught.value) == (
        "http_client of Unset must be an httpx.Client or more, not builtins.builtin_function_or_method"
    )
    with httpx.Client() as client:
        validate_http_client(client, httpx.Client, owner)
    validate_http_client(None, httpx.Client, owner)


CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.mark.parametrize(
    ("limits", "context", "http_client", "error", "text"),
    [
        (100, None, None, TypeError, "limits must be an httpx.Limits, not int"),
        (None, True, None, TypeError, "ssl_context must be an ssl.SSLContext, not bool"),
        (httpx.Limits(), None, "theirs", ValueError, "pass either limits or http_client, not both"),
        (None, CONTEXT, "theirs", ValueError, "pass either ssl_context or http_client, not both"),
        (httpx.Limits(max_connections=0), None, None, ValueError, "limits.max_connections must be 1 or more, not 0"),
    ],
)
def test_connections_that_cannot_be_made_so_are_refused(
    limits: object, context: object, http_client: object, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        validate_connection_options(limits, context, http_client)
    assert str(caught.value).startswith(text)


def test_connections_of_our_own_take_limits_and_tls_settings() -> None:
    validate_connection_options(httpx.Limits(max_keepalive_connections=0, keepalive_expiry=0), CONTEXT, None)
    validate_connection_options(None, None, "theirs")


def test_header_parameters_are_lower_case_texts_and_checked() -> None:
    arguments = {"X-Number": 1, "X-Flag": True, "X-Lang": Lang.ZH, "X-None": UNSET}
    assert headers_from_arguments(arguments) == {"x-number": "1", "x-flag": "true", "x-lang": "zh-CN"}
    with pytest.raises(ValueError, match="X-Text has"):
        headers_from_arguments({"X-Text": "a\r\nb"})


def test_header_parameters_cannot_be_those_of_the_connection() -> None:
    assert headers_from_arguments({"Host": "a", "HOST": "b", "Content-Length": "1"}) == {}


def test_header_value_of_printable_ascii_is_taken() -> None:
    every = "".join(chr(code) for code in range(0x21, 0x7F))
    assert validate_header_value("x", every) == every
    assert validate_header_value("x", "a b") == "a b"


def test_arguments_that_are_unset_are_left_out() -> None:
    assert exclude_unset({"a": UNSET, "b": None, "c": 0}) == {"b": None, "c": 0}
