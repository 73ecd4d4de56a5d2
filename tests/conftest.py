from .clients import make_client
from .mock_server.fixture import contract, mock_server
from .secrets_watch import no_secret_shows, secrets_watch, unwatched

__all__ = [
    "contract",
    "make_client",
    "mock_server",
    "no_secret_shows",
    "secrets_watch",
    "unwatched",
]
