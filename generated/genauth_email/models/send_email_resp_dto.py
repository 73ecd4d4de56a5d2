from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .._runtime import redaction as _redaction
from .._runtime import serialization as _json
from ..models.api_code import ApiCode
from ..models.status_code import StatusCode
from ..types import UNSET, Unset


@_attrs_define
class SendEmailRespDto:
    """The response of the API, for a success and for a failure alike. `statusCode` tells which."""

    status_code: int | StatusCode = _attrs_field(repr=_redaction.mask_addresses)
    """How the operation ended. 200 is success; any other number, listed or not, is a failure."""

    message: str = _attrs_field(repr=_redaction.mask_addresses)
    """What happened, for people, in the language asked for. May be empty."""

    api_code: ApiCode | int | Unset = _attrs_field(default=UNSET, repr=_redaction.mask_addresses)
    """The business reason of a failure, where there is one, listed or not. Never present on success."""

    request_id: str | Unset = _attrs_field(default=UNSET, repr=_redaction.mask_addresses)
    """The server's id of the request, to be quoted to the vendor's support. Not always present."""

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict, repr=_redaction.mask_addresses)
    """The fields that the contract does not name."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that this is, with the contract's names."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "statusCode": _json.encode(self.status_code),
            "message": _json.encode(self.message),
        }
        if self.api_code is not UNSET:
            field_dict["apiCode"] = _json.encode(self.api_code)
        if self.request_id is not UNSET:
            field_dict["requestId"] = _json.encode(self.request_id)
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
        model = cls(
            status_code=_json.one_of(_json.integer_enum(StatusCode), _json.integer)(d.pop("statusCode")),
            message=_json.string(d.pop("message")),
            api_code=_json.one_of(_json.integer_enum(ApiCode), _json.integer)(d.pop("apiCode"))
            if "apiCode" in d
            else UNSET,
            request_id=_json.string(d.pop("requestId")) if "requestId" in d else UNSET,
        )
        model.additional_properties = d
        return model
