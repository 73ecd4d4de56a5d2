"""Check the contract before the generator reads it.

The generator leaves out or renames what it cannot use, and the templates take parts of the contract by name. Neither
may go unseen, so the contract must be OpenAPI 3.1, and more than that.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from openapi_python_client import schema as oai
from openapi_python_client.strings import ClassName, PythonIdentifier, snake_case
from openapi_spec_validator.schemas import schema_v31
from referencing.jsonschema import DRAFT202012

from runtime.call import DEDUPLICATION_MARGIN

from .document import Document, Issue, Location

SCHEMAS: Location = ("components", "schemas")
STATUS_CODE: Location = (*SCHEMAS, "StatusCode")
CLIENT_HEADERS: tuple[Location, ...] = tuple(
    ("components", "parameters", name, "name") for name in ("lang", "realIp", "requestFrom", "sdkVersion")
)

# What the templates take from the contract by name.
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

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# The keywords of a schema that the generator and the templates know, and those that are for people.
KEYWORDS = [
    *(field.alias or name for name, field in oai.Schema.model_fields.items()),
    *("$ref", "$comment", "examples", "x-enum-varnames", "x-enum-deprecated", "x-enumDescriptions"),
]

# The schema of OpenAPI takes anything as a schema in a document. So these are checked by the schema of JSON Schema,
# which would take any keyword, a misspelt one too.
JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_OF_SCHEMAS = {
    "$dynamicAnchor": "meta",
    "$ref": JSON_SCHEMA,
    "propertyNames": {"anyOf": [{"enum": KEYWORDS}, {"pattern": "^x-(?!enum)"}]},
    "properties": {
        "enum": {"minItems": 1},
        "x-enum-deprecated": {"type": "array", "items": {"type": ["string", "integer"]}},
        "x-enum-varnames": {"type": "array", "items": {"type": "string"}},
        "x-enumDescriptions": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
    },
}
# The URLs in the package's metadata, by their labels.
PROJECT_URLS = {"type": "object", "additionalProperties": {"type": "string", "pattern": r"^https?://\S+$"}}
OPENAPI = Draft202012Validator(
    {
        "$schema": JSON_SCHEMA,
        "$id": "urn:openapi",
        "$ref": schema_v31["$id"],
        "$defs": {"schema": SCHEMA_OF_SCHEMAS},
        "properties": {"info": {"properties": {"x-project-urls": PROJECT_URLS}}},
    },
    registry=REGISTRY.with_resource(schema_v31["$id"], DRAFT202012.create_resource(schema_v31)),
)


def read_contract(path: Path) -> Document:
    """Read the contract and check it.

    Raises:
        InputError: It is not what the generator and the templates need.
    """
    contract = Document(path)
    # Each check relies on those before it.
    for check in (_references, _openapi, _required, _status_codes, _enums, _schemas, _parameters, _operations):
        contract.raise_issues(check(contract))
    contract.raise_issues(_examples(contract))
    return contract


def operations(contract: Document) -> Iterator[tuple[Location, Any]]:
    """Yield each operation with its location."""
    for path, item in contract.get(("paths",)).items():
        for method in METHODS:
            if method in item:
                yield ("paths", path, method), item[method]


def locate_operations(contract: Document) -> dict[str, Location]:
    """Return the location of each operation by its name in Python."""
    return {PythonIdentifier(each["operationId"], ""): location for location, each in operations(contract)}


def resolve(contract: Document, location: Location) -> tuple[Location, Any]:
    """Return the node at a location, or the one that it refers to, with its location."""
    node = contract.get(location)
    while isinstance(node, dict) and "$ref" in node:
        location = tuple(node["$ref"].split("/")[1:])
        node = contract.get(location)
    return location, node


def parameters_of(contract: Document, operation: Location) -> Iterator[tuple[Location, Any]]:
    """Yield each parameter of an operation with its location. One of the operation's own hides one of its path."""
    seen: set[tuple[str, str]] = set()
    for parent in (operation, operation[:-1]):
        for index in range(len(contract.get((*parent, "parameters")) or ())):
            location, parameter = resolve(contract, (*parent, "parameters", index))
            if (key := (parameter["in"], parameter["name"])) not in seen:
                seen.add(key)
                yield location, parameter


def schemas(contract: Document) -> Iterator[tuple[Location, Any]]:
    """Yield each schema of the contract with its location, and those inside of it."""

    def descend(location: Location, schema: Any) -> Iterator[tuple[Location, Any]]:
        if not isinstance(schema, dict):
            return  # `additionalProperties` can be true or false.
        yield location, schema
        for key in ("items", "additionalProperties", "not"):
            yield from descend((*location, key), schema.get(key))
        for key in ("allOf", "anyOf", "oneOf", "prefixItems"):
            for index, part in enumerate(schema.get(key, ())):
                yield from descend((*location, key, index), part)
        for name, part in schema.get("properties", {}).items():
            yield from descend((*location, "properties", name), part)

    for location, node in contract.nodes():
        match location:
            case ("components", "schemas", _) | (*_, "content", _, "schema") | (*_, "parameters", _, "schema"):
                yield from descend(location, node)
            case _:
                pass


def locate_names(contract: Document) -> dict[str, Location]:
    """Return the locations of what is named in Python, by its name."""
    names: dict[str, Location] = {}
    for location, node in contract.nodes():
        match location:
            case ("components", "schemas", str(key)):
                names.setdefault(key, location)
            case (*_, "x-enum-varnames" | "enum", int()):
                names.setdefault(str(node), location)
            case (*_, "operationId"):
                names.setdefault(PythonIdentifier(node, ""), location)
            case (*_, "properties", str(key)):
                names.setdefault(PythonIdentifier(key, ""), location)
            case _:
                pass
    return names


def _references(contract: Document) -> Iterator[Issue]:
    for location, node in contract.nodes():
        if location[-1:] != ("$ref",) or not isinstance(node, str):
            continue
        if not re.fullmatch("#/components/[^/]+/[^/]+", node):
            yield location, f"{node!r} is not '#/components/…/…', and the generator does not follow other references"
        elif contract.get(tuple(node.split("/")[1:])) is None:
            yield location, f"there is no {node!r}"


def _openapi(contract: Document) -> Iterator[Issue]:
    if not str(contract.get(("openapi",))).startswith("3.1."):
        yield ("openapi",), "the contract must be OpenAPI 3.1"
        return
    error = best_match(OPENAPI.iter_errors(contract.get(())))
    if error is None:
        return
    location: Location = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        yield (*location, error.instance), f"{error.instance!r} is not a keyword of a schema"
        return
    # The message quotes what is wrong, be it half of the contract.
    quoted = "this" if isinstance(error.instance, dict | list) else repr(error.instance)
    unexpected = re.findall(r"\('(.*?)'.* unexpected\)", error.message)
    yield (*location, *unexpected), error.message.replace(repr(error.instance), quoted)


def _required(contract: Document) -> Iterator[Issue]:
    for location in REQUIRED:
        for end in range(1, len(location) + 1):
            if contract.get(location[:end]) is None:
                yield location[:end], "this is missing; the templates need it"
                break


def _status_codes(contract: Document) -> Iterator[Issue]:
    if 200 not in contract.get((*STATUS_CODE, "enum")):
        yield (*STATUS_CODE, "enum"), "200, which is success, is missing"
    for index, name in enumerate(contract.get((*STATUS_CODE, "x-enum-varnames"))):
        if ClassName(name, "") != name:
            location = (*STATUS_CODE, "x-enum-varnames", index)
            yield location, f"{name!r} is not a class name, such as 'ThrottleError'"


def _enums(contract: Document) -> Iterator[Issue]:
    for location, values in contract.nodes():
        if location[-1:] != ("enum",) or not isinstance(values, list):
            continue
        schema = contract.get(location[:-1])
        # A number that is spelt in another way, such as `0x10`, is of a class of its own.
        kinds = {next((kind for kind in (bool, int, str) if isinstance(value, kind)), None) for value in values}
        if kinds not in ({str}, {int}):
            yield location, "the values must be all strings or all integers"
            continue
        for index, value in enumerate(schema.get("x-enum-deprecated", ())):
            if value not in values:
                yield (*location[:-1], "x-enum-deprecated", index), f"{value!r} is not one of the enum's values"
        yield from _descriptions(location, values, schema.get("x-enumDescriptions", {}))
        names = schema.get("x-enum-varnames")
        if names is None:
            yield from _members(location, [str(value) for value in values])
        elif len(names) != len(values):
            yield (*location[:-1], "x-enum-varnames"), f"there are {len(names)} names for {len(values)} values"
        else:
            yield from _members((*location[:-1], "x-enum-varnames"), names, named=True)


def _descriptions(location: Location, values: list[Any], said: dict[str, str]) -> Iterator[Issue]:
    """Check that an enum explains all of its values, if it explains any."""
    place = (*location[:-1], "x-enumDescriptions")
    for value in said:
        if value not in map(str, values):
            yield (*place, value), f"{value!r} is not one of the enum's values"
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


def _examples(contract: Document) -> Iterator[Issue]:
    """Check that there is an example of a response for each documented `statusCode`."""
    codes: set[Any] = set()
    for location, _ in operations(contract):
        response_location, response = resolve(contract, (*location, "responses", "200"))
        for media, content in response.get("content", {}).items():
            for name in content.get("examples", ()):
                _, example = resolve(contract, (*response_location, "content", media, "examples", name))
                value = example.get("value")
                codes.add(value.get("statusCode") if isinstance(value, dict) else None)
    for index, code in enumerate(contract.get((*STATUS_CODE, "enum"))):
        if code not in codes:
            yield (*STATUS_CODE, "enum", index), f"no operation has an example of a response with `statusCode` {code}"


def _schemas(contract: Document) -> Iterator[Issue]:
    for name, schema in contract.get(SCHEMAS).items():
        # The templates find what the contract says of a class by the name of the class.
        class_name = ClassName(schema.get("title") or name, "")
        if class_name != name:
            yield (*SCHEMAS, name), f"its class would be {class_name!r}: give it that name here, and remove its title"
    for location, node in contract.nodes():
        if location[-1:] == ("required",) and isinstance(node, list):
            schema = contract.get(location[:-1])
            for index, name in enumerate(node if "properties" in schema and "allOf" not in schema else ()):
                if name not in schema["properties"]:
                    yield (*location, index), f"there is no property {name!r}"


def _parameters(contract: Document) -> Iterator[Issue]:
    for location, node in contract.nodes():
        if location[-2:-1] == ("parameters",) and isinstance(node, dict) and "$ref" not in node:
            if "schema" not in node:
                yield location, "the schema is missing: the generator would leave out this parameter"
            if node["in"] == "cookie":
                yield location, "cookies are not supported"


def _operations(contract: Document) -> Iterator[Issue]:
    names: set[str] = set()
    for location, operation in operations(contract):
        if not re.fullmatch(r"(/([\w.~-]|{[A-Za-z_][\w-]*})*)+", str(location[1]), re.ASCII):
            yield location[:2], "a path can contain only letters, digits, / . _ - ~ and {parameters}"
        operation_id: str = operation.get("operationId", "")
        name = PythonIdentifier(operation_id, "")
        if not re.fullmatch(r"[A-Za-z]\w*", operation_id, re.ASCII):
            yield (*location, "operationId"), "a name for the method is needed, such as 'sendEmail'"
        elif name in names:
            yield (*location, "operationId"), f"another operation is called {operation_id!r} too"
        names.add(name)
        if "200" not in operation.get("responses", ()):
            yield (*location, "responses"), "a response '200' is missing"
        interval = operation.get("x-deduplication-interval", math.inf)
        if isinstance(interval, bool) or not isinstance(interval, int | float) or interval <= DEDUPLICATION_MARGIN:
            reason = f"a number of seconds greater than {DEDUPLICATION_MARGIN:g} is needed, such as 60"
            yield (*location, "x-deduplication-interval"), reason
