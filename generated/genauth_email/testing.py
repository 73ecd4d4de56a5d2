"""For the tests of your code, and for development: ready errors and responses, and a mock server.

`python -m genauth_email.testing` runs the mock server as a process, which prints each request.
"""

from typing import Final

from ._runtime.mock.errors import connection_refused, find_example, new_api_error, new_gateway_error, unknown_outcome
from ._runtime.mock.process import main
from ._runtime.mock.server import MockOperation, MockServer, ReceivedRequest
from .api.email.send_email import OPERATION as _send_email_operation
from .client import SPECIFICATION
from .errors import ERRORS, APIError, ThrottleError
from .models.send_email_dto import SendEmailDto
from .models.send_email_resp_dto import SendEmailRespDto

for _each in (MockServer, ReceivedRequest, connection_refused, unknown_outcome):
    _each.__module__ = __name__

_OPERATIONS: Final = {
    "send_email": MockOperation(
        operation=_send_email_operation,
        read_body=SendEmailDto.from_dict,
        required=("channel", "email"),
        examples={
            200: {
                "statusCode": 200,
                "message": "Operation successful",
                "requestId": "934108e5-9fbf-4d24-8da1-c330328abd6c",
            },
            400: {
                "statusCode": 400,
                "message": "The email address is not valid.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0400",
            },
            401: {
                "statusCode": 401,
                "message": "Please log in first.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0401",
            },
            402: {
                "statusCode": 402,
                "message": "The plan does not include this API.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0402",
            },
            403: {
                "statusCode": 403,
                "message": "This is not permitted.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0403",
            },
            404: {
                "statusCode": 404,
                "message": "There is no such resource.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0404",
            },
            409: {
                "statusCode": 409,
                "message": "The resource exists already.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0409",
            },
            413: {
                "statusCode": 413,
                "message": "The request body is too large.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0413",
            },
            422: {
                "statusCode": 422,
                "message": "The email address is bound already.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0422",
            },
            429: {"statusCode": 429, "message": "Too many requests. Try again later."},
            499: {
                "statusCode": 499,
                "message": "The request failed.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0499",
            },
            500: {
                "statusCode": 500,
                "message": "The server failed.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0500",
            },
            501: {
                "statusCode": 501,
                "message": "The server does not support this.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0501",
            },
            502: {
                "statusCode": 502,
                "message": "A service could not be reached.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0502",
            },
            503: {"statusCode": 503, "message": ""},
            601: {
                "statusCode": 601,
                "message": "The third party could not be reached.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0601",
            },
            602: {
                "statusCode": 602,
                "message": "The third party answered with an error.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0602",
            },
            603: {
                "statusCode": 603,
                "message": "The pipeline failed.",
                "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0603",
            },
        },
    )
}


def mock_genauth() -> MockServer:
    """Return a mock of GenAuth that starts in a `with` or an `async with` statement, and stops at its end.

    Returns:
        The server. Its `url` is the `app_host` for the clients of a test, which may have any `app_id`.
    """
    return MockServer(list(_OPERATIONS.values()), SPECIFICATION)


def throttled(retry_after: float | None = 60) -> ThrottleError:
    """Return the error of the API's own 429. Its `delivery` is `"unknown"`.

    Args:
        retry_after: Its `retry_after`, in seconds.
    """
    return new_api_error(ThrottleError, 429, "Too many requests. Try again later.", None, retry_after, 60)


def gateway_error(http_status: int = 502) -> APIError:
    """Return the error of an HTTP status without a response of the API. Its `delivery` is `"unknown"`.

    Args:
        http_status: The HTTP status, 400 to 599.

    Returns:
        An error of the class of that status, if it is documented.

    Raises:
        ValueError: The status is not allowed.
    """
    return new_gateway_error(ERRORS.get(http_status, APIError), http_status)


def api_error(status_code: int, message: str = "", api_code: int | None = None) -> APIError:
    """Return the error of a response of the API. Its `delivery` is that of the `statusCode`.

    Args:
        status_code: The `statusCode`, which is not 200.
        message: The `message`.
        api_code: The `apiCode`. Default: there is none.

    Returns:
        An error of the class of the `statusCode`, if it is documented.

    Raises:
        ValueError: The `statusCode` is 200.
    """
    retry_after = 60 if status_code == 429 else None
    return new_api_error(ERRORS.get(status_code, APIError), status_code, message, api_code, retry_after, 60)


def send_email_response(status_code: int = 200) -> SendEmailRespDto:
    """Return the contract's example of a response of `send_email`.

    Args:
        status_code: The `statusCode` of the response.

    Raises:
        ValueError: The contract has no example with that `statusCode`.
    """
    example = find_example(_OPERATIONS["send_email"].examples, status_code)
    return SendEmailRespDto.from_dict(example)


__all__ = [
    "MockServer",
    "ReceivedRequest",
    "api_error",
    "connection_refused",
    "gateway_error",
    "mock_genauth",
    "throttled",
    "unknown_outcome",
    "send_email_response",
]

if __name__ == "__main__":
    main(list(_OPERATIONS.values()), SPECIFICATION)
