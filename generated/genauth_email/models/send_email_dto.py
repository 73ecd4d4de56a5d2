from __future__ import annotations

from collections.abc import Mapping
from functools import cache as _cache
from typing import Any, Self

from attrs import define as _attrs_define

from .._runtime import fields as _fields
from .._runtime import redaction as _redaction
from ..models.channel import Channel


@_attrs_define
class SendEmailDto:
    """Which email to send, and to whom."""

    channel: Channel
    """What the email is for."""

    email: str
    """The address of the mailbox, compared without regard to case. The server decides which addresses
    it accepts, and refuses the others with `statusCode` 400."""

    def with_checked_fields(self, within: str = "") -> Self:
        """Return a copy with its fields checked, as arguments are. Each call does this.

        Args:
            within: What an error puts before the name of a field.

        Raises:
            TypeError: A field is of a wrong type.
            ValueError: A field has a value that is not allowed.
        """
        return _table().check(self, within)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that this is, with the contract's names."""
        return _table().encode(self)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read a JSON object with the contract's names.

        Raises:
            KeyError: A required field is missing.
            TypeError: A field is of a wrong type.
            ValueError: A field has a value that the contract does not allow.
        """
        return _table().decode(cls, src_dict)

    def __repr__(self) -> str:
        return _table().show(self, _redaction.mask)


@_cache
def _table() -> _fields.Fields:
    return _fields.Fields(
        _fields.Field("channel", "channel", _fields.Enumeration(Channel)),
        _fields.Field("email", "email", _fields.STRING),
    )
