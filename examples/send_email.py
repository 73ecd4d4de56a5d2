"""Have GenAuth send an email: `python send_email.py CHANNEL EMAIL`.

The settings come from the environment: GENAUTH_APP_ID, GENAUTH_APP_HOST, and optionally GENAUTH_LANG.
"""

import sys

from genauth_email import AuthenticationClient, Channel, GenAuthError, ThrottleError


def main(channel: str, email: str) -> str | None:
    """Send the email, and return an error message if that fails."""
    try:
        with AuthenticationClient() as client:
            response = client.send_email(Channel(channel), email)
    except ValueError as error:
        return str(error)
    except ThrottleError as error:
        return f"Look for the last email, or try again in {error.retry_after or 60:.0f} seconds."
    except GenAuthError as error:
        if error.delivery == "unknown":
            return f"The email may have been sent. Look for it before you try again: {error}"
        return f"No email was sent: {error}"
    print(response.message)
    return None


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"{__doc__}\nThe channels: {', '.join(Channel)}")
    sys.exit(main(sys.argv[1], sys.argv[2]))
