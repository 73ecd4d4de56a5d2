from __future__ import annotations

from collections.abc import Mapping
from functools import cache as _cache
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .._runtime import fields as _fields
from .._runtime import redaction as _redaction
from ..models.api_code import ApiCode
from ..models.status_code import StatusCode


@_attrs_define
class SendEmailRespDto:
    """The response of the API, for a success and for a failure alike. `statusCode` tells which."""

    status_code: int | StatusCode
    """How the operation ended. 200 is success; any other number, listed or not, is a failure."""

    message: str
    """What happened, for people, in the language asked for. May be empty."""

    api_code: ApiCode | int | None = None
    """The business reason of a failure, where there is one, listed or not. Never present on success."""

    request_id: str | None = None
    """The server's id of the request, to be quoted to the vendor's support. Not always present."""

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)
    """The fields that the contract does not name."""

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
        return _table().show(self, _redaction.hide_text)


@_cache
def _table() -> _fields.Fields:
    return _fields.Fields(
        _fields.Field("status_code", "statusCode", _fields.OneOf(_fields.Enumeration(StatusCode), _fields.INTEGER)),
        _fields.Field("message", "message", _fields.STRING),
        _fields.Field(
            "api_code", "apiCode", _fields.OneOf(_fields.Enumeration(ApiCode), _fields.INTEGER), required=False
        ),
        _fields.Field("request_id", "requestId", _fields.STRING, required=False),
        additional=_fields.ANYTHING,
        absent=None,
    )
