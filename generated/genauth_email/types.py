"""What the models, the endpoint functions and the clients share."""

import datetime
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol, Self, TypeVar, cast
from urllib.parse import quote

from attrs import AttrsInstance, field, fields, frozen

if TYPE_CHECKING:
    from uuid import UUID


class Unset(Enum):
    """The type of `UNSET`. An enum, so that there is one `UNSET` also after `pickle` and `copy.deepcopy`."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    __str__ = __repr__


UNSET: Final = Unset.UNSET
"""The value of an optional field that is absent, or of an argument that is left out."""


class RequestBody(AttrsInstance, Protocol):
    """The DTO of a request."""

    def to_dict(self) -> dict[str, Any]: ...


class Answer(Protocol):
    """The DTO of an answer."""

    @property
    def status_code(self) -> int: ...

    @property
    def message(self) -> str: ...

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self: ...


T = TypeVar("T")
AnswerT = TypeVar("AnswerT", bound=Answer)
AnswerT_co = TypeVar("AnswerT_co", bound=Answer, covariant=True)


@frozen
class Request:
    """What was asked.

    Attributes:
        method: The HTTP method.
        url: The absolute URL.
        body: The DTO that was sent, if any.
        access_token: The access token that was sent, if any.
    """

    method: str
    url: str
    body: RequestBody | None = None
    access_token: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """One line for people, with nothing in it that would identify the user: so is the `repr` of a request's DTO."""
        return f"{self.method} {self.url}" + (f" {self.body!r}" if self.body is not None else "")

    def hide(self, text: str) -> str:
        """Return `text`, which came from the server, on one line and with what identifies the user masked."""
        text = on_one_line(text)
        if self.access_token is not None and len(self.access_token) > 2:
            text = text.replace(self.access_token, "***")
        if self.body is not None:
            for value in (getattr(self.body, each.name) for each in fields(type(self.body))):
                if isinstance(value, str) and not isinstance(value, Enum) and len(value) > 2:
                    text = re.sub(
                        re.escape(value), masked(value).replace("\\", r"\\"), text, flags=re.IGNORECASE
                    )
        return text


@frozen
class Response(Generic[AnswerT_co]):
    """An answer of the API, be it a success or a failure.

    Attributes:
        request: What was asked.
        status_code: The HTTP status. It is 200 also when the operation failed: see `parsed.status_code`.
        headers: The HTTP headers; their names are compared without regard to case.
        content: The body, decompressed.
        parsed: The body as a DTO.
    """

    request: Request
    status_code: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    parsed: AnswerT_co


def on_one_line(text: str) -> str:
    """`text`, which came from outside, with nothing in it that could begin a new line in a log."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text)


def masked(value: object) -> str:
    """`value` as errors, logs and `repr` show it: a member of a vocabulary whole, a text by its first letter and,
    of an email address, its domain."""
    if isinstance(value, Enum):
        return str(value)
    text = on_one_line(str(value))
    _, at, domain = text.rpartition("@")
    return f"{text[:1]}***{at}{domain if at else ''}"


def with_addresses_masked(value: object) -> str:
    """The `repr` of `value`, which came from the server, with the email addresses in it masked."""
    # From the start of a word on, so that each is looked at once, however long it is.
    return re.sub(r"(?<![^\s@])([^\s@])[^\s@]*@", r"\1***@", repr(value))


# Decoding: each function returns its argument as the type that its name says, or raises a TypeError or a ValueError.


def string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a string is expected, not {type(value).__name__}")
    return value


def integer(value: object) -> int:
    # JSON has one type of number: 200.0 is an integer, and `true` is none, although it is an int in Python.
    if isinstance(value, bool) or not (
        isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    ):
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


def uuid(value: object) -> "UUID":
    from uuid import UUID

    return UUID(string(value))


def array(item: Callable[[Any], T]) -> Callable[[object], list[T]]:
    """Decode a list, and each of its items with `item`."""

    def decode(value: object) -> list[T]:
        if not isinstance(value, list):
            raise TypeError(f"an array is expected, not {type(value).__name__}")
        return [item(element) for element in cast(list[object], value)]

    return decode


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
