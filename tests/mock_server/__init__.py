"""The package's own mock server, and a judge that validates what it receives and sends against the contract."""

from .contract import Contract
from .judge import MockServer

__all__ = ["Contract", "MockServer"]
