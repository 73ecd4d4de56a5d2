"""Check the contract before the generator reads it.

The generator silently leaves out or renames parts that it cannot use, and the templates use parts of the contract by
name. So the contract must be valid OpenAPI 3.1 and meet further conditions.
"""

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from openapi_python_client.strings import ClassName, snake_case
from ruamel.yaml.comments import CommentedMap

from runtime.options import validate_options

from .document import Document, Issue, Location, is_visible
from .examples import check_examples
from .openapi import check_openapi
from .walk import SCHEMAS, default_host, locate_operations, operations, schemas, target


def read_contract(path: Path) -> Document:
    """Read the contract and check it.

    Raises:
        InputError: The generator or the templates cannot use it.
    """
    contract = Document(path)
    # Each check relies on the ones before it.
    for check in (check_openapi, _references, _recursion, _servers, _schemas, _operations, check_examples):
        contract.raise_issues(check(contract))
    return contract


def _references(contract: Document) -> Iterator[Issue]:
    for location, node in contract.nodes():
        is_reference = location[-1:] == ("$ref",) and isinstance(node, str)
        if is_reference and contract.get(target(node)) is None:
            yield location, f"there is no {node!r}"


def _recursion(contract: Document) -> Iterator[Issue]:
    """Check that no component refers to itself forever."""
    for required, reason in (
        (False, "this refers to itself, which only the `properties` of a schema can do"),
        (True, "an object that requires another of the same type never ends: make that property optional"),
    ):
        graph = {
            location: set(_parts(node, required=required))
            for location, node in contract.nodes()
            if location[:1] == ("components",) and len(location) == 3 and not str(location[1]).startswith("x-")
        }
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            yield from ((location, reason) for location in error.args[1])
            return


def _parts(node: Any, *, required: bool) -> Iterator[Location]:
    """Yield the components that a node consists of or, with `required`, that each value of a schema contains."""
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        yield target(node["$ref"])
    parts = [*node.get("allOf", ())]
    if required and "properties" in node:
        parts += [node["properties"].get(name) for name in node.get("required", ())]
    elif not required and "properties" not in node:
        parts += [*node.get("anyOf", ()), *node.get("oneOf", ()), node.get("items"), node.get("additionalProperties")]
    for part in parts:
        yield from _parts(part, required=required)


def _servers(contract: Document) -> Iterator[Issue]:
    """Check that the first server is a default for `app_host`."""
    place, url = ("servers", 0, "url"), default_host(contract)
    if "{" in url:
        yield place, f"{url!r} has a variable that is not in `variables`"
    elif re.match(r"\w+://\w+://", url):
        yield place, f"{url!r} has `://` twice: a variable's `default` must be without it"
    else:
        try:
            validate_options(cast(Any, SimpleNamespace(paths=contract.get(("paths",)))), {"app_host": url})
        except ValueError as error:
            yield place, str(error)


def _schemas(contract: Document) -> Iterator[Issue]:
    """Check each schema, and replace `true` with `{}`, which means the same: what comes later expects mappings."""
    for location, schema in list(schemas(contract)):
        if schema is True:
            schema = contract.get(location[:-1])[location[-1]] = CommentedMap()
        if schema is False:
            yield location, "`false` allows no value at all: remove this"
        else:
            yield from (((*location, *place), reason) for place, reason in _schema(schema))
            # The templates look schemas up by class name.
            name = ClassName(schema.get("title") or str(location[-1]), "")
            if location[:-1] == SCHEMAS and name != location[-1]:
                yield location, f"its class would be called {name!r}: use that name here, and remove the title"


def _schema(schema: Any) -> Iterator[Issue]:
    if "enum" in schema:
        yield from _values(schema)
        yield from _members(schema)
    if "properties" in schema and "allOf" not in schema:
        for index, name in enumerate(schema.get("required", ())):
            if name not in schema["properties"]:
                yield ("required", index), f"there is no property {name!r}"


def _values(schema: Any) -> Iterator[Issue]:
    """Check the values of an enum and their explanations."""
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


def _operations(contract: Document) -> Iterator[Issue]:
    named = locate_operations(contract).values()
    for location, operation in operations(contract):
        if location not in named:
            yield (*location, "operationId"), f"another operation is also called {operation['operationId']!r}"
