"""The package's own mock server, and a judge that validates what it receives and sends against the contract."""

from .genauth import MockServer
from .validation import Contract

__all__ = ["Contract", "MockServer"]
