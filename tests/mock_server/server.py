"""Serving over a real socket, in the test process."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from .app import Clock, MockServer
from .contract import Contract


class Server:
    """A running HTTP server. Stopping it takes a while, so it is kept while one mock follows another."""

    app: ASGIApp

    def __init__(self, url: str) -> None:
        self.url = url

    @contextmanager
    def mock_server(self, contract: Contract, clock: Clock | None = None) -> Generator[MockServer]:
        """Have a new mock server respond from now on. Issues that are left at the end are an error."""
        mock_server = MockServer(contract, self.url, clock)
        self.app = mock_server.app
        yield mock_server
        if mock_server.issues:
            raise AssertionError("\n".join(["the contract does not allow:", *mock_server.issues]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@contextmanager
def serve(port: int = 0) -> Generator[Server]:
    """Serve on the loopback interface from a thread, on a free port unless one is given."""
    # The socket listens before uvicorn does. So nobody can take the port, and an early request waits.
    with socket.create_server(("127.0.0.1", port)) as listener:
        # Connections inherit this. asyncio sets it only on a socket that names its protocol, which this one does not.
        # Without it, each response after a connection's first comes 40 ms late.
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
            timeout_graceful_shutdown=0,  # A response takes no time, so an open connection is not worth waiting for.
        )
        runner = uvicorn.Server(config)
        thread = Thread(target=runner.run, args=([listener],), name="mock server", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            runner.should_exit = True
            thread.join()
