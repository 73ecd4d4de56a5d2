"""`POST /api/v3/send-email`"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import raise_for_status_code
from ...models.send_email_dto import SendEmailDto
from ...models.send_email_resp_dto import SendEmailRespDto
from ...types import Response

if TYPE_CHECKING:
    from ...client import AsyncAuthenticationClient, AuthenticationClient


def sync_detailed(
    *,
    client: AuthenticationClient,
    body: SendEmailDto,
) -> Response[SendEmailRespDto]:
    """Send an email to a user.

    Sends the email that `channel` names to the mailbox `email`.

    One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
    difference to that. A second email within the minute is refused with `statusCode` 429.

    Args:
        client: The client that sends the request.
        body: Which email to send, and to whom.

    Returns:
        The answer with its HTTP parts, be it a success or a failure: `parsed.status_code` tells which.

    Raises:
        APIError: An HTTP error came without an answer of the API. Its class is the one of the HTTP status.
        APITimeoutError: There was no answer in time.
        APIConnectionError: There was no answer: no connection could be made, or it broke.
        InvalidResponseError: What came is no answer of the API.
    """
    return client.request(
        "POST",
        "/api/v3/send-email",
        body=body,
        answer=SendEmailRespDto,
    )


def sync(
    *,
    client: AuthenticationClient,
    body: SendEmailDto,
) -> SendEmailRespDto:
    """Send an email to a user.

    Sends the email that `channel` names to the mailbox `email`.

    One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
    difference to that. A second email within the minute is refused with `statusCode` 429.

    Args:
        client: The client that sends the request.
        body: Which email to send, and to whom.

    Returns:
        The answer, which is a success.

    Raises:
        APIError: The answer's `statusCode` is not 200, or an HTTP error came without an answer of the API. Its
            class is the one of that code, such as `ThrottleError` for 429.
        APITimeoutError: There was no answer in time.
        APIConnectionError: There was no answer: no connection could be made, or it broke.
        InvalidResponseError: What came is no answer of the API.
    """
    response = sync_detailed(
        client=client,
        body=body,
    )
    raise_for_status_code(response)
    return response.parsed


async def asyncio_detailed(
    *,
    client: AsyncAuthenticationClient,
    body: SendEmailDto,
) -> Response[SendEmailRespDto]:
    """Send an email to a user.

    Sends the email that `channel` names to the mailbox `email`.

    One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
    difference to that. A second email within the minute is refused with `statusCode` 429.

    Args:
        client: The client that sends the request.
        body: Which email to send, and to whom.

    Returns:
        The answer with its HTTP parts, be it a success or a failure: `parsed.status_code` tells which.

    Raises:
        APIError: An HTTP error came without an answer of the API. Its class is the one of the HTTP status.
        APITimeoutError: There was no answer in time.
        APIConnectionError: There was no answer: no connection could be made, or it broke.
        InvalidResponseError: What came is no answer of the API.
    """
    return await client.request(
        "POST",
        "/api/v3/send-email",
        body=body,
        answer=SendEmailRespDto,
    )


async def asyncio(
    *,
    client: AsyncAuthenticationClient,
    body: SendEmailDto,
) -> SendEmailRespDto:
    """Send an email to a user.

    Sends the email that `channel` names to the mailbox `email`.

    One mailbox can be sent one email per channel per minute; upper and lower case in the address make no
    difference to that. A second email within the minute is refused with `statusCode` 429.

    Args:
        client: The client that sends the request.
        body: Which email to send, and to whom.

    Returns:
        The answer, which is a success.

    Raises:
        APIError: The answer's `statusCode` is not 200, or an HTTP error came without an answer of the API. Its
            class is the one of that code, such as `ThrottleError` for 429.
        APITimeoutError: There was no answer in time.
        APIConnectionError: There was no answer: no connection could be made, or it broke.
        InvalidResponseError: What came is no answer of the API.
    """
    response = await asyncio_detailed(
        client=client,
        body=body,
    )
    raise_for_status_code(response)
    return response.parsed
