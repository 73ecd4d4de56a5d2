"""The examples of a contract: check that they fit their schemas, and derive missing ones from the schemas."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from openapi_python_client.strings import PythonIdentifier
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from runtime.fields import DATE, DATE_TIME, UUID

from .document import Document, Issue, Location, plain
from .openapi import explain
from .walk import SCHEMAS, examples_of, json_content, object_fields, operations, resolve, schemas, target

STRINGS = {
    "date": "2030-01-02",
    "date-time": "2030-01-02T03:04:05+00:00",
    "email": "test@example.com",
    "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
}

# The formats that the package reads, and as it reads them.
FORMATS = FormatChecker(())
for _name, _kind in (("date", DATE), ("date-time", DATE_TIME), ("uuid", UUID)):
    FORMATS.checks(_name, (TypeError, ValueError))(_kind.decode)


def check_examples(contract: Document) -> Iterator[Issue]:
    """Yield the examples and the defaults that their schemas do not allow."""
    registry: Registry[Any] = Registry().with_resource("urn:contract", DRAFT202012.create_resource(contract.get(())))
    for location, schema in _examples(contract):
        pointer = "/".join(quote(str(key).replace("~", "~0").replace("/", "~1"), safe="~") for key in schema)
        validator = _validator(contract, location)(
            {"$ref": f"urn:contract#/{pointer}"}, registry=registry, format_checker=FORMATS
        )
        if error := best_match(validator.iter_errors(contract.get(location))):
            place, reason = explain(error)
            yield (*location, *place), f"this does not fit its schema: {reason}"


def _examples(contract: Document) -> Iterator[tuple[Location, Location]]:
    """Yield the location of each example, default and enum, and of its schema."""
    for location, node in contract.nodes():
        match location:
            case (*_, "content", _) | (*_, "parameters", _) if isinstance(node, dict) and "schema" in node:
                yield from ((place, (*location, "schema")) for place, _ in examples_of(contract, location))
            case _:
                pass
    for location, schema in schemas(contract):
        yield from (((*location, key), location) for key in ("default", "example") if key in schema)
        # The values of an enum have one type, so the first is enough.
        yield from (((*location, "enum", 0), location) for _ in schema.get("enum", ())[:1])
        yield from (((*location, "examples", index), location) for index in range(len(schema.get("examples", ()))))


def _validator(contract: Document, location: Location) -> Any:
    """Return a validator for an example, which tolerates some missing required fields."""
    in_response = "responses" in location
    example = contract.get(location)
    is_failure = in_response and isinstance(example, dict) and example.get("statusCode") != 200

    def required(validator: Any, names: list[str], instance: Any, schema: dict[str, Any]) -> Iterator[ValidationError]:
        if is_failure and instance is example:
            # Only these two fields are certain in a failure.
            names = [name for name in names if name in ("statusCode", "message")]
        elif not in_response:
            # A request has no read-only fields.
            names = [name for name in names if not is_read_only(schema.get("properties", {}).get(name, {}))]
        yield from Draft202012Validator.VALIDATORS["required"](validator, names, instance, schema)

    def is_read_only(field: dict[str, Any]) -> bool:
        referred = contract.get(target(field["$ref"])) if "$ref" in field else {}
        return bool((field | referred).get("readOnly"))

    return extend(Draft202012Validator, {"required": required})  # type: ignore[no-untyped-call]


def check_status_codes(contract: Document, examples: Mapping[str, Mapping[int, Any]]) -> Iterator[Issue]:
    """Yield the status codes that none of the `response_examples` has."""
    codes = {code for by_code in examples.values() for code in by_code}
    place = (*SCHEMAS, "StatusCode", "enum")
    for index, code in enumerate(contract.get(place)):
        if code not in codes:
            yield (*place, index), f"no operation has an example of a response with `statusCode` {code}"


def response_examples(contract: Document) -> dict[str, dict[int, Any]]:
    """Return an example response for each `statusCode` that has one, by the operation's name in Python.

    There is always one for success.
    """
    found: dict[str, dict[int, Any]] = {}
    for location, operation in operations(contract):
        content = json_content(contract, (*location, "responses", "200"))
        by_code: dict[int, Any] = {}
        for _, response in examples_of(contract, content):
            by_code.setdefault(int(response["statusCode"]), response)
        if 200 not in by_code:
            by_code = {200: sample(contract, (*content, "schema")) | {"statusCode": 200}, **by_code}
        found[PythonIdentifier(operation["operationId"], "")] = by_code
    return found


def sample(contract: Document, location: Location) -> Any:
    """Return a value of a schema's type: its own example, if it has one, or only what it requires."""
    location, schema = resolve(contract, location)
    given = [schema[name] for name in ("example", "default") if schema.get(name) is not None]
    given += [*schema.get("examples", ())[:1], *schema.get("enum", ())[:1]]
    if given:
        return plain(given[0])
    fields, required = object_fields(contract, location)
    for union in ("anyOf", "oneOf", "allOf"):
        if (parts := schema.get(union)) and not fields:
            # Null ends a chain of objects that contain one another.
            null = next((index for index, part in enumerate(parts) if part.get("type") == "null"), 0)
            return sample(contract, (*location, union, null))
    types = schema.get("type", "object" if fields else "string")
    match types if isinstance(types, str) else types[0]:
        case "object":
            return {name: sample(contract, place) for name, place in fields.items() if name in required}
        case "array":
            return []
        case "integer" | "number":
            least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            return min(least, schema.get("maximum", least))
        case "boolean":
            return True
        case "null":
            return None
        case _:
            text = STRINGS.get(schema.get("format", ""), "text")
            return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", len(text) + 99)]
