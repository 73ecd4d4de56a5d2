"""Coroutines without an event loop, and one way to call sync and async objects."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, TypeVar

T = TypeVar("T")

ASYNC_NAMES = {"close": "aclose", "handle_request": "handle_async_request"}


def run(awaitable: Awaitable[T]) -> T:
    """Return the result of an awaitable that never waits, because nothing in it does I/O."""
    steps = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise AssertionError("it waits for something")


class Blocking:
    """The methods of a sync or an async object, by their sync names. All of them block."""

    def __init__(self, inner: Any, run: Callable[[Any], Any] = run) -> None:
        self.inner = inner
        self.is_async = "async" in type(inner).__name__.lower()
        self._run = run

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, ASYNC_NAMES.get(name, name) if self.is_async else name)

        def call(*args: Any, **options: Any) -> Any:
            result = method(*args, **options)
            return self._run(result) if isawaitable(result) else result

        return call
