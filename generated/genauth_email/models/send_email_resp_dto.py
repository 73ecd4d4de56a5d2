from __future__ import annotations

from typing import Any

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .._runtime import fields as _fields
from .._runtime import models as _models
from ..models.api_code import ApiCode
from ..models.status_code import StatusCode


@_attrs_define(repr=False)
class SendEmailRespDto(_models.BaseModel):
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

    @staticmethod
    def _describe_fields() -> _fields.Fields:
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
