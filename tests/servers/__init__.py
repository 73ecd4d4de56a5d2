"""The package's mock server, with validation of its requests and responses by the contract, and other servers."""

from .genauth import MockServer
from .validation import Contract

__all__ = ["Contract", "MockServer"]
