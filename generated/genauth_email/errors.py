"""The errors that the clients raise. All of them are a `GenAuthError`."""

from typing import Final

from ._runtime import outcomes as _outcomes
from ._runtime.errors import APIConnectionError, APIError, APITimeoutError, Delivery, GenAuthError, InvalidResponseError
from .types import Response, ResponseModel

for _each in (APIConnectionError, APIError, APITimeoutError, GenAuthError, InvalidResponseError):
    _each.__module__ = __name__


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


ERRORS: Final[dict[int, type[APIError]]] = {
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
"""The error class for each documented `statusCode`. One that is not documented is an `APIError`."""


def raise_for_status_code(response: Response[ResponseModel]) -> None:
    """Raise the error of a response that is not a success.

    Args:
        response: A response of the API, as the `_detailed` functions return it.

    Raises:
        APIError: The `statusCode` is not 200. The class is the one of that code, if it is documented.
    """
    _outcomes.raise_for_status_code(response, ERRORS)


__all__ = [
    "ERRORS",
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
