import asyncio
import inspect
from collections.abc import Iterator
from enum import Enum
from types import FunctionType, TracebackType
from typing import Any, NamedTuple

import pytest

from runtime.redaction import clear_locals, error_chain, hide_text, mask, on_one_line, redact_traceback, share_text


class Color(Enum):
    RED = "red"


class Address(NamedTuple):
    email: str
    street: str


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("test@example.com", "t***@example.com"),
        ("a@b@example.com", "a***@example.com"),
        ("@example.com", "@***@example.com"),
        ("13800000000", "1***"),
        ("t", "t***"),
        ("", "***"),
        ("test@bücher.example", "t***@bücher.example"),
        ("test@exa\nmple.com", "t***"),
        ("test@example.com, s3cret", "t***"),
        ("\ntest@example.com", " ***@example.com"),
        (12345, "***"),
        (["test@example.com", "s3cret"], "***"),
        ({"email": "test@example.com"}, "***"),
        (Address("test@example.com", "s3cret"), "***"),
        (Color.RED, "Color.RED"),
    ],
)
def test_mask_shows_the_first_letter_and_the_domain(value: object, shown: str) -> None:
    assert mask(value) == shown


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb", "a b"),
        ("a\r\n\tb", "a b"),
        ("a\x1b[31mb", "a [31mb"),
        ("a\x85b\u2028c\u2029d", "a b c d"),
        ("ü é", "ü é"),
    ],
)
def test_text_from_outside_is_put_on_one_line(text: str, line: str) -> None:
    assert on_one_line(text) == line


@pytest.mark.parametrize(
    ("value", "shown"),
    [(7, "7"), (1.5, "1.5"), (True, "True"), (None, "None"), ("r-1", "***"), ("", "***"), (["a"], "***")],
)
def test_numbers_of_a_response_are_shown_and_nothing_else(value: object, shown: str) -> None:
    assert hide_text(value) == shown


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
    """The local variables in all frames but that of the test itself."""

    def frames(traceback: TracebackType | None) -> Iterator[Any]:
        while traceback is not None:
            yield traceback.tb_frame
            traceback = traceback.tb_next

    return [
        repr(value)
        for each in error_chain(error)
        for frame in frames(each.__traceback__)
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


async def wrap_async(secret: str) -> None:
    wrap(secret)


def function_of(module: str, name: str) -> Any:
    """Return one of the three functions above as if it stood in another module."""
    names: dict[str, Any] = {**globals(), "__name__": module}
    for each in (fail, wrap, wrap_async):
        names[each.__name__] = FunctionType(each.__code__, names)
    return names[name]


@pytest.mark.parametrize("module", ["runtime", "runtime.client", "httpcore._sync.connection", "json.decoder"])
@pytest.mark.parametrize("name", ["fail", "wrap"])
def test_traceback_shows_no_local_variables_of_ours_and_of_the_http_libraries(module: str, name: str) -> None:
    function = function_of(module, name)
    with pytest.raises((ValueError, OSError)) as bare:
        function("s3cret")
    assert "s3cret" in str(local_variables(bare.value))
    with pytest.raises((ValueError, OSError)) as caught:
        redact_traceback(function)("s3cret")
    assert "s3cret" not in str(local_variables(caught.value))
    assert "s3cret" not in str(local_variables(caught.value.__cause__ or caught.value))


@pytest.mark.parametrize("module", ["theirs.hooks", "runtimes", "my.runtime"])
def test_traceback_shows_the_local_variables_of_anybody_else(module: str) -> None:
    with pytest.raises(OSError, match="it failed") as caught:
        redact_traceback(function_of(module, "wrap"))("their value")
    # Of `wrap`, where it called and where it raised, and of `fail`.
    assert str(local_variables(caught.value)).count("their value") >= 3


def test_traceback_through_a_coroutine_shows_no_local_variables() -> None:
    decorated = redact_traceback(function_of("runtime.client", "wrap_async"))
    assert inspect.iscoroutinefunction(decorated)
    with pytest.raises(OSError, match="it failed") as caught:
        asyncio.run(decorated("s3cret"))
    ours = [
        value
        for value in local_variables(caught.value)
        if "s3cret" in value and not value.startswith(("<coroutine", "<_"))
    ]
    assert ours == []


def test_lines_of_the_traceback_stay() -> None:
    with pytest.raises(OSError, match="it failed") as caught:
        redact_traceback(wrap)("s3cret")
    assert [entry.name for entry in caught.traceback][-1] == "wrap"


def test_decorated_function_returns_what_it_returns_and_keeps_its_name() -> None:
    def double(number: int) -> int:
        """Twice as much."""
        return number * 2

    async def double_async(number: int) -> int:
        return number * 2

    decorated = redact_traceback(double)
    assert decorated(2) == 4
    assert decorated.__name__ == "double"
    assert decorated.__doc__ == "Twice as much."
    assert asyncio.run(redact_traceback(double_async)(2)) == 4


def test_error_that_the_user_was_handling_keeps_its_local_variables() -> None:
    def of_the_user(theirs: str) -> None:
        raise KeyError("theirs")

    with pytest.raises(OSError, match="it failed") as caught:  # noqa: PT012
        try:
            of_the_user("their value")
        except KeyError:
            redact_traceback(function_of("runtime.client", "wrap"))("s3cret")
    shown = str(local_variables(caught.value))
    assert "their value" in shown
    assert "s3cret" not in shown


def clear_own_frame(value: str) -> str:
    try:
        function_of("runtime.client", "fail")("s3cret")
    except ValueError as error:
        clear_locals(error, None)
    return value


def test_clear_locals_leaves_frames_that_still_run() -> None:
    names = {**globals(), "__name__": "runtime.client"}
    assert FunctionType(clear_own_frame.__code__, names)("mine") == "mine"
