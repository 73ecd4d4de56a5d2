"""Marks for what the contract calls deprecated: for type checkers and editors (PEP 702), and a warning at the call."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

CallableT = TypeVar("CallableT", bound=Callable[..., Any])

_PACKAGE = __name__.partition(".")[0]


def warn(message: str) -> None:
    """Warn of a deprecation, at the line outside of this package that led here."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and _is_ours(frame.f_globals):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, DeprecationWarning, stacklevel=level + 1)


def _is_ours(names: dict[str, Any]) -> bool:
    return str(names.get("__name__")).partition(".")[0] == _PACKAGE


def _deprecated(message: str) -> Callable[[CallableT], CallableT]:
    """Decorate a function that is deprecated. `warnings.deprecated` is like it, from Python 3.13 on."""

    def decorate(function: CallableT) -> CallableT:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            # A method of a client calls an endpoint function: one warning is enough.
            if not _is_ours(sys._getframe(1).f_globals):  # pyright: ignore[reportPrivateUsage]
                warn(message)
            return function(*args, **kwargs)

        marked: Any = call
        if inspect.iscoroutinefunction(function):
            if sys.version_info >= (3, 12):
                marked = inspect.markcoroutinefunction(call)
            else:
                from asyncio import coroutines

                marked._is_coroutine = cast(Any, coroutines)._is_coroutine
        marked.__deprecated__ = message
        return cast(CallableT, marked)

    return decorate


if TYPE_CHECKING:
    # Type checkers bring it with them, and know it by this name. It is no dependency of the package.
    from typing_extensions import deprecated as deprecated
else:
    deprecated = _deprecated
