"""The mock server by itself: `python -m tests.mock_server`, from the root of the repository."""

import argparse
import json
import shlex
import signal
import sys
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .app import Clock, MockServer
from .contract import Contract
from .server import serve


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.mock_server", description="Run the mock server.")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; a free one by default")
    port: int = parser.parse_args().port

    # They are blocked before the server's thread starts and inherits that, so only sigwait gets them.
    stop = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    contract = Contract()
    try:
        with serve(port) as server, server.mock_server(contract, Clock(time.monotonic)) as mock_server:
            server.app = _report_issues(mock_server)
            print(f"The mock server runs at {mock_server.url} until Ctrl-C. To try it:")
            print(_curl(contract, mock_server.url), flush=True)
            signal.sigwait(stop)
    except (OSError, OverflowError) as error:
        sys.exit(f"port {port} cannot be used: {error}")


def _report_issues(mock_server: MockServer) -> ASGIApp:
    """Print each issue at once, as there is no test that it could fail."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def report_and_send(message: Message) -> None:
            while mock_server.issues:
                print("not in the contract:", mock_server.issues.pop(0), file=sys.stderr, flush=True)
            await send(message)

        await mock_server.app(scope, receive, report_and_send)

    return app


def _curl(contract: Contract, url: str) -> str:
    """Return a command that asks for the first operation that has a request body."""
    operation = next(each for each in contract.operations if each.body is not None)
    body = next(iter(contract.examples.requests(operation).values()))
    headers = {"x-genauth-app-id": "any", "x-genauth-lang": "en-US", "content-type": "application/json"}
    options = [option for name, value in headers.items() for option in ("-H", f"{name}: {value}")]
    return shlex.join(["curl", "-sS", "--noproxy", "*", f"{url}{operation.path}", *options, "-d", json.dumps(body)])


if __name__ == "__main__":
    main()
