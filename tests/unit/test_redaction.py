from enum import Enum
from traceback import walk_tb
from types import FunctionType
from typing import Any

import pytest

from runtime.redaction import error_chain, hide_text, mask, on_one_line, redact_traceback, share_text


class Color(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("test@example.com", "t***@example.com"),
        ("ab@c@example.com", "a***@example.com"),
        ("@example.com", "@***@example.com"),
        ("13800000000", "1***"),
        ("", "***"),
        ("test@bücher.example", "t***@bücher.example"),
        ("test@exa\nmple.com", "t***"),
        ("\ntest@example.com", " ***@example.com"),
        (12345, "***"),
        (["test@example.com"], "***"),
        (Color.RED, "Color.RED"),
    ],
)
def test_mask_shows_the_first_letter_and_the_domain(value: object, shown: str) -> None:
    assert mask(value) == shown


def test_text_from_outside_is_put_on_one_line() -> None:
    assert on_one_line("ü\r\n\tb\x1b[31mc\x85d\u2028e\u2029é") == "ü b [31mc d e é"


def test_only_numbers_of_a_response_are_shown() -> None:
    assert [hide_text(value) for value in (7, 1.5, True, None)] == ["7", "1.5", "True", "None"]
    assert [hide_text(value) for value in ("r-1", "", ["a"])] == ["***"] * 3


@pytest.mark.parametrize(
    ("one", "other", "shares"),
    [
        ("abcdefgh", "abcdefgh", True),
        ("xabcdefghx", "yABC-def.GHy", True),
        ("abcdefgx", "abcdefgh", False),
        ("abc", "xabcx", True),
        ("abc", "ab", True),
        ("abc", "", False),
        ("", "", False),
        ("---", "abc", False),
    ],
)
def test_texts_share_eight_letters_in_a_row_or_all_of_the_shorter_one(one: str, other: str, shares: bool) -> None:
    assert share_text(one, other) is share_text(other, one) is shares


def test_error_chain_has_causes_contexts_and_members_of_groups_each_once() -> None:
    cause, context, member = OSError("cause"), KeyError("context"), ValueError("member")
    group = ExceptionGroup("group", [member])
    group.__cause__, group.__context__ = cause, context
    context.__context__ = cause
    cause.__context__ = group  # A cycle.
    chain = list(error_chain(group))
    assert len(chain) == 4
    assert {id(each) for each in chain} == {id(each) for each in (group, cause, context, member)}
    assert chain[0] is group


def test_error_chain_ends_at_the_error_that_the_user_was_handling() -> None:
    users, before = KeyError("of the user"), OSError("before it")
    error = ValueError("ours")
    error.__context__, users.__context__ = users, before
    assert list(error_chain(error, until=users)) == [error]
    assert list(error_chain(None)) == []


def local_variables(error: BaseException) -> list[str]:
    """Return the local variables in all frames except the test's own."""
    return [
        repr(value)
        for each in error_chain(error)
        for frame, _ in walk_tb(each.__traceback__)
        if not frame.f_code.co_name.startswith("test_")
        for value in frame.f_locals.values()
    ]


def fail(secret: str) -> None:
    raise ValueError("it failed")


def wrap(secret: str) -> None:
    try:
        fail(secret)
    except ValueError as error:
        raise OSError("it failed") from error


def wrap_in(module: str) -> Any:
    """Return `wrap` as if it and what it calls were in another module."""
    names: dict[str, Any] = {"__name__": module, "__builtins__": __builtins__}
    for each in (fail, wrap):
        names[each.__name__] = FunctionType(each.__code__, names)
    return names["wrap"]


@pytest.mark.parametrize(
    ("module", "shows"),
    [
        *((module, False) for module in ("runtime", "runtime.client", "httpcore._sync.connection", "json.decoder")),
        *((module, True) for module in ("theirs.hooks", "runtimes", "my.runtime")),
    ],
)
def test_traceback_hides_local_variables_of_ours_and_of_the_http_libraries(module: str, shows: bool) -> None:
    with pytest.raises(OSError, match="it failed") as caught:
        redact_traceback(wrap_in(module))("s3cret")
    assert caught.traceback[-1].name == "wrap"
    # From `wrap`, where it called and where it raised, and from `fail`.
    assert local_variables(caught.value).count("'s3cret'") == (3 if shows else 0)
