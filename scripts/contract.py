"""Check the contract before the generator reads it.

The generator silently leaves out or renames parts that it cannot use, and the templates use parts of the contract by
name. So the contract must be valid OpenAPI 3.1 and meet further conditions.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from openapi_python_client.strings import ClassName, PythonIdentifier
from ruamel.yaml.comments import CommentedMap

from .document import Document, Issue, Location
from .enums import check_enums
from .examples import check_examples
from .openapi import check_openapi, did_you_mean
from .walk import SCHEMAS, examples_of, operations, resolve, schemas

STATUS_CODE: Location = (*SCHEMAS, "StatusCode")
CLIENT_HEADERS: tuple[Location, ...] = tuple(
    ("components", "parameters", name, "name") for name in ("lang", "realIp", "requestFrom", "sdkVersion")
)

# The parts of the contract that the templates use by name.
REQUIRED: tuple[Location, ...] = (
    ("info", "summary"),
    ("info", "contact", "name"),
    ("info", "license", "identifier"),
    ("servers", 0, "url"),
    ("paths",),
    ("components", "securitySchemes", "appId", "name"),
    ("components", "securitySchemes", "accessToken", "name"),
    *CLIENT_HEADERS,
    (*SCHEMAS, "Lang", "enum"),
    (*STATUS_CODE, "enum"),
    (*STATUS_CODE, "x-enum-varnames"),
)


def read_contract(path: Path) -> Document:
    """Read the contract and check it.

    Raises:
        InputError: The generator or the templates cannot use it.
    """
    contract = Document(path)
    # Each check relies on the ones before it.
    for check in (
        _references,
        check_openapi,
        _booleans,
        _required,
        _servers,
        _status_codes,
        check_enums,
        _schemas,
        _operations,
        _security,
        check_examples,
        _documented_status_codes,
    ):
        contract.raise_issues(check(contract))
    return contract


def _references(contract: Document) -> Iterator[Issue]:
    for location, node in contract.nodes():
        if location[-1:] != ("$ref",) or not isinstance(node, str | None):
            continue
        if node is None:
            yield location, 'this is empty: put the reference in quotes, because "#" begins a comment'
        elif not re.fullmatch("#/components/[^/]+/[^/]+", node):
            yield location, f"{node!r} is not '#/components/…/…', and the generator does not follow other references"
        elif contract.get(tuple(node.split("/")[1:])) is None:
            yield location, f"there is no {node!r}"
        elif _refers_to_itself(contract, location):
            yield location, "this refers to itself"


def _refers_to_itself(contract: Document, start: Location) -> bool:
    location, passed = start, set[Location]()
    while location not in passed and isinstance(reference := contract.get(location), str):
        passed.add(location)
        location = (*reference.split("/")[1:], "$ref")
    return location == start


def _booleans(contract: Document) -> Iterator[Issue]:
    """Replace a schema `true` with `{}`, which means the same, and refuse `false`."""
    for location, schema in list(schemas(contract)):
        if schema is True:
            contract.get(location[:-1])[location[-1]] = CommentedMap()
        elif schema is False:
            yield location, "`false` allows no value at all: remove this"


def _required(contract: Document) -> Iterator[Issue]:
    for location in REQUIRED:
        for end in range(1, len(location) + 1):
            if contract.get(location[:end]) is None:
                yield location[:end], "this is missing; the templates need it"
                break


def _servers(contract: Document) -> Iterator[Issue]:
    """Check that the first server is a default for `app_host`."""
    place: Location = ("servers", 0, "url")
    url: str = contract.get(place)
    variables = contract.get(("servers", 0, "variables")) or {}
    for name in re.findall("{(.*?)}", url):
        if name not in variables:
            yield place, f"the variable {name!r} is not in `variables`{did_you_mean(name, variables)}"
            return
        url = url.replace(f"{{{name}}}", str(variables[name]["default"]))
    parts = re.fullmatch(r"https?://[\w-]{1,63}(\.[\w-]{1,63})*(?::(\d{1,5}))?(/[\w.~-]+)*/?", url, re.ASCII)
    if not parts or not 0 < int(parts[2] or 80) < 65536:
        yield place, f"{url!r} is not a URL that calls can be sent to, such as https://example.genauth.ai"


def _status_codes(contract: Document) -> Iterator[Issue]:
    if 200 not in contract.get((*STATUS_CODE, "enum")):
        yield (*STATUS_CODE, "enum"), "200, which is success, is missing"
    for index, name in enumerate(contract.get((*STATUS_CODE, "x-enum-varnames"))):
        if ClassName(name, "") != name:
            location = (*STATUS_CODE, "x-enum-varnames", index)
            yield location, f"{name!r} is not a class name, such as 'ThrottleError'"


def _documented_status_codes(contract: Document) -> Iterator[Issue]:
    """Check that there is an example of a response for each documented `statusCode`."""
    codes: list[Any] = []
    for location, _ in operations(contract):
        place, response = resolve(contract, (*location, "responses", "200"))
        for media in response.get("content", ()):
            for _, example in examples_of(contract, (*place, "content", media)):
                codes.append(example.get("statusCode") if isinstance(example, dict) else None)
    for index, code in enumerate(contract.get((*STATUS_CODE, "enum"))):
        if code not in codes:
            yield (*STATUS_CODE, "enum", index), f"no operation has an example of a response with `statusCode` {code}"


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
        if _is_in_itself(contract, location, _kinds_of_parts):
            yield location, "a schema that consists of itself is not supported: give it `properties`"
        elif _is_in_itself(contract, location, _required_parts):
            yield location, "an object that requires another of the same type never ends: make that property optional"


def _kinds_of_parts(contract: Document, location: Location) -> Iterator[Location]:
    """Yield the schemas that a schema consists of, except through an object's properties."""
    schema = contract.get(location)
    if "properties" not in schema:
        yield from ((*location, key) for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict))
    for union in ("allOf", "anyOf", "oneOf"):
        yield from ((*location, union, index) for index in range(len(schema.get(union, ()))))


def _required_parts(contract: Document, location: Location) -> Iterator[Location]:
    """Yield the schemas of the parts that every value of a schema contains."""
    schema = contract.get(location)
    yield from ((*location, "allOf", index) for index in range(len(schema.get("allOf", ()))))
    for name in schema.get("required", ()):
        if name in schema.get("properties", ()):
            yield (*location, "properties", name)


def _is_in_itself(
    contract: Document, location: Location, parts: Callable[[Document, Location], Iterator[Location]]
) -> bool:
    pending, seen = [location], set[Location]()
    while pending:
        for part in parts(contract, pending.pop()):
            inner, _ = resolve(contract, part)
            if inner == location:
                return True
            if inner not in seen:
                seen.add(inner)
                pending.append(inner)
    return False


def _operations(contract: Document) -> Iterator[Issue]:
    names: set[str] = set()
    for location, operation in operations(contract):
        if "responses" not in operation:
            yield location, "a response '200' is missing"
        if "operationId" not in operation:
            yield location, "the method needs a name: write an `operationId` such as 'sendEmail'"
            continue
        name = PythonIdentifier(operation["operationId"], "")
        if name in names:
            yield (*location, "operationId"), f"another operation is also called {operation['operationId']!r}"
        names.add(name)


def _security(contract: Document) -> Iterator[Issue]:
    schemes = contract.get(("components", "securitySchemes"))
    for parent in ((), *(location for location, _ in operations(contract))):
        alternatives: list[Any] = contract.get((*parent, "security")) or []
        for index, alternative in enumerate(alternatives):
            for name in alternative:
                if name not in schemes:
                    reason = f"there is no security scheme {name!r}{did_you_mean(name, schemes)}"
                    yield (*parent, "security", index, name), reason
