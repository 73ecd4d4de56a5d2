"""One object for each kind of field: it checks arguments before anything is sent, and decodes what a response has.

A check takes the name and the value of an argument, and returns the value to be sent. It raises a `TypeError` or a
`ValueError` that names the argument and does not show its value, as decoding does. Encoding needs no kind.
"""

from __future__ import annotations

import datetime
import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar, cast
from urllib.parse import quote

from .types import UNSET, Unset

T = TypeVar("T")

_PACKAGE = __name__.partition(".")[0]


class Kind:
    """A kind of field. This one takes anything, and the others take less."""

    def check(self, name: str, value: Any) -> Any:
        """Return an argument as it is sent."""
        return value

    def decode(self, value: Any) -> Any:
        """Return a value of a response as it is in Python."""
        return value


class _Plain(Kind):
    """A kind with a type of its own in Python. Errors call it by its name there, or by the one in JSON."""

    def __init__(
        self,
        kind: type[object] | tuple[type[object], ...],
        in_python: str,
        in_json: str = "",
        *,
        but_not: type[object] | tuple[()] = (),
    ) -> None:
        self._kind = kind
        self._in_python = in_python
        self._in_json = in_json
        self._but_not = but_not

    def takes(self, value: object) -> bool:
        return isinstance(value, self._kind) and not isinstance(value, self._but_not)

    def check(self, name: str, value: Any) -> Any:
        if not self.takes(value):
            raise _wrong_type(name, self._in_python, value)
        return value

    def decode(self, value: Any) -> Any:
        if not self.takes(value):
            raise TypeError(f"{self._in_json} is expected, not {type(value).__name__}")
        return value


class _Integer(_Plain):
    def decode(self, value: Any) -> Any:
        # JSON has one type of number: 200.0 is an integer.
        return super().decode(int(value) if isinstance(value, float) and value.is_integer() else value)


class _Number(_Plain):
    def check(self, name: str, value: Any) -> Any:
        number = super().check(name, value)
        if isinstance(number, float) and not math.isfinite(number):
            raise ValueError(f"{name} must be a finite number")
        return number


class _Date(_Plain):
    def decode(self, value: Any) -> Any:
        return _parse(datetime.date.fromisoformat, "a date", value)


class _DateTime(_Plain):
    def check(self, name: str, value: Any) -> Any:
        moment = super().check(name, value)
        if moment.utcoffset() is None:
            raise TypeError(f"{name} must be a datetime.datetime with a time zone, not a naive one")
        return moment

    def decode(self, value: Any) -> Any:
        return _parse(lambda text: datetime.datetime.fromisoformat(text.upper()), "a date with a time", value)


class _Uuid(Kind):
    # The module takes time to load, and most contracts do not need it.
    def check(self, name: str, value: Any) -> Any:
        from uuid import UUID

        return check_instance(UUID, name, value)

    def decode(self, value: Any) -> Any:
        from uuid import UUID

        return _parse(UUID, "a UUID", value)


ANYTHING: Final = Kind()
STRING: Final = _Plain(str, "a string", "a string")
# In Python a bool is an int, and a datetime a date.
INTEGER: Final = _Integer(int, "an integer", "an integer", but_not=bool)
NUMBER: Final = _Number((int, float), "a number", "a number", but_not=bool)
BOOLEAN: Final = _Plain(bool, "a bool", "a boolean")
NULL: Final = _Plain(type(None), "None", "null")
DATE: Final = _Date(datetime.date, "a datetime.date", but_not=datetime.datetime)
DATE_TIME: Final = _DateTime(datetime.datetime, "a datetime.datetime")
UUID: Final = _Uuid()

_LIST: Final = _Plain(list, "a list", "an array")
_DICT: Final = _Plain(dict, "a dict", "an object")


class Enumeration(Kind):
    """A member of an enum of strings or of integers. A check takes the value of one too."""

    def __init__(self, kind: type[Enum]) -> None:
        self._kind = kind
        self._values = STRING if issubclass(kind, str) else INTEGER

    def check(self, name: str, value: Any) -> Any:
        kind = self._kind.__name__
        if not self._values.takes(value):
            raise _wrong_type(name, f"a {kind} or its value, such as {next(iter(self._kind)).value!r}", value)
        member = next((each for each in self._kind if each.value == value), None)
        if member is None:
            # It can be an address or a token in the wrong place, so the error does not show it.
            problem = "looks like an email address" if "@" in str(value) else f"is not a valid {kind}"
            raise ValueError(f"{name} {problem}; allowed are {', '.join(str(each.value) for each in self._kind)}")
        if member.value in getattr(self._kind, "__deprecated_values__", ()):
            warn(f"the {name} {member.value!r} is deprecated")
        return member

    def decode(self, value: Any) -> Any:
        return self._kind(self._values.decode(value))


class Model(Kind):
    """An object that has a model. A check looks at its fields too."""

    def __init__(self, model: type[Any]) -> None:
        self._model = model

    def check(self, name: str, value: Any) -> Any:
        return check_instance(self._model, name, value).with_checked_fields(f"{name}.")

    def decode(self, value: Any) -> Any:
        return self._model.from_dict(_DICT.decode(value))


class Array(Kind):
    def __init__(self, item: Kind) -> None:
        self._item = item

    def check(self, name: str, value: Any) -> Any:
        return [self._item.check(f"{name}[{index}]", each) for index, each in enumerate(_LIST.check(name, value))]

    def decode(self, value: Any) -> Any:
        return [self._item.decode(each) for each in _LIST.decode(value)]


class Map(Kind):
    """An object whose names are not the contract's."""

    def __init__(self, item: Kind) -> None:
        self._item = item

    def check(self, name: str, value: Any) -> Any:
        return {
            STRING.check(f"each key of {name}", key): self._item.check(f"{name}[...]", each)
            for key, each in _DICT.check(name, value).items()
        }

    def decode(self, value: Any) -> Any:
        return {key: self._item.decode(each) for key, each in _DICT.decode(value).items()}


class OneOf(Kind):
    """A union. The first of its kinds that takes a value counts."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds = kinds

    def check(self, name: str, value: Any) -> Any:
        errors: list[Exception] = []
        for kind in self._kinds:
            try:
                return kind.check(name, value)
            except (TypeError, ValueError) as error:
                errors.append(error)
        # The most specific error: one about a value that is not allowed, or about a part of the value.
        for failed in errors:
            if isinstance(failed, ValueError) or not str(failed).startswith(f"{name} must be "):
                raise failed
        needed = " or ".join(str(failed).partition(" must be ")[2].partition(", not ")[0] for failed in errors)
        raise _wrong_type(name, needed, value)

    def decode(self, value: Any) -> Any:
        for kind in self._kinds[:-1]:
            try:
                return kind.decode(value)
            except (TypeError, ValueError, KeyError):
                continue
        return self._kinds[-1].decode(value)


class Field(NamedTuple):
    """A field of a model, or a parameter of an operation."""

    name: str
    json_name: str
    kind: Kind
    required: bool = True
    read_only: bool = False
    deprecated: bool = False

    def check(self, value: object, within: str = "") -> Any:
        """Return an argument as it is sent. `within` is what an error puts before its name."""
        if self.read_only or (value is UNSET and not self.required):
            return value
        if self.deprecated:
            warn(f"{within}{self.name} is deprecated")
        return self.kind.check(f"{within}{self.name}", value)


class Fields:
    """The fields of a model.

    `additional` is the kind of those that the contract does not name, if it allows any. `absent` is the value of an
    optional field that is absent: `UNSET`, or None in what only responses have.
    """

    def __init__(self, *fields: Field, additional: Kind | None = None, absent: Unset | None = UNSET) -> None:
        self._fields = fields
        self._absent = absent
        self._additional = None if additional is None else Map(additional)

    def check(self, model: T, within: str) -> T:
        """Return a copy of a model with its fields checked, as arguments are."""
        checked: Any = type(model)(
            **{each.name: each.check(getattr(model, each.name), within) for each in self._fields}
        )
        if self._additional is not None:
            name = "additional_properties"
            checked.additional_properties = self._additional.check(f"{within}{name}", getattr(model, name))
        return cast(T, checked)

    def encode(self, model: Any) -> dict[str, Any]:
        """Return the JSON object of a model. A field that is read-only or absent is left out."""
        document: dict[str, Any] = {} if self._additional is None else encode(model.additional_properties)
        for field in self._fields:
            value = getattr(model, field.name)
            if not field.read_only and value is not UNSET and (field.required or value is not self._absent):
                document[field.json_name] = encode(value)
        return document

    def decode(self, model: Callable[..., T], src_dict: Mapping[str, Any]) -> T:
        """Return a model that is read from a JSON object."""
        document = dict(src_dict)
        values: dict[str, Any] = {}
        for each in self._fields:
            if each.required or each.json_name in document:
                value = document.pop(each.json_name)
                try:
                    values[each.name] = each.kind.decode(value)
                except TypeError as error:
                    if each.required or value is not None:  # A server may write null for what it leaves out.
                        raise TypeError(f"{each.json_name}: {error}") from None
                except ValueError as error:
                    raise ValueError(f"{each.json_name}: {error}") from None
        decoded: Any = model(**values)
        if self._additional is not None:
            decoded.additional_properties = self._additional.decode(document)
        return cast(T, decoded)

    def show(self, model: Any, mask: Callable[[object], str]) -> str:
        """Return the `repr` of a model, with each value masked. A field that is absent is left out."""
        absent = (UNSET, self._absent)
        names = [each.name for each in self._fields if each.required or getattr(model, each.name) not in absent]
        if self._additional is not None and model.additional_properties:
            names.append("additional_properties")
        shown = [f"{name}={mask(getattr(model, name))}" for name in names]
        return f"{type(model).__name__}({', '.join(shown)})"


def encode(value: Any) -> Any:
    """Return a value as it is in JSON."""
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
    # By its name, as loading the module takes time.
    return str(value) if any(kind.__name__ == "UUID" for kind in type(value).__mro__) else value


def as_text(value: Any) -> str:
    """Return an argument as it is in a path or a header."""
    encoded = encode(value)
    return str(encoded).lower() if isinstance(encoded, bool) else str(encoded)


def path_segment(value: Any) -> str:
    """Return an argument as a segment of a path.

    Raises:
        ValueError: It would lead to another path.
    """
    segment = as_text(value)
    if segment in ("", ".", ".."):
        raise ValueError(f"{segment!r} cannot be in a path")
    return quote(segment, safe="")


def check_instance(kind: type[T], name: str, value: object) -> T:
    """Return an argument that is an object of a class."""
    if not isinstance(value, kind):
        raise _wrong_type(name, f"a {kind.__name__}", value)
    return value


def warn(message: str) -> None:
    """Warn of a deprecation, at the line outside of this package that led here."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == _PACKAGE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, DeprecationWarning, stacklevel=level + 1)


def _parse(parse: Callable[[str], T], expected: str, value: object) -> T:
    """Parse a string of a response. The library's own error would quote it."""
    text = STRING.decode(value)
    try:
        return parse(text)
    except ValueError:
        pass
    raise ValueError(f"{expected} is expected")


def _wrong_type(name: str, needed: str, value: object) -> TypeError:
    return TypeError(f"{name} must be {needed}, not {type(value).__name__}")
