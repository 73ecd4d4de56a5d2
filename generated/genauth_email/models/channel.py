from enum import StrEnum
from typing import Literal, NoReturn, TypeAlias

from .._runtime.redaction import mask
from .._runtime.types import explain


class Channel(StrEnum):
    """What the email is for."""

    CHANNEL_LOGIN = "CHANNEL_LOGIN"
    """Log in."""

    CHANNEL_REGISTER = "CHANNEL_REGISTER"
    """Register."""

    CHANNEL_RESET_PASSWORD = "CHANNEL_RESET_PASSWORD"
    """Reset a password."""

    CHANNEL_VERIFY_EMAIL_LINK = "CHANNEL_VERIFY_EMAIL_LINK"
    """Verify an email address."""

    CHANNEL_UPDATE_EMAIL = "CHANNEL_UPDATE_EMAIL"
    """Change the email address."""

    CHANNEL_BIND_EMAIL = "CHANNEL_BIND_EMAIL"
    """Bind an email address."""

    CHANNEL_UNBIND_EMAIL = "CHANNEL_UNBIND_EMAIL"
    """Unbind an email address."""

    CHANNEL_VERIFY_MFA = "CHANNEL_VERIFY_MFA"
    """Verify a second factor."""

    CHANNEL_UNLOCK_ACCOUNT = "CHANNEL_UNLOCK_ACCOUNT"
    """Unlock the account."""

    CHANNEL_COMPLETE_EMAIL = "CHANNEL_COMPLETE_EMAIL"
    """Supply a missing email address while registering or logging in."""

    CHANNEL_DELETE_ACCOUNT = "CHANNEL_DELETE_ACCOUNT"
    """Delete the account."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        # An address or a token can get here by mistake, and no error shows one.
        raise ValueError(f"{mask(value)} is not a valid {cls.__name__}; allowed are {', '.join(cls)}")


explain(
    Channel,
    {
        "CHANNEL_LOGIN": "Log in.",
        "CHANNEL_REGISTER": "Register.",
        "CHANNEL_RESET_PASSWORD": "Reset a password.",
        "CHANNEL_VERIFY_EMAIL_LINK": "Verify an email address.",
        "CHANNEL_UPDATE_EMAIL": "Change the email address.",
        "CHANNEL_BIND_EMAIL": "Bind an email address.",
        "CHANNEL_UNBIND_EMAIL": "Unbind an email address.",
        "CHANNEL_VERIFY_MFA": "Verify a second factor.",
        "CHANNEL_UNLOCK_ACCOUNT": "Unlock the account.",
        "CHANNEL_COMPLETE_EMAIL": "Supply a missing email address while registering or logging in.",
        "CHANNEL_DELETE_ACCOUNT": "Delete the account.",
    },
)


ChannelLiteral: TypeAlias = Literal[
    "CHANNEL_LOGIN",
    "CHANNEL_REGISTER",
    "CHANNEL_RESET_PASSWORD",
    "CHANNEL_VERIFY_EMAIL_LINK",
    "CHANNEL_UPDATE_EMAIL",
    "CHANNEL_BIND_EMAIL",
    "CHANNEL_UNBIND_EMAIL",
    "CHANNEL_VERIFY_MFA",
    "CHANNEL_UNLOCK_ACCOUNT",
    "CHANNEL_COMPLETE_EMAIL",
    "CHANNEL_DELETE_ACCOUNT",
]
"""The values of `Channel`, as plain strings."""
