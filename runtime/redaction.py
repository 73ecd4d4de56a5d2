"""Masking of what identifies a user, for errors, logs and `repr`."""

from __future__ import annotations

import functools
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from types import FrameType
from typing import Any, Final, TypeVar, cast

CallableT = TypeVar("CallableT", bound=Callable[..., Any])

_LIBRARIES: Final = sys.stdlib_module_names | {
    __name__.partition(".")[0],
    *("aiohttp", "anyio", "h11", "httpcore", "httpx", "idna", "outcome", "sniffio", "socksio", "trio"),
}
"""The packages whose frames a call goes through: ours, the HTTP libraries, and Python's own. The rest is the user's."""


def on_one_line(text: str) -> str:
    """Return `text`, which came from outside, without anything that could begin a new line in a log."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text)


def mask(value: object) -> str:
    """Return `value` as errors, logs and `repr` show it.

    A member of an enum is shown whole. Of a text the first letter is shown and, if it is an email address, its domain.
    Nothing is shown of any other value, such as a number or an object.
    """
    if isinstance(value, Enum):
        return str(value)
    if not isinstance(value, str):
        return "***"
    address = re.fullmatch(r".*(@[\w.-]+)", value, re.DOTALL)
    return f"{on_one_line(value[:1])}***{address[1] if address else ''}"


def hide_text(value: object) -> str:
    """Return a value of a response as its `repr` shows it: numbers, but no text.

    A server can repeat an address or the access token in any text, in any spelling.
    """
    return repr(value) if value is None or isinstance(value, int | float) else "***"


def share_text(one: str, other: str) -> bool:
    """Return True if eight letters or digits in a row stand in both texts, or the whole of the shorter one.

    Upper and lower case make no difference, and neither does what stands between letters and digits.
    """
    shorter, longer = sorted((re.sub(r"[\W_]", "", text.lower()) for text in (one, other)), key=len)
    size = min(8, len(shorter))
    return size > 0 and any(shorter[start : start + size] in longer for start in range(len(shorter) - size + 1))


def error_chain(error: BaseException | None, until: BaseException | None = None) -> Iterator[BaseException]:
    """Yield `error` and all that led to it, but not `until`: causes, contexts, and the members of groups."""
    pending, seen = [error], {id(until)}
    while pending:
        each = pending.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


def is_of_libraries(frame: FrameType) -> bool:
    """Return True for a frame of the packages that a call goes through, and False for one of the user's code."""
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _LIBRARIES


def clear_locals(error: BaseException, handled: BaseException | None) -> None:
    """Clear the local variables of our frames and of the libraries' that `error` and its causes came through.

    The lines of the traceback stay. Error trackers show local variables, and these hold the access token and the
    request body. Frames of anybody else, such as a user's event hook, keep theirs, and so do frames that still run.

    Args:
        error: The error that is on its way to the user.
        handled: The error that the user's code was handling when it called. It is the user's own.
    """
    for each in error_chain(error, until=handled):
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if is_of_libraries(frame):
                with suppress(RuntimeError):  # It still runs.
                    frame.clear()


def redact_traceback(function: CallableT) -> CallableT:
    """Decorate a public function whose arguments are secret: a traceback through it shows no local variables."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        handled = sys.exception()
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            clear_locals(error, handled)
            raise

    @functools.wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        handled = sys.exception()
        try:
            return await function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            clear_locals(error, handled)
            raise

    return cast(CallableT, call_async if inspect.iscoroutinefunction(function) else call)
