"""Actions of a signal handler or another thread in the middle of something else."""

import faulthandler
import sys
from collections.abc import Callable, Iterator
from itertools import count
from types import FrameType
from typing import Any, Literal, Self

PATIENCE = 30

Modules = str | tuple[str, ...]
"""The beginnings of the modules' names."""


class Interruption:
    """Runs an action before one of the steps of some modules' code: an opcode or a line.

    Attributes:
        done: Whether the action has run.
    """

    def __init__(
        self, modules: Modules, action: Callable[[], object], step: int, kind: Literal["opcode", "line"]
    ) -> None:
        self.done = False
        self._modules = modules
        self._action = action
        self._left = step
        self._kind = kind

    def __enter__(self) -> Self:
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if self.done or not str(frame.f_globals.get("__name__")).startswith(self._modules):
            return None
        frame.f_trace_opcodes = self._kind == "opcode"
        if event == self._kind:
            self._left -= 1
            if self._left < 0:
                self.done = True
                sys.settrace(None)
                self._action()
        return self._trace


def interruptions(
    modules: Modules, action: Callable[[], object], kind: Literal["opcode", "line"] = "opcode"
) -> Iterator[Interruption]:
    """Yield an interruption before the first step, before the second, and so on to the last.

    The first one never comes, because Python 3.12 reports the opcodes only of code that was traced before.
    """
    try:
        yield Interruption(modules, action, sys.maxsize, kind)
        for step in count():
            # A deadlock would hang forever. This ends the process, and shows where it hangs.
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            yield (interruption := Interruption(modules, action, step, kind))
            if not interruption.done:
                assert step > 10, "there was nothing to interrupt"
                return
    finally:
        faulthandler.cancel_dump_traceback_later()
