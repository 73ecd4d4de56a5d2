from collections.abc import Generator

import pytest

from .clients import make_client, no_pauses
from .secrets_watch import no_secret_shows, secrets_watch, unwatched
from .servers.fixtures import contract, mock_server

__all__ = [
    "contract",
    "make_client",
    "mock_server",
    "no_secret_shows",
    "secrets_watch",
    "unwatched",
]

VARIABLES = ("GENAUTH_APP_ID", "GENAUTH_APP_HOST", "GENAUTH_ACCESS_TOKEN", "GENAUTH_LANG")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's own GenAuth settings."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(name="no_pauses")
def without_pauses() -> Generator[None]:
    """Let retries follow at once."""
    with no_pauses():
        yield
