from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .._runtime import arguments as _check
from .._runtime import redaction as _redaction
from .._runtime import serialization as _json
from ..models.channel import Channel


@_attrs_define
class SendEmailDto:
    """Which email to send, and to whom."""

    channel: Channel = _attrs_field(repr=_redaction.mask)
    """What the email is for."""

    email: str = _attrs_field(repr=_redaction.mask)
    """The address of the mailbox, compared without regard to case. Which addresses are accepted is for the
    server to say: it refuses the others with `statusCode` 400."""

    def with_checked_fields(self, within: str = "") -> Self:
        """Return a copy with its fields checked, as arguments are. Each call does this.

        Args:
            within: What an error puts before the name of a field.

        Raises:
            TypeError: A field is of a wrong type.
            ValueError: A field has a value that is not allowed.
        """
        return type(self)(
            channel=_check.enum(Channel)(f"{within}channel", self.channel),
            email=_check.string(f"{within}email", self.email),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that this is, with the contract's names."""
        field_dict: dict[str, Any] = {"channel": _json.encode(self.channel), "email": _json.encode(self.email)}
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
        return cls(channel=Channel(d.pop("channel")), email=_json.string(d.pop("email")))
