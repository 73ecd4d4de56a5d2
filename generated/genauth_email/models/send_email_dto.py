from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import types as _types
from ..models.channel import Channel


@_attrs_define
class SendEmailDto:
    """Which email to send, and to whom.

    Attributes:
        channel: What the email is for.
        email: The address of the mailbox, compared without regard to case. Which addresses are accepted is for the
            server to say: it refuses the others with `statusCode` 400.
    """

    channel: Channel = _attrs_field(repr=_types.masked)
    email: str = _attrs_field(repr=_types.masked)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that this is, with the contract's names."""
        field_dict: dict[str, Any] = {
            "channel": _types.encode(self.channel),
            "email": _types.encode(self.email),
        }
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read a JSON object with the contract's names.

        Raises:
            KeyError: A required field is missing.
            TypeError: A field is of a wrong type.
            ValueError: A field has a value that the contract does not allow.
        """
        d = dict(src_dict)
        return cls(
            channel=Channel(d.pop("channel")),
            email=_types.string(d.pop("email")),
        )
