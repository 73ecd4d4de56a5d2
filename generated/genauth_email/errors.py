"""The errors that the clients raise. All of them are a `GenAuthError`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from .types import UNSET, Answer, Response

Delivery = Literal["not_sent", "unknown"]


class GenAuthError(Exception):
    """The base of all errors of this package.

    Attributes:
        delivery: Whether the operation can have taken place. `"not_sent"`: it has certainly not, so it is safe to
            try again. `"unknown"`: it may have.
    """

    delivery: Delivery

    def __init__(self, text: str, *, delivery: Delivery) -> None:
        super().__init__(text)
        self.delivery = delivery

    def __reduce__(self) -> tuple[object, ...]:
        # An exception is unpickled by calling its class with `args`, which these keyword arguments do not fit.
        return _restore, (type(self), self.args, self.__dict__)


class APIError(GenAuthError):
    """The API answered that the operation failed, or something on the way to it answered with an HTTP error.

    Attributes:
        status_code: The answer's `statusCode`; the HTTP status where the answer has none.
        api_code: The business reason, if there is one. `ApiCode` lists those that are known.
        message: What happened, as the server wrote it, in the language asked for. May be empty.
        request_id: The server's id of the request, to be quoted to the vendor's support, if there is one.
        http_status: The HTTP status, which is 200 for most failures.
        headers: The HTTP headers of the answer.
        content: The body of the answer, decompressed; at most 1 MiB of it.
        delivery: `"not_sent"` where the operation was refused: `status_code` is 4xx or 503. Else `"unknown"`.
    """

    def __init__(
        self,
        text: str,
        *,
        status_code: int,
        message: str,
        api_code: int | None,
        request_id: str | None,
        http_status: int,
        headers: Mapping[str, str],
        content: bytes,
    ) -> None:
        super().__init__(text, delivery=delivery_of(status_code))
        self.status_code = status_code
        self.message = message
        self.api_code = api_code
        self.request_id = request_id
        self.http_status = http_status
        self.headers = headers
        self.content = content


class APIConnectionError(GenAuthError):
    """There was no answer: no connection could be made, or it broke before the answer began."""


class APITimeoutError(APIConnectionError):
    """There was no answer in time."""


class InvalidResponseError(GenAuthError):
    """What came is no answer of the API: a login page, a redirect, half a body, a wrong type.

    Attributes:
        http_status: The HTTP status.
        headers: The HTTP headers.
        content: The body as far as it came; at most 1 MiB of it.
    """

    def __init__(self, text: str, *, http_status: int, headers: Mapping[str, str], content: bytes) -> None:
        super().__init__(text, delivery="unknown")
        self.http_status = http_status
        self.headers = headers
        self.content = content


class InvalidArgumentError(APIError):
    """400: The format of a parameter is wrong."""


class UnauthorizedError(APIError):
    """401: The user is not logged in."""


class PaymentNeededError(APIError):
    """402: The plan does not include this API."""


class ForbiddenError(APIError):
    """403: The operation is not permitted."""


class NotFoundError(APIError):
    """404: There is no such resource."""


class ConflictError(APIError):
    """409: The operation clashes with an existing resource."""


class PayloadTooLargeError(APIError):
    """413: The request body is too large."""


class InvalidOperationError(APIError):
    """422: The request is well formed but breaks a business rule."""


class ThrottleError(APIError):
    """429: A rate limit was hit, such as one email per mailbox, channel and minute."""

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the server asks to try again, if it says so in a `Retry-After` header."""
        return parse_retry_after(self.headers)


class ClientError(APIError):
    """499: Any other failure on the caller's side."""


class ServerError(APIError):
    """500: Any other failure on the server's side."""


class UnsupportedOperationError(APIError):
    """501: The server does not support the operation."""


class BadGatewayError(APIError):
    """502: A call between the vendor's services failed."""


class ServiceUnavailableError(APIError):
    """503: The service is under maintenance."""


class EndpointRequestError(APIError):
    """601: The request to a third party's endpoint failed."""


class EndpointResponseError(APIError):
    """602: A third party's endpoint answered with an error."""


class CustomCodeError(APIError):
    """603: Custom code failed, such as a pipeline or a custom database."""


_BY_STATUS_CODE: dict[int, type[APIError]] = {
    400: InvalidArgumentError,
    401: UnauthorizedError,
    402: PaymentNeededError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    422: InvalidOperationError,
    429: ThrottleError,
    499: ClientError,
    500: ServerError,
    501: UnsupportedOperationError,
    502: BadGatewayError,
    503: ServiceUnavailableError,
    601: EndpointRequestError,
    602: EndpointResponseError,
    603: CustomCodeError,
}


def raise_for_status_code(response: Response[Answer]) -> None:
    """Raise the error of an answer that is not a success.

    Args:
        response: An answer of the API, as the `_detailed` functions return it.

    Raises:
        APIError: The answer's `statusCode` is not 200. Its class is the one of that code, if it is documented.
    """
    answer = response.parsed
    if answer.status_code == 200:
        return
    # An answer need not have these two.
    api_code: object = getattr(answer, "api_code", UNSET)
    request_id: object = getattr(answer, "request_id", UNSET)
    what = f"statusCode {int(answer.status_code)}"
    if isinstance(api_code, int):
        what += f", apiCode {int(api_code)}"
    asked = f"{response.request}"
    if isinstance(request_id, str):
        asked += f"; request id {response.request.hide(request_id)}"
    raise error_class(answer.status_code)(
        f"{what}: {response.request.hide(answer.message) or 'no message'} [{asked}]",
        status_code=answer.status_code,
        message=answer.message,
        api_code=api_code if isinstance(api_code, int) else None,
        request_id=request_id if isinstance(request_id, str) else None,
        http_status=response.status_code,
        headers=response.headers,
        content=response.content,
    )


def delivery_of(status_code: int) -> Delivery:
    """Return whether the operation can have taken place where the server answered with `status_code`."""
    refused = 400 <= status_code <= 499 or status_code == 503
    return "not_sent" if refused else "unknown"


def error_class(status_code: int) -> type[APIError]:
    """Return the class of a `statusCode`: `APIError` itself for one that is not documented."""
    return _BY_STATUS_CODE.get(status_code, APIError)


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a `Retry-After`, which gives them as a number or as a date. None: it has no valid one."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        until = parsedate_to_datetime(value)
        # By the server's own clock, if it tells it: this machine's may be wrong.
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max((until - now).total_seconds(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


def _restore(cls: type[GenAuthError], args: tuple[str], attributes: dict[str, Any]) -> GenAuthError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


__all__ = [
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "Delivery",
    "GenAuthError",
    "InvalidResponseError",
    "InvalidArgumentError",
    "UnauthorizedError",
    "PaymentNeededError",
    "ForbiddenError",
    "NotFoundError",
    "ConflictError",
    "PayloadTooLargeError",
    "InvalidOperationError",
    "ThrottleError",
    "ClientError",
    "ServerError",
    "UnsupportedOperationError",
    "BadGatewayError",
    "ServiceUnavailableError",
    "EndpointRequestError",
    "EndpointResponseError",
    "CustomCodeError",
    "raise_for_status_code",
]
