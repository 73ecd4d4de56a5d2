import socket
from collections.abc import Iterator

import pytest

from runtime import call
from runtime.transport import httpx_transport, idle, network, request, response
from tests.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for all modules that import `monotonic` by its name."""
    clock = Clock()
    for module in (call, httpx_transport, idle, network, request, response):
        monkeypatch.setattr(module, "monotonic", clock)
    return clock


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs
