"""The fields that all failures share, whatever a success has."""

from collections.abc import Mapping
from typing import Any, Self

import pytest
from attrs import frozen

from runtime.failure import Failure, read_failure

WHOLE = {"statusCode": 404, "message": "None.", "apiCode": 2004, "requestId": "r-1"}


@frozen
class Dto:
    """A response model with an optional number `data`."""

    status_code: int
    message: str
    data: int | None = None

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        if "data" in src_dict and not isinstance(src_dict["data"], int):
            raise TypeError("data")
        return cls(src_dict["statusCode"], src_dict["message"], src_dict.get("data"))


def test_a_failure_survives_decoding_and_encoding() -> None:
    failure = Failure.from_dict(WHOLE)
    assert failure == Failure(404, "None.", 2004, "r-1")
    assert failure.to_dict() == WHOLE


@pytest.mark.parametrize("more", [{}, {"apiCode": None, "requestId": None, "data": {"a": 1}}])
def test_missing_fields_of_a_failure_are_none(more: dict[str, object]) -> None:
    failure = Failure.from_dict({"statusCode": 404, "message": ""} | more)
    assert (failure.api_code, failure.request_id) == (None, None)
    assert failure.to_dict() == {"statusCode": 404, "message": ""}
    assert repr(failure) == "Failure(status_code=404, message=***)"


@pytest.mark.parametrize("wrong", [{"statusCode": "404"}, {"message": None}, {"apiCode": "E1"}, {"requestId": 7}])
def test_the_shared_fields_of_failures_must_be_valid(wrong: dict[str, object]) -> None:
    for model in (Failure, Dto):
        with pytest.raises(TypeError):
            read_failure(model, WHOLE | wrong)


def test_a_failure_is_read_as_the_model_if_it_fits() -> None:
    assert read_failure(Dto, WHOLE | {"data": 7}) == Dto(404, "None.", 7)
    assert read_failure(Dto, WHOLE | {"data": None}) == Dto(404, "None.")
