"""What every failure of the API has, whatever a success of the same operation has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .fields import INTEGER, STRING, Field, Fields
from .models import BaseModel
from .types import ResponseT, Value


class Failure(BaseModel, Value):
    """A failure of an operation whose response model requires more than a failure has.

    Attributes:
        status_code: How the operation ended. It is not 200.
        message: What happened, for people, in the language asked for. May be empty.
        api_code: The business reason of a failure, where there is one.
        request_id: The server's id of the request. Not always present.
    """

    def __init__(
        self, status_code: int, message: str, api_code: int | None = None, request_id: str | None = None
    ) -> None:
        self.status_code = status_code
        self.message = message
        self.api_code = api_code
        self.request_id = request_id

    @staticmethod
    def _describe_fields() -> Fields:
        return Fields(
            Field("status_code", "statusCode", INTEGER),
            Field("message", "message", STRING),
            Field("api_code", "apiCode", INTEGER, required=False),
            Field("request_id", "requestId", STRING, required=False),
            absent=None,
        )


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
