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


def options(**values: Any) -> Options:
    return options_from_environment(SPECIFICATION, **{**GIVEN, **values})


def validated(name: str, value: object) -> Any:
    return validate_options(SPECIFICATION, {name: value})[name]


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("app_id", "with a space", "with a space"),
        ("app_id", "Bearer s3cret", "Bearer s3cret"),
        ("access_token", "!~", "!~"),
        ("access_token", "x", "x"),
        ("access_token", "Bearer", "Bearer"),
        ("access_token", "bearers3cret", "bearers3cret"),
        ("access_token", None, None),
        ("lang", "zh-CN", Lang.ZH),
        ("lang", Lang.EN, Lang.EN),
        ("lang", None, None),
        ("real_ip", "192.0.2.1", "192.0.2.1"),
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
        ("app_host", "https://example.com/tea/base", "https://example.com/tea/base"),
    ],
)
def test_allowed_values_are_accepted(name: str, value: object, result: object) -> None:
    assert validated(name, value) == result


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("app_id", value) for value in (" x", "x ", "x\x7f", "x\udc80", "é")),
        *(("access_token", value) for value in ("Bearer s3cret", "bearer s3cret", "BEARER  s3cret")),
        *(("timeout", value) for value in (0, -1, math.nan, math.inf, TIMEOUT_MAX * 2, httpx.Timeout(5, read=0))),
        *(("max_retries", value) for value in (-1, True, 2.0)),
        *(("retry_unknown", value) for value in (0, 1, None)),
        *(
            ("app_host", value)
            for value in ("https://example.com/tea", "https://example.com:65536", "https://\udc80.io")
        ),
    ],
)
def test_wrong_value_is_refused_without_showing_it(name: str, value: object) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{name}") as caught:
        validated(name, value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert "s3cret" not in str(caught.value)


def test_omitted_options_are_not_validated() -> None:
    assert validate_options(SPECIFICATION, {"app_id": UNSET, "timeout": UNSET, "max_retries": 1}) == {"max_retries": 1}


def test_headers_come_from_the_specification_and_the_options() -> None:
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
    assert made.headers is made.headers
    assert not options().headers.keys() & {"x-access-token", "x-lang", "x-real-ip"}


def test_replaced_options_have_their_own_headers_and_timeouts() -> None:
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
def test_invalid_connection_settings_are_refused(
    limits: object, context: object, http_client: object, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        validate_connection_options(limits, context, http_client)
    assert str(caught.value).startswith(text)


def test_our_own_connections_use_the_limits_and_tls_settings() -> None:
    validate_connection_options(httpx.Limits(max_keepalive_connections=0, keepalive_expiry=0), CONTEXT, None)
    validate_connection_options(None, None, "theirs")


def test_header_parameters_are_lower_case_and_exclude_the_transports_own() -> None:
    arguments = {"X-Number": 1, "X-Flag": True, "X-Lang": Lang.ZH, "X-None": UNSET, "HOST": "b", "Content-Length": "1"}
    assert headers_from_arguments(arguments) == {"x-number": "1", "x-flag": "true", "x-lang": "zh-CN"}
    with pytest.raises(ValueError, match="X-Text has"):
        headers_from_arguments({"X-Text": "a\r\nb"})


def test_header_value_of_printable_ascii_is_accepted() -> None:
    for value in ("".join(chr(code) for code in range(0x21, 0x7F)), "a b"):
        assert validate_header_value("x", value) == value


def test_unset_arguments_are_left_out() -> None:
    assert exclude_unset({"a": UNSET, "b": None, "c": 0}) == {"b": None, "c": 0}
