"""Check the enums of the contract: their values, and the members that the generator derives from them."""

import re
from collections.abc import Iterator
from typing import Any

from openapi_python_client.strings import snake_case

from .document import Document, Issue, Location, is_visible
from .walk import schemas


def check_enums(contract: Document) -> Iterator[Issue]:
    """Yield the mistakes in the enums."""
    for location, schema in schemas(contract):
        if "enum" in schema:
            yield from _enum(location, schema)


def _enum(location: Location, schema: Any) -> Iterator[Issue]:
    values, names = schema["enum"], schema.get("x-enum-varnames")
    # ruamel has subclasses for numbers in other notations, such as `0x10`.
    kinds = {next((kind for kind in (bool, int, str) if isinstance(value, kind)), None) for value in values}
    if kinds not in ({str}, {int}):
        yield (*location, "enum"), "the values must be all strings or all integers"
        return
    kind = "string" if kinds == {str} else "integer"
    types = schema.get("type", kind)
    if kind not in (types if isinstance(types, list) else [types]):
        yield (*location, "type"), f"the type of these values is {kind!r}"
    explanations = schema.get("x-enumDescriptions", {})
    for index, value in enumerate(values):
        if not is_visible(str(value)):
            yield (*location, "enum", index), f"{value!a} has an invisible character"
        elif explanations and str(value) not in explanations:
            yield (*location, "enum", index), f"{value!r} has no explanation in `x-enumDescriptions`"
    for value in explanations:
        if value not in map(str, values):
            reason = f"{value!r} is not one of the enum's values: remove its description too"
            yield (*location, "x-enumDescriptions", value), reason
    for index, value in enumerate(schema.get("x-enum-deprecated", ())):
        if value not in values:
            reason = f"{value!r} is not one of the enum's values: remove it here too"
            yield (*location, "x-enum-deprecated", index), reason
    if names is None:
        yield from _members((*location, "enum"), [str(value) for value in values])
    elif len(names) != len(values):
        yield (*location, "x-enum-varnames"), f"there are {len(names)} names for {len(values)} values"
    else:
        yield from _members((*location, "x-enum-varnames"), names, named=True)


def _members(location: Location, names: list[str], *, named: bool = False) -> Iterator[Issue]:
    """Check the names of an enum's members. If two have the same name, the generator drops the first."""
    members: dict[str, str] = {}
    for index, name in enumerate(names):
        member = snake_case(name).upper()
        if not is_visible(name):
            yield (*location, index), f"{name!a} has an invisible character"
        elif named:
            if not member.isidentifier():
                yield (*location, index), f"{name!r} is not a valid name in Python"
        elif re.fullmatch(r"-?\d+", name):
            member = name  # Its name in Python contains the number.
        elif not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
            yield (*location, index), f"{name!r} is not a valid name in Python: name each value in `x-enum-varnames`"
        if member in members:
            hint = "" if named else ": name each value in `x-enum-varnames`"
            twice = members[member] == name
            reason = "occurs twice" if twice else f"would be called {member}, like {members[member]!r}{hint}"
            yield (*location, index), f"{name!r} {reason}"
        members[member] = name
