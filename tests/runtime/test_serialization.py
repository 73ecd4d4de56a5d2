import datetime
from collections.abc import Callable
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import pytest

from runtime import serialization as s

ID = "8c1c5dc4-9a7d-4b6a-9b1e-0d3f5a6b7c8d"
DAY = datetime.date(2026, 10, 21)
MOMENT = datetime.datetime(2026, 10, 21, 7, 28, tzinfo=datetime.UTC)


class Color(str, Enum):  # noqa: UP042  As the generator writes them.
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Model:
    def to_dict(self) -> dict[str, Any]:
        return {"color": "red"}


@pytest.mark.parametrize(
    ("decode", "value", "decoded"),
    [
        (s.string, "", ""),
        (s.string, "text", "text"),
        (s.integer, 200, 200),
        (s.integer, 200.0, 200),
        (s.integer, -1, -1),
        (s.number, 1, 1),
        (s.number, 1.5, 1.5),
        (s.boolean, True, True),
        (s.boolean, False, False),
        (s.null, None, None),
        (s.anything, {"a": [1]}, {"a": [1]}),
        (s.date, "2026-10-21", DAY),
        (s.date_time, "2026-10-21T07:28:00Z", MOMENT),
        (s.uuid, ID, UUID(ID)),
        (s.array(s.integer), [1, 2.0], [1, 2]),
        (s.array(s.integer), [], []),
        (s.mapping(s.integer), {"a": 2.0}, {"a": 2}),
        (s.integer_enum(int), 1.0, 1),
        (s.array(s.array(s.string)), [["a"], []], [["a"], []]),
        (s.one_of(s.integer, s.string), "text", "text"),
        (s.one_of(s.integer, s.string), 2.0, 2),
        (s.one_of(s.date, s.string), "today", "today"),
        (s.one_of(lambda value: value["id"], s.anything), {}, {}),
    ],
)
def test_decoders_take_what_their_names_say(decode: Callable[[object], Any], value: object, decoded: object) -> None:
    result = decode(value)
    assert result == decoded
    assert type(result) is type(decoded)


@pytest.mark.parametrize(
    ("decode", "value", "reason"),
    [
        (s.string, 1, "a string is expected, not int"),
        (s.string, None, "a string is expected, not NoneType"),
        (s.integer, True, "an integer is expected, not bool"),
        (s.integer, "200", "an integer is expected, not str"),
        (s.integer, 200.5, "an integer is expected, not float"),
        (s.integer, float("inf"), "an integer is expected, not float"),
        (s.integer, float("nan"), "an integer is expected, not float"),
        (s.number, True, "a number is expected, not bool"),
        (s.number, "1", "a number is expected, not str"),
        (s.boolean, 1, "a boolean is expected, not int"),
        (s.null, 0, "null is expected, not int"),
        (s.date, 1, "a string is expected, not int"),
        (s.date_time, 1, "a string is expected, not int"),
        (s.uuid, 1, "a string is expected, not int"),
        (s.array(s.integer), "12", "an array is expected, not str"),
        (s.mapping(s.integer), [1], "an object is expected, not list"),
        (s.mapping(s.integer), {"a": "1"}, "an integer is expected, not str"),
        (s.integer_enum(int), True, "an integer is expected, not bool"),
        (s.array(s.integer), {"a": 1}, "an array is expected, not dict"),
        (s.array(s.integer), [1, "2"], "an integer is expected, not str"),
        (s.one_of(s.integer, s.boolean), "x", "a boolean is expected, not str"),
    ],
)
def test_decoders_refuse_other_types(decode: Callable[[object], Any], value: object, reason: str) -> None:
    with pytest.raises(TypeError) as caught:
        decode(value)
    assert str(caught.value) == reason


@pytest.mark.parametrize("decode", [s.date, s.date_time, s.uuid])
def test_decoders_refuse_other_texts(decode: Callable[[object], Any]) -> None:
    with pytest.raises(ValueError, match=r"soon|badly formed"):
        decode("soon")


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (Color.RED, "red"),
        (Number.ONE, 1),
        ("text", "text"),
        (7, 7),
        (1.5, 1.5),
        (True, True),
        (None, None),
        (DAY, "2026-10-21"),
        (MOMENT, "2026-10-21T07:28:00+00:00"),
        (UUID(ID), ID),
        (Model(), {"color": "red"}),
        ([Color.RED, [DAY], Model()], ["red", ["2026-10-21"], {"color": "red"}]),
        ({"any": ["thing"]}, {"any": ["thing"]}),
    ],
)
def test_values_are_encoded_as_json_has_them(value: object, encoded: object) -> None:
    result = s.encode(value)
    assert result == encoded
    assert type(result) is type(encoded)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (7, "7"), (1.5, "1.5"), (Color.RED, "red"), (Number.ONE, "1"), (DAY, str(DAY))],
)
def test_arguments_are_texts_in_headers(value: object, text: str) -> None:
    assert s.as_text(value) == text


@pytest.mark.parametrize(
    ("value", "segment"),
    [("a/b", "a%2Fb"), ("a?b#c", "a%3Fb%23c"), ("%2e", "%252e"), ("é", "%C3%A9"), ("...", "..."), (1, "1")],
)
def test_path_segment_stays_one_segment(value: object, segment: str) -> None:
    assert s.path_segment(value) == segment


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_path_segment_that_leads_elsewhere_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be in a path"):
        s.path_segment(value)
