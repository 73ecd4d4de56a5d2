"""The examples of a contract: check that they fit their schemas, and derive missing ones from the schemas."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

from runtime.fields import DATE, DATE_TIME, UUID

from .document import Document, Issue, Location, plain
from .openapi import explain
from .walk import SCHEMAS, examples_of, json_content, locate_operations, object_fields, resolve, schemas, target

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
    for location, schema in _examples(contract):
        for place, reason in _misfits(contract, schema, contract.get(location)):
            yield (*location, *place), f"a value must fit its schema: {reason}"


def _examples(contract: Document) -> Iterator[tuple[Location, Location]]:
    """Yield the location of each example, default and enum, and of its schema."""
    for location, schema in schemas(contract):
        if location[-1] == "schema" and location[-2] != "properties":
            yield from ((place, location) for place, _ in examples_of(contract, location[:-1]))
        yield from (((*location, key), location) for key in ("default", "example") if key in schema)
        # The values of an enum have one type, so the first is enough.
        yield from (((*location, "enum", 0), location) for _ in schema.get("enum", ())[:1])
        yield from (((*location, "examples", index), location) for index in range(len(schema.get("examples", ()))))


def _misfits(contract: Document, schema: Location, example: Any) -> Iterator[Issue]:
    """Yield where and why an example does not fit a schema. It may lack some required fields."""
    is_response = {"statusCode", "message"} <= object_fields(contract, schema)[1]
    is_failure = is_response and isinstance(example, dict) and example.get("statusCode") != 200

    def required(validator: Any, names: list[str], instance: Any, part: dict[str, Any]) -> Iterator[ValidationError]:
        if is_failure and instance is example:
            # Only these two fields are certain in a failure.
            names = [name for name in names if name in ("statusCode", "message")]
        elif "responses" not in schema:
            # A request has no read-only fields.
            names = [name for name in names if not is_read_only(part.get("properties", {}).get(name, {}))]
        yield from Draft202012Validator.VALIDATORS["required"](validator, names, instance, part)

    def is_read_only(field: dict[str, Any]) -> bool:
        referred = contract.get(target(field["$ref"])) if "$ref" in field else {}
        return bool((field | referred).get("readOnly"))

    pointer = "/".join(quote(str(key).replace("~", "~0").replace("/", "~1"), safe="~") for key in schema)
    validator = extend(Draft202012Validator, {"required": required, "pattern": _pattern})  # type: ignore[no-untyped-call]
    # The references in the schema begin at the contract's root.
    root = {**contract.get(()), "$ref": f"#/{pointer}"}
    if error := best_match(validator(root, format_checker=FORMATS).iter_errors(example)):
        yield explain(error)


def _pattern(validator: Any, pattern: str, instance: Any, schema: dict[str, Any]) -> Iterator[ValidationError]:
    # The patterns of OpenAPI are those of JavaScript. Python cannot read them all.
    with suppress(re.error, OverflowError):
        yield from Draft202012Validator.VALIDATORS["pattern"](validator, pattern, instance, schema)


def response_examples(contract: Document) -> dict[str, dict[int, Any]]:
    """Return an example response for each `statusCode` that has one, by the operation's name in Python.

    There is always one for success.

    Raises:
        InputError: A status code has no example, or a success has none and it cannot be made from the schema.
    """
    found: dict[str, dict[int, Any]] = {}
    issues: list[Issue] = []
    for name, location in locate_operations(contract).items():
        place = (*location, "responses", "200")
        content = json_content(contract, place)
        by_code = found.setdefault(name, {})
        for _, response in examples_of(contract, content):
            by_code.setdefault(int(response["statusCode"]), response)
        if 200 not in by_code:
            by_code[200] = sample(contract, (*content, "schema")) | {"statusCode": 200}
            if any(_misfits(contract, (*content, "schema"), by_code[200])):
                issues.append((place, "add an example of a success: one made from the schema would not fit it"))
    codes = (*SCHEMAS, "StatusCode", "enum")
    for index, code in enumerate(contract.get(codes)):
        if not any(code in by_code for by_code in found.values()):
            issues.append(((*codes, index), f"no operation has an example of a response with `statusCode` {code}"))
    contract.raise_issues(issues)
    return found


def sample(contract: Document, location: Location) -> Any:
    """Return a value of a schema's type: its own example if it has one, otherwise one with only the required fields."""
    location, schema = resolve(contract, location)
    given = [schema[name] for name in ("example", "default") if name in schema]
    given += [*schema.get("examples", ())[:1], *schema.get("enum", ())[:1]]
    if given:
        return plain(given[0])
    fields, required = object_fields(contract, location)
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema and not fields:
            # Anything but an object ends a chain of objects that contain one another.
            places = [(*location, union, index) for index in range(len(schema[union]))]
            return sample(contract, min(places, key=lambda place: bool(object_fields(contract, place)[0])))
    types = schema.get("type", "object" if fields else "string")
    match types if isinstance(types, str) else types[0]:
        case "object":
            return {name: sample(contract, place) for name, place in fields.items() if name in required}
        case "array":
            return [sample(contract, (*location, "items")) for _ in range(schema.get("minItems", 0))]
        case "integer" | "number":
            least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            return min(least, schema.get("maximum", least))
        case "boolean":
            return True
        case "null":
            return None
        case _:
            text = STRINGS.get(schema.get("format", ""), "text")
            return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]
