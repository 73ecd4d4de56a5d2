"""The mock server. It behaves as the real one does, and validates what it receives against the contract."""

from .app import Clock, MockServer
from .contract import Contract, Received
from .server import Server, serve

__all__ = ["Clock", "Contract", "MockServer", "Received", "Server", "serve"]
