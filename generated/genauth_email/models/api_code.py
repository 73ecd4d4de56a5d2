from enum import IntEnum

from .._runtime.types import explain


class ApiCode(IntEnum):
    """The business reason of a failure. The vendor's list serves its whole API, and any of it may come with a
    failure. The list can grow."""

    SIGNATURE_INVALID = 1300
    """The AK/SK signature is invalid."""

    SIGNATURE_METHOD_MISMATCH = 1301
    """The method of the AK/SK signature does not match."""

    SIGNATURE_VERSION_MISMATCH = 1302
    """The version of the AK/SK signature does not match."""

    SIGNATURE_TIMESTAMP_NOT_UNIX_MILLISECONDS = 1303
    """The timestamp of the AK/SK signature is not in Unix milliseconds."""

    SIGNATURE_DATE_MISSING = 1304
    """The AK/SK request has no date header."""

    SIGNATURE_TIMESTAMP_TOO_FAR_OFF = 1305
    """The timestamp of the AK/SK signature is too far from the server's time."""

    SIGNATURE_ALREADY_USED = 1306
    """The AK/SK signature was used before."""

    POST_AUTHENTICATION_FLOW_FINISHED = 1600
    """The flow after authentication is finished and the session is set."""

    PERSONAL_MFA_REQUIRED = 1635
    """A personal second factor is needed."""

    ENTERPRISE_MFA_REQUIRED = 1636
    """A second factor of the enterprise (application) is needed."""

    FIRST_LOGIN_PASSWORD_RESET_REQUIRED = 1639
    """The password has to be reset at the first login; the old one is not needed."""

    FEDERATED_LOGIN_BIND_REQUIRED = 1640
    """The federated login asks to bind an existing account."""

    FEDERATED_LOGIN_BIND_OR_CREATE_REQUIRED = 1641
    """The federated login asks to bind or to create an account."""

    LOGIN_INFORMATION_INCOMPLETE = 1642
    """The login information has to be completed."""

    SELF_SERVICE_UNLOCK_REQUIRED = 1643
    """The user has to unlock the account."""

    POST_AUTHENTICATION_FLOW_ENDED_EARLY = 1699
    """The flow after authentication was ended early."""

    FACE_PHOTO_MISSING = 1700
    """No photo of a face was uploaded."""

    FACE_COMPARISON_PHOTO_MISSING = 1701
    """No photo to compare with was uploaded."""

    FACE_VERIFICATION_ERROR = 1702
    """The verification of the face failed."""

    FACE_BINDING_CONTACT_MISSING = 1703
    """No email address or phone number is bound, so a face cannot be bound."""

    FACE_BINDING_PHONE_VERIFICATION_FAILED = 1704
    """A face was not bound because the phone number could not be verified."""

    FACE_BINDING_EMAIL_VERIFICATION_FAILED = 1705
    """A face was not bound because the email address could not be verified."""

    FACE_ALREADY_BOUND = 1706
    """A face is bound already."""

    FACE_BINDING_FAILED = 1707
    """A face could not be bound."""

    USER_NOT_FOUND = 2004
    """The user does not exist."""

    USER_LOCKED = 2005
    """The user is locked."""

    PASSWORD_WRONG = 2006
    """The password is wrong."""

    APPLICATION_NOT_FOUND = 2011
    """The application does not exist."""

    NOT_LOGGED_IN = 2020
    """The user is not logged in and has no permission."""

    REGISTRATION_FORBIDDEN = 2031
    """The application forbids registration."""

    APPLICATION_DOMAIN_TAKEN = 2039
    """The domain of the application is taken."""

    USER_POOL_DOMAIN_TAKEN = 2040
    """The domain of the user pool is taken."""

    PASSWORD_RESET_FORCED = 2058
    """The password has to be reset; the old one is needed."""

    USER_POOL_NOT_FOUND = 2224
    """The user pool does not exist."""

    USER_NAME_OR_PASSWORD_WRONG = 2333
    """The user name or the password is wrong."""

    BILLING_ERROR = 4021
    """Metering or billing failed."""

    TOTP_CODE_WRONG = 6001
    """The TOTP code is wrong."""

    TOTP_RECOVERY_CODE_WRONG = 6002
    """The TOTP recovery code is wrong."""

    TOTP_CODE_MISSING = 6003
    """The TOTP code is missing."""

    TOTP_RECOVERY_CODE_MISSING = 6004
    """The TOTP recovery code is missing."""

    USER_DISABLED_OR_NOT_IN_TENANT = 2120008
    """The user is disabled or not a member of the tenant."""

    TENANT_LOGIN_FORBIDDEN = 2130010
    """The user may not log in to the tenant."""

    LDAP_LINK_INVALID = 2820002
    """The LDAP link is invalid."""


explain(
    ApiCode,
    {
        1300: "The AK/SK signature is invalid.",
        1301: "The method of the AK/SK signature does not match.",
        1302: "The version of the AK/SK signature does not match.",
        1303: "The timestamp of the AK/SK signature is not in Unix milliseconds.",
        1304: "The AK/SK request has no date header.",
        1305: "The timestamp of the AK/SK signature is too far from the server's time.",
        1306: "The AK/SK signature was used before.",
        1600: "The flow after authentication is finished and the session is set.",
        1635: "A personal second factor is needed.",
        1636: "A second factor of the enterprise (application) is needed.",
        1639: "The password has to be reset at the first login; the old one is not needed.",
        1640: "The federated login asks to bind an existing account.",
        1641: "The federated login asks to bind or to create an account.",
        1642: "The login information has to be completed.",
        1643: "The user has to unlock the account.",
        1699: "The flow after authentication was ended early.",
        1700: "No photo of a face was uploaded.",
        1701: "No photo to compare with was uploaded.",
        1702: "The verification of the face failed.",
        1703: "No email address or phone number is bound, so a face cannot be bound.",
        1704: "A face was not bound because the phone number could not be verified.",
        1705: "A face was not bound because the email address could not be verified.",
        1706: "A face is bound already.",
        1707: "A face could not be bound.",
        2004: "The user does not exist.",
        2005: "The user is locked.",
        2006: "The password is wrong.",
        2011: "The application does not exist.",
        2020: "The user is not logged in and has no permission.",
        2031: "The application forbids registration.",
        2039: "The domain of the application is taken.",
        2040: "The domain of the user pool is taken.",
        2058: "The password has to be reset; the old one is needed.",
        2224: "The user pool does not exist.",
        2333: "The user name or the password is wrong.",
        4021: "Metering or billing failed.",
        6001: "The TOTP code is wrong.",
        6002: "The TOTP recovery code is wrong.",
        6003: "The TOTP code is missing.",
        6004: "The TOTP recovery code is missing.",
        2120008: "The user is disabled or not a member of the tenant.",
        2130010: "The user may not log in to the tenant.",
        2820002: "The LDAP link is invalid.",
    },
)
