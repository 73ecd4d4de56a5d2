"""A contract for tests of the runtime, which gets the contract's facts as values."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any, Self

from attrs import frozen

from runtime.errors import APIError
from runtime.types import Operation, Specification, explain


class Lang(StrEnum):
    EN = "en-US"
    ZH = "zh-CN"


class ApiCode(IntEnum):
    NO_WATER = 2333


explain(ApiCode, {2333: "There is no water."})


@frozen
class RequestDto:
    """A request body. As in generated models, its `repr` shows no address."""

    email: str

    def with_checked_fields(self, within: str = "") -> Self:
        return self

    def to_dict(self) -> dict[str, Any]:
        return {"email": self.email}

    def __repr__(self) -> str:
        return "RequestDto(email='t***@example.com')"


@frozen
class ResponseDto:
    """A response body."""

    status_code: int
    message: str
    api_code: int | None = None
    request_id: str | None = None

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        if not isinstance(src_dict["message"], str):
            raise TypeError("message: a string is expected")
        return cls(int(src_dict["statusCode"]), src_dict["message"], src_dict.get("apiCode"), src_dict.get("requestId"))


class TeapotError(APIError):
    """The error for a documented code."""


SPECIFICATION = Specification(
    package="teapot",
    version="1.2.3",
    default_host="https://default.genauth.ai",
    header_names={
        "app_id": "x-app-id",
        "access_token": "x-access-token",
        "lang": "x-lang",
        "real_ip": "x-real-ip",
    },
    fixed_headers={"x-from": "sdk"},
    environment={
        "app_id": "TEAPOT_APP_ID",
        "app_host": "TEAPOT_APP_HOST",
        "access_token": "TEAPOT_ACCESS_TOKEN",
        "lang": "TEAPOT_LANG",
    },
    lang=Lang,
    errors={418: TeapotError},
    paths=("/tea",),
)

OPERATION = Operation("POST", "/tea", ResponseDto)

DEDUPLICATED = Operation("POST", "/tea", ResponseDto, deduplication_interval=60.0)
"""An operation that the server carries out at most once a minute."""
