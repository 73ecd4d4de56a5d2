"""What every failure of the API has, whatever a success of the same operation has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

from attrs import field, frozen

from .fields import INTEGER, STRING, Field, Fields
from .redaction import hide_text
from .types import ResponseT

_FIELDS: Final = Fields(
    Field("status_code", "statusCode", INTEGER),
    Field("message", "message", STRING),
    Field("api_code", "apiCode", INTEGER, required=False),
    Field("request_id", "requestId", STRING, required=False),
    absent=None,
)


@frozen
class Failure:
    """A failure of an operation whose response model requires more than a failure has."""

    status_code: int
    """How the operation ended. It is not 200."""

    message: str = field(repr=hide_text)
    """What happened, for people, in the language asked for. May be empty."""

    api_code: int | None = None
    """The business reason of a failure, where there is one."""

    request_id: str | None = field(default=None, repr=hide_text)
    """The server's id of the request. Not always present."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that this is, with the contract's names."""
        return _FIELDS.encode(self)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read a JSON object. What failures do not share is left out.

        Raises:
            KeyError: The `statusCode` or the `message` is missing.
            TypeError: A field is of a wrong type.
        """
        return _FIELDS.decode(cls, src_dict)


def read_failure(model: type[ResponseT], document: Mapping[str, Any]) -> ResponseT:
    """Read a failure as `model`, which requires no more than failures share.

    Raises:
        KeyError: The `statusCode` or the `message` is missing.
        TypeError: What failures share is of a wrong type.
    """
    failure = Failure.from_dict(document)
    try:
        return model.from_dict(document)
    except (KeyError, TypeError, ValueError):
        # What only a success has is of a wrong type, such as `"data": null`.
        return model.from_dict(failure.to_dict())
