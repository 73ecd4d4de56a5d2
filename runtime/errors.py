"""The errors that clients raise. The classes for each `statusCode` come from the contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Self, cast

from .http import httpx
from .types import UNSET, Response, ResponseModel

Delivery = Literal["not_sent", "unknown"]


class GenAuthError(Exception):
    """The base of all errors of this package.

    Its `args` are its text and a dictionary of plain values. So it travels by pickle, and by whatever makes an
    exception anew from its class and its `args`, such as Celery's JSON.
    """

    def __init__(self, text: str = "", details: Mapping[str, Any] | None = None, *, delivery: Delivery = "unknown"):
        """Make an error.

        Args:
            text: What happened.
            details: The second item of another error's `args`. If given, the other arguments are ignored.
            delivery: Whether the operation can have taken place.
        """
        super().__init__(text, {"delivery": delivery} if details is None else dict(details))

    def __str__(self) -> str:
        return str(self.args[0])

    def __repr__(self) -> str:
        # The details have what the server sent, which can be anybody's address.
        return f"{type(self).__name__}({self.args[0]!r}, delivery={self.delivery!r})"

    def as_unknown(self) -> Self:
        """Return this error for a call of which an earlier attempt may have been carried out."""
        error = type(self)(self.args[0], {**self._details, "delivery": "unknown"})
        error.__cause__ = self.__cause__
        return error

    @property
    def _details(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.args[1])

    @property
    def delivery(self) -> Delivery:
        """Whether the operation can have taken place.

        `"not_sent"`: it has not, as the request body was not started or the API refused the request.
        `"unknown"`: it may have.
        """
        return cast(Delivery, self._details["delivery"])


class _ResponseError(GenAuthError):
    """An error that has an HTTP response."""

    @property
    def http_status(self) -> int:
        """The HTTP status. It is 200 for most failures."""
        return cast(int, self._details["http_status"])

    @property
    def headers(self) -> Mapping[str, str]:
        """The HTTP headers. Their names are compared without regard to case."""
        return httpx.Headers([(name, value) for name, value in self._details["headers"]], encoding="utf-8")

    @property
    def content(self) -> bytes:
        """The body of the response as far as it came, decompressed; at most 1 MiB of it."""
        # JSON has no bytes.
        return cast(str, self._details["content"]).encode("latin-1")


class APIError(_ResponseError):
    """The API responded that the operation failed, or an HTTP error came without a response of the API.

    `delivery` is `"not_sent"` where the API refused the operation: its `statusCode` is 4xx or 503. Else it is
    `"unknown"`, above all for an HTTP error without a `statusCode`: a gateway can send that after the server has had
    the whole request.
    """

    def __init__(
        self,
        text: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        status_code: int = 0,
        message: str = "",
        api_code: int | None = None,
        request_id: str | None = None,
        http_status: int = 200,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        delivery: Delivery = "unknown",
    ) -> None:
        """Make an error.

        Args:
            text: What happened.
            details: The second item of another error's `args`. If given, the other arguments are ignored.
            status_code: The `statusCode`, or the HTTP status where there is none.
            message: The `message` of the response.
            api_code: The `apiCode` of the response, if it has one.
            request_id: The `requestId` of the response, if it has one.
            http_status: The HTTP status.
            headers: The HTTP headers.
            content: The body of the response.
            delivery: Whether the operation can have taken place.
        """
        own = {
            "status_code": status_code,
            "message": message,
            "api_code": api_code,
            "request_id": request_id,
            **_response_details(http_status, headers, content),
            "delivery": delivery,
        }
        super().__init__(text, own if details is None else details)

    @property
    def status_code(self) -> int:
        """The `statusCode` of the response, or the HTTP status where the response has none."""
        return cast(int, self._details["status_code"])

    @property
    def message(self) -> str:
        """What happened, as the server wrote it, in the language asked for. May be empty."""
        return cast(str, self._details["message"])

    @property
    def api_code(self) -> int | None:
        """The business reason, if there is one. `ApiCode` lists those that are known."""
        return cast("int | None", self._details["api_code"])

    @property
    def request_id(self) -> str | None:
        """The server's id of the request, to be quoted to the vendor's support, if there is one."""
        return cast("str | None", self._details["request_id"])

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the server asks to try again, if it says so in a `Retry-After` header."""
        return parse_retry_after(self.headers)


class APIConnectionError(GenAuthError):
    """There was no response: no connection could be made, or it broke before the response began."""


class APITimeoutError(APIConnectionError):
    """There was no response in time."""


class InvalidResponseError(_ResponseError):
    """The response is not one of the API: a login page, a redirect, half a body, a wrong type."""

    def __init__(
        self,
        text: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        http_status: int = 200,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> None:
        """Make an error.

        Args:
            text: What happened.
            details: The second item of another error's `args`. If given, the other arguments are ignored.
            http_status: The HTTP status.
            headers: The HTTP headers.
            content: The body of the response, as far as it came.
        """
        own = {**_response_details(http_status, headers, content), "delivery": "unknown"}
        super().__init__(text, own if details is None else details)


def _response_details(http_status: int, headers: Mapping[str, str] | None, content: bytes) -> dict[str, Any]:
    pairs = headers.multi_items() if isinstance(headers, httpx.Headers) else (headers or {}).items()
    return {
        "http_status": http_status,
        "headers": [[name, value] for name, value in pairs],
        "content": content.decode("latin-1"),
    }


def delivery_of(status_code: int) -> Delivery:
    """Return whether an operation can have taken place that the API responded to with `status_code`."""
    return "not_sent" if 400 <= status_code <= 499 or status_code == 503 else "unknown"


def raise_for_status_code(response: Response[ResponseModel], errors: Mapping[int, type[APIError]]) -> None:
    """Raise the error of a response that is not a success.

    Args:
        response: A response of the API.
        errors: The error class for each documented `statusCode`.

    Raises:
        APIError: The `statusCode` is not 200. The class is the one of that code, if it is documented.
    """
    if response.parsed.status_code != 200:
        raise api_error(response, errors) from response.earlier_error


def api_error(response: Response[ResponseModel], errors: Mapping[int, type[APIError]]) -> APIError:
    """Return the error of a response that is not a success."""
    parsed = response.parsed
    status_code = int(parsed.status_code)
    # A response model need not have these two.
    api_code: object = getattr(parsed, "api_code", UNSET)
    request_id: object = getattr(parsed, "request_id", UNSET)
    text = f"statusCode {status_code}"
    if isinstance(api_code, int):
        text += f", apiCode {int(api_code)}"
    text += f": {response.request.redact(parsed.message) or 'no message'}"
    if response.earlier_error is not None and status_code == 429:
        text += "; the operation was carried out by an earlier attempt of this call, or by another call a moment ago"
    text += f" [{response.request}"
    if isinstance(request_id, str):
        text += f"; request id {response.request.redact(request_id)}"
    return errors.get(status_code, APIError)(
        f"{text}]",
        status_code=status_code,
        message=parsed.message,
        api_code=int(api_code) if isinstance(api_code, int) else None,
        request_id=request_id if isinstance(request_id, str) else None,
        http_status=response.status_code,
        headers=response.headers,
        content=response.content,
        delivery=delivery_of(status_code) if response.earlier_error is None else "unknown",
    )


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a `Retry-After` header, be it a number or a date. None: there is no valid one."""
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
