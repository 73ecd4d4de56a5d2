"""Validate the contract by the schema of OpenAPI, and its examples by its own schemas, and explain what is wrong."""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from openapi_python_client import schema as oai
from openapi_spec_validator.schemas import schema_v31
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from .document import Document, Issue, Location
from .walk import METHODS, resolve, schemas

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
TYPES = ["array", "boolean", "integer", "null", "number", "object", "string"]


def check_openapi(contract: Document) -> Iterator[Issue]:
    """Yield why the contract is not OpenAPI 3.1."""
    if not str(contract.get(("openapi",))).startswith("3.1."):
        yield ("openapi",), "the contract must be OpenAPI 3.1"
        return
    errors = list(OPENAPI.iter_errors(contract.get(())))
    # Where a part is wrong in another way, its keys are reported as unexpected too.
    others = [each for each in errors if each.validator != "unevaluatedProperties"]
    if error := best_match(others or errors):
        yield _explain(error)


def check_examples(contract: Document) -> Iterator[Issue]:
    """Yield the examples and the defaults that their schemas do not allow."""
    registry: Registry[Any] = Registry().with_resource("urn:contract", DRAFT202012.create_resource(contract.get(())))
    kind = _ignoring_read_only(contract)
    for location, schema in _examples(contract):
        pointer = "/".join(quote(str(key).replace("~", "~0").replace("/", "~1"), safe="~") for key in schema)
        in_response = "responses" in location
        validator = (Draft202012Validator if in_response else kind)(
            {"$ref": f"urn:contract#/{pointer}"}, registry=registry
        )
        value = contract.get(location)
        errors = validator.iter_errors(value)
        if in_response and isinstance(value, dict) and value.get("statusCode") != 200:
            # A failure has no more than these two for certain, whatever a success has.
            errors = (
                each
                for each in errors
                if each.validator != "required" or each.absolute_path or not ({"statusCode", "message"} <= value.keys())
            )
        if error := best_match(errors):
            place, reason = _explain(error)
            yield (*location, *place), f"this does not fit its schema: {reason}"


def _examples(contract: Document) -> Iterator[tuple[Location, Location]]:
    """Yield the location of each example and default, and of its schema."""
    for location, node in contract.nodes():
        match location:
            case (*_, "content", _) | (*_, "parameters", _) if isinstance(node, dict) and "schema" in node:
                places = [(*location, "examples", name) for name in node.get("examples", ())]
                values = [(*resolve(contract, place)[0], "value") for place in places]
                for value in (*values, (*location, "example")):
                    if contract.get(value) is not None:
                        yield value, (*location, "schema")
            case _:
                pass
    for location, schema in schemas(contract):
        for key in ("default", "example"):
            if key in schema:
                yield (*location, key), location
        for index in range(len(schema.get("examples", ()))):
            yield (*location, "examples", index), location


def _ignoring_read_only(contract: Document) -> Any:
    """Return a validator that does not ask for the fields that are `readOnly`, which no request has."""

    def required(validator: Any, names: list[str], instance: Any, schema: dict[str, Any]) -> Iterator[ValidationError]:
        fields = schema.get("properties", {})
        refs = {name: contract.get(tuple(fields.get(name, {}).get("$ref", "").split("/")[1:])) for name in names}
        asked = [name for name in names if not (fields.get(name, {}) | refs[name]).get("readOnly")]
        yield from Draft202012Validator.VALIDATORS["required"](validator, asked, instance, schema)

    return extend(Draft202012Validator, {"required": required})  # type: ignore[no-untyped-call]


def did_you_mean(name: object, allowed: Iterable[str]) -> str:
    """Return the end of a sentence that offers the name that is most like a wrong one."""
    close = get_close_matches(str(name), list(allowed), 1)
    return f"; did you mean {close[0]}?" if close else ""


def _explain(error: ValidationError) -> Issue:
    """Return where something is wrong and what, in other words than the validator's where those do not help."""
    location: Location = tuple(error.absolute_path)
    value: Any = error.instance
    allowed: Any = error.validator_value
    shown = "this" if isinstance(value, dict | list) else repr(value)
    if "propertyNames" in error.absolute_schema_path:
        return (*location, str(value)), f"{value!r} is not a keyword of a schema{did_you_mean(value, KEYWORDS)}"
    if value is None and error.validator == "type":
        return location, f"this is empty: {allowed!r} is expected"
    if error.validator in ("enum", "anyOf") and (list(allowed) == TYPES or "simpleTypes" in str(allowed)):
        return location, f"{shown} is not a type; allowed are {', '.join(TYPES)}"
    if error.validator == "enum":
        return location, f"{shown} is not allowed here; allowed are {', '.join(map(str, allowed))}"
    # The message quotes what is wrong, be it half of the contract.
    message = error.message.replace(repr(value), shown)
    if not (unexpected := re.search(r"\('(.*?)'.* unexpected\)", message)):
        return location, message
    name = unexpected[1]
    known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    match location:
        case ("paths",):
            reason = "a path begins with /"
        case ("paths", _):
            reason = f"{name!r} is not an HTTP method{did_you_mean(name, METHODS)}"
        case _:
            reason = f"{name!r} is not allowed here{did_you_mean(name, known)}"
    return (*location, name), reason
