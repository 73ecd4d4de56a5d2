"""The embedded GenAuth by itself: `python -m tests.genauth_server`, from the root of the repository."""

import argparse
import json
import shlex
import signal
import sys
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .app import Clock, GenAuth
from .contract import Contract
from .server import serve


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.genauth_server", description="Run a GenAuth to try.")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; a free one by default")
    port: int = parser.parse_args().port

    # Blocked before the server's thread starts and inherits that, so that they come to sigwait alone.
    stop = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    contract = Contract()
    try:
        with serve(port) as server, server.genauth(contract, Clock(time.monotonic)) as genauth:
            server.app = _telling_violations(genauth)
            print(f"GenAuth runs at {genauth.url} until Ctrl-C. To try it:")
            print(_curl(genauth.url), flush=True)
            signal.sigwait(stop)
    except (OSError, OverflowError) as error:
        sys.exit(f"port {port} cannot be used: {error}")


def _telling_violations(genauth: GenAuth) -> ASGIApp:
    """By itself there is no test to fail, so a violation is told at once."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def tell_and_send(message: Message) -> None:
            while genauth.violations:
                print("not in the contract:", genauth.violations.pop(0), file=sys.stderr, flush=True)
            await send(message)

        await genauth.app(scope, receive, tell_and_send)

    return app


def _curl(url: str) -> str:
    headers = {"x-genauth-app-id": "any", "x-genauth-lang": "en-US", "content-type": "application/json"}
    body = json.dumps({"channel": "CHANNEL_LOGIN", "email": "test@example.com"})
    options = [option for name, value in headers.items() for option in ("-H", f"{name}: {value}")]
    return shlex.join(["curl", "-sS", "--noproxy", "*", f"{url}/api/v3/send-email", *options, "-d", body])


if __name__ == "__main__":
    main()
