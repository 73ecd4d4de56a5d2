"""The kinds of fields: what they take as an argument, what JSON they read and write, and what they refuse."""

import datetime
import warnings
from collections.abc import Callable, Mapping
from enum import Enum, IntEnum, StrEnum
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


class Shade(str, Enum):  # noqa: UP042  Users may have such enums.
    DARK = "dark"


class Level(IntEnum):
    __deprecated_values__ = (2,)

    ONE = 1
    TWO = 2


class Address:
    pass


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
HOME = Address()
INTEGERS = f.Array(f.INTEGER)
DAYS = f.Map(f.DATE)
PERSON_OR_NONE = f.OneOf(PERSON, f.NULL)
EITHER = f.OneOf(f.INTEGER, f.Enumeration(Color), f.NULL)


@pytest.mark.parametrize(
    ("kind", "value", "sent"),
    [
        (f.STRING, "", ""),
        (f.STRING, "é", "é"),
        (f.INTEGER, 7, 7),
        (f.NUMBER, 7, 7),
        (f.NUMBER, 10**400, 10**400),
        (f.NUMBER, 1.5, 1.5),
        (f.BOOLEAN, False, False),
        (f.NULL, None, None),
        (f.ANYTHING, [HOME], [HOME]),
        (f.DATE, DAY, DAY),
        (f.DATE_TIME, NOON, NOON),
        (f.UUID, KEY, KEY),
        (PERSON, Person(7, [Person(5)]), Person(7, [Person(5)])),
        (PERSON_OR_NONE, Person(7), Person(7)),
        (f.Enumeration(Color), "red", Color.RED),
        (f.Enumeration(Color), Color.BLUE, Color.BLUE),
        (f.Enumeration(Shade), "dark", Shade.DARK),
        (f.Enumeration(Level), 1, Level.ONE),
        (INTEGERS, [1, 2], [1, 2]),
        (f.Array(f.Enumeration(Color)), ["red"], [Color.RED]),
        (DAYS, {"a": DAY}, {"a": DAY}),
        (EITHER, 5, 5),
        (EITHER, None, None),
    ],
)
def test_a_right_argument_is_returned_as_it_is_sent(kind: f.Kind[Any], value: object, sent: object) -> None:
    returned = kind.check("it", value)
    assert returned == sent
    assert type(returned) is type(sent)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (f.STRING, 7, "it must be a string, not int"),
        (f.INTEGER, True, "it must be an integer, not bool"),
        (f.INTEGER, 1.0, "it must be an integer, not float"),
        (f.NUMBER, True, "it must be a number, not bool"),
        (f.NUMBER, "1", "it must be a number, not str"),
        (f.BOOLEAN, 1, "it must be a bool, not int"),
        (f.NULL, 0, "it must be None, not int"),
        (f.DATE, NOON, "it must be a datetime.date, not datetime"),
        (f.DATE, "2030-01-02", "it must be a datetime.date, not str"),
        (f.DATE_TIME, DAY, "it must be a datetime.datetime, not date"),
        (f.DATE_TIME, NOON.replace(tzinfo=None), "it must be a datetime.datetime with a time zone, not a naive one"),
        (f.UUID, ID, "it must be a UUID, not str"),
        (PERSON, {"age": 7}, "it must be a Person, not dict"),
        (PERSON, Person("7"), "it.age must be an integer, not str"),
        (PERSON, Person(7, [Person(7), Person(None)]), "it.friends[1].age must be an integer, not NoneType"),
        (PERSON, Person(7, None), "it.friends must be a list, not NoneType"),
        (PERSON_OR_NONE, Person("7"), "it.age must be an integer, not str"),
        (PERSON_OR_NONE, 7, "it must be a Person or None, not int"),
        (f.Enumeration(Color), 1, "it must be a Color or its value, such as 'red', not int"),
        (f.Enumeration(Level), True, "it must be a Level or its value, such as 1, not bool"),
        (f.Enumeration(Level), "1", "it must be a Level or its value, such as 1, not str"),
        (INTEGERS, (1,), "it must be a list, not tuple"),
        (INTEGERS, [1, "2"], "it[1] must be an integer, not str"),
        (DAYS, [], "it must be a dict, not list"),
        (DAYS, {"a@example.com": 1}, "it[...] must be a datetime.date, not int"),
        (DAYS, {1: DAY}, "each key of it must be a string, not int"),
        (EITHER, 1.5, "it must be an integer or a Color or its value, such as 'red' or None, not float"),
    ],
)
def test_an_argument_of_a_wrong_type_is_a_type_error(kind: f.Kind[Any], value: object, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        kind.check("it", value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (f.NUMBER, float("nan")),
        (f.NUMBER, float("inf")),
        (f.Enumeration(Color), "green"),
        (f.Enumeration(Level), 3),
        (EITHER, "violet"),
    ],
)
def test_an_argument_that_is_not_allowed_is_a_value_error(kind: f.Kind[Any], value: object) -> None:
    with pytest.raises(ValueError, match=r"^it (must be a finite number$|is not a valid (Color|Level); allowed are )"):
        kind.check("it", value)


def test_an_address_in_the_place_of_a_member_is_told_and_not_shown() -> None:
    with pytest.raises(ValueError, match=r"^it looks like an email address; allowed are red, blue$"):
        f.Enumeration(Color).check("it", "ada@example.com")


def test_an_object_of_another_class_is_a_type_error() -> None:
    assert f.check_instance(Address, "it", HOME) is HOME
    with pytest.raises(TypeError, match=r"^it must be a Address, not dict$"):
        f.check_instance(Address, "it", {})


def test_a_parameter_that_is_deprecated_warns_where_it_is_given() -> None:
    parameter = f.Field("it", "it", f.INTEGER, required=False, deprecated=True)
    with warnings.catch_warnings(action="error"):
        assert parameter.check(UNSET) is UNSET
        assert f.Enumeration(Level).check("it", 1) is Level.ONE
    with pytest.warns(DeprecationWarning, match="^it is deprecated$") as caught:
        assert parameter.check(7) == 7
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="^the it 2 is deprecated$"):
        f.Enumeration(Level).check("it", 2)


def test_a_field_that_is_required_cannot_be_left_out() -> None:
    with pytest.raises(TypeError, match=r"^within.it must be an integer, not Unset$"):
        f.Field("it", "it", f.INTEGER).check(UNSET, "within.")


@pytest.mark.parametrize(
    ("kind", "value", "decoded"),
    [
        (f.STRING, "", ""),
        (f.STRING, "text", "text"),
        (f.INTEGER, 200, 200),
        (f.INTEGER, 200.0, 200),
        (f.INTEGER, -1, -1),
        (f.NUMBER, 1, 1),
        (f.NUMBER, 1.5, 1.5),
        (f.BOOLEAN, True, True),
        (f.BOOLEAN, False, False),
        (f.NULL, None, None),
        (f.ANYTHING, {"a": [1]}, {"a": [1]}),
        (f.DATE, "2030-01-02", DAY),
        (f.DATE_TIME, "2030-01-02T12:00:00Z", NOON),
        (f.UUID, ID, KEY),
        (PERSON, {"age": 7}, Person(7)),
        (f.Enumeration(Color), "red", Color.RED),
        (f.Enumeration(Shade), "dark", Shade.DARK),
        (f.Enumeration(Level), 1.0, Level.ONE),
        (INTEGERS, [1, 2.0], [1, 2]),
        (INTEGERS, [], []),
        (f.Array(f.Array(f.STRING)), [["a"], []], [["a"], []]),
        (f.Map(f.INTEGER), {"a": 2.0}, {"a": 2}),
        (f.OneOf(f.INTEGER, f.STRING), "text", "text"),
        (f.OneOf(f.INTEGER, f.STRING), 2.0, 2),
        (f.OneOf(f.DATE, f.STRING), "today", "today"),
        (f.OneOf(PERSON, f.ANYTHING), {}, {}),
    ],
)
def test_what_a_response_has_is_decoded(kind: f.Kind[Any], value: object, decoded: object) -> None:
    result = kind.decode(value)
    assert result == decoded
    assert type(result) is type(decoded)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (f.STRING, 1, "a string is expected, not int"),
        (f.STRING, None, "a string is expected, not NoneType"),
        (f.INTEGER, True, "an integer is expected, not bool"),
        (f.INTEGER, "200", "an integer is expected, not str"),
        (f.INTEGER, 200.5, "an integer is expected, not float"),
        (f.INTEGER, float("inf"), "an integer is expected, not float"),
        (f.INTEGER, float("nan"), "an integer is expected, not float"),
        (f.NUMBER, True, "a number is expected, not bool"),
        (f.NUMBER, "1", "a number is expected, not str"),
        (f.BOOLEAN, 1, "a boolean is expected, not int"),
        (f.NULL, 0, "null is expected, not int"),
        (f.DATE, 1, "a string is expected, not int"),
        (f.DATE_TIME, 1, "a string is expected, not int"),
        (f.UUID, 1, "a string is expected, not int"),
        (PERSON, [], "an object is expected, not list"),
        (f.Enumeration(Color), 1, "a string is expected, not int"),
        (f.Enumeration(Level), True, "an integer is expected, not bool"),
        (INTEGERS, "12", "an array is expected, not str"),
        (INTEGERS, {"a": 1}, "an array is expected, not dict"),
        (INTEGERS, [1, "2"], "an integer is expected, not str"),
        (f.Map(f.INTEGER), [1], "an object is expected, not list"),
        (f.Map(f.INTEGER), {"a": "1"}, "an integer is expected, not str"),
        (f.OneOf(f.INTEGER, f.BOOLEAN), "x", "a boolean is expected, not str"),
    ],
)
def test_a_response_of_a_wrong_type_is_a_type_error(kind: f.Kind[Any], value: object, reason: str) -> None:
    with pytest.raises(TypeError) as caught:
        kind.decode(value)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(f.DATE, "a date is expected"), (f.DATE_TIME, "a date with a time is expected"), (f.UUID, "a UUID is expected")],
)
def test_a_response_with_a_text_that_is_not_allowed_is_a_value_error_that_does_not_quote_it(
    kind: f.Kind[Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$") as caught:
        kind.decode("soon")
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_response_with_a_value_of_no_member_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="is not a valid Color"):
        f.Enumeration(Color).decode("green")


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (Color.RED, "red"),
        (Shade.DARK, "dark"),
        (Level.ONE, 1),
        ("text", "text"),
        (7, 7),
        (1.5, 1.5),
        (True, True),
        (None, None),
        (DAY, "2030-01-02"),
        (NOON, "2030-01-02T12:00:00+00:00"),
        (KEY, ID),
        (Person(7), {"age": 7}),
        ([Color.RED, [DAY], Person(7)], ["red", ["2030-01-02"], {"age": 7}]),
        ({"any": ["thing"]}, {"any": ["thing"]}),
    ],
)
def test_a_value_is_encoded_as_json_has_it(value: object, encoded: object) -> None:
    result = f.encode(value)
    assert result == encoded
    assert type(result) is type(encoded)


WHOLE = {"age": 7, "friends": [{"age": 5}], "id": "p-1", "nickName": None, "since": "2030-01-02"}


def test_a_model_encodes_to_what_was_decoded_without_what_is_read_only() -> None:
    person = Person.from_dict(WHOLE)
    assert (person.friends, person.id, person.nick_name) == ([Person(5)], "p-1", None)
    assert person.additional_properties == {"since": DAY}
    assert person.to_dict() == {name: value for name, value in WHOLE.items() if name != "id"}


def test_a_model_without_its_optional_fields_has_them_absent() -> None:
    person = Person.from_dict({"age": 7})
    assert person == Person(7)
    assert person.to_dict() == {"age": 7}


def test_an_optional_field_that_is_null_is_absent_unless_null_is_one_of_its_values() -> None:
    person = Person.from_dict({"age": 7, "friends": None, "id": None, "nickName": None})
    assert (person.friends, person.id, person.nick_name) == (UNSET, UNSET, None)
    assert person.to_dict() == {"age": 7, "nickName": None}


def test_an_optional_field_of_a_response_that_is_absent_or_null_is_none() -> None:
    fields = f.Fields(
        f.Field("age", "age", f.OneOf(f.INTEGER, f.NULL)),
        f.Field("nick", "nick", f.STRING, required=False),
        absent=None,
    )

    @define
    class Model:
        age: object
        nick: object = None

    for absent in ({}, {"nick": None}):
        model = fields.decode(Model, {"age": None, **absent})
        assert model == Model(None, None)
        # A required field that is null stays null.
        assert fields.encode(model) == {"age": None}
        assert fields.show(model, repr) == "Model()"


def test_a_required_field_that_is_missing_is_a_key_error() -> None:
    with pytest.raises(KeyError, match=r"^'age'$"):
        Person.from_dict({"friends": []})


def test_a_required_field_that_is_null_stays_null() -> None:
    assert Person(None).to_dict() == {"age": None}


def test_a_model_that_was_not_checked_encodes_what_it_has() -> None:
    assert Person("7", ["x"]).to_dict() == {"age": "7", "friends": ["x"]}


def test_a_check_of_a_model_returns_a_copy_and_leaves_alone_what_is_read_only() -> None:
    person = Person(7, id=7)
    person.additional_properties["since"] = DAY
    checked = person.with_checked_fields()
    assert checked == person
    assert checked is not person
    person.additional_properties["since"] = "2030-01-02"
    with pytest.raises(TypeError, match=r"^additional_properties\[...\] must be a datetime.date, not str$"):
        person.with_checked_fields()


def test_a_field_of_a_model_that_is_deprecated_warns_where_it_is_given() -> None:
    with warnings.catch_warnings(action="error"):
        Person(7).with_checked_fields()
    with pytest.warns(DeprecationWarning, match="^it.nick_name is deprecated$") as caught:
        PERSON.check("it", Person(7, nick_name="x"))
    assert caught[0].filename == __file__


def test_a_model_shows_its_fields_masked_and_none_that_is_absent() -> None:
    person = Person("ada@example.com", id=7)
    assert PERSON_FIELDS.show(person, mask) == "Person(age=a***@example.com, id=***)"
    person.additional_properties["since"] = DAY
    assert PERSON_FIELDS.show(person, mask) == "Person(age=a***@example.com, id=***, additional_properties=***)"
    assert f.Fields(f.Field("age", "age", f.STRING)).show(person, repr) == "Person(age='ada@example.com')"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (7, "7"), (1.5, "1.5"), (Color.RED, "red"), (Level.ONE, "1"), (DAY, str(DAY))],
)
def test_an_argument_is_a_text_in_a_header(value: object, text: str) -> None:
    assert f.as_text(value) == text


@pytest.mark.parametrize(
    ("value", "segment"),
    [("a/b", "a%2Fb"), ("a?b#c", "a%3Fb%23c"), ("%2e", "%252e"), ("é", "%C3%A9"), ("...", "..."), (1, "1")],
)
def test_a_segment_of_a_path_stays_one_segment(value: object, segment: str) -> None:
    assert f.path_segment(value) == segment


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_segment_that_leads_to_another_path_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be in a path"):
        f.path_segment(value)


def run_in_the_package(code: str) -> Callable[[], None]:
    """Return the function `use` of a module of the package."""
    names: dict[str, Any] = {"__name__": "runtime.client", "warn": f.warn}
    exec(code, names)
    function: Callable[[], None] = names["use"]
    return function


def test_a_warning_is_at_the_first_line_outside_of_the_package() -> None:
    use = run_in_the_package("def use():\n    inner()\n\ndef inner():\n    warn('it is old')")
    with pytest.warns(DeprecationWarning, match="^it is old$") as caught:
        use()
    assert [warning.filename for warning in caught] == [__file__]
