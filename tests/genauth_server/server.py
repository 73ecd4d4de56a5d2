"""Serving over a real socket, in the test process."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from .app import Clock, GenAuth
from .contract import Contract


class Server:
    """A running server. It is kept while one GenAuth follows another, as stopping it takes a while."""

    app: ASGIApp

    def __init__(self, url: str) -> None:
        self.url = url

    @contextmanager
    def genauth(self, contract: Contract, clock: Clock | None = None) -> Generator[GenAuth]:
        """A new GenAuth that answers from now on. Violations that are left over at the end are an error."""
        genauth = GenAuth(contract, self.url, clock)
        self.app = genauth.app
        yield genauth
        if genauth.violations:
            raise AssertionError("\n".join(["the contract does not allow:", *genauth.violations]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@contextmanager
def serve(port: int = 0) -> Generator[Server]:
    """Serve on the loopback interface, on a free port unless one is given, from a thread."""
    # The socket listens before uvicorn does: nobody can take the port, and a request that is early waits.
    with socket.create_server(("127.0.0.1", port)) as listener:
        # Connections inherit this. asyncio would set it, but only on a socket that names its protocol, which
        # this one does not. Without it, each answer after a connection's first comes 40 ms late.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = Server(f"http://127.0.0.1:{listener.getsockname()[1]}")
        config = uvicorn.Config(
            server,
            interface="asgi3",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=0,  # An answer takes no time: who is not done is not worth waiting for.
        )
        runner = uvicorn.Server(config)
        thread = Thread(target=runner.run, args=([listener],), name="genauth", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            runner.should_exit = True
            thread.join()
