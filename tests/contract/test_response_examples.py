"""Every named example of a response of `sendEmail`, decoded and encoded as in the client."""

from typing import Any

import pytest
from genauth_email import SendEmailRespDto
from genauth_email.api.email.send_email import OPERATION

from .facts import EXAMPLES, FAILURES, SENT


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_response_survives_decoding_and_encoding(name: str) -> None:
    example = EXAMPLES[name]
    failed = example["statusCode"] != 200
    model: Any = (OPERATION.failure_model if failed else None) or OPERATION.response_model
    assert model.from_dict(example).to_dict() == example


def test_unknown_fields_survive() -> None:
    response = {**SENT, "data": {"nested": [1, None, "x"]}, "": False}
    decoded = SendEmailRespDto.from_dict(response)
    assert decoded.additional_properties == {"data": {"nested": [1, None, "x"]}, "": False}
    assert decoded.to_dict() == response


def test_there_is_an_example_of_each_status_code_with_and_without_an_api_code() -> None:
    shapes = {(value["statusCode"], "apiCode" in value) for value in EXAMPLES.values()}
    assert shapes == {(200, False)} | {(code, has) for code in FAILURES for has in (True, False)}
