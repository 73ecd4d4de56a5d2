"""`python -m genauth_email` calls the real API once, to try your settings. `--help` lists the operations."""

import sys

from ._runtime.command import main
from .client import AuthenticationClient

OPERATIONS = ("send_email",)

if __name__ == "__main__":
    sys.exit(main(AuthenticationClient, OPERATIONS))
