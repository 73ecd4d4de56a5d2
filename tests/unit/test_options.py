import math
from threading import TIMEOUT_MAX
from typing import Any

import pytest

from runtime.http import httpx
from runtime.options import Options, exclude_unset, headers_from_arguments, options_from_environment, validate_options
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


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("app_id", "".join(map(chr, range(0x21, 0x7F))), "\x7f"),
        ("app_id", "a b", "x\udc80"),
        ("app_id", "Bearer s3cret", "s3cret "),
        ("access_token", "bearers3cret", "BEARER  s3cret"),
        ("app_host", "https://example.com:65535", "https://example.com:65536"),
        ("app_host", "https://example.com/tea/base", "https://example.com/tea"),
        ("app_host", "https://example.com", "https://\udc80.io"),
        ("timeout", TIMEOUT_MAX, TIMEOUT_MAX * 2),
        ("timeout", httpx.Timeout(5, connect=None), httpx.Timeout(5, connect=TIMEOUT_MAX * 2)),
    ],
)
def test_value_is_allowed_up_to_its_limit_and_a_refused_one_shows_no_secret(
    name: str, allowed: object, refused: object
) -> None:
    assert validate_options(SPECIFICATION, {name: allowed}) == {name: allowed}
    with pytest.raises(ValueError, match=f"^{name}") as caught:
        validate_options(SPECIFICATION, {name: refused})
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert "s3cret" not in str(caught.value)


def test_omitted_arguments_are_left_out() -> None:
    assert validate_options(SPECIFICATION, {"app_id": UNSET, "timeout": UNSET, "max_retries": 1}) == {"max_retries": 1}
    assert exclude_unset({"a": UNSET, "b": None, "c": 0}) == {"b": None, "c": 0}


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


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [(4.0, 4.0), (httpx.Timeout(4, read=9, pool=1), 9), (httpx.Timeout(4, read=None), math.inf)],
    ids=["number", "longest", "one without an end"],
)
def test_call_may_take_the_longest_of_its_timeouts(timeout: float | httpx.Timeout, seconds: float) -> None:
    made = options(timeout=timeout)
    assert made.timeouts == httpx.Timeout(timeout).as_dict()
    assert made.seconds == seconds


def test_header_parameters_are_lower_case_and_exclude_the_transports_own() -> None:
    arguments = {"X-Number": 1, "X-Flag": True, "X-Lang": Lang.ZH, "X-None": UNSET, "HOST": "b", "Content-Length": "1"}
    assert headers_from_arguments(arguments) == {"x-number": "1", "x-flag": "true", "x-lang": "zh-CN"}
    with pytest.raises(ValueError, match="X-Text has"):
        headers_from_arguments({"X-Text": "a\r\nb"})
