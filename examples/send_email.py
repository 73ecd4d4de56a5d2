"""Have GenAuth send an email: `python send_email.py CHANNEL_LOGIN test@example.com`.

The settings are in the environment: GENAUTH_APP_ID, GENAUTH_APP_HOST, and GENAUTH_LANG if wanted.
"""

import sys

from genauth_email import AuthenticationClient, Channel, GenAuthError, ThrottleError


def main(channel: str, email: str) -> str | None:
    """Return what went wrong, if anything did."""
    try:
        with AuthenticationClient() as client:
            answer = client.send_email(Channel(channel), email)
    except ValueError as error:
        return str(error)
    except ThrottleError as error:
        return f"Too early. Try again in {error.retry_after or 60:.0f} seconds."
    except GenAuthError as error:
        if error.delivery == "not_sent":
            return f"Nothing was sent: {error}"
        return f"The email may be on its way, so look for it before you try again: {error}"
    print(answer.message)
    return None


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
