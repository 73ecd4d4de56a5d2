import copy
import pickle
from enum import Enum
from typing import Self

import pytest
from attrs import frozen

from runtime.types import UNSET, Request

from .specification import RequestDto

URL = "https://example.genauth.ai/tea"


def test_there_is_one_unset_and_it_is_false() -> None:
    assert copy.deepcopy(UNSET) is UNSET
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET
    assert not UNSET
    assert repr(UNSET) == str(UNSET) == "UNSET"


def test_request_is_one_line_without_the_access_token() -> None:
    request = Request("POST", URL, RequestDto("test@example.com"), "s3cret-token")
    assert str(request) == f"POST {URL} RequestDto(email='t***@example.com')"
    assert "s3cret" not in repr(request)
    assert str(Request("GET", URL)) == f"GET {URL}"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("test@example.com is blocked", "t***@example.com is blocked"),
        ("TEST@EXAMPLE.COM is blocked", "t***@example.com is blocked"),
        ("the token s3cret-token", "the token ***"),
        ("one\r\ntwo\u2028three", "one two three"),
        ("other@example.com is", "other@example.com is"),
    ],
)
def test_what_the_server_says_is_redacted(text: str, redacted: str) -> None:
    assert Request("POST", URL, RequestDto("test@example.com"), "s3cret-token").redact(text) == redacted


def test_values_of_one_or_two_characters_are_left_as_they_are() -> None:
    assert Request("POST", URL, RequestDto("ab"), "cd").redact("ab cd") == "ab cd"


def test_values_are_texts_and_no_expressions() -> None:
    request = Request("POST", URL, RequestDto(r"\1.*@example.com"))
    assert request.redact(r"abc \1.*@example.com") == r"abc \***@example.com"


class Color(str, Enum):  # noqa: UP042  As the generator writes them.
    RED = "CHANNEL_RED"


@frozen
class Body:
    color: Color
    size: int

    def with_checked_fields(self, within: str = "") -> Self:
        return self

    def to_dict(self) -> dict[str, object]:
        return {}


def test_members_of_enums_are_no_secrets() -> None:
    assert Request("POST", URL, Body(Color.RED, 1234)).redact("CHANNEL_RED 1234") == "CHANNEL_RED 1234"
