from enum import Enum

import pytest

from runtime.types import UNSET, Request, explain, explanation_of

from .specification import RequestDto

URL = "https://example.genauth.ai/tea"


def test_unset_is_false_and_shows_as_its_name() -> None:
    assert not UNSET
    assert repr(UNSET) == str(UNSET) == "UNSET"


def test_request_is_one_line_without_the_access_token() -> None:
    request = Request("POST", URL, RequestDto("test@example.com"), "s3cret-token")
    assert str(request) == f"POST {URL} RequestDto(email='t***@example.com')"
    assert "s3cret" not in repr(request)
    assert str(Request("GET", URL)) == f"GET {URL}"


@pytest.mark.parametrize("request_id", ["934108e5-9fbf-4d24-8da1-c330328abd6c", "r-1", "a" * 64, "s3cret-x-token"])
def test_request_id_is_shown(request_id: str) -> None:
    assert Request("POST", URL, access_token="s3cret-token").show_id(request_id) == request_id
    assert Request("POST", URL).show_id(request_id) == request_id


@pytest.mark.parametrize("request_id", ["", "a" * 65, "r 1", "r-1\n", "r-é", "test@example.com", "x-S3cret-toKen-x"])
def test_request_id_is_not_shown_if_it_is_implausible_or_shares_text_with_the_token(request_id: str) -> None:
    assert Request("POST", URL, access_token="s3cret-token").show_id(request_id) == "***"


class Color(Enum):
    RED = "red"
    BLUE = "blue"


def test_enum_members_have_their_explanations() -> None:
    explain(Color, {"red": "Like a tomato."})
    assert (Color.RED.__doc__, explanation_of(Color.RED)) == ("Like a tomato.", "Like a tomato.")
    assert explanation_of(Color.BLUE) == explanation_of("red") == explanation_of(None) == ""
