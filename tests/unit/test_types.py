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


@pytest.mark.parametrize(
    ("request_id", "shown"),
    [
        ("934108e5-9fbf-4d24-8da1-c330328abd6c", True),
        ("r-1", True),
        ("a" * 64, True),
        ("", False),
        ("a" * 65, False),
        ("r 1", False),
        ("r-1\n", False),
        ("r-é", False),
        ("test@example.com", False),
        # Eight consecutive letters or digits of the token, in any spelling.
        ("x-S3cret-toKen-x", False),
        ("s3-cretto", False),
        ("en", False),
        ("s3cret", False),
        ("s3cret-x-token", True),
    ],
)
def test_request_id_is_shown_if_it_is_plausible_and_shares_nothing_with_the_token(request_id: str, shown: bool) -> None:
    request = Request("POST", URL, RequestDto("test@example.com"), "s3cret-token")
    assert request.show_id(request_id) == (request_id if shown else "***")


def test_request_id_is_shown_without_a_token() -> None:
    assert Request("POST", URL).show_id("s3cret") == "s3cret"


class Color(Enum):
    RED = "red"
    BLUE = "blue"


def test_enum_members_have_their_explanations() -> None:
    explain(Color, {"red": "Like a tomato."})
    assert (Color.RED.__doc__, explanation_of(Color.RED)) == ("Like a tomato.", "Like a tomato.")
    assert explanation_of(Color.BLUE) == explanation_of("red") == explanation_of(None) == ""
