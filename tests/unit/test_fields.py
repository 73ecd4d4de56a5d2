"""The kinds of fields: the arguments that they accept, the JSON that they read and write, and their errors."""

import datetime
import warnings
from collections.abc import Callable, Mapping
from enum import Enum, IntEnum, StrEnum
from types import SimpleNamespace
from typing import Any, Self
from uuid import UUID

import pytest
from attrs import define, field

from runtime import fields as f
from runtime.redaction import mask
from runtime.types import UNSET


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Shade(str, Enum):  # noqa: UP042  Users may define such enums.
    DARK = "dark"


class Level(IntEnum):
    __deprecated_values__ = (2,)

    ONE = 1
    TWO = 2


@define
class Person:
    """A model, like one of a generated package."""

    age: object
    friends: object = UNSET
    id: object = UNSET
    nick_name: object = UNSET
    additional_properties: dict[str, Any] = field(init=False, factory=dict)

    def with_checked_fields(self, within: str = "") -> Self:
        return PERSON_FIELDS.check(self, within)

    def to_dict(self) -> dict[str, Any]:
        return PERSON_FIELDS.encode(self)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        return PERSON_FIELDS.decode(cls, src_dict)


PERSON = f.Model(Person)
PERSON_FIELDS = f.Fields(
    f.Field("age", "age", f.INTEGER),
    f.Field("friends", "friends", f.Array(PERSON), required=False),
    f.Field("id", "id", f.STRING, required=False, read_only=True),
    f.Field("nick_name", "nickName", f.OneOf(f.STRING, f.NULL), required=False, deprecated=True),
    additional=f.DATE,
)

ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
KEY = UUID(ID)
DAY = datetime.date(2030, 1, 2)
NOON = datetime.datetime(2030, 1, 2, 12, tzinfo=datetime.UTC)
INTEGERS = f.Array(f.INTEGER)
DAYS = f.Map(f.DATE)
PERSON_OR_NONE = f.OneOf(PERSON, f.NULL)
EITHER = f.OneOf(f.INTEGER, f.Enumeration(Color), f.NULL)


@pytest.mark.parametrize(
    ("kind", "in_python", "in_json"),
    [
        (f.STRING, "é", "é"),
        (f.INTEGER, -7, -7),
        (f.NUMBER, 10**400, 10**400),
        (f.NUMBER, 1.5, 1.5),
        (f.BOOLEAN, False, False),
        (f.NULL, None, None),
        (f.ANYTHING, {"a": [1]}, {"a": [1]}),
        (f.DATE, DAY, "2030-01-02"),
        (f.DATE_TIME, NOON, "2030-01-02T12:00:00+00:00"),
        (f.UUID, KEY, ID),
        (PERSON, Person(7, [Person(5)]), {"age": 7, "friends": [{"age": 5}]}),
        (PERSON_OR_NONE, Person(7), {"age": 7}),
        (f.Enumeration(Color), Color.BLUE, "blue"),
        (f.Enumeration(Shade), Shade.DARK, "dark"),
        (f.Enumeration(Level), Level.ONE, 1),
        (INTEGERS, [1, 2], [1, 2]),
        (f.Array(f.Array(f.STRING)), [["a"], []], [["a"], []]),
        (DAYS, {"a": DAY}, {"a": "2030-01-02"}),
        (EITHER, 5, 5),
        (EITHER, Color.RED, "red"),
        (EITHER, None, None),
    ],
)
def test_a_value_of_each_kind_is_accepted_encoded_and_decoded(kind: f.Kind, in_python: object, in_json: object) -> None:
    for result, expected in (
        (kind.check("it", in_python), in_python),
        (f.encode(in_python), in_json),
        (kind.decode(in_json), in_python),
    ):
        assert result == expected
        assert type(result) is type(expected)


def test_the_value_of_a_member_is_sent_as_the_member() -> None:
    assert f.Enumeration(Color).check("it", "red") is Color.RED
    assert f.Enumeration(Level).check("it", 1) is Level.ONE
    assert f.Array(f.Enumeration(Color)).check("it", ["red"])[0] is Color.RED


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (f.STRING, 7, "it must be a string, not int"),
        (f.INTEGER, True, "it must be an integer, not bool"),
        (f.INTEGER, 1.0, "it must be an integer, not float"),
        (f.NUMBER, True, "it must be a number, not bool"),
        (f.BOOLEAN, 1, "it must be a bool, not int"),
        (f.NULL, 0, "it must be None, not int"),
        (f.DATE, NOON, "it must be a datetime.date, not datetime"),
        (f.DATE_TIME, DAY, "it must be a datetime.datetime, not date"),
        (f.DATE_TIME, NOON.replace(tzinfo=None), "it must be a datetime.datetime with a time zone, not a naive one"),
        (f.UUID, ID, "it must be a UUID, not str"),
        (PERSON, {"age": 7}, "it must be a Person, not dict"),
        (PERSON, Person(7, [Person(7), Person(None)]), "it.friends[1].age must be an integer, not NoneType"),
        (PERSON_OR_NONE, Person("7"), "it.age must be an integer, not str"),
        (PERSON_OR_NONE, 7, "it must be a Person or None, not int"),
        (f.Enumeration(Color), 1, "it must be a Color or its value, such as 'red', not int"),
        (f.Enumeration(Level), True, "it must be a Level or its value, such as 1, not bool"),
        (INTEGERS, (1,), "it must be a list, not tuple"),
        (DAYS, [], "it must be a dict, not list"),
        (DAYS, {"a@example.com": 1}, "it[...] must be a datetime.date, not int"),
        (DAYS, {1: DAY}, "each key of it must be a string, not int"),
        (f.NUMBER, float("nan"), "it must be a finite number"),
        (f.NUMBER, float("inf"), "it must be a finite number"),
        (f.Enumeration(Color), "ada@example.com", "it looks like an email address; allowed are red, blue"),
        (f.Enumeration(Level), 3, "it is not a valid Level; allowed are 1, 2"),
        (EITHER, "violet", "it is not a valid Color; allowed are red, blue"),
        (EITHER, 1.5, "it must be an integer or a Color or its value, such as 'red' or None, not float"),
    ],
)
def test_an_argument_of_a_wrong_type_or_value_is_refused(kind: f.Kind, value: object, message: str) -> None:
    with pytest.raises(TypeError if ", not " in message else ValueError) as caught:
        kind.check("it", value)
    assert str(caught.value) == message


def test_a_deprecated_parameter_field_or_value_warns_at_the_users_line() -> None:
    parameter = f.Field("it", "it", f.INTEGER, required=False, deprecated=True)
    with warnings.catch_warnings(action="error"):
        assert parameter.check(UNSET) is UNSET
        assert f.Enumeration(Level).check("it", 1) is Level.ONE
        Person(7).with_checked_fields()
    uses: dict[str, Callable[[], object]] = {
        "it is deprecated": lambda: parameter.check(7),
        "the it 2 is deprecated": lambda: f.Enumeration(Level).check("it", 2),
        "it.nick_name is deprecated": lambda: PERSON.check("it", Person(7, nick_name="x")),
    }
    for text, use in uses.items():
        with pytest.warns(DeprecationWarning, match=f"^{text}$") as caught:
            use()
        assert caught[0].filename == __file__


def test_a_required_field_cannot_be_left_out() -> None:
    with pytest.raises(TypeError, match=r"^within.it must be an integer, not Unset$"):
        f.Field("it", "it", f.INTEGER).check(UNSET, "within.")


@pytest.mark.parametrize(
    ("kind", "value", "decoded"),
    [
        (f.DATE_TIME, "2030-01-02t12:00:00z", NOON),
        (f.Enumeration(Level), 1.0, Level.ONE),
        (INTEGERS, [1, 2.0], [1, 2]),
        (f.Map(f.INTEGER), {"a": 2.0}, {"a": 2}),
        (f.OneOf(f.DATE, f.STRING), "today", "today"),
        (f.OneOf(PERSON, f.ANYTHING), {}, {}),
    ],
)
def test_a_response_may_write_a_value_differently(kind: f.Kind, value: object, decoded: object) -> None:
    result = kind.decode(value)
    assert result == decoded
    assert type(result) is type(decoded)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (f.STRING, None, "a string is expected, not NoneType"),
        (f.INTEGER, True, "an integer is expected, not bool"),
        *((f.INTEGER, number, "an integer is expected, not float") for number in (200.5, float("inf"), float("nan"))),
        (f.NUMBER, "1", "a number is expected, not str"),
        (f.BOOLEAN, 1, "a boolean is expected, not int"),
        (f.NULL, 0, "null is expected, not int"),
        *((kind, 1, "a string is expected, not int") for kind in (f.DATE, f.DATE_TIME, f.UUID, f.Enumeration(Color))),
        (PERSON, [], "an object is expected, not list"),
        (f.Enumeration(Level), "1", "an integer is expected, not str"),
        (INTEGERS, {"a": 1}, "an array is expected, not dict"),
        (INTEGERS, [1, "2"], "an integer is expected, not str"),
        (DAYS, [1], "an object is expected, not list"),
        (f.OneOf(f.INTEGER, f.BOOLEAN), "x", "a boolean is expected, not str"),
        (f.DATE, "soon", "a date is expected"),
        (f.DATE_TIME, "soon", "a date with a time is expected"),
        (f.UUID, "soon", "a UUID is expected"),
        (f.Enumeration(Color), "green", "'green' is not a valid Color"),
    ],
)
def test_a_wrong_value_of_a_response_is_an_error(kind: f.Kind, value: object, reason: str) -> None:
    with pytest.raises(TypeError if ", not " in reason else ValueError) as caught:
        kind.decode(value)
    assert str(caught.value) == reason
    if reason.endswith(" is expected"):  # The library's error would quote the text.
        assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_value_that_was_not_checked_is_encoded_all_the_same() -> None:
    assert f.encode(Person("7", ["x"])) == {"age": "7", "friends": ["x"]}
    assert f.encode([Color.RED, {"a": [DAY]}, Person(None)]) == ["red", {"a": ["2030-01-02"]}, {"age": None}]


WHOLE = {"age": 7, "friends": [{"age": 5}], "id": "p-1", "nickName": None, "since": "2030-01-02"}


def test_a_model_survives_decoding_and_encoding_except_read_only_fields() -> None:
    person = Person.from_dict(WHOLE)
    assert (person.friends, person.id, person.nick_name) == ([Person(5)], "p-1", None)
    assert person.additional_properties == {"since": DAY}
    assert person.to_dict() == {name: value for name, value in WHOLE.items() if name != "id"}
    assert Person.from_dict({"age": 7}) == Person(7)


def test_an_optional_field_that_is_null_is_absent_unless_null_is_one_of_its_values() -> None:
    person = Person.from_dict({"age": 7, "friends": None, "id": None, "nickName": None})
    assert (person.friends, person.id, person.nick_name) == (UNSET, UNSET, None)
    assert person.to_dict() == {"age": 7, "nickName": None}


def test_a_required_field_that_is_null_stays_null() -> None:
    fields = f.Fields(f.Field("age", "age", f.OneOf(f.INTEGER, f.NULL)), absent=None)
    person = fields.decode(SimpleNamespace, {"age": None})
    assert fields.encode(person) == {"age": None}
    assert fields.show(person, repr) == "SimpleNamespace(age=None)"


@pytest.mark.parametrize(
    ("document", "error", "message"),
    [
        ({"friends": []}, KeyError, "'age'"),
        ({"age": None}, TypeError, "age: an integer is expected, not NoneType"),
        ({"age": 7, "nickName": 2}, TypeError, "nickName: null is expected, not int"),
        ({"age": 7, "since": "soon"}, ValueError, "a date is expected"),
    ],
)
def test_an_error_names_the_field_and_does_not_show_its_value(
    document: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        Person.from_dict(document)
    assert str(caught.value) == message


def test_checking_a_model_returns_a_copy_and_ignores_read_only_fields() -> None:
    person = Person(7, id=7)
    person.additional_properties["since"] = DAY
    checked = person.with_checked_fields()
    assert checked == person
    assert checked is not person
    person.additional_properties["since"] = "2030-01-02"
    with pytest.raises(TypeError, match=r"^additional_properties\[...\] must be a datetime.date, not str$"):
        person.with_checked_fields()


def test_a_model_shows_its_present_fields_masked() -> None:
    person = Person("ada@example.com", id=7)
    assert PERSON_FIELDS.show(person, mask) == "Person(age=a***@example.com, id=***)"
    person.additional_properties["since"] = DAY
    assert PERSON_FIELDS.show(person, mask) == "Person(age=a***@example.com, id=***, additional_properties=***)"
    assert f.Fields(f.Field("age", "age", f.STRING)).show(person, repr) == "Person(age='ada@example.com')"


def test_an_argument_has_a_text_form_for_headers() -> None:
    values = [True, False, 7, 1.5, Color.RED, Level.ONE, DAY]
    assert [f.as_text(value) for value in values] == ["true", "false", "7", "1.5", "red", "1", "2030-01-02"]


def test_a_path_argument_stays_one_segment() -> None:
    segments = {"a/b": "a%2Fb", "a?b#c": "a%3Fb%23c", "%2e": "%252e", "é": "%C3%A9", "...": "...", 1: "1"}
    assert {value: f.path_segment(value) for value in segments} == segments
    for other in ("", ".", ".."):
        with pytest.raises(ValueError, match="cannot be in a path"):
            f.path_segment(other)
