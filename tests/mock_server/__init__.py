"""The mock server. It behaves as the real one does, and validates what it receives against the contract."""

from .app import Clock, MockServer
from .contract import Contract, Operation, Received
from .server import Server, serve

__all__ = ["Clock", "Contract", "MockServer", "Operation", "Received", "Server", "serve"]
