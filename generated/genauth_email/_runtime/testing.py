"""Ready errors for the tests of users, and the mock server as a process."""

from __future__ import annotations

import argparse
import io
import json
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from time import sleep
from typing import Any, TypeVar, cast

from .errors import APIConnectionError, APIError, delivery_of
from .mock_contract import MockOperation
from .mock_server import HTML, MockServer, retry_after_header, validate_http_status
from .types import Specification

ErrorT = TypeVar("ErrorT", bound=APIError)


def new_api_error(
    kind: type[ErrorT], status_code: int, message: str, api_code: int | None, retry_after: int | None = None
) -> ErrorT:
    """Return the error of a response of the API."""
    if status_code == 200:
        raise ValueError("statusCode 200 is success")
    reason = f"statusCode {status_code}" + (f", apiCode {api_code}" if api_code is not None else "")
    body = {"statusCode": status_code, "message": message} | ({"apiCode": api_code} if api_code is not None else {})
    return kind(
        f"{reason}: {message or 'no message'} [made by a test]",
        status_code=status_code,
        message=message,
        api_code=api_code,
        headers=retry_after_header(retry_after),
        content=json.dumps(body).encode(),
        delivery=delivery_of(status_code),
    )


def new_gateway_error(kind: type[ErrorT], http_status: int) -> ErrorT:
    """Return the error of an HTTP status without a response of the API."""
    validate_http_status(http_status)
    text = f"HTTP {http_status} with a body that is no response of the API [made by a test]"
    return kind(text, status_code=http_status, http_status=http_status, content=HTML)


def connection_refused() -> APIConnectionError:
    """Return the error of a connection that could not be made. Its `delivery` is `"not_sent"`."""
    return APIConnectionError("ConnectError: Connection refused [made by a test]", delivery="not_sent")


def unknown_outcome() -> APIConnectionError:
    """Return the error of a connection that broke after the request was sent. Its `delivery` is `"unknown"`."""
    text = "RemoteProtocolError: Server disconnected without sending a response. [made by a test]"
    return APIConnectionError(text, delivery="unknown")


def main(operations: Sequence[MockOperation], specification: Specification) -> None:
    """Run the mock server as a process until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(
        f"python -m {specification.package.replace('-', '_')}.testing",
        description="Run a mock of GenAuth, for development. It sends nothing to anybody. It prints a line for each "
        "request, with the whole of what it was asked for, such as addresses.",
    )
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; a free one by default")
    port: int = parser.parse_args().port
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal may lack a character, and a pipe has to get each line at once.
        cast(Any, sys.stdout).reconfigure(errors="backslashreplace", line_buffering=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # A shell has a process in the background ignore the first.
        signal.signal(number, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt), MockServer(operations, specification, port, print) as server:
            print(f"The mock of GenAuth runs at {server.url} until Ctrl-C. To point a client at it:")
            print(f"{specification.environment['app_host']}={server.url}")
            while True:
                sleep(3600)
    except (OSError, OverflowError) as error:
        sys.exit(f"port {port} cannot be used: {error}")
