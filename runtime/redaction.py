"""Masking of what identifies a user, for errors, logs and `repr`."""

from __future__ import annotations

import functools
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from enum import Enum
from types import TracebackType
from typing import Any, TypeVar, cast

CallableT = TypeVar("CallableT", bound=Callable[..., Any])


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


def mask_addresses(value: object) -> str:
    """Return the `repr` of `value`, which came from the server, with the email addresses in it masked."""
    # From the start of a word on, so that each character is looked at once, however long the text is.
    return re.sub(r"(?<![^\s@])([^\s@])[^\s@]*@", r"\1***@", repr(value))


def error_chain(error: BaseException | None, until: BaseException | None = None) -> Iterator[BaseException]:
    """Yield `error` and all that led to it, but not `until`: causes, contexts, and the members of groups."""
    pending, seen = [error], {id(until)}
    while pending:
        each = pending.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


def clear_locals(error: BaseException, handled: BaseException | None) -> None:
    """Clear the local variables of all frames that `error` and what led to it have come through.

    The lines of the traceback stay. Error trackers show local variables, and those of our frames and of the HTTP
    library's have the access token and the request body in them. Frames that still run are left as they are.

    Args:
        error: The error that is on its way to the user.
        handled: The error that the user's code was handling when it called. It is the user's own.
    """
    for each in error_chain(error, until=handled):
        traceback.clear_frames(cast(TracebackType, each.__traceback__))


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
