"""Have GenAuth send an email to a user."""

from .client import VERSION as __version__
from .client import AsyncAuthenticationClient, AuthenticationClient
from .errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    BadGatewayError,
    ClientError,
    ConflictError,
    CustomCodeError,
    EndpointRequestError,
    EndpointResponseError,
    ForbiddenError,
    GenAuthError,
    InvalidArgumentError,
    InvalidOperationError,
    InvalidResponseError,
    NotFoundError,
    PayloadTooLargeError,
    PaymentNeededError,
    ServerError,
    ServiceUnavailableError,
    ThrottleError,
    UnauthorizedError,
    UnsupportedOperationError,
)
from .models import ApiCode, Channel, Lang, SendEmailDto, SendEmailRespDto, StatusCode
from .models.channel import ChannelLiteral
from .models.lang import LangLiteral
from .types import UNSET

__all__ = (
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "ApiCode",
    "AsyncAuthenticationClient",
    "AuthenticationClient",
    "BadGatewayError",
    "Channel",
    "ChannelLiteral",
    "ClientError",
    "ConflictError",
    "CustomCodeError",
    "EndpointRequestError",
    "EndpointResponseError",
    "ForbiddenError",
    "GenAuthError",
    "InvalidArgumentError",
    "InvalidOperationError",
    "InvalidResponseError",
    "Lang",
    "LangLiteral",
    "NotFoundError",
    "PayloadTooLargeError",
    "PaymentNeededError",
    "SendEmailDto",
    "SendEmailRespDto",
    "ServerError",
    "ServiceUnavailableError",
    "StatusCode",
    "ThrottleError",
    "UNSET",
    "UnauthorizedError",
    "UnsupportedOperationError",
    "__version__",
)
