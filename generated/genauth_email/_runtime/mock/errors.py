"""Ready errors for the tests of users."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from ..errors import APIConnectionError, APIError, response_details
from ..outcomes import delivery_of, is_retryable

ErrorT = TypeVar("ErrorT", bound=APIError)

HTML: Final = b"<h1>This comes from a gateway.</h1>"
"""The page of a gateway's error."""


def validate_http_status(http_status: int) -> None:
    """Raise `ValueError` for an HTTP status that is not an error."""
    if not 400 <= http_status <= 599:
        raise ValueError(f"http_status must be 400 to 599, not {http_status}")


def retry_after_header(seconds: int | None) -> dict[str, str]:
    """Return the headers that ask a client to wait."""
    return {} if seconds is None else {"retry-after": str(seconds)}


def new_api_error(
    kind: type[ErrorT],
    status_code: int,
    message: str,
    api_code: int | None,
    retry_after: float | None,
    deduplication_interval: float | None,
) -> ErrorT:
    """Return the error of a response of the API, for an operation with that deduplication interval."""
    if status_code == 200:
        raise ValueError("statusCode 200 is success")
    delivery = delivery_of(status_code, 200, deduplication_interval)
    text = f"statusCode {status_code}" + (f", apiCode {api_code}" if api_code is not None else "")
    body = {"statusCode": status_code, "message": message} | ({"apiCode": api_code} if api_code is not None else {})
    return kind(
        f"{text} [made by a test]",
        {
            "status_code": status_code,
            "message": message,
            "api_code": api_code,
            "delivery": delivery,
            "retryable": is_retryable(status_code, delivery),
            "retry_after": retry_after,
            **response_details(200, {}, json.dumps(body).encode()),
        },
    )


def new_gateway_error(kind: type[ErrorT], http_status: int) -> ErrorT:
    """Return the error of an HTTP status without a response of the API."""
    validate_http_status(http_status)
    text = f"HTTP {http_status} with a body that is not a response of the API [made by a test]"
    return kind(text, response_details(http_status, {}, HTML))


def find_example(examples: Mapping[int, Mapping[str, Any]], status_code: int) -> Mapping[str, Any]:
    """Return the contract's example of a response with a `statusCode`."""
    if status_code not in examples:
        raise ValueError(f"there is no example with statusCode {status_code}; there is {', '.join(map(str, examples))}")
    return examples[status_code]


def connection_refused() -> APIConnectionError:
    """Return the error of a connection that could not be made. Its `delivery` is `"not_sent"`, and it is retryable."""
    text = "ConnectError: Connection refused [made by a test]"
    return APIConnectionError(text, {"delivery": "not_sent", "retryable": True})


def unknown_outcome() -> APIConnectionError:
    """Return the error of a connection that broke after the request was sent. Its `delivery` is `"unknown"`."""
    return APIConnectionError("RemoteProtocolError: Server disconnected without sending a response. [made by a test]")
