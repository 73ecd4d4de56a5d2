"""Have GenAuth send an email to a user.

    from genauth_email import AuthenticationClient, GenAuthError

    with AuthenticationClient(app_id="my-app", app_host="https://example.genauth.ai") as client:
        client.send_email("CHANNEL_LOGIN", "test@example.com")

A failure raises a `GenAuthError`, whose `delivery` tells whether the operation may have been carried out.
`AsyncAuthenticationClient` has the same methods to await. `genauth_email.testing` has a mock server for your tests, and
`python -m genauth_email send-email …` calls the real API from a shell. The pages of the documentation are in the folder
`docs` of this package.
"""

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
from .types import UNSET, AttemptDetails, Unset

__all__ = (
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "ApiCode",
    "AsyncAuthenticationClient",
    "AttemptDetails",
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
    "Unset",
    "UnsupportedOperationError",
    "__version__",
)
