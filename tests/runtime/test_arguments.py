"""The checks of arguments: a wrong type is a `TypeError` that shows the name and the type, and never the value."""

import datetime
import warnings
from enum import IntEnum, StrEnum
from typing import Any, Self
from uuid import UUID

import pytest
from attrs import frozen

from runtime import arguments
from runtime.types import UNSET


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    __deprecated_values__ = (2,)

    ONE = 1
    TWO = 2


class Address:
    pass


@frozen
class Person:
    """A model. As one of a generated package, it checks its fields."""

    age: object
    friends: object = UNSET

    def to_dict(self) -> dict[str, Any]:
        return {}

    def with_checked_fields(self, within: str = "") -> Self:
        return type(self)(
            age=arguments.integer(f"{within}age", self.age),
            friends=arguments.optional(arguments.array(arguments.model(Person)))(f"{within}friends", self.friends),
        )


DAY = datetime.date(2030, 1, 2)
NOON = datetime.datetime(2030, 1, 2, 12, tzinfo=datetime.UTC)
KEY = UUID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
HOME = Address()
INTEGERS = arguments.array(arguments.integer)
DAYS = arguments.mapping(arguments.date)
PERSON = arguments.model(Person)
PERSON_OR_NONE = arguments.one_of(PERSON, arguments.null)
EITHER = arguments.one_of(arguments.integer, arguments.enum(Color), arguments.null)


@pytest.mark.parametrize(
    ("check", "value", "sent"),
    [
        (arguments.string, "é", "é"),
        (arguments.integer, 7, 7),
        (arguments.number, 7, 7),
        (arguments.number, 1.5, 1.5),
        (arguments.boolean, False, False),
        (arguments.null, None, None),
        (arguments.anything, [HOME], [HOME]),
        (arguments.date, DAY, DAY),
        (arguments.date_time, NOON, NOON),
        (arguments.uuid, KEY, KEY),
        (arguments.instance(Address), HOME, HOME),
        (PERSON, Person(7, [Person(5)]), Person(7, [Person(5)])),
        (PERSON_OR_NONE, Person(7), Person(7)),
        (arguments.enum(Color), "red", Color.RED),
        (arguments.enum(Color), Color.BLUE, Color.BLUE),
        (arguments.enum(Level), 1, Level.ONE),
        (INTEGERS, [1, 2], [1, 2]),
        (arguments.array(arguments.enum(Color)), ["red"], [Color.RED]),
        (DAYS, {"a": DAY}, {"a": DAY}),
        (EITHER, 5, 5),
        (EITHER, None, None),
        (arguments.optional(arguments.integer), UNSET, UNSET),
        (arguments.optional(arguments.integer), 7, 7),
    ],
)
def test_a_right_argument_is_returned_as_it_is_sent(check: arguments.Check[Any], value: object, sent: object) -> None:
    returned = check("it", value)
    assert returned == sent
    assert type(returned) is type(sent)


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (arguments.string, 7, "it must be a string, not int"),
        (arguments.integer, True, "it must be an integer, not bool"),
        (arguments.integer, 1.0, "it must be an integer, not float"),
        (arguments.number, True, "it must be a number, not bool"),
        (arguments.number, "1", "it must be a number, not str"),
        (arguments.boolean, 1, "it must be a bool, not int"),
        (arguments.null, 0, "it must be None, not int"),
        (arguments.date, NOON, "it must be a datetime.date, not datetime"),
        (arguments.date, "2030-01-02", "it must be a datetime.date, not str"),
        (arguments.date_time, DAY, "it must be a datetime.datetime, not date"),
        (
            arguments.date_time,
            NOON.replace(tzinfo=None),
            "it must be a datetime.datetime with a time zone, not a naive one",
        ),
        (arguments.uuid, str(KEY), "it must be a UUID, not str"),
        (arguments.instance(Address), {}, "it must be a Address, not dict"),
        (PERSON, {"age": 7}, "it must be a Person, not dict"),
        (PERSON, Person("7"), "it.age must be an integer, not str"),
        (PERSON, Person(7, [Person(7), Person(None)]), "it.friends[1].age must be an integer, not NoneType"),
        (PERSON_OR_NONE, Person("7"), "it.age must be an integer, not str"),
        (PERSON_OR_NONE, 7, "it must be a Person or None, not int"),
        (arguments.enum(Color), 1, "it must be a Color, not int"),
        (arguments.enum(Level), True, "it must be a Level, not bool"),
        (arguments.enum(Level), "1", "it must be a Level, not str"),
        (INTEGERS, (1,), "it must be a list, not tuple"),
        (INTEGERS, [1, "2"], "it[1] must be an integer, not str"),
        (DAYS, [], "it must be a dict, not list"),
        (DAYS, {"a@example.com": 1}, "it[...] must be a datetime.date, not int"),
        (DAYS, {1: DAY}, "each key of it must be a string, not int"),
        (EITHER, 1.5, "it must be an integer or a Color or None, not float"),
        (arguments.optional(arguments.integer), None, "it must be an integer, not NoneType"),
    ],
)
def test_a_wrong_type_is_a_type_error(check: arguments.Check[Any], value: object, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        check("it", value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (arguments.number, float("nan")),
        (arguments.number, float("inf")),
        (arguments.enum(Color), "green"),
        (arguments.enum(Level), 3),
        (EITHER, "violet"),
    ],
)
def test_a_value_that_is_not_allowed_is_a_value_error(check: arguments.Check[Any], value: object) -> None:
    with pytest.raises(ValueError, match=r"it must be a finite number|is not a valid"):
        check("it", value)


def test_what_is_deprecated_warns_where_it_is_given() -> None:
    check = arguments.deprecated(arguments.optional(arguments.integer))
    with warnings.catch_warnings(action="error"):
        assert check("it", UNSET) is UNSET
        assert arguments.enum(Level)("it", 1) is Level.ONE
    with pytest.warns(DeprecationWarning, match="^it is deprecated$") as caught:
        check("it", 7)
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="^the it 2 is deprecated$"):
        arguments.enum(Level)("it", 2)
