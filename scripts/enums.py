"""Check the enums of the contract: their values, and what members the generator makes of them."""

import re
from collections.abc import Iterator
from typing import Any

from openapi_python_client.strings import snake_case

from .document import Document, Issue, Location
from .walk import schemas


def check_enums(contract: Document) -> Iterator[Issue]:
    """Yield what is wrong with the enums."""
    for place, schema in schemas(contract):
        location, values = (*place, "enum"), schema.get("enum")
        if values is None:
            continue
        # A number that is spelt in another way, such as `0x10`, is of a class of its own.
        kinds = {next((kind for kind in (bool, int, str) if isinstance(value, kind)), None) for value in values}
        if kinds not in ({str}, {int}):
            yield location, "the values must be all strings or all integers"
            continue
        kind = "string" if kinds == {str} else "integer"
        if kind not in (types if isinstance(types := schema.get("type", kind), list) else [types]):
            yield (*place, "type"), f"the type of these values is {kind!r}"
        for index, value in enumerate(values):
            if not str(value).isprintable():
                yield (*location, index), f"{value!r} has an invisible character"
        for index, value in enumerate(schema.get("x-enum-deprecated", ())):
            if value not in values:
                reason = f"{value!r} is not one of the enum's values: remove it here too"
                yield (*place, "x-enum-deprecated", index), reason
        yield from _descriptions(location, values, schema.get("x-enumDescriptions", {}))
        names = schema.get("x-enum-varnames")
        if names is None:
            yield from _members(location, [str(value) for value in values])
        elif len(names) != len(values):
            yield (*place, "x-enum-varnames"), f"there are {len(names)} names for {len(values)} values"
        else:
            yield from _members((*place, "x-enum-varnames"), names, named=True)


def _descriptions(location: Location, values: list[Any], said: dict[str, str]) -> Iterator[Issue]:
    """Check that an enum explains all of its values, if it explains any."""
    place = (*location[:-1], "x-enumDescriptions")
    for value in said:
        if value not in map(str, values):
            yield (*place, value), f"{value!r} is not one of the enum's values: remove its description too"
    for index, value in enumerate(values if said else ()):
        if str(value) not in said:
            yield (*location, index), f"{value!r} has no explanation in `x-enumDescriptions`"


def _members(location: Location, names: list[str], *, named: bool = False) -> Iterator[Issue]:
    """Check what the members of an enum are called. Of two members of one name, the generator leaves out the first."""
    members: dict[str, str] = {}
    for index, name in enumerate(names):
        member = snake_case(name).upper()
        if not name.isprintable():
            yield (*location, index), f"{name!r} has an invisible character"
        elif named:
            if not member.isidentifier():
                yield (*location, index), f"{name!r} is not a valid name in Python"
        elif re.fullmatch(r"-?\d+", name):
            member = name  # Its name in Python is made of the number.
        elif not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
            yield (*location, index), f"{name!r} is not a valid name in Python: name each value in `x-enum-varnames`"
        if member in members:
            hint = "" if named else ": name each value in `x-enum-varnames`"
            twice = members[member] == name
            reason = "occurs twice" if twice else f"would be called {member}, as {members[member]!r} is{hint}"
            yield (*location, index), f"{name!r} {reason}"
        members[member] = name
