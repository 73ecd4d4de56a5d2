"""The options of a client: their checks, and the headers that they become."""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Callable, Mapping
from enum import Enum
from inspect import iscoroutinefunction
from threading import TIMEOUT_MAX
from typing import Any, Final, Self, TypeVar, cast

from .fields import STRING, as_text
from .http import httpx
from .redaction import mask
from .types import UNSET, OnAttempt, Specification

T = TypeVar("T")

DEFAULT_TIMEOUT: Final = 10.0
"""Seconds."""

DEFAULT_MAX_RETRIES: Final = 2


class Options:
    """What a client sends with each request, and how. It never changes: `replace` makes another."""

    app_id: str
    app_host: str
    access_token: str | None
    lang: Enum | None
    real_ip: str | None
    timeout: float | httpx.Timeout
    max_retries: int
    retry_unknown: bool
    on_attempt: OnAttempt | None

    def __init__(self, specification: Specification, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)
        self._specification = specification
        # Seconds for each step of a request.
        self.timeouts: Mapping[str, float | None] = httpx.Timeout(self.timeout).as_dict()
        # Seconds for a call with its retries: the longest of the timeouts.
        self.seconds: float = max(math.inf if each is None else each for each in self.timeouts.values())
        self._headers: Mapping[str, str] | None = None

    def replace(self, values: Mapping[str, Any]) -> Self:
        """Return options that differ in `values`."""
        # What is derived is among them, and is made anew.
        return type(self)(self._specification, {**self.__dict__, **values})

    @property
    def headers(self) -> Mapping[str, str]:
        """The HTTP headers of every request. Most calls of a client have the same, so they are made once."""
        if self._headers is None:
            package = self._specification
            self._headers = {
                "user-agent": f"{package.package}/{package.version} python-httpx/{httpx.__version__}",
                # A response is a few hundred bytes. What is compressed all the same is read, if it is gzip.
                "accept-encoding": "identity",
                **package.fixed_headers,
                **{
                    header: str(getattr(self, option))
                    for option, header in package.header_names.items()
                    if getattr(self, option) is not None
                },
            }
        return self._headers


def options_from_environment(specification: Specification, **arguments: Any) -> Options:
    """Make the options of a new client. What is None comes from the environment, if that has it.

    Raises:
        TypeError: One is of a wrong type.
        ValueError: One is missing or not allowed.
    """
    for name, variable in specification.environment.items():
        # An empty variable counts as not set, as in most tools.
        if arguments[name] is None:
            arguments[name] = os.environ.get(variable) or None
    if arguments["app_host"] is None:
        arguments["app_host"] = specification.default_host
    if arguments["app_id"] is None:
        raise ValueError(f"app_id is missing: pass it, or set {specification.environment['app_id']}")
    return Options(specification, validate_options(specification, arguments))


def validate_options(specification: Specification, options: Mapping[str, object]) -> dict[str, Any]:
    """Return the options that are not `UNSET`, checked.

    Raises:
        TypeError: One is of a wrong type. The error names it.
        ValueError: One is not allowed. The error names it.
    """
    return {
        name: None
        if value is None and name in _OPTIONAL
        else _lang(name, value, specification.lang)
        if name == "lang"
        else _VALIDATORS[name](name, value)
        for name, value in options.items()
        if value is not UNSET
    }


def validate_header_value(name: str, value: object) -> str:
    text = STRING.check(name, value)
    if not text:
        raise ValueError(f"{name} must be a string that is not empty")
    # The same as the expression, and several times as fast: a token can be long.
    if text.isascii() and text.isprintable() and text[0] != " " != text[-1]:
        return text
    if wrong := re.search(r"[^ -~]|^ | $", text):
        raise ValueError(
            f"{name} has {wrong[0]!r} at position {wrong.start()}: allowed are printable ASCII characters, "
            "with no space at either end"
        )
    return text


def _app_host(name: str, value: object) -> str:
    text = STRING.check(name, value)
    try:
        url = httpx.URL(text)
        valid = bool(
            url.scheme in ("http", "https")
            # Python looks up no name that has an empty part, or one that is too long.
            and re.fullmatch(rb"[\w-]{1,63}(\.[\w-]{1,63})*\.?|[\w.:]+:[\w.:]*", url.raw_host)
            and (url.port is None or 0 < url.port < 65536)
            and not url.userinfo
            # httpx would encode a space, and keep a "?" or "#" with nothing after it.
            and not re.search(r"[\s?#]", text)
        )
    except (httpx.InvalidURL, UnicodeError):  # UnicodeError: a lone surrogate.
        url = None
        valid = False
    if url is None or not valid:
        # What httpx says is no cause of this error: it may quote a password. So may what is left out here.
        shown = re.sub(r"(?s)[?#].*", "?***", re.sub(r"(?s).*@", "***@", text))
        raise ValueError(
            f"{name} must be a URL such as https://example.genauth.ai, with http or https, a host, and at most a "
            f"port and a path, not {shown!r}"
        )
    return str(url).rstrip("/")


def _real_ip(name: str, value: object) -> str:
    text = STRING.check(name, value)
    try:
        ipaddress.ip_address(text)
        valid = True
    except ValueError:
        valid = False
    if not valid:
        # It may be an email address in the wrong place.
        raise ValueError(f"{name} must be an IPv4 or IPv6 address, not {mask(text) if '@' in text else repr(text)}")
    # An IPv6 address can have a zone, and that can be any text.
    return validate_header_value(name, text)


def _lang(name: str, value: object, lang: type[Enum]) -> Enum:
    try:
        return lang(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _timeout(name: str, value: object) -> float | httpx.Timeout:
    if isinstance(value, httpx.Timeout):
        for step, seconds in value.as_dict().items():
            if seconds is not None:
                _timeout(f"{name}.{step}", seconds)
        return value
    # Longer than that, no socket can wait.
    return _plain(name, value, (int, float), lambda seconds: 0 < seconds <= TIMEOUT_MAX, _TIMEOUT)


def _plain(name: str, value: object, kinds: tuple[type[T], ...], is_allowed: Callable[[T], object], allowed: str) -> T:
    """Return a value whose type and range are simple. It is no secret, so errors show it."""
    # bool subclasses int.
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"{name} must be {allowed}, not {value!r}")
    if not is_allowed(value):
        raise ValueError(f"{name} must be {allowed}, not {value!r}")
    return value


def _max_retries(name: str, value: object) -> int:
    return _plain(name, value, (int,), lambda number: number >= 0, "0 or a positive integer")


def _retry_unknown(name: str, value: object) -> bool:
    return _plain(name, value, (bool,), lambda _: True, "True or False")


def _on_attempt(name: str, value: object) -> object:
    if not callable(value) or iscoroutinefunction(value):
        raise TypeError(f"{name} must be a function, and not an async one, not {value!r}")
    return value


def _access_token(name: str, value: object) -> str:
    token = validate_header_value(name, value)
    if token.lower().startswith("bearer "):
        raise ValueError(f"{name} must be the token alone, without 'Bearer' in front")
    return token


_TIMEOUT: Final = "a positive number of seconds, or an httpx.Timeout"
_VALIDATORS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "app_id": validate_header_value,
    "app_host": _app_host,
    "access_token": _access_token,
    "real_ip": _real_ip,
    "timeout": _timeout,
    "max_retries": _max_retries,
    "retry_unknown": _retry_unknown,
    "on_attempt": _on_attempt,
}
# None stands for sending nothing.
_OPTIONAL: Final = ("access_token", "lang", "real_ip", "on_attempt")


def validate_http_client(http_client: object, kind: type[object], client: object, more: str = "") -> None:
    """Check the type of the user's own `http_client`.

    Raises:
        TypeError: It is of another type.
    """
    if http_client is not None and not isinstance(http_client, kind):
        given = type(http_client)
        raise TypeError(
            f"http_client of {type(client).__name__} must be an httpx.{kind.__name__}{more}, "
            f"not {given.__module__}.{given.__qualname__}"
        )


def validate_limits(limits: object, http_client: object) -> None:
    """Check the limits of a connection pool.

    Raises:
        TypeError: They are of another type.
        ValueError: They are not allowed, or the connections are those of the user's own `http_client`.
    """
    if limits is None:
        return
    if not isinstance(limits, httpx.Limits):
        raise TypeError(f"limits must be an httpx.Limits, not {limits!r}")
    if http_client is not None:
        raise ValueError("pass either limits or http_client, not both: set limits on your own client")
    for name, least in (("max_connections", 1), ("max_keepalive_connections", 0), ("keepalive_expiry", 0)):
        value = getattr(limits, name)
        if value is not None and not value >= least:
            raise ValueError(f"limits.{name} must be {least} or more, not {value!r}")


def headers_from_arguments(arguments: Mapping[str, object]) -> dict[str, str]:
    """Return the header parameters of an operation that are not `UNSET`."""
    return {
        name.lower(): validate_header_value(name, as_text(value))
        for name, value in arguments.items()
        # The transport sets these two.
        if value is not UNSET and name.lower() not in ("host", "content-length")
    }


def exclude_unset(arguments: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments that are not `UNSET`."""
    return {name: cast(Any, value) for name, value in arguments.items() if value is not UNSET}
