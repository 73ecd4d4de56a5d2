"""The mark of a function that is deprecated, and the warning at its call."""

import asyncio
import warnings
from typing import Any

import pytest

from runtime import deprecation


@deprecation.deprecated("it is old")
def old(value: int) -> int:
    """Its docstring."""
    return value


@deprecation.deprecated("it is old")
async def old_async(value: int) -> int:
    return value


def test_a_call_warns_at_the_line_of_the_caller() -> None:
    with pytest.warns(DeprecationWarning, match="^it is old$") as caught:
        assert old(7) == 7
    assert [warning.filename for warning in caught] == [__file__]


def test_an_async_function_stays_one_and_warns() -> None:
    assert asyncio.iscoroutinefunction(old_async)

    async def use() -> int:
        return await old_async(7)

    with pytest.warns(DeprecationWarning, match="^it is old$") as caught:
        assert asyncio.run(use()) == 7
    assert [warning.filename for warning in caught] == [__file__]


def test_the_mark_is_that_of_pep_702() -> None:
    for function in (old, old_async):
        marked: Any = function
        assert marked.__deprecated__ == "it is old"
    assert old.__doc__ == "Its docstring."


def test_a_call_out_of_the_package_does_not_warn_again() -> None:
    names: dict[str, Any] = {"__name__": "runtime.client", "old": old}
    exec("def method():\n    return old(7)", names)
    with warnings.catch_warnings(action="error"):
        assert names["method"]() == 7
