"""The pytest fixtures. Each test has a `mock_server` of its own, on an `http_server` that the session shares."""

from collections.abc import Generator

import pytest

from .app import MockServer
from .contract import Contract
from .server import Server, serve


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract()


@pytest.fixture(scope="session")
def http_server() -> Generator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def mock_server(http_server: Server, contract: Contract) -> Generator[MockServer]:
    """A mock server that has received nothing yet. An issue that the test did not expect fails the test."""
    with http_server.mock_server(contract) as mock_server:
        yield mock_server
