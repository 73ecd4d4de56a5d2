from .genauth_server.fixture import genauth, genauth_contract, genauth_server
from .twins import connect

__all__ = ["connect", "genauth", "genauth_contract", "genauth_server"]
