from .genauth_server.fixture import genauth, genauth_contract, genauth_server
from .secrets_watch import no_secret_shows, secrets_watch, unwatched
from .twins import connect

__all__ = [
    "connect",
    "genauth",
    "genauth_contract",
    "genauth_server",
    "no_secret_shows",
    "secrets_watch",
    "unwatched",
]
