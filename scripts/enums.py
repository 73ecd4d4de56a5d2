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
            for check in (_values, _members):
                yield from (((*location, *place), reason) for place, reason in check(schema))


def _values(schema: Any) -> Iterator[Issue]:
    values = [str(value) for value in schema["enum"]]
    explanations = schema.get("x-enumDescriptions", {})
    for index, value in enumerate(values):
        if not is_visible(value):
            yield ("enum", index), f"{value!a} has an invisible character"
        elif explanations and value not in explanations:
            yield ("enum", index), f"{value!r} has no explanation in `x-enumDescriptions`"
    deprecated = enumerate(schema.get("x-enum-deprecated", ()))
    unknown: list[Location] = [("x-enumDescriptions", value) for value in explanations if value not in values]
    unknown += [("x-enum-deprecated", index) for index, value in deprecated if value not in schema["enum"]]
    yield from ((place, "this is not one of the enum's values: remove it here too") for place in unknown)


def _members(schema: Any) -> Iterator[Issue]:
    """Check the names of an enum's members. If two have the same name, the generator drops the first."""
    key = "x-enum-varnames" if "x-enum-varnames" in schema else "enum"
    members: dict[str, str] = {}
    for index, name in enumerate(map(str, schema[key])):
        member = snake_case(name).upper()
        if isinstance(schema[key][index], int):
            member = name  # Its name in Python contains the number.
        elif not is_visible(name):
            yield (key, index), f"{name!a} has an invisible character"
        elif not (re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) if key == "enum" else member.isidentifier()):
            yield (key, index), f"{name!r} is not a valid name in Python: name each value in `x-enum-varnames`"
        if member in members:
            yield (key, index), f"{members[member]!r} and {name!r} would both be called {member}"
        members[member] = name
    if len(schema[key]) != len(schema["enum"]):
        yield (key,), f"there are {len(schema[key])} names for {len(schema['enum'])} values"
