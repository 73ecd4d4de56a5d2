"""Between JSON and Python: decoding checks what came, encoding writes what is sent.

Each decoder returns its argument as the type that its name says, or raises a `TypeError` or a `ValueError`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from uuid import UUID

T = TypeVar("T")


def string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a string is expected, not {type(value).__name__}")
    return value


def integer(value: object) -> int:
    # JSON has one type of number: 200.0 is an integer, and `true` is none, although it is an int in Python.
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
        raise TypeError(f"an integer is expected, not {type(value).__name__}")
    return int(value)


def number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a number is expected, not {type(value).__name__}")
    return value


def boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"a boolean is expected, not {type(value).__name__}")
    return value


def null(value: object) -> None:
    if value is not None:
        raise TypeError(f"null is expected, not {type(value).__name__}")


def anything(value: Any) -> Any:
    return value


def date(value: object) -> datetime.date:
    return datetime.date.fromisoformat(string(value))


def date_time(value: object) -> datetime.datetime:
    return datetime.datetime.fromisoformat(string(value))


def uuid(value: object) -> UUID:
    from uuid import UUID

    return UUID(string(value))


def array(item: Callable[[Any], T]) -> Callable[[object], list[T]]:
    """Decode a list, and each of its items with `item`."""

    def decode(value: object) -> list[T]:
        if not isinstance(value, list):
            raise TypeError(f"an array is expected, not {type(value).__name__}")
        return [item(element) for element in cast(list[object], value)]

    return decode


def mapping(item: Callable[[Any], T]) -> Callable[[object], dict[str, T]]:
    """Decode an object whose names are not the contract's, and each of its values with `item`."""

    def decode(value: object) -> dict[str, T]:
        if not isinstance(value, dict):
            raise TypeError(f"an object is expected, not {type(value).__name__}")
        return {name: item(element) for name, element in cast(dict[str, object], value).items()}

    return decode


def integer_enum(kind: Callable[[int], T]) -> Callable[[object], T]:
    """Decode a member of an enum of integers. `true` is none, although it is 1 in Python."""
    return lambda value: kind(integer(value))


def one_of(*decoders: Callable[[Any], Any]) -> Callable[[object], Any]:
    """Decode with the first of `decoders` that takes the value."""

    def decode(value: object) -> Any:
        for decoder in decoders[:-1]:
            try:
                return decoder(value)
            except (TypeError, ValueError, KeyError):
                continue
        return decoders[-1](value)

    return decode


def encode(value: Any) -> Any:
    """Return what a DTO's field is in JSON."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, list):
        return [encode(item) for item in cast(list[object], value)]
    if isinstance(value, dict):
        return {name: encode(item) for name, item in cast(dict[str, object], value).items()}
    if hasattr(value, "to_dict"):
        return value.to_dict()
    # By its name: to load the module takes time, and most contracts have none.
    return str(value) if any(kind.__name__ == "UUID" for kind in type(value).__mro__) else value


def as_text(value: Any) -> str:
    """Return what an argument is in a path or a header."""
    encoded = encode(value)
    return str(encoded).lower() if isinstance(encoded, bool) else str(encoded)


def path_segment(value: Any) -> str:
    """Return what an argument is as a segment of a path.

    Raises:
        ValueError: It would lead to another path.
    """
    segment = as_text(value)
    if segment in ("", ".", ".."):
        raise ValueError(f"{segment!r} cannot be in a path")
    return quote(segment, safe="")
