"""Processes forked from one that has loaded the package, because starting Python for each takes most of a second."""

from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.servers.load"])


def run(function: Callable[..., None], *args: Any) -> None:
    """Call a function in a separate process. An error is printed there, and fails the test."""
    process = CONTEXT.Process(target=function, args=args)
    process.start()
    process.join(120)
    if process.is_alive():
        process.kill()
    assert process.exitcode == 0
