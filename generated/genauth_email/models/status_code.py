from enum import IntEnum

from .._runtime.types import explain


class StatusCode(IntEnum):
    """How an operation ended. 200 is success. Each of the others has an exception class of its name in the
    clients. The list can grow: a number that is not in it is a failure too."""

    OK = 200
    """Success."""

    INVALID_ARGUMENT_ERROR = 400
    """The format of a parameter is wrong."""

    UNAUTHORIZED_ERROR = 401
    """The user is not logged in."""

    PAYMENT_NEEDED_ERROR = 402
    """The plan does not include this API."""

    FORBIDDEN_ERROR = 403
    """The operation is not permitted."""

    NOT_FOUND_ERROR = 404
    """There is no such resource."""

    CONFLICT_ERROR = 409
    """The operation clashes with an existing resource."""

    PAYLOAD_TOO_LARGE_ERROR = 413
    """The request body is too large."""

    INVALID_OPERATION_ERROR = 422
    """The request is well formed but breaks a business rule."""

    THROTTLE_ERROR = 429
    """A rate limit was hit, such as one email per mailbox, channel and minute."""

    CLIENT_ERROR = 499
    """Any other failure on the caller's side."""

    SERVER_ERROR = 500
    """Any other failure on the server's side."""

    UNSUPPORTED_OPERATION_ERROR = 501
    """The server does not support the operation."""

    BAD_GATEWAY_ERROR = 502
    """A call between the vendor's services failed."""

    SERVICE_UNAVAILABLE_ERROR = 503
    """The service is under maintenance."""

    ENDPOINT_REQUEST_ERROR = 601
    """The request to a third party's endpoint failed."""

    ENDPOINT_RESPONSE_ERROR = 602
    """A third party's endpoint answered with an error."""

    CUSTOM_CODE_ERROR = 603
    """Custom code failed, such as a pipeline or a custom database."""


explain(
    StatusCode,
    {
        200: "Success.",
        400: "The format of a parameter is wrong.",
        401: "The user is not logged in.",
        402: "The plan does not include this API.",
        403: "The operation is not permitted.",
        404: "There is no such resource.",
        409: "The operation clashes with an existing resource.",
        413: "The request body is too large.",
        422: "The request is well formed but breaks a business rule.",
        429: "A rate limit was hit, such as one email per mailbox, channel and minute.",
        499: "Any other failure on the caller's side.",
        500: "Any other failure on the server's side.",
        501: "The server does not support the operation.",
        502: "A call between the vendor's services failed.",
        503: "The service is under maintenance.",
        601: "The request to a third party's endpoint failed.",
        602: "A third party's endpoint answered with an error.",
        603: "Custom code failed, such as a pipeline or a custom database.",
    },
)
