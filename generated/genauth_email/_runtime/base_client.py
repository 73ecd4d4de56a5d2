"""What the sync and the async client share: the options, and the making of a call."""

# Functions make the calls, so that clients have no public methods for it. They use what is private to a client.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any, ClassVar, Final, Generic, Literal, Never, NoReturn, Self, TypeVar, cast, overload

from .call import Call
from .fields import encode
from .http import httpx
from .options import (
    Options,
    exclude_unset,
    headers_from_arguments,
    validate_options,
)
from .redaction import CallableT, redact_traceback
from .transport.request import HTTPRequest
from .types import UNSET, IPAddress, OnAttempt, Operation, Request, RequestModel, ResponseT, Specification, Unset

T = TypeVar("T")
LangT = TypeVar("LangT")
ClientT = TypeVar("ClientT")

# A request of these has a length even where it has no body.
_METHODS_WITH_BODY: Final = ("PATCH", "POST", "PUT")
_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Option(Generic[T]):
    """An option of a client. It can be read, and not set."""

    def __init__(self, advice: str = "derive a client with with_options({}=…)") -> None:
        self._advice = advice

    def __set_name__(self, owner: type[object], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, client: BaseClient[Any], owner: type[object]) -> T: ...
    def __get__(self, client: BaseClient[Any] | None, owner: type[object]) -> Self | T:
        return self if client is None else cast(T, getattr(client._options, self._name))

    def __set__(self, client: object, value: Never) -> None:
        raise AttributeError(f"{self._name} cannot be set: {self._advice.format(self._name)}")


def shown_as(name: str) -> Callable[[CallableT], CallableT]:
    """Decorate a function so that Python's own errors call it by the name that users know."""

    def rename(function: CallableT) -> CallableT:
        function.__qualname__ = name
        return function

    return rename


class BaseClient(Generic[LangT]):
    """What the sync and the async client share."""

    _specification: ClassVar[Specification]

    _options: Options
    _is_derived = False

    app_id: Option[str] = Option()
    app_host: Option[str] = Option()
    access_token: Option[str | None] = Option()
    lang: Option[LangT | None] = Option()
    real_ip: Option[str | None] = Option()
    timeout: Option[float | httpx.Timeout] = Option()
    max_retries: Option[int] = Option()
    retry_unknown: Option[bool] = Option()
    on_attempt: Option[OnAttempt | None] = Option()
    limits: Option[httpx.Limits | None] = Option("make another client")
    ssl_context: Option[ssl.SSLContext | None] = Option("make another client")
    http_client: Option[httpx.Client | httpx.AsyncClient | Literal["aiohttp"] | None] = Option("make another client")

    def __repr__(self) -> str:
        options = self.__dict__.get("_options")
        # A traceback with local variables shows a client that could not be made, too.
        return f"{type(self).__name__}({options.app_id!r}, {options.app_host!r})" if options else object.__repr__(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be copied or pickled: derive another with with_options()")

    @redact_traceback
    @shown_as("with_options")
    def with_options(
        self,
        *,
        app_id: str | Unset = UNSET,
        app_host: str | Unset = UNSET,
        access_token: str | Unset | None = UNSET,
        lang: LangT | Unset | None = UNSET,
        real_ip: str | IPAddress | Unset | None = UNSET,
        timeout: float | httpx.Timeout | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        retry_unknown: bool | Unset = UNSET,
        on_attempt: OnAttempt | Unset | None = UNSET,
    ) -> Self:
        """Return a client with other options on this one's connections. It is cheap, and closing it closes nothing.

        Args:
            app_id: The application's id.
            app_host: The application's host, such as `https://example.genauth.ai`.
            access_token: The access token of the end user. None: none is sent.
            lang: The language of the responses' `message`. None: the server's default.
            real_ip: The IP address of the end user. None: none is sent.
            timeout: Seconds that a call may take, or an `httpx.Timeout`.
            max_retries: How often a call is retried at most, where that is safe. 0 switches retries off.
            retry_unknown: Whether to retry even if the operation may have been carried out. This is done only for
                operations that the server carries out once within an interval.
            on_attempt: Called with the `AttemptDetails` after each attempt. None: nothing is called.

        Raises:
            TypeError: An argument is of a wrong type.
            ValueError: An argument is not allowed.
        """
        return self._derive(
            {
                "app_id": app_id,
                "app_host": app_host,
                "access_token": access_token,
                "lang": lang,
                "real_ip": real_ip,
                "timeout": timeout,
                "max_retries": max_retries,
                "retry_unknown": retry_unknown,
                "on_attempt": on_attempt,
            }
        )

    def _derive(self, options: Mapping[str, object]) -> Self:
        # Several times as fast as `copy.copy`.
        client = object.__new__(type(self))
        client.__dict__.update(self.__dict__)
        client._options = self._options.replace(validate_options(self._specification, options))
        client._is_derived = True
        return client

    def _with_call_options(self, **options: object) -> Self:
        """Return a client with the options of one call. Those that are None are this client's."""
        given = {name: value for name, value in options.items() if value is not None}
        return self._derive(given) if given else self


def new_call(
    client: BaseClient[Any],
    operation: Operation[ResponseT],
    body: RequestModel | None,
    path: Mapping[str, str] | None,
    params: Mapping[str, object] | None,
    headers: Mapping[str, object] | None,
) -> Call[ResponseT]:
    """Make a call of an operation, with the options of `client` and arguments that have been checked.

    Raises:
        ValueError: A value cannot be sent.
    """
    options = client._options
    url = options.app_host + (operation.path.format(**path) if path else operation.path)
    parsed = _parse_url(url)
    if params:
        parsed = parsed.copy_merge_params({name: encode(value) for name, value in exclude_unset(params).items()})
    content = b""
    all_headers = {"host": parsed.netloc.decode("ascii"), **options.headers}
    if headers:
        all_headers |= headers_from_arguments(headers)
    if body is not None:
        content = _encode_body(body)
        all_headers["content-type"] = "application/json"
    if body is not None or operation.method in _METHODS_WITH_BODY:
        all_headers["content-length"] = str(len(content))
    return Call(
        operation,
        Request(operation.method, url, body, options.access_token, operation.deduplication_interval),
        HTTPRequest(operation.method, parsed, all_headers, content),
        options,
        client._specification,
    )


@lru_cache(maxsize=128)
def _parse_url(url: str) -> httpx.URL:
    return httpx.URL(url)


def _encode_body(body: RequestModel) -> bytes:
    text = _JSON.encode(body.to_dict())
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass  # The error contains the whole text, so it is not chained.
    raise ValueError(f"{type(body).__name__} contains a lone surrogate, which cannot be encoded as UTF-8")


def validate_client(client: object, kind: type[ClientT]) -> ClientT:
    """Return the client that an endpoint function was given.

    Raises:
        TypeError: It is a client of the other kind, or something else.
    """
    if isinstance(client, kind):
        return client
    functions, needed = (
        ("sync and sync_detailed", "a sync")
        if kind.__name__ == "SyncClient"
        else ("asyncio and asyncio_detailed", "an async")
    )
    raise TypeError(f"{functions} need {needed} client, not {type(client).__name__}")


def load_modules(*names: str) -> None:
    """Load modules that calls need. If the process forked in the middle of an import inside a call, the child would
    wait for the import lock for ever."""
    for name in names:
        import_module(name)
