"""The enums of the contract and of the generated package are the same."""

import inspect
from enum import Enum
from typing import get_args

import genauth_email
import pytest
from genauth_email.models import channel, lang

from .facts import FAILURES, SCHEMAS

ENUMS = [name for name, schema in SCHEMAS.items() if "enum" in schema]


@pytest.mark.parametrize("name", ENUMS)
def test_an_enum_has_the_values_of_the_contract_in_its_order_with_their_explanations(name: str) -> None:
    generated: type[Enum] = getattr(genauth_email, name)
    assert [member.value for member in generated] == SCHEMAS[name]["enum"]
    explained = {str(member.value): member.__doc__ for member in generated}
    assert explained.items() >= SCHEMAS[name].get("x-enumDescriptions", {}).items()


@pytest.mark.parametrize("name", ["StatusCode", "ApiCode"])
def test_a_member_has_the_name_of_the_contract(name: str) -> None:
    names = [member.name.replace("_", "") for member in getattr(genauth_email, name)]
    assert names == [var_name.upper() for var_name in SCHEMAS[name]["x-enum-varnames"]]


def test_the_plain_strings_that_type_check_are_the_members() -> None:
    assert list(get_args(channel.ChannelLiteral)) == SCHEMAS["Channel"]["enum"]
    assert list(get_args(lang.LangLiteral)) == SCHEMAS["Lang"]["enum"]


@pytest.mark.parametrize("code", FAILURES)
def test_an_error_class_explains_its_status_code(code: int) -> None:
    error = getattr(genauth_email, FAILURES[code])
    assert inspect.getdoc(error) == f"{code}: {SCHEMAS['StatusCode']['x-enumDescriptions'][str(code)]}"
