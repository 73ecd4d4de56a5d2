from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import types as _types
from ..models.api_code import ApiCode
from ..models.status_code import StatusCode
from ..types import UNSET, Unset


@_attrs_define
class SendEmailRespDto:
    """What the API answers, for a success and for a failure alike. `statusCode` tells which.

    Attributes:
        status_code: How the operation ended. 200 is success; any other number, listed or not, is a failure.
        message: What happened, for people, in the language asked for. May be empty.
        api_code: The business reason of a failure, where there is one, listed or not. Never present on success.
        request_id: The server's id of the request, to be quoted to the vendor's support. Not always present.
    """

    status_code: int | StatusCode = _attrs_field(repr=_types.with_addresses_masked)
    message: str = _attrs_field(repr=_types.with_addresses_masked)
    api_code: ApiCode | int | Unset = _attrs_field(default=UNSET, repr=_types.with_addresses_masked)
    request_id: str | Unset = _attrs_field(default=UNSET, repr=_types.with_addresses_masked)
    additional_properties: dict[str, Any] = _attrs_field(
        init=False, factory=dict, repr=_types.with_addresses_masked
    )
    """The fields that the contract does not name."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that this is, with the contract's names."""
        field_dict: dict[str, Any] = {
            **self.additional_properties,
            "statusCode": _types.encode(self.status_code),
            "message": _types.encode(self.message),
        }
        if self.api_code is not UNSET:
            field_dict["apiCode"] = _types.encode(self.api_code)
        if self.request_id is not UNSET:
            field_dict["requestId"] = _types.encode(self.request_id)
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
        answer = cls(
            status_code=_types.one_of(StatusCode, _types.integer)(d.pop("statusCode")),
            message=_types.string(d.pop("message")),
            api_code=_types.one_of(ApiCode, _types.integer)(d.pop("apiCode")) if "apiCode" in d else UNSET,
            request_id=_types.string(d.pop("requestId")) if "requestId" in d else UNSET,
        )
        answer.additional_properties = d
        return answer
