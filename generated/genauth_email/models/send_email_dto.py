from __future__ import annotations

from attrs import define as _attrs_define

from .._runtime import fields as _fields
from .._runtime import models as _models
from ..models.channel import Channel


@_attrs_define(repr=False)
class SendEmailDto(_models.BaseRequestModel):
    """Which email to send, and to whom."""

    channel: Channel
    """What the email is for."""

    email: str
    """The address of the mailbox, compared without regard to case. The server decides which addresses
    it accepts, and refuses the others with `statusCode` 400."""

    @staticmethod
    def _describe_fields() -> _fields.Fields:
        return _fields.Fields(
            _fields.Field("channel", "channel", _fields.Enumeration(Channel)),
            _fields.Field("email", "email", _fields.STRING),
        )
