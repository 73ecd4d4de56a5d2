"""The command line of the package: it calls one operation with the settings of the environment."""

# It reads the names of the environment variables, which are private to a client.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Sequence
from typing import Any

from .client import SyncClient
from .errors import GenAuthError
from .redaction import on_one_line


def main(client_type: type[SyncClient[Any]], operations: Sequence[str], arguments: Sequence[str] | None = None) -> int:
    """Call an operation, and print what came of it.

    Args:
        client_type: The class of the client.
        operations: The names of its methods that can be called.
        arguments: The arguments of the command line. None: those of this process.

    Returns:
        The exit status: 0 for a success, 1 for a failure, 2 for a wrong argument or setting.
    """
    variables = ", ".join(client_type._specification.environment.values())
    parser = argparse.ArgumentParser(
        f"python -m {client_type.__module__.partition('.')[0]}",
        description="Call the real API once, to try your settings. Each is an environment variable.",
        epilog=f"The settings are {variables}. Exit status: 0 for a success, 1 for a failure, 2 for a wrong argument.",
    )
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")
    for name in operations:
        method = getattr(client_type, name)
        command = commands.add_parser(name.replace("_", "-"), help=str(inspect.getdoc(method)).partition("\n")[0])
        for parameter in inspect.signature(method).parameters.values():
            if parameter.default is parameter.empty and parameter.name != "self":
                is_json = str(parameter.annotation).startswith(("int", "float", "bool", "list", "dict"))
                kind: Any = json.loads if is_json else str
                is_option = parameter.kind is parameter.KEYWORD_ONLY
                more: dict[str, Any] = {"required": True} if is_option else {}
                command.add_argument("--" * is_option + parameter.name, type=kind, **more)
    values = vars(parser.parse_args(arguments))
    operation: str = values.pop("operation")
    try:
        # One attempt, so that its outcome is shown.
        with client_type(max_retries=0) as client:
            response = getattr(client, operation.replace("-", "_"))(**values)
    except (TypeError, ValueError) as error:
        print(f"{operation}: {error}", file=sys.stderr)
        return 2
    except GenAuthError as error:
        print(f"{operation} failed. {type(error).__name__}: {error}", file=sys.stderr)
        print(f"request id: {_printable(error.request_id)}", file=sys.stderr)
        print(f"delivery: {error.delivery}. {_advice(error)}", file=sys.stderr)
        return 1
    print(f"{operation} succeeded.")
    print(f"request id: {_printable(getattr(response, 'request_id', None))}")
    return 0


def _printable(request_id: str | None) -> str:
    return "none" if request_id is None else ascii(on_one_line(request_id))[1:-1]


def _advice(error: GenAuthError) -> str:
    wait = "" if error.retry_after is None else f" Wait {error.retry_after:g} seconds before that."
    if error.delivery == "unknown":
        return f"The operation may have been carried out: look for its effect before you try again.{wait}"
    if error.retryable:
        return f"Nothing was done. Try again later.{wait}"
    return "Nothing was done. Remove the cause before you try again."
