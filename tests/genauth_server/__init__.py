"""The embedded GenAuth: a server that behaves as the real one and judges what it is told by the contract."""

from .app import Clock, GenAuth
from .contract import Contract, Operation, Received
from .server import Server, serve

__all__ = ["Clock", "Contract", "GenAuth", "Operation", "Received", "Server", "serve"]
