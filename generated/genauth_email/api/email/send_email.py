"""`POST /api/v3/send-email`"""

from __future__ import annotations

from typing import Any, Final

from ..._runtime import client as _client
from ..._runtime import fields as _fields
from ..._runtime import redaction as _redaction
from ...models.send_email_dto import SendEmailDto
from ...models.send_email_resp_dto import SendEmailRespDto
from ...types import Operation, Response

OPERATION: Final = Operation(
    method="POST", path="/api/v3/send-email", response_model=SendEmailRespDto, deduplication_interval=60
)


@_redaction.redact_traceback
def sync_detailed(*, client: _client.SyncClient[Any], body: SendEmailDto) -> Response[SendEmailRespDto]:
    """Like `sync`, but return the HTTP response too, and a failure of the API instead of raising it:
    `parsed.status_code` tells which it is."""
    return _client.request(
        client, OPERATION, body=_fields.check_instance(SendEmailDto, "body", body).with_checked_fields()
    )


@_redaction.redact_traceback
def sync(*, client: _client.SyncClient[Any], body: SendEmailDto) -> SendEmailRespDto:
    """Send an email to a user.

    Sends the email that `channel` names to the mailbox `email`.

    One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
    difference to that. A second email within the minute is refused with `statusCode` 429.

    Args:
        client: The client that sends the request.
        body: Which email to send, and to whom.

    Returns:
        The response of a successful call.

    Raises:
        TypeError: An argument is of a wrong type. Nothing was sent.
        ValueError: An argument is not allowed. Nothing was sent.
        APIError: The `statusCode` is not 200, or the HTTP status is 4xx or 5xx. There is a class for each documented
            `statusCode`, such as `ThrottleError` for 429.
        APITimeoutError: There was no response in time.
        APIConnectionError: There was no response: no connection could be made, or it broke.
        InvalidResponseError: The response is not one of the API.
        RuntimeError: The client is closed.
    """
    return _client.call(
        client, OPERATION, body=_fields.check_instance(SendEmailDto, "body", body).with_checked_fields()
    )


@_redaction.redact_traceback
async def asyncio_detailed(*, client: _client.AsyncClient[Any], body: SendEmailDto) -> Response[SendEmailRespDto]:
    """Like `asyncio`, but return the HTTP response too, and a failure of the API instead of raising it:
    `parsed.status_code` tells which it is."""
    return await _client.request_async(
        client, OPERATION, body=_fields.check_instance(SendEmailDto, "body", body).with_checked_fields()
    )


@_redaction.redact_traceback
async def asyncio(*, client: _client.AsyncClient[Any], body: SendEmailDto) -> SendEmailRespDto:
    """Send an email to a user.

    Sends the email that `channel` names to the mailbox `email`.

    One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
    difference to that. A second email within the minute is refused with `statusCode` 429.

    Args:
        client: The client that sends the request.
        body: Which email to send, and to whom.

    Returns:
        The response of a successful call.

    Raises:
        TypeError: An argument is of a wrong type. Nothing was sent.
        ValueError: An argument is not allowed. Nothing was sent.
        APIError: The `statusCode` is not 200, or the HTTP status is 4xx or 5xx. There is a class for each documented
            `statusCode`, such as `ThrottleError` for 429.
        APITimeoutError: There was no response in time.
        APIConnectionError: There was no response: no connection could be made, or it broke.
        InvalidResponseError: The response is not one of the API.
        RuntimeError: The client is closed.
    """
    return await _client.call_async(
        client, OPERATION, body=_fields.check_instance(SendEmailDto, "body", body).with_checked_fields()
    )
