"""Checks of the arguments of an operation, before anything is sent.

Each check takes the name and the value of an argument, and returns the value as it is sent. It raises a `TypeError` for
a wrong type, or a `ValueError` for a value that is not allowed. The error shows the name and the type alone, as a value
can be an email address.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .deprecation import warn
from .options import validate_string as string
from .types import UNSET, RequestModel, Unset

if TYPE_CHECKING:
    from uuid import UUID

T = TypeVar("T")
EnumT = TypeVar("EnumT", bound=Enum)
ModelT = TypeVar("ModelT", bound=RequestModel)
Check = Callable[[str, object], T]

__all__ = [
    "anything",
    "array",
    "boolean",
    "date",
    "date_time",
    "deprecated",
    "enum",
    "instance",
    "integer",
    "mapping",
    "model",
    "null",
    "number",
    "one_of",
    "optional",
    "string",
    "uuid",
]


def integer(name: str, value: object) -> int:
    # A bool is an int in Python, and none in JSON.
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(name, "an integer", value)
    return value


def number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(name, "a number", value)
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number")
    return value


def boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(name, "a bool", value)
    return value


def null(name: str, value: object) -> None:
    if value is not None:
        raise _wrong_type(name, "None", value)


def anything(name: str, value: Any) -> Any:
    return value


def date(name: str, value: object) -> datetime.date:
    if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
        raise _wrong_type(name, "a datetime.date", value)
    return value


def date_time(name: str, value: object) -> datetime.datetime:
    if not isinstance(value, datetime.datetime):
        raise _wrong_type(name, "a datetime.datetime", value)
    if value.utcoffset() is None:
        raise TypeError(f"{name} must be a datetime.datetime with a time zone, not a naive one")
    return value


def uuid(name: str, value: object) -> UUID:
    from uuid import UUID

    return instance(UUID)(name, value)


def instance(kind: type[T]) -> Check[T]:
    """Check that an argument is an object of a class."""

    def check(name: str, value: object) -> T:
        if not isinstance(value, kind):
            raise _wrong_type(name, f"a {kind.__name__}", value)
        return value

    return check


def model(kind: type[ModelT]) -> Check[ModelT]:
    """Check that an argument is an object of the class of a model, and check its fields."""

    def check(name: str, value: object) -> ModelT:
        return instance(kind)(name, value).with_checked_fields(f"{name}.")

    return check


def enum(kind: type[EnumT]) -> Check[EnumT]:
    """Check that an argument is a member of an enum or the value of one, and return the member."""

    def check(name: str, value: object) -> EnumT:
        base = str if issubclass(kind, str) else int
        if isinstance(value, bool) or not isinstance(value, base):
            raise _wrong_type(name, f"a {kind.__name__}", value)
        member = kind(value)
        if member.value in getattr(kind, "__deprecated_values__", ()):
            warn(f"the {name} {member.value!r} is deprecated")
        return member

    return check


def array(item: Check[T]) -> Check[list[T]]:
    """Check a list, and each of its items with `item`."""

    def check(name: str, value: object) -> list[T]:
        if not isinstance(value, list):
            raise _wrong_type(name, "a list", value)
        return [item(f"{name}[{index}]", each) for index, each in enumerate(cast(list[object], value))]

    return check


def mapping(item: Check[T]) -> Check[dict[str, T]]:
    """Check a dictionary with strings as keys, and each of its values with `item`."""

    def check(name: str, value: object) -> dict[str, T]:
        if not isinstance(value, dict):
            raise _wrong_type(name, "a dict", value)
        return {
            string(f"each key of {name}", key): item(f"{name}[...]", each)
            for key, each in cast(dict[object, object], value).items()
        }

    return check


def one_of(*checks: Check[Any]) -> Check[Any]:
    """Check with the first of `checks` that takes the value.

    If none takes it, an error counts that is a `ValueError`, or that is of a part of the value.
    """

    def check(name: str, value: object) -> Any:
        errors: list[Exception] = []
        for each in checks:
            try:
                return each(name, value)
            except (TypeError, ValueError) as error:
                errors.append(error)
        for failed in errors:
            if isinstance(failed, ValueError) or not str(failed).startswith(f"{name} must be "):
                raise failed
        needed = " or ".join(str(failed).partition(" must be ")[2].partition(", not ")[0] for failed in errors)
        raise _wrong_type(name, needed, value)

    return check


def deprecated(check: Check[T]) -> Check[T]:
    """Check an argument that is deprecated, and warn if it is given."""

    def check_and_warn(name: str, value: object) -> T:
        if value is not UNSET:
            warn(f"{name} is deprecated")
        return check(name, value)

    return check_and_warn


def optional(check: Check[T]) -> Check[T | Unset]:
    """Check an argument that can be left out."""
    return lambda name, value: UNSET if value is UNSET else check(name, value)


def _wrong_type(name: str, needed: str, value: object) -> TypeError:
    return TypeError(f"{name} must be {needed}, not {type(value).__name__}")
