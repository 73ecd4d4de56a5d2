"""The errors that clients raise. The classes for each `statusCode` come from the contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar, cast

from .http import httpx

Delivery = Literal["not_sent", "unknown"]
ErrorT = TypeVar("ErrorT", bound="GenAuthError")


class GenAuthError(Exception):
    """The base class of all errors of this package.

    Its `args` are its text and a dictionary of plain values. So it survives pickling, and whatever rebuilds an
    exception from its class and its `args`, such as Celery with JSON.
    """

    def __init__(self, text: str = "", details: Mapping[str, Any] | None = None) -> None:
        """Make an error. In tests, take one from `genauth_email.testing` instead.

        Args:
            text: What happened.
            details: The values of the attributes, as in the second item of another error's `args`.
        """
        super().__init__(text, dict(details or {}))

    def __str__(self) -> str:
        return str(self.args[0])

    def __repr__(self) -> str:
        # The details hold what the server sent, which can contain anybody's address.
        return f"{type(self).__name__}({self.args[0]!r}, delivery={self.delivery!r})"

    @property
    def _details(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.args[1])

    @property
    def delivery(self) -> Delivery:
        """Whether the operation may have been carried out.

        `"not_sent"`: it was not, because the request body was never sent or the API refused the request.
        `"unknown"`: it may have been.
        """
        return cast(Delivery, self._details.get("delivery", "unknown"))

    @property
    def retryable(self) -> bool:
        """Whether the same call can be made again unchanged: it cannot carry out the operation twice, and may succeed.

        True where `delivery` is `"not_sent"` and the cause may pass: no connection could be made or became available,
        or the API responded with the `statusCode` 503. A wrong certificate and a proxy's refusal do not pass.
        """
        return cast(bool, self._details.get("retryable", False))

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before another call, or None.

        From the server's `Retry-After` header, otherwise the operation's deduplication interval after the API's own
        429.
        """
        return cast("float | None", self._details.get("retry_after"))

    @property
    def status_code(self) -> int | None:
        """The `statusCode` that the body of the response has. None: there is none."""
        return cast("int | None", self._details.get("status_code"))

    @property
    def api_code(self) -> int | None:
        """The business reason that the body of the response has. None: there is none. `ApiCode` lists those known."""
        return cast("int | None", self._details.get("api_code"))

    @property
    def request_id(self) -> str | None:
        """The server's id of the request, for the vendor's support. None: the response has none."""
        return cast("str | None", self._details.get("request_id"))

    @property
    def http_status(self) -> int | None:
        """The HTTP status. It is 200 for most failures. None: there was no response."""
        return cast("int | None", self._details.get("http_status"))


class _ResponseError(GenAuthError):
    """An error that has an HTTP response."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The HTTP headers. Their names are compared without regard to case."""
        pairs = self._details.get("headers", ())
        return httpx.Headers([(name, value) for name, value in pairs], encoding="utf-8")

    @property
    def content(self) -> bytes:
        """The decompressed body of the response as far as it arrived; at most 1 MiB of it."""
        # JSON has no bytes.
        return cast(str, self._details.get("content", "")).encode("latin-1")


class APIError(_ResponseError):
    """The `statusCode` is not 200, or the HTTP status is 4xx or 5xx.

    `delivery` is `"not_sent"` only where the API itself, with HTTP status 200, refused the operation: its `statusCode`
    is 4xx or 503, but not the 429 of an operation that has a deduplication interval. On any other HTTP status, a
    gateway may have sent the response after the API received the request.
    """

    @property
    def message(self) -> str:
        """What happened, as the server wrote it, in the language asked for. May be empty."""
        return cast(str, self._details.get("message", ""))


class APIConnectionError(GenAuthError):
    """There was no response: no connection could be opened, or it broke before the response began."""


class APITimeoutError(APIConnectionError):
    """There was no response in time."""


class InvalidResponseError(_ResponseError):
    """The response is not one of the API: a login page, a redirect, half a body, a wrong type."""


def response_details(http_status: int, headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
    """Return the details of an error that has an HTTP response."""
    pairs = headers.multi_items() if isinstance(headers, httpx.Headers) else headers.items()
    return {
        "http_status": http_status,
        "headers": [[name, value] for name, value in pairs],
        "content": content.decode("latin-1"),
    }


def with_details(error: ErrorT, **details: Any) -> ErrorT:
    """Return a copy of an error with some of its details changed."""
    copy = type(error)(error.args[0], {**error.args[1], **details})
    copy.__cause__ = error.__cause__
    return copy


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a `Retry-After` header, whether a number or a date. None: there is no valid one."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        retry_at = parsedate_to_datetime(value)
        # By the server's own clock, if it sends it: this machine's may be wrong.
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max((retry_at - now).total_seconds(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None
