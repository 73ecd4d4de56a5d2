"""What an attempt comes to: the error, whether the operation may have been carried out, and whether to try again."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    Delivery,
    GenAuthError,
    InvalidResponseError,
    parse_retry_after,
    response_details,
)
from .http import httpx
from .transport.request import Attempt
from .transport.response import ResponseReader
from .types import Request, Response, ResponseModel, explanation_of


def delivery_of(status_code: int, http_status: int, deduplication_interval: float | None) -> Delivery:
    """Return whether an operation may have been carried out although the response was a failure.

    Only the API itself can refuse an operation, and it responds with HTTP 200. Default error documents of frameworks
    look like its failures, so on any other HTTP status a gateway may speak, after the API has had the request. A
    refusal by the deduplication interval proves nothing either: a gateway may have repeated the request.

    Args:
        status_code: The `statusCode` of the response.
        http_status: Its HTTP status.
        deduplication_interval: The one of the operation, if it has one.
    """
    if http_status != 200 or (status_code == 429 and deduplication_interval is not None):
        return "unknown"
    return "not_sent" if 400 <= status_code <= 499 or status_code == 503 else "unknown"


def is_retryable(status_code: int, delivery: Delivery) -> bool:
    """Return whether the same call can be made again after a failure of the API."""
    return delivery == "not_sent" and status_code == 503


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
    parsed, request, http_status = response.parsed, response.request, response.http_status
    status_code = int(parsed.status_code)
    text, details = describe_body(parsed, request)
    if http_status != 200:
        text = f"HTTP {http_status}, {text}"
    delivery = delivery_of(status_code, http_status, request.deduplication_interval)
    if response.earlier_error is not None:
        delivery = "unknown"
        if status_code == 429:
            text += "; an earlier attempt of this call may have been carried out, or another limit may have been hit"
    interval = request.deduplication_interval if status_code == 429 and http_status == 200 else None
    retry_after = parse_retry_after(response.headers)
    return errors.get(status_code, APIError)(
        f"{text} [{request}]",
        {
            **details,
            **response_details(http_status, response.headers, response.content),
            "delivery": delivery,
            "retryable": is_retryable(status_code, delivery),
            "retry_after": interval if retry_after is None else retry_after,
        },
    )


def describe_body(parsed: ResponseModel, request: Request) -> tuple[str, dict[str, Any]]:
    """Return what the body of a response says, as a text without any text of the server, and as details of an error."""
    # A response model need not have these two. Then they are among the fields that it does not name.
    more: Mapping[str, object] = getattr(parsed, "additional_properties", {})
    api_code: object = getattr(parsed, "api_code", more.get("apiCode"))
    request_id: object = getattr(parsed, "request_id", more.get("requestId"))
    text = f"statusCode {_explained(parsed.status_code)}"
    if isinstance(api_code, int):
        text += f", apiCode {_explained(api_code)}"
    if isinstance(request_id, str):
        text += f", request id {request.show_id(request_id)}"
    return text, {
        "status_code": int(parsed.status_code),
        "message": parsed.message,
        "api_code": int(api_code) if isinstance(api_code, int) else None,
        "request_id": request_id if isinstance(request_id, str) else None,
    }


def _explained(code: int) -> str:
    """Return a code with the contract's explanation of it."""
    text = explanation_of(code)
    return f"{int(code)} ({text.rstrip('.')})" if text else str(int(code))


def http_error(
    reason: str,
    reader: ResponseReader,
    content: bytes,
    request: Request,
    errors: Mapping[int, type[APIError]],
    body: Mapping[str, Any],
) -> GenAuthError:
    """Return the error of a response that is neither a success nor a failure of the API, by its HTTP status.

    Args:
        reason: What is wrong with it.
        reader: The response.
        content: Its body.
        request: The request.
        errors: The error class for each documented `statusCode`.
        body: What the body says, as details of an error.
    """
    text = f"HTTP {reader.status} with {reason} [{request}]"
    details = {
        **body,
        **response_details(reader.status, reader.headers, content),
        "delivery": "unknown",
        "retry_after": parse_retry_after(reader.headers),
    }
    if 400 <= reader.status <= 599:
        # A gateway sent this, possibly after the server received the whole request.
        return errors.get(reader.status, APIError)(text, details)
    return InvalidResponseError(text, details)


def connection_error(error: httpx.RequestError, attempt: Attempt, request: Request) -> APIConnectionError:
    """Return the error of a request that has no response."""
    message = error_message(error)
    reason = f"{type(error).__name__}: {message}" if message else type(error).__name__
    kind = APITimeoutError if isinstance(error, httpx.TimeoutException) else APIConnectionError
    not_sent = not attempt.body_started and isinstance(error, _BEFORE_SENDING)
    delivery: Delivery = "not_sent" if not_sent else "unknown"
    ours = kind(f"{reason} [{request}]", {"delivery": delivery, "retryable": not_sent and is_transient(error)})
    # An error that quotes what a server sent can contain an address.
    quotes = any(_QUOTE in str(each) for each in library_errors(error))
    ours.__cause__ = type(error)(message) if quotes else error
    return ours


def is_transient(error: httpx.RequestError) -> bool:
    """Return True if an error of connecting may be temporary. A proxy's refusal and an error of TLS would recur."""
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return False
    return not any(
        isinstance(each, ssl.SSLError) and not isinstance(each, ssl.SSLEOFError) for each in library_errors(error)
    )


def error_message(error: httpx.RequestError) -> str:
    """Return what an error says, in words where the HTTP library has none. It quotes nothing that a server sent."""
    errors = list(library_errors(error))
    if any(isinstance(each, ssl.SSLError) and getattr(each, "reason", None) in _NOT_TLS for each in errors):
        return "the server does not speak TLS: it may need http:// in place of https://"
    if any(isinstance(each, IndexError) for each in errors):
        # asyncio raises it if the peer closes during the TLS handshake.
        return "the connection was closed"
    if type(error) in _TIMEOUTS and any(type(each) is TimeoutError for each in errors):
        return _TIMEOUTS[type(error)]
    return next((text for each in errors if (text := str(each).partition(_QUOTE)[0])), "")


def library_errors(error: BaseException) -> Iterator[BaseException]:
    """Yield an error of the HTTP library and the errors that it wraps.

    httpcore may keep a wrapped error only as an argument. Contexts are left out: they lead to what the caller is
    handling.
    """
    pending: list[BaseException] = [error]
    seen = set[int]()
    while pending:
        each = pending.pop(0)
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += [part for part in (each.__cause__, *each.args) if isinstance(part, BaseException)]


# Errors that come before a request is sent. A transport in a test can raise others, which come later, without having
# asked for the request body.
_BEFORE_SENDING: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)
# h11 introduces a line that is not HTTP with this text.
_QUOTE: Final = ": bytearray("
# The library's own texts for timeouts do not help a reader, and differ from time to time.
_TIMEOUTS: Final[Mapping[type[httpx.RequestError], str]] = {
    httpx.ConnectTimeout: "there was no connection in time",
    httpx.WriteTimeout: "the request could not be sent in time",
    httpx.ReadTimeout: "there was no response in time",
}
# OpenSSL's reasons that mean "not TLS", across its versions.
_NOT_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
