"""Actions of a signal handler or another thread in the middle of something else."""

import faulthandler
import sys
from collections.abc import Callable, Iterator
from itertools import count
from types import FrameType, ModuleType
from typing import Any, Self

PATIENCE = 30


class Interruption:
    """Runs an action before one of the steps of a module's code.

    Attributes:
        done: Whether the action has run.
    """

    def __init__(self, module: ModuleType, action: Callable[[], object], step: int) -> None:
        self.done = False
        self._file = module.__file__
        self._action = action
        self._left = step

    def __enter__(self) -> Self:
        # A deadlock would hang forever. This ends the process, and shows where it hangs.
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        faulthandler.cancel_dump_traceback_later()

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename != self._file or self.done:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self._left -= 1
            if self._left < 0:
                self.done = True
                self._action()
        return self._trace


def interruptions(module: ModuleType, action: Callable[[], object]) -> Iterator[Interruption]:
    """Yield an interruption before the first step, before the second, and so on to the last.

    The first one never comes, because Python 3.12 reports the steps only of code that was traced before.
    """
    yield Interruption(module, action, sys.maxsize)
    for step in count():
        interruption = Interruption(module, action, step)
        yield interruption
        if not interruption.done:
            assert step > 10, "there was nothing to interrupt"
            return
