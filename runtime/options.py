"""The options of a client: their checks, and the headers that they become."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import ssl
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from inspect import iscoroutinefunction
from operator import le
from threading import TIMEOUT_MAX
from types import MappingProxyType
from typing import Any, Final, Self, TypeVar, cast

from .fields import STRING, Enumeration, as_text
from .http import httpx
from .redaction import mask
from .types import UNSET, IPAddress, OnAttempt, Specification

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
        # Derived values are included, but `__init__` computes them again.
        return type(self)(self._specification, {**self.__dict__, **values})

    @property
    def headers(self) -> Mapping[str, str]:
        """The HTTP headers of every request. Most calls of a client have the same, so they are made once."""
        if self._headers is None:
            package = self._specification
            self._headers = {
                "user-agent": f"{package.package}/{package.version} python-httpx/{httpx.__version__}",
                # A response is a few hundred bytes. If the server compresses anyway, gzip is accepted.
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
    """Make the options of a new client. Options that are None are read from the environment.

    Raises:
        TypeError: One is of a wrong type.
        ValueError: One is missing or not allowed.
    """
    shown: dict[str, str] = {}
    for name, variable in specification.environment.items():
        # An empty variable counts as not set, as in most tools.
        if arguments[name] is None and (value := os.environ.get(variable)):
            arguments[name], shown[name] = value, variable
    if arguments["app_host"] is None:
        arguments["app_host"] = specification.default_host
    if arguments["app_id"] is None:
        raise ValueError(f"app_id is missing: pass it, or set {specification.environment['app_id']}")
    return Options(specification, validate_options(specification, arguments, shown))


def validate_options(
    specification: Specification, options: Mapping[str, object], shown: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the options that are not `UNSET`, checked.

    Args:
        specification: What the contract says of them.
        options: The options by their names.
        shown: What errors call an option that comes from elsewhere, such as an environment variable.

    Raises:
        TypeError: One is of a wrong type. The error names it.
        ValueError: One is not allowed. The error names it.
    """
    validated: dict[str, Any] = {}
    for name, value in options.items():
        if value is None and name in _OPTIONAL:
            validated[name] = None
        elif value is not UNSET:
            validated[name] = _VALIDATORS[name](shown.get(name, name), value, specification)
    return validated


def validate_header_value(name: str, value: object, _: Specification | None = None) -> str:
    text: str = STRING.check(name, value)
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


def _app_host(name: str, value: object, specification: Specification) -> str:
    text: str = STRING.check(name, value)
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
        # httpx's error is not chained: it may quote a password. The parts masked here may contain one, too.
        shown = re.sub(r"(?s)[?#].*", "?***", re.sub(r"(?s).*@", "***@", text))
        raise ValueError(
            f"{name} must be a URL such as https://example.genauth.ai, with http or https, a host, and at most a "
            f"port and a path, not {shown!r}"
        )
    host = str(url).rstrip("/")
    for path in specification.paths:
        if host.endswith(path):
            raise ValueError(f"{name} must be the host alone, such as https://example.genauth.ai, without {path}")
    return host


def _real_ip(name: str, value: object, _: Specification) -> str:
    if not isinstance(value, str | IPAddress):
        raise TypeError(f"{name} must be a string or an address of ipaddress, not {type(value).__name__}")
    text = str(value)
    try:
        ipaddress.ip_address(text)
        valid = True
    except ValueError:
        valid = False
    if not valid:
        # It may be an email address or a token in the wrong place.
        raise ValueError(f"{name} must be an IPv4 or IPv6 address, not {mask(text)}")
    # An IPv6 address can have a zone, and that can be any text.
    return validate_header_value(name, text)


def _lang(name: str, value: object, specification: Specification) -> object:
    return Enumeration(specification.lang).check(name, value)


def _timeout(name: str, value: object, _: Specification) -> float | httpx.Timeout:
    if value is None:
        raise TypeError(f"{name} must be {_TIMEOUT}, not None; httpx.Timeout(None) sets no limit")
    if isinstance(value, httpx.Timeout):
        for step, seconds in value.as_dict().items():
            if seconds is not None:
                _plain(f"{name}.{step}", seconds, (int, float), _is_timeout, "a positive number of seconds")
        return value
    return _plain(name, value, (int, float), _is_timeout, _TIMEOUT)


def _is_timeout(seconds: float) -> bool:
    return 0 < seconds <= TIMEOUT_MAX  # No socket can wait longer.


def _plain(name: str, value: object, kinds: tuple[type[T], ...], is_allowed: Callable[[T], object], allowed: str) -> T:
    """Return a value whose type and range are simple. Errors show it only if it has the right type."""
    # bool subclasses int.
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"{name} must be {allowed}, not {type(value).__name__}")
    if not is_allowed(value):
        raise ValueError(f"{name} must be {allowed}, not {value!r}")
    return value


def _max_retries(name: str, value: object, _: Specification) -> int:
    return _plain(name, value, (int,), lambda number: number >= 0, "0 or a positive integer")


def _retry_unknown(name: str, value: object, _: Specification) -> bool:
    return _plain(name, value, (bool,), lambda _: True, "True or False")


def _on_attempt(name: str, value: object, _: Specification) -> object:
    if not callable(value) or iscoroutinefunction(value) or iscoroutinefunction(type(value).__call__):
        raise TypeError(f"{name} must be a function, and not an async one, not {type(value).__name__}")
    return value


def _access_token(name: str, value: object, _: Specification) -> str:
    token = validate_header_value(name, value)
    if token.lower().startswith("bearer "):
        raise ValueError(f"{name} must be the token alone, without 'Bearer' in front")
    return token


def _checked_elsewhere(_: str, value: object, __: Specification) -> object:
    return value


_TIMEOUT: Final = "a positive number of seconds, or an httpx.Timeout"
_VALIDATORS: Final[Mapping[str, Callable[[str, object, Specification], Any]]] = {
    "app_id": validate_header_value,
    "app_host": _app_host,
    "access_token": _access_token,
    "lang": _lang,
    "real_ip": _real_ip,
    "timeout": _timeout,
    "max_retries": _max_retries,
    "retry_unknown": _retry_unknown,
    "on_attempt": _on_attempt,
    # These are checked together, by the functions below.
    "limits": _checked_elsewhere,
    "ssl_context": _checked_elsewhere,
    "http_client": _checked_elsewhere,
}
# None stands for sending nothing.
_OPTIONAL: Final = ("access_token", "lang", "real_ip", "on_attempt")


def validate_http_client(http_client: object, kind: type[object], client: object, more: str = "") -> None:
    """Check the type of the user's own `http_client`.

    Raises:
        TypeError: It is of another type.
    """
    if http_client == "aiohttp":
        raise TypeError('http_client="aiohttp" is for AsyncAuthenticationClient')
    if http_client is not None and not isinstance(http_client, kind):
        given = type(http_client)
        raise TypeError(
            f"http_client of {type(client).__name__} must be an httpx.{kind.__name__}{more}, "
            f"not {given.__module__}.{given.__qualname__}"
        )


def validate_connection_options(limits: object, ssl_context: object, http_client: object) -> None:
    """Check the limits and the TLS settings of our own connections.

    Raises:
        TypeError: One is of another type.
        ValueError: One is not allowed, or the connections belong to the user's own `http_client`.
    """
    for name, value, kind in (("limits", limits, httpx.Limits), ("ssl_context", ssl_context, ssl.SSLContext)):
        if value is None:
            continue
        if not isinstance(value, kind):
            raise TypeError(f"{name} must be an {kind.__module__}.{kind.__name__}, not {type(value).__name__}")
        if http_client is not None:
            raise ValueError(f"pass either {name} or http_client, not both: your own client has its own")
    for name, least in (("max_connections", 1), ("max_keepalive_connections", 0), ("keepalive_expiry", 0)):
        value = getattr(limits, name, None)
        if value is not None:
            _plain(f"limits.{name}", value, (int, float), partial(le, least), f"{least} or more")


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
