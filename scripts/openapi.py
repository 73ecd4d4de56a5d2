"""The supported part of OpenAPI 3.1 as a JSON Schema, and a check that a contract fits it.

The generator silently ignores most of the rest. `docs/supported-openapi.md` lists both.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from openapi_python_client import schema as oai
from openapi_spec_validator.schemas import schema_v31

from runtime.call import DEDUPLICATION_MARGIN

from .document import Document, Issue, Location
from .walk import METHODS

Schema = dict[str, Any]

# The schema keywords that the generator and the templates know, and those meant for people.
KEYWORDS = [
    *(field.alias or name for name, field in oai.Schema.model_fields.items()),
    *("$ref", "$comment", "examples", "x-enum-varnames", "x-enum-deprecated", "x-enumDescriptions"),
]
BESIDE_REFERENCES = ["$ref", "$comment", "description", "summary", "deprecated", "readOnly", "examples", "example"]
# The keywords that affect the generated code. The rest is for people or for the server to check.
SHAPES = ("properties", "items", "enum", "additionalProperties", "allOf", "anyOf", "oneOf")
TYPES = ["array", "boolean", "integer", "null", "number", "object", "string"]
# Headers that the client sets itself, or that OpenAPI does not treat as parameters.
HEADERS = "accept|authorization|content-length|content-type|cookie|host"


def refuse(reason: str) -> Schema:
    """Return a schema that nothing fits. In any schema, `reason` explains the mistake; `{}` in it is the value."""
    return {"not": {}, "reason": reason}


def allow(keys: list[str], reason: str, *, also: str = "$^") -> Schema:
    """Return a schema for objects that have only these keys and those that match `also`."""
    pattern = f"^({'|'.join(map(re.escape, keys))})$|{also}"
    return {"propertyNames": {"pattern": pattern, "reason": reason, "known": keys}}


def extensions(*known: str) -> Schema:
    return allow([*known], "'{}' means nothing here", also="^(?!x-)")


def one_shape(shape: str, reason: str) -> Schema:
    """Return a schema for schemas that have one shape. `additionalProperties` may still be true or false."""
    return {key: {"type": "boolean", "reason": reason.format(key)} for key in SHAPES if key != shape}


BESIDE = "`{{}}` beside `{0}` is not supported: make it a part of `{0}`"
IN_PART = "`{}` in a part of `allOf` is not supported: make the part a schema of its own"
NO_BODY = "{} is not supported: its response has no body, and therefore no `statusCode`"
OWN_SERVER = refuse("an operation cannot have its own server: all operations share one host")
OWN_HEADER = "'{}' is a header that the client sends itself"
ONE_BY_ONE = "`explode: false` is not supported: an array is sent as one parameter for each item"
STYLE = "the style '{{}}' is not supported: it must be '{}'"

# OpenAPI's schema accepts anything where a document has a schema, and JSON Schema's own accepts any keyword. These
# conditions are stricter.
RULES: dict[str, Schema] = {
    "info": {
        **extensions("x-project-urls"),
        "properties": {
            "x-project-urls": {
                "type": "object",
                "additionalProperties": {"type": "string", "pattern": r"^https?://\S+$"},
            }
        },
    },
    "paths": {
        "propertyNames": {
            "pattern": r"^(/([A-Za-z0-9_.~-]|{[A-Za-z_][A-Za-z0-9_-]*})*)+$|^[^/]",
            "reason": "a path can contain only letters, digits, / . _ - ~ and {parameters}",
        }
    },
    "path-item-or-reference": {
        "properties": {"$ref": refuse("a reference in the place of a path is not supported: write the path here")}
    },
    "path-item": {
        **extensions(),
        "properties": {
            "get": {"properties": {"requestBody": refuse("a GET with a body is not supported")}},
            "head": refuse(NO_BODY.format("HEAD")),
            "trace": refuse(NO_BODY.format("TRACE")),
            "servers": OWN_SERVER,
        },
    },
    "operation": {
        **extensions("x-deduplication-interval"),
        "properties": {
            "operationId": {
                "pattern": r"^[A-Za-z][A-Za-z0-9_]*\Z",
                "reason": "this must be usable as the method's name, such as 'sendEmail'",
            },
            "callbacks": refuse("callbacks are not supported"),
            "servers": OWN_SERVER,
            "x-deduplication-interval": {
                "type": "number",
                "exclusiveMinimum": DEDUPLICATION_MARGIN,
                "reason": f"this must be a number of seconds greater than {DEDUPLICATION_MARGIN:g}, such as 60",
            },
        },
    },
    "responses": {"required": ["200"], "reason": "a response '200' is missing"},
    "example": {"required": ["value"], "reason": "an example needs a `value`; `externalValue` is not supported"},
    "parameter": {
        "required": ["schema"],
        "reason": "the schema is missing: the generator would leave out this parameter",
        "properties": {
            "in": {"not": {"const": "cookie"}, "reason": "cookies are not supported"},
            "allowEmptyValue": {"const": False, "reason": "`allowEmptyValue` is not supported"},
            "allowReserved": {"const": False, "reason": "`allowReserved` is not supported"},
        },
        "if": {"properties": {"in": {"const": "query"}}},
        "then": {
            "properties": {
                "style": {"const": "form", "reason": STYLE.format("form")},
                "explode": {"const": True, "reason": ONE_BY_ONE},
            }
        },
        "else": {
            "properties": {"style": {"const": "simple", "reason": STYLE.format("simple")}},
            "if": {"properties": {"in": {"const": "header"}}},
            "then": {"properties": {"name": {"not": {"pattern": f"^(?i:{HEADERS})$"}, "reason": OWN_HEADER}}},
        },
    },
    "schema": {
        "$ref": "https://json-schema.org/draft/2020-12/schema",
        **allow(KEYWORDS, "'{}' is not a keyword of a schema", also="^x-(?!enum)"),
        "if": {"type": "object", "required": ["$ref"]},
        "then": allow(BESIDE_REFERENCES, "`{}` beside `$ref` is not supported: write `allOf: [{$ref: …}]` beside it"),
        "properties": {
            "const": refuse("`const` is not supported: write an `enum` of one value"),
            "format": {"not": {"const": "binary"}, "reason": "`format: binary` is not supported: there is no upload"},
            "discriminator": refuse(
                "a discriminator is not supported: give the object a `type` of its own and all the fields"
            ),
            "not": refuse("`not` is not supported"),
            "nullable": refuse(
                "OpenAPI 3.1 has no `nullable`: write `type: [string, 'null']`, or `anyOf` with `type: 'null'`"
            ),
            "prefixItems": refuse("`prefixItems` is not supported: describe the items by `items`"),
            "writeOnly": refuse("`writeOnly` is not supported: give requests a schema of their own"),
            "enum": {"minItems": 1},
            "x-enum-deprecated": {"type": "array", "items": {"type": ["string", "integer"]}},
            "x-enum-varnames": {"type": "array", "items": {"type": "string"}},
            "x-enumDescriptions": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
            "allOf": {
                "items": {
                    "if": {"type": "object", "not": {"required": ["$ref"]}},
                    "then": {
                        "properties": {
                            "type": {"const": "object", "reason": "a part of `allOf` must be an object"},
                            **one_shape("properties", IN_PART),
                        }
                    },
                }
            },
        },
        "dependentSchemas": {
            union: {"properties": one_shape(union, BESIDE.format(union))} for union in ("allOf", "anyOf", "oneOf")
        },
    },
}
OPENAPI = Draft202012Validator(
    schema_v31
    | {
        "properties": schema_v31["properties"] | {"webhooks": refuse("webhooks are not supported")},
        "$defs": {
            name: each | {"allOf": [*each.get("allOf", ()), RULES.get(name, {})]}
            for name, each in schema_v31["$defs"].items()
        },
    },
    registry=REGISTRY,
)


def check_openapi(contract: Document) -> Iterator[Issue]:
    """Yield the parts of the contract that are not valid OpenAPI 3.1 or not supported."""
    if not str(contract.get(("openapi",))).startswith("3.1."):
        yield ("openapi",), "the contract must be OpenAPI 3.1"
        return
    errors = list(OPENAPI.iter_errors(contract.get(())))
    # If a part has another mistake, its keys are also reported as unexpected.
    others = [each for each in errors if each.validator != "unevaluatedProperties"]
    if error := best_match(others or errors):
        yield explain(error)


def did_you_mean(name: object, allowed: Iterable[str]) -> str:
    """Return the end of a sentence that suggests the name most similar to a wrong one."""
    close = get_close_matches(str(name), list(allowed), 1)
    return f"; did you mean {close[0]}?" if close else ""


def explain(error: ValidationError) -> Issue:
    """Return the location and the reason, reworded where the validator's words do not help."""
    location: Location = tuple(error.absolute_path)
    value: Any = error.instance
    allowed: Any = error.validator_value
    schema: Schema = error.schema if isinstance(error.schema, dict) else {}
    shown = "this" if isinstance(value, dict | list) else repr(value)
    if "propertyNames" in error.absolute_schema_path:
        location = (*location, str(value))
    if "reason" in schema:
        return location, schema["reason"].replace("{}", str(value)) + did_you_mean(value, schema.get("known", ()))
    if error.validator in ("enum", "anyOf") and (list(allowed) == TYPES or "simpleTypes" in str(allowed)):
        return location, f"{shown} is not a type; allowed are {', '.join(TYPES)}"
    # The validator's message about a union does not say what is allowed.
    mistyped = [each for each in error.context or [error] if each.validator == "type" and each.instance is value]
    for each in error.context or ():
        if each.schema_path[0] not in {other.schema_path[0] for other in mistyped}:
            return explain(each)
    if mistyped:
        types: list[Any] = [each.validator_value for each in mistyped]
        names = dict.fromkeys(name for each in types for name in ([each] if isinstance(each, str) else each))
        expected = " or ".join(map(repr, names))
        if value is None:
            return location, f"this is empty: {expected} is expected"
        return location, f"{shown} is not of type {expected}"
    if error.validator == "enum":
        return location, f"{shown} is not allowed here; allowed are {', '.join(map(str, allowed))}"
    # The validator's message quotes the whole value, which may be half of the contract.
    message = error.message.replace(repr(value), shown)
    if not (unexpected := re.search(r"\('(.*?)'.* unexpected\)", message)):
        return location, message
    name = unexpected[1]
    match location:
        case ("paths",):
            reason = "a path begins with /"
        case ("paths", _):
            reason = f"{name!r} is not an HTTP method{did_you_mean(name, METHODS)}"
        case _:
            reason = f"{name!r} is not allowed here{did_you_mean(name, schema.get('properties', ()))}"
    return (*location, name), reason
