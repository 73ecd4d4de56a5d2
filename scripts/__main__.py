"""Run what a make target does: `python -m scripts generate --check` calls `main` of `generate.py`."""

import io
import os
import sys
from importlib import import_module


def run() -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # The terminal may lack a character.
    command = sys.argv.pop(1)
    try:
        status: int | None = import_module(f"scripts.{command}").main()
        sys.stdout.flush()
    except BrokenPipeError:  # The reader of a pipe has closed it, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status or 0


if __name__ == "__main__":
    sys.exit(run())
