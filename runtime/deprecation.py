"""Marks for what the contract calls deprecated: for type checkers and editors (PEP 702), and a warning at the call."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from types import FrameType
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
            _warn_unless_ours(inspect.currentframe(), message)
            return function(*args, **kwargs)

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            _warn_unless_ours(inspect.currentframe(), message)
            return await function(*args, **kwargs)

        marked: Any = call_async if inspect.iscoroutinefunction(function) else call
        marked.__deprecated__ = message
        return cast(CallableT, marked)

    return decorate


def _warn_unless_ours(frame: FrameType | None, message: str) -> None:
    """Warn, unless what led to `frame` is this package: a method of a client has warned before it calls a function."""
    if frame is None or frame.f_back is None or not _is_ours(frame.f_back.f_globals):
        warn(message)


if TYPE_CHECKING:
    # Type checkers bring it with them, and know it by this name. It is no dependency of the package.
    from typing_extensions import deprecated as deprecated
else:
    deprecated = _deprecated
