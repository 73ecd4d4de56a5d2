"""The clients: `AuthenticationClient` and its async twin."""

from __future__ import annotations

import ipaddress
import json
import logging
import math
import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from threading import TIMEOUT_MAX
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Self, TypeVar, cast

import httpx

from .api.email import send_email
from .connections import (
    AsyncConnections,
    AsyncHttpClient,
    Connections,
    HttpClient,
    HttpRequest,
    Received,
    Timeout,
    out_of_time,
)
from .errors import (
    APIConnectionError,
    APITimeoutError,
    GenAuthError,
    InvalidResponseError,
    delivery_of,
    error_class,
    parse_retry_after,
)
from .models.channel import Channel, ChannelLiteral
from .models.lang import Lang, LangLiteral
from .models.send_email_dto import SendEmailDto
from .models.send_email_resp_dto import SendEmailRespDto
from .types import UNSET, AnswerT, Request, RequestBody, Response, Unset, as_text, encode, masked

if TYPE_CHECKING:
    from .aiohttp_connections import AiohttpConnections

VERSION: Final = "0.1.0"
"""The version of this package."""

DEFAULT_APP_HOST: Final = "https://api.genauth.ai"
"""Where a client goes that is not told its application's host."""

DEFAULT_TIMEOUT: Final = 10.0
"""Seconds."""

DEFAULT_MAX_RETRIES: Final = 2

# Seconds, where there is no timeout that would end the waiting sooner.
_LONGEST_WAIT: Final = 60.0

ConnectionsT = TypeVar(
    "ConnectionsT", bound="Connections | AsyncConnections | AiohttpConnections | HttpClient | AsyncHttpClient"
)

_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

_logger = logging.getLogger("genauth_email")


class _Options:
    """What a client sends with each request, and how. It never changes: `with_options` makes another."""

    app_id: str
    app_host: str
    access_token: str | None
    lang: Lang | None
    real_ip: str | None
    timeout: float | httpx.Timeout
    max_retries: int

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)
        timeout = self.timeout
        # Seconds for each of a request's steps, as httpx names them.
        self.timeouts: Timeout = (
            timeout.as_dict()
            if isinstance(timeout, httpx.Timeout)
            else {"connect": timeout, "read": timeout, "write": timeout, "pool": timeout}
        )
        # What a call may take with its retries: the longest of the timeouts.
        self.seconds: float = max(math.inf if each is None else each for each in self.timeouts.values())
        self._headers: Mapping[str, str] | None = None

    def but(self, changes: Mapping[str, Any]) -> Self:
        # What is derived is among them, and is made anew.
        return type(self)({**self.__dict__, **changes})

    @property
    def headers(self) -> Mapping[str, str]:
        # Most calls of a client have the same, so they are made once.
        if self._headers is None:
            self._headers = self._make_headers()
        return self._headers

    def _make_headers(self) -> Mapping[str, str]:
        headers = {
            "user-agent": f"genauth-email/{VERSION} python-httpx/{httpx.__version__}",
            "content-type": "application/json",
            # Others may be what httpx could undo, but not within a limit.
            "accept-encoding": "gzip, deflate",
            "x-genauth-request-from": "sdk",
            "x-genauth-sdk-version": f"genauth-email:{VERSION}",
            "x-genauth-app-id": self.app_id,
        }
        if self.lang is not None:
            headers["x-genauth-lang"] = str(self.lang)
        if self.real_ip is not None:
            headers["x-real-ip"] = self.real_ip
        if self.access_token is not None:
            headers["authorization"] = self.access_token
        return headers


def _string(name: str, value: object) -> str:
    if not isinstance(value, str):
        # The value may be a secret, so the error shows only its type.
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    return value


def _header_value(name: str, value: object) -> str:
    value = _string(name, value)
    if not value:
        raise ValueError(f"{name} must be a string that is not empty")
    # The same, but some times as fast: a token can be long.
    if value.isascii() and value.isprintable() and value[0] != " " != value[-1]:
        return value
    # Again, it may be a secret, so the error shows only what is wrong with it.
    if wrong := re.search(r"[^ -~]|^ | $", value):
        raise ValueError(
            f"{name} has {wrong[0]!r} at position {wrong.start()}: allowed are printable ASCII characters, "
            "with no space at either end"
        )
    return value


def _app_host(name: str, value: object) -> str:
    text = _string(name, value)
    try:
        url = httpx.URL(text)
        sound = (
            url.scheme in ("http", "https")
            # Python looks up no name with a part that is empty, or too long.
            and re.fullmatch(rb"[\w-]{1,63}(\.[\w-]{1,63})*\.?|[\w.:]+:[\w.:]*", url.raw_host)
            and (url.port is None or 0 < url.port < 65536)
            and not url.userinfo
            # httpx would encode a space, and keep a "?" or "#" with nothing after it.
            and not re.search(r"[\s?#]", text)
        )
    except (httpx.InvalidURL, UnicodeError):  # The latter is about half a character.
        url = None
        sound = False
    if url is None or not sound:
        # What httpx says is no cause of this error: it may quote a password. So may what is left out here.
        shown = re.sub(r"(?s)[?#].*", "?***", re.sub(r"(?s).*@", "***@", text))
        raise ValueError(
            f"{name} must be a URL such as https://example.genauth.ai, with http or https, a host, and at most a "
            f"port and a path, not {shown!r}"
        )
    return str(url).rstrip("/")


def _real_ip(name: str, value: object) -> str:
    text = _string(name, value)
    try:
        ipaddress.ip_address(text)
    except ValueError:
        # What Python says is no cause of this error: it quotes what may be an email address in the wrong place.
        is_address = False
    else:
        is_address = True
    if not is_address:
        shown = masked(text) if "@" in text else repr(text)
        raise ValueError(f"{name} must be an IPv4 or IPv6 address, not {shown}")
    # An IPv6 address can have a zone, and that can be any text.
    return _header_value(name, text)


def _lang(name: str, value: object) -> Lang:
    try:
        return Lang(cast(str, value))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _timeout(name: str, value: object) -> float | httpx.Timeout:
    if isinstance(value, httpx.Timeout):
        for part, seconds in value.as_dict().items():
            if seconds is not None:
                _timeout(f"{name}.{part}", seconds)
        return value
    allowed = f"{name} must be a positive number of seconds, or an httpx.Timeout"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{allowed}, not {value!r}")
    if not 0 < value <= TIMEOUT_MAX:  # Longer than that, no socket can wait.
        raise ValueError(f"{allowed}, not {value!r}")
    return value


def _max_retries(name: str, value: object) -> int:
    allowed = f"{name} must be 0 or a positive integer"
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{allowed}, not {value!r}")
    if value < 0:
        raise ValueError(f"{allowed}, not {value!r}")
    return value


_CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "app_id": _header_value,
    "app_host": _app_host,
    "access_token": _header_value,
    "lang": _lang,
    "real_ip": _real_ip,
    "timeout": _timeout,
    "max_retries": _max_retries,
}
# What can be None, which is for nothing to be sent.
_OPTIONAL: Final = ("access_token", "lang", "real_ip")


def _checked(**options: object) -> dict[str, Any]:
    """Check the options that are not `UNSET`.

    Raises:
        TypeError: One is of a wrong type. The error names it.
        ValueError: One is not allowed. The error names it.
    """
    return {
        name: None if value is None and name in _OPTIONAL else _CHECKS[name](name, value)
        for name, value in options.items()
        if value is not UNSET
    }


class _TryAgain(Exception):
    """An attempt failed in a way that makes it safe to try again.

    Attributes:
        outcome: What the caller gets when there is no other attempt.
        wait: Seconds to wait, if the server said how many.
    """

    def __init__(self, reason: str, outcome: Response[Any] | GenAuthError, wait: float | None = None) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.wait = wait

    def settle(self) -> Response[Any]:
        if isinstance(self.outcome, GenAuthError):
            raise self.outcome from self.outcome.__cause__
        return self.outcome


class _Call(Generic[AnswerT]):
    """One call: a request, what its answer is read as, and the attempts at it. It knows nothing of sync or async."""

    def __init__(
        self,
        request: Request,
        http_request: HttpRequest,
        answer: type[AnswerT],
        max_retries: int,
        deadline: float,
    ) -> None:
        self.request = request
        self.http_request = http_request
        self.answer = answer
        self.max_retries = max_retries
        self.deadline = deadline
        self.attempt_started = 0.0
        self.failure: _TryAgain | None = None  # Of the attempt before.
        self.longest_backoff = 0.0

    def begin_attempt(self) -> None:
        self.attempt_started = monotonic()
        self.http_request.taken = False
        if self.failure is not None:
            # The timeout is the call's: a later attempt has what is left of it, which the wait may have used up.
            left = self.deadline - self.attempt_started
            if left <= 0:
                raise self.failure
            _logger.warning("%s: trying again after: %s", self.request, self.failure)
            # Where one of them is None, there is no end to what is left.
            self.http_request.timeout = {
                step: None if seconds is None else min(seconds, left)
                for step, seconds in self.http_request.timeout.items()
            }

    def break_off(self, received: Received, error: httpx.RequestError) -> None:
        """Note that an answer broke off.

        Raises:
            APITimeoutError: It did not, but there was none in time.
            APIConnectionError: It did not, but there was none.
            _TryAgain: The same, and it is safe to try again.
        """
        if not received.begun or isinstance(error, httpx.TimeoutException):
            raise self.fail(error) from error
        received.flaw = f"it broke off: {_said(error)}"

    def fail(self, error: httpx.RequestError) -> Exception:
        """Turn an error of httpx into ours, or into a `_TryAgain`."""
        said = _said(error)
        reason = f"{type(error).__name__}: {said}" if said else type(error).__name__
        text = f"{reason} [{self.request}]"
        self._log(reason)
        kind = APITimeoutError if isinstance(error, httpx.TimeoutException) else APIConnectionError
        if not self._not_sent(error):
            return kind(text, delivery="unknown")
        ours = kind(text, delivery="not_sent")
        # What a proxy or a certificate has said, it will say again.
        if isinstance(error, httpx.ProxyError) or any(
            isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error)
        ):
            return ours
        ours.__cause__ = error
        return _TryAgain(reason, ours)

    def _not_sent(self, error: httpx.RequestError) -> bool:
        if not self.http_request.taken:
            # Others come when the sending begins, and some of them only now and then before the body is taken.
            return isinstance(error, httpx.ConnectError | httpx.TimeoutException | httpx.ProxyError)
        # A transport that stands for the network, as in tests, takes the body first, and its error has no cause. One
        # that has can mean anything: httpx-aiohttp says ConnectTimeout where the server hangs up without an answer.
        never_connected = httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
        return (
            isinstance(error, never_connected)
            and error.__cause__ is None
            and _request_of(error) is self.http_request.as_httpx
        )

    def read(self, received: Received) -> Response[AnswerT]:
        """Read an answer. A DTO decides whatever the HTTP status; without one, an HTTP error is an `APIError`.

        Raises:
            APIError: The HTTP status is 4xx or 5xx, and the body is no DTO.
            InvalidResponseError: The body is no DTO.
            APITimeoutError: The time was up before it had come.
            _TryAgain: The HTTP status is 429 or 503, and the server says when to try again.
        """
        if received.late:
            error = out_of_time()
            raise self.fail(error) from error
        status, headers, content = received.status, received.headers, received.body()
        outcome: Response[AnswerT] | GenAuthError
        try:
            if received.flaw:
                raise ValueError(received.flaw)
            document: object = json.loads(content)
            if not isinstance(document, dict):
                raise TypeError(f"an object is expected, not {type(document).__name__}")
            parsed = self.answer.from_dict(cast(dict[str, Any], document))
            outcome = Response(
                request=self.request, status_code=status, headers=headers, content=content, parsed=parsed
            )
            self._log(f"HTTP {status}", parsed)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            text = f"HTTP {status} with a body that is no {self.answer.__name__}: {reason} [{self.request}]"
            if 400 <= status <= 599:
                outcome = error_class(status)(
                    text,
                    status_code=status,
                    message="",
                    api_code=None,
                    request_id=None,
                    http_status=status,
                    headers=headers,
                    content=content,
                )
            else:
                outcome = InvalidResponseError(text, http_status=status, headers=headers, content=content)
            # The repr of this one is the whole body.
            outcome.__cause__ = ValueError(reason) if isinstance(error, UnicodeDecodeError) else error
            self._log(f"HTTP {status}, no {self.answer.__name__}")
        if (
            status in (429, 503)
            and not received.flaw
            and self._refused(outcome)
            and (wait := parse_retry_after(headers)) is not None
        ):
            raise _TryAgain(f"HTTP {status} with Retry-After", outcome, wait)
        if isinstance(outcome, GenAuthError):
            raise outcome
        return outcome

    def _refused(self, outcome: Response[AnswerT] | GenAuthError) -> bool:
        if isinstance(outcome, GenAuthError):
            return outcome.delivery == "not_sent"
        # 429 is the rule of one email a minute, which trying again will not outlast.
        return outcome.parsed.status_code != 429 and delivery_of(outcome.parsed.status_code) == "not_sent"

    def retries(self) -> dict[str, Any]:
        """The arguments of `stamina.retry_context`, but for the first."""
        left = max(self.deadline - monotonic(), 0)
        # So long that, if the attempts take no time, all of them fit.
        self.longest_backoff = min(5.0, left / (self.max_retries + 1))
        return {"attempts": self.max_retries + 1, "timeout": None, "wait_max": self.longest_backoff}

    def wait_before_retry(self, failure: BaseException) -> bool | float:
        """Tell stamina whether to try again, and when, if the server said it."""
        if not isinstance(failure, _TryAgain):
            return False
        left = _LONGEST_WAIT if self.deadline == math.inf else self.deadline - monotonic()
        if left <= (self.longest_backoff if failure.wait is None else failure.wait):
            return False
        self.failure = failure
        return True if failure.wait is None else failure.wait

    def _log(self, what: str, answer: Any = None) -> None:
        if not _logger.isEnabledFor(logging.DEBUG):
            return
        if answer is not None:
            what += f", statusCode {int(answer.status_code)}"
            if request_id := getattr(answer, "request_id", UNSET):
                what += f", request id {self.request.hide(request_id)}"
        _logger.debug("%s: %s, in %.0f ms", self.request, what, (monotonic() - self.attempt_started) * 1000)


class _Client(Generic[ConnectionsT]):
    """What the two clients share: the options, and the making of a call."""

    _options: _Options
    _connections: ConnectionsT
    _owns_connections = True

    def _configure(
        self,
        app_id: str | None,
        app_host: str | None,
        access_token: str | None,
        lang: Lang | LangLiteral | None,
        real_ip: str | None,
        timeout: float | httpx.Timeout,
        max_retries: int,
    ) -> None:
        if app_id is None and not os.environ.get("GENAUTH_APP_ID"):
            raise ValueError("app_id is missing: pass it, or set GENAUTH_APP_ID")
        self._options = _Options(
            _checked(
                app_id=_or_environment(app_id, "GENAUTH_APP_ID"),
                app_host=_or_environment(app_host, "GENAUTH_APP_HOST", DEFAULT_APP_HOST),
                access_token=_or_environment(access_token, "GENAUTH_ACCESS_TOKEN"),
                lang=_or_environment(lang, "GENAUTH_LANG"),
                real_ip=real_ip,
                timeout=timeout,
                max_retries=max_retries,
            )
        )

    def __repr__(self) -> str:
        options = self.__dict__.get("_options")
        # A traceback with local variables shows a client that could not be made, too.
        return (
            f"{type(self).__name__}({options.app_id!r}, {options.app_host!r})"
            if options
            else object.__repr__(self)
        )

    def with_options(
        self,
        *,
        app_id: str | Unset = UNSET,
        app_host: str | Unset = UNSET,
        access_token: str | None | Unset = UNSET,
        lang: Lang | LangLiteral | None | Unset = UNSET,
        real_ip: str | None | Unset = UNSET,
        timeout: float | httpx.Timeout | Unset = UNSET,
        max_retries: int | Unset = UNSET,
    ) -> Self:
        """Return a client that differs in the options given and shares this one's connections.

        It is cheap enough to be made for every incoming request, and closing it closes nothing.

        Args:
            app_id: The application's id.
            app_host: The application's host, such as `https://example.genauth.ai`.
            access_token: The access token of the end user. None: none is sent.
            lang: The language of the answers' `message`. None: the server's default.
            real_ip: The IP address of the end user. None: none is sent.
            timeout: Seconds that a call may take, or an `httpx.Timeout`.
            max_retries: How often at most a request is sent again where that is safe. 0: never.

        Raises:
            TypeError: An argument is of a wrong type.
            ValueError: An argument is not allowed.
        """
        changes = _checked(
            app_id=app_id,
            app_host=app_host,
            access_token=access_token,
            lang=lang,
            real_ip=real_ip,
            timeout=timeout,
            max_retries=max_retries,
        )
        # Several times as fast as `copy.copy`.
        client = object.__new__(type(self))
        client.__dict__.update(self.__dict__)
        client._options = self._options.but(changes)
        client._owns_connections = False
        return client

    def _with_call_options(
        self,
        lang: Lang | LangLiteral | None,
        real_ip: str | None,
        access_token: str | None,
        timeout: float | httpx.Timeout | None,
    ) -> Self:
        if lang is None and real_ip is None and access_token is None and timeout is None:
            return self
        return self.with_options(
            lang=UNSET if lang is None else lang,
            real_ip=UNSET if real_ip is None else real_ip,
            access_token=UNSET if access_token is None else access_token,
            timeout=UNSET if timeout is None else timeout,
        )

    def _call(
        self,
        method: str,
        path: str,
        answer: type[AnswerT],
        body: RequestBody | None,
        params: Mapping[str, object],
        headers: Mapping[str, object],
    ) -> _Call[AnswerT]:
        options = self._options
        request = Request(method, options.app_host + path, body, options.access_token)
        return _Call(
            request=request,
            http_request=HttpRequest(
                method,
                request.url,
                host=options.app_host,
                params=_given(params),
                headers={**options.headers, **_as_headers(headers)} if headers else options.headers,
                content=b"" if body is None else _content(body),
                timeout=options.timeouts,
            ),
            answer=answer,
            max_retries=options.max_retries,
            deadline=monotonic() + options.seconds,
        )


class AuthenticationClient(_Client[Connections | HttpClient]):
    """A client of GenAuth. `AsyncAuthenticationClient` is its async twin.

    It keeps its connections open for the next call: make one, use it from all threads, and close it at the end,
    or use it in a `with` statement. `with_options` gives each end user a client of their own on the same
    connections.

    Args:
        app_id: The application's id. Default: the environment's `GENAUTH_APP_ID`.
        app_host: The application's host, such as `https://example.genauth.ai`. Default: `GENAUTH_APP_HOST`, then
            `DEFAULT_APP_HOST`.
        access_token: The access token of the end user. Default: `GENAUTH_ACCESS_TOKEN`, then none.
        lang: The language of the answers' `message`. Default: `GENAUTH_LANG`, then the server's, which is `zh-CN`.
        real_ip: The IP address of the end user. Without it the server takes the address of this machine, and
            counts all users together in its limits on sending codes.
        timeout: Seconds that a call may take with its retries, or an `httpx.Timeout`, whose longest part is that. It
            holds with your own `http_client` too.
        max_retries: How often at most a request is sent again where that is safe. 0: never.
        http_client: Your own `httpx.Client`, for a proxy or a private CA, say. It is never closed by this
            client.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument is missing or not allowed.
    """

    def __init__(
        self,
        app_id: str | None = None,
        app_host: str | None = None,
        *,
        access_token: str | None = None,
        lang: Lang | LangLiteral | None = None,
        real_ip: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        http_client: httpx.Client | None = None,
    ) -> None:
        _check_type(http_client, httpx.Client, self)
        self._configure(app_id, app_host, access_token, lang, real_ip, timeout, max_retries)
        self._connections = Connections() if http_client is None else HttpClient(http_client)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they belong to your own `http_client` or to the client this one is
        derived from."""
        if self._owns_connections:
            self._connections.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        answer: type[AnswerT],
        body: RequestBody | None = None,
        params: Mapping[str, object] = {},
        headers: Mapping[str, object] = {},
    ) -> Response[AnswerT]:
        """Send a request and return its answer, be it a success or a failure. The endpoint functions call this.

        Args:
            method: The HTTP method.
            path: The path below the application's host.
            answer: The DTO to read the answer as.
            body: The DTO to send.
            params: The query's parameters. Those that are `UNSET` are left out.
            headers: More headers. Those that are `UNSET` are left out, and `Host` and `Content-Length`.

        Raises:
            APIError: An HTTP error came without an answer of the API. Its class is the one of the HTTP status.
            APITimeoutError: There was no answer in time.
            APIConnectionError: There was no answer: no connection could be made, or it broke.
            InvalidResponseError: What came is no answer of the API.
            RuntimeError: The client is closed.
        """
        call = self._call(method, path, answer, body, params, headers)
        try:
            return self._attempt(call)
        except _TryAgain as caught:
            # Leave the `except` first, so that an error of a retry does not have this one as its context.
            failure = caught
        return self._retry(call, failure) if call.max_retries else failure.settle()

    def _attempt(self, call: _Call[AnswerT]) -> Response[AnswerT]:
        call.begin_attempt()
        received = Received(call.deadline)
        try:
            self._connections.exchange(call.http_request, received)
        except httpx.RequestError as error:
            call.break_off(received, error)
        return call.read(received)

    def _retry(self, call: _Call[AnswerT], failure: _TryAgain) -> Response[AnswerT]:
        import stamina

        try:
            for attempt in stamina.retry_context(call.wait_before_retry, **call.retries()):
                with attempt:
                    if attempt.num == 1:  # It has been made.
                        raise failure
                    return self._attempt(call)
        except _TryAgain as last:
            failure = last
        return failure.settle()

    def send_email(
        self,
        channel: Channel | ChannelLiteral,
        email: str,
        *,
        lang: Lang | LangLiteral | None = None,
        real_ip: str | None = None,
        access_token: str | None = None,
        timeout: float | httpx.Timeout | None = None,
    ) -> SendEmailRespDto:
        """Send an email to a user.

        Sends the email that `channel` names to the mailbox `email`.

        One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
        difference to that. A second email within the minute is refused with `statusCode` 429.

        Args:
            channel: What the email is for.
            email: The address of the mailbox, compared without regard to case. Which addresses are accepted is for the
                server to say: it refuses the others with `statusCode` 400.
            lang: The language of the answer's `message`. Default: the client's.
            real_ip: The IP address of the end user. Default: the client's.
            access_token: The access token of the end user. Default: the client's.
            timeout: Seconds that the call may take, or an `httpx.Timeout`. Default: the client's.

        Returns:
            The answer, which is a success.

        Raises:
            TypeError: An argument is of a wrong type. Nothing was sent.
            ValueError: An argument is not allowed. Nothing was sent.
            APIError: The answer's `statusCode` is not 200, or an HTTP error came without an answer of the API. Its
                class is the one of that code, such as `ThrottleError` for 429.
            APITimeoutError: There was no answer in time.
            APIConnectionError: There was no answer: no connection could be made, or it broke.
            InvalidResponseError: What came is no answer of the API.
        """
        client = self._with_call_options(lang, real_ip, access_token, timeout)
        body = SendEmailDto(
            channel=Channel(channel),
            email=_string("email", email),
        )
        # A traceback that shows local variables shows the user's no longer.
        del access_token, email
        return send_email.sync(
            client=client,
            body=body,
        )


class AsyncAuthenticationClient(_Client["AsyncConnections | AiohttpConnections | AsyncHttpClient"]):
    """An async client of GenAuth, for asyncio and trio. `AuthenticationClient` is its sync twin.

    It keeps its connections open for the next call: make one for each event loop, use it from all tasks, and
    close it at the end, or use it in an `async with` statement. `with_options` gives each end user a client of
    their own on the same connections.

    Args:
        app_id: The application's id. Default: the environment's `GENAUTH_APP_ID`.
        app_host: The application's host, such as `https://example.genauth.ai`. Default: `GENAUTH_APP_HOST`, then
            `DEFAULT_APP_HOST`.
        access_token: The access token of the end user. Default: `GENAUTH_ACCESS_TOKEN`, then none.
        lang: The language of the answers' `message`. Default: `GENAUTH_LANG`, then the server's, which is `zh-CN`.
        real_ip: The IP address of the end user. Without it the server takes the address of this machine, and
            counts all users together in its limits on sending codes.
        timeout: Seconds that a call may take with its retries, or an `httpx.Timeout`, whose longest part is that. It
            holds with your own `http_client` too.
        max_retries: How often at most a request is sent again where that is safe. 0: never.
        http_client: Your own `httpx.AsyncClient`, for a proxy or a private CA, say. It is never closed by this
            client. Or "aiohttp", for connections of aiohttp, which needs the extra of that name and asyncio.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument is missing or not allowed.
        ImportError: aiohttp is not installed.
    """

    def __init__(
        self,
        app_id: str | None = None,
        app_host: str | None = None,
        *,
        access_token: str | None = None,
        lang: Lang | LangLiteral | None = None,
        real_ip: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        http_client: httpx.AsyncClient | Literal["aiohttp"] | None = None,
    ) -> None:
        if http_client != "aiohttp":
            _check_type(http_client, httpx.AsyncClient, self, ' or "aiohttp"')
        self._configure(app_id, app_host, access_token, lang, real_ip, timeout, max_retries)
        self._connections = (
            AsyncConnections()
            if http_client is None
            else _aiohttp_connections()
            if http_client == "aiohttp"
            else AsyncHttpClient(http_client)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless they belong to your own `http_client` or to the client this one is
        derived from."""
        if self._owns_connections:
            await self._connections.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        answer: type[AnswerT],
        body: RequestBody | None = None,
        params: Mapping[str, object] = {},
        headers: Mapping[str, object] = {},
    ) -> Response[AnswerT]:
        """Send a request and return its answer, be it a success or a failure. The endpoint functions call this.

        Args:
            method: The HTTP method.
            path: The path below the application's host.
            answer: The DTO to read the answer as.
            body: The DTO to send.
            params: The query's parameters. Those that are `UNSET` are left out.
            headers: More headers. Those that are `UNSET` are left out, and `Host` and `Content-Length`.

        Raises:
            APIError: An HTTP error came without an answer of the API. Its class is the one of the HTTP status.
            APITimeoutError: There was no answer in time.
            APIConnectionError: There was no answer: no connection could be made, or it broke.
            InvalidResponseError: What came is no answer of the API.
            RuntimeError: The client is closed.
        """
        call = self._call(method, path, answer, body, params, headers)
        try:
            return await self._attempt(call)
        except _TryAgain as caught:
            # Leave the `except` first, so that an error of a retry does not have this one as its context.
            failure = caught
        return await self._retry(call, failure) if call.max_retries else failure.settle()

    async def _attempt(self, call: _Call[AnswerT]) -> Response[AnswerT]:
        call.begin_attempt()
        received = Received(call.deadline)
        try:
            await self._connections.exchange(call.http_request, received)
        except httpx.RequestError as error:
            call.break_off(received, error)
        return call.read(received)

    async def _retry(self, call: _Call[AnswerT], failure: _TryAgain) -> Response[AnswerT]:
        import stamina

        try:
            async for attempt in stamina.retry_context(call.wait_before_retry, **call.retries()):
                with attempt:
                    if attempt.num == 1:  # It has been made.
                        raise failure
                    return await self._attempt(call)
        except _TryAgain as last:
            failure = last
        return failure.settle()

    async def send_email(
        self,
        channel: Channel | ChannelLiteral,
        email: str,
        *,
        lang: Lang | LangLiteral | None = None,
        real_ip: str | None = None,
        access_token: str | None = None,
        timeout: float | httpx.Timeout | None = None,
    ) -> SendEmailRespDto:
        """Send an email to a user.

        Sends the email that `channel` names to the mailbox `email`.

        One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
        difference to that. A second email within the minute is refused with `statusCode` 429.

        Args:
            channel: What the email is for.
            email: The address of the mailbox, compared without regard to case. Which addresses are accepted is for the
                server to say: it refuses the others with `statusCode` 400.
            lang: The language of the answer's `message`. Default: the client's.
            real_ip: The IP address of the end user. Default: the client's.
            access_token: The access token of the end user. Default: the client's.
            timeout: Seconds that the call may take, or an `httpx.Timeout`. Default: the client's.

        Returns:
            The answer, which is a success.

        Raises:
            TypeError: An argument is of a wrong type. Nothing was sent.
            ValueError: An argument is not allowed. Nothing was sent.
            APIError: The answer's `statusCode` is not 200, or an HTTP error came without an answer of the API. Its
                class is the one of that code, such as `ThrottleError` for 429.
            APITimeoutError: There was no answer in time.
            APIConnectionError: There was no answer: no connection could be made, or it broke.
            InvalidResponseError: What came is no answer of the API.
        """
        client = self._with_call_options(lang, real_ip, access_token, timeout)
        body = SendEmailDto(
            channel=Channel(channel),
            email=_string("email", email),
        )
        # A traceback that shows local variables shows the user's no longer.
        del access_token, email
        return await send_email.asyncio(
            client=client,
            body=body,
        )


def _content(body: RequestBody) -> bytes:
    text = _JSON.encode(body.to_dict())
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass  # This error holds the whole text, so it is no cause of ours.
    raise ValueError(
        f"{type(body).__name__} has half a character in it (a lone surrogate), which cannot be sent"
    )


def _said(error: httpx.RequestError) -> str:
    """What an error says. Under trio one of TLS has no text, but its cause has."""
    causes = list(_causes(error))
    for each in causes:
        # h11 quotes what the server sent, and that may be anybody's address.
        each.args = tuple(
            part.partition(": bytearray(")[0] if isinstance(part, str) else part for part in each.args
        )
    return next((str(each) for each in causes if str(each)), "")


def _request_of(error: httpx.RequestError) -> httpx.Request | None:
    try:
        return error.request
    except RuntimeError:  # It has none, which httpx takes for a mistake.
        return None


def _or_environment(value: str | None, variable: str, default: str | None = None) -> str | None:
    # An empty variable counts as not set, as in most tools.
    return (os.environ.get(variable) or default) if value is None else value


def _aiohttp_connections() -> AiohttpConnections:
    try:
        from .aiohttp_connections import AiohttpConnections
    except ImportError as error:
        raise ImportError(
            'http_client="aiohttp" needs more packages: pip install "genauth-email[aiohttp]"'
        ) from error
    return AiohttpConnections()


def _check_type(http_client: object, kind: type[object], client: object, more: str = "") -> None:
    if http_client is not None and not isinstance(http_client, kind):
        raise TypeError(
            f"http_client of {type(client).__name__} must be an httpx.{kind.__name__}{more}, "
            f"not {type(http_client).__module__}.{type(http_client).__qualname__}"
        )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error`, and down to the first cause of it. httpcore cuts the chain, but what it wraps is its argument."""
    cause: object = error
    while isinstance(cause, BaseException):
        yield cause
        arguments: tuple[object, ...] = cause.args
        cause = cause.__cause__ or next(iter(arguments), None)


def _as_headers(values: Mapping[str, object]) -> dict[str, str]:
    return {
        name.lower(): _header_value(name, as_text(value))
        for name, value in values.items()
        # These two are for the connection to say.
        if value is not UNSET and name.lower() not in ("host", "content-length")
    }


def _given(values: Mapping[str, object]) -> dict[str, Any]:
    return {name: encode(value) for name, value in values.items() if value is not UNSET}
