"""The mock server as a process, for development."""

from __future__ import annotations

import argparse
import io
import json
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from time import sleep
from typing import Any, cast

from ..redaction import on_one_line
from ..types import Specification
from .server import MockOperation, MockServer, ReceivedRequest, Reply


class _PrintingServer(MockServer):
    def _respond(self, request: ReceivedRequest) -> Reply:
        """Print what a request asks for, with all values whole, and what it gets."""
        reply = super()._respond(request)
        response = json.loads(reply.content)
        query = (value for values in request.query.values() for value in values)
        body = cast(dict[str, Any], request.json) if isinstance(request.json, dict) else {}
        asked = " ".join([request.method, request.path, *query, *map(str, body.values())])
        print(on_one_line(f"{asked}: statusCode {response['statusCode']} {response['message']}"))
        return reply


def main(operations: Sequence[MockOperation], specification: Specification) -> None:
    """Run the mock server as a process until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(
        f"python -m {specification.package.replace('-', '_')}.testing",
        description="Run a mock of GenAuth, for development. It sends nothing to anybody. It prints a line for each "
        "request, including personal data such as addresses.",
    )
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; a free one by default")
    port: int = parser.parse_args().port
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal may lack a character, and a pipe has to get each line at once.
        cast(Any, sys.stdout).reconfigure(errors="backslashreplace", line_buffering=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # A shell has a process in the background ignore the first.
        signal.signal(number, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt), _PrintingServer(operations, specification, port) as server:
            print(f"The mock of GenAuth runs at {server.url} until Ctrl-C. To point a client at it:")
            print(f"{specification.environment['app_host']}={server.url}")
            while True:
                sleep(3600)
    except (OSError, OverflowError) as error:
        sys.exit(f"port {port} cannot be used: {error}")
