"""The pytest fixtures: `genauth` is a GenAuth of the test's own, on a server that the session shares."""

from collections.abc import Generator

import pytest

from .app import GenAuth
from .contract import Contract
from .server import Server, serve


@pytest.fixture(scope="session")
def genauth_contract() -> Contract:
    return Contract()


@pytest.fixture(scope="session")
def genauth_server() -> Generator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def genauth(genauth_server: Server, genauth_contract: Contract) -> Generator[GenAuth]:
    """A GenAuth that has received nothing yet. A violation that the test did not expect fails the test."""
    with genauth_server.genauth(genauth_contract) as genauth:
        yield genauth
