"""The pytest fixtures."""

from collections.abc import Generator

import pytest

from .genauth import MockServer
from .validation import Contract


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract()


@pytest.fixture
def mock_server(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> Generator[MockServer]:
    """A new mock server whose clock stands still until a test advances it.

    An unexpected issue fails the test.
    """
    monkeypatch.setattr("genauth_email._runtime.mock.server.monotonic", lambda: 0.0)
    with MockServer(contract) as mock_server:
        yield mock_server
