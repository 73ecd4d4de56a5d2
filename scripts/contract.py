"""Check the contract before the generator reads it.

The generator silently leaves out or renames parts that it cannot use, and the templates use parts of the contract by
name. So the contract must be valid OpenAPI 3.1 and meet further conditions.
"""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from openapi_python_client.strings import ClassName, PythonIdentifier
from ruamel.yaml.comments import CommentedMap

from runtime.options import validate_options

from .document import Document, Issue, Location
from .enums import check_enums
from .examples import check_examples
from .openapi import check_openapi
from .walk import SCHEMAS, locate_operations, operations, schemas


def read_contract(path: Path) -> Document:
    """Read the contract and check it.

    Raises:
        InputError: The generator or the templates cannot use it.
    """
    contract = Document(path)
    # Each check relies on the ones before it.
    for check in (
        check_openapi,
        _references,
        _recursion,
        _booleans,
        _servers,
        check_enums,
        _schemas,
        _operations,
        check_examples,
    ):
        contract.raise_issues(check(contract))
    return contract


def _references(contract: Document) -> Iterator[Issue]:
    for location, node in contract.nodes():
        is_reference = location[-1:] == ("$ref",) and isinstance(node, str)
        if is_reference and contract.get(tuple(node.split("/")[1:])) is None:
            yield location, f"there is no {node!r}"


def _recursion(contract: Document) -> Iterator[Issue]:
    """Check that nothing refers to itself forever. Whatever does so in several steps passes one of the components."""
    for location, _ in contract.nodes():
        if location[:1] == ("components",) and len(location) == 3 and not str(location[1]).startswith("x-"):
            if _is_in_itself(contract, location, required=False):
                yield location, "this refers to itself, which only `properties` can do"
            elif _is_in_itself(contract, location, required=True):
                reason = "an object that requires another of the same type never ends: make that property optional"
                yield location, reason


def _is_in_itself(contract: Document, start: Location, *, required: bool) -> bool:
    """Tell whether a component consists of itself or, with `required`, whether each of its values contains another."""
    pending, seen = [start], set[Location]()
    while pending:
        for part in _parts(contract, pending.pop(), required=required):
            if part == start:
                return True
            if part not in seen:
                seen.add(part)
                pending.append(part)
    return False


def _parts(contract: Document, location: Location, *, required: bool) -> Iterator[Location]:
    node = contract.get(location)
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        yield tuple(node["$ref"].split("/")[1:])
    for union in ("allOf",) if required else ("allOf", "anyOf", "oneOf"):
        yield from ((*location, union, index) for index in range(len(node.get(union, ()))))
    if "properties" not in node:
        yield from ((*location, key) for key in ("items", "additionalProperties") if not required)
    elif required:
        yield from ((*location, "properties", name) for name in node.get("required", ()))


def _booleans(contract: Document) -> Iterator[Issue]:
    """Replace a schema `true` with `{}`, which means the same, and refuse `false`."""
    for location, schema in list(schemas(contract)):
        if schema is True:
            contract.get(location[:-1])[location[-1]] = CommentedMap()
        elif schema is False:
            yield location, "`false` allows no value at all: remove this"


def _servers(contract: Document) -> Iterator[Issue]:
    """Check that the first server is a default for `app_host`."""
    place: Location = ("servers", 0, "url")
    url: str = contract.get(place)
    for name, variable in (contract.get(("servers", 0, "variables")) or {}).items():
        url = url.replace(f"{{{name}}}", str(variable["default"]))
    if "{" in url:
        yield place, f"{url!r} has a variable that is not in `variables`"
        return
    try:
        validate_options(cast(Any, SimpleNamespace(paths=())), {"app_host": url})
    except ValueError as error:
        yield place, str(error)


def _schemas(contract: Document) -> Iterator[Issue]:
    for location, schema in schemas(contract):
        if location[:-1] == SCHEMAS:
            # The templates look schemas up by class name.
            class_name = ClassName(schema.get("title") or str(location[-1]), "")
            if class_name != location[-1]:
                yield location, f"its class would be called {class_name!r}: use that name here, and remove the title"
        if "properties" in schema and "allOf" not in schema:
            for index, name in enumerate(schema.get("required", ())):
                if name not in schema["properties"]:
                    yield (*location, "required", index), f"there is no property {name!r}"


def _operations(contract: Document) -> Iterator[Issue]:
    names = locate_operations(contract)
    for location, operation in operations(contract):
        if names[PythonIdentifier(operation["operationId"], "")] != location:
            yield (*location, "operationId"), f"another operation is also called {operation['operationId']!r}"
