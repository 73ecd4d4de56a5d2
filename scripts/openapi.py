"""The supported part of OpenAPI 3.1 as a JSON Schema, and a check that a contract fits it.

The generator silently ignores most of the rest. `docs/supported-openapi.md` lists both.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import best_match
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from openapi_python_client import schema as oai
from openapi_python_client.strings import ClassName
from openapi_spec_validator.schemas import schema_v31

from runtime.call import DEDUPLICATION_MARGIN

from .document import Document, Issue, Location
from .walk import METHODS

Schema = dict[str, Any]
DEFS: dict[str, Schema] = schema_v31["$defs"]

# The schema keywords that the generator and the templates know, and those meant for people.
KEYWORDS = [
    *(field.alias or name for name, field in oai.Schema.model_fields.items()),
    *("$ref", "$comment", "examples", "x-enum-varnames", "x-enum-deprecated", "x-enumDescriptions"),
]
# The keywords that the generator or the templates cannot use, and what to write instead.
INSTEAD = {
    "const": "an `enum` of one value",
    "discriminator": "an object with a `type` of its own and all the fields",
    "not": "a schema of what is allowed",
    "nullable": "`type: [string, 'null']`, or `anyOf` with `type: 'null'`",
    "prefixItems": "`items`",
    "writeOnly": "a schema of its own for requests",
}
BESIDE_REFERENCES = ["$ref", "$comment", "description", "summary", "deprecated", "readOnly", "examples", "example"]
# The keywords that affect the generated code. The rest is for people or for the server to check.
SHAPES = ("properties", "items", "enum", "additionalProperties", "allOf", "anyOf", "oneOf")
ROOT = schema_v31["properties"].keys() - {"webhooks"}
INTERVAL = "x-deduplication-interval"
CLIENT_PARAMETERS = ["lang", "realIp", "requestFrom", "sdkVersion"]


def refuse(reason: str) -> Schema:
    """Return a schema that nothing fits. In any schema, `reason` explains the mistake; `{}` in it is the value."""
    return {"not": {}, "reason": reason}


def allow(keys: Iterable[str], reason: str = "'{}' is not supported here", *, also: str = "$^") -> Schema:
    """Return a schema for objects that have only these keys and those that match `also`."""
    pattern = f"^({'|'.join(map(re.escape, keys))})$|{also}"
    return {"propertyNames": {"pattern": pattern, "reason": reason, "known": list(keys)}}


def have(**parts: Schema) -> Schema:
    """Return a schema for objects that have all of these parts."""
    return {"required": list(parts), "properties": parts}


def one_shape(shape: str, reason: str) -> Schema:
    """Return a schema for schemas of one shape. `additionalProperties` may still be true or false."""
    return {"properties": {key: {"type": "boolean", "reason": reason.format(key)} for key in SHAPES if key != shape}}


def parameters_in(place: str, **properties: Schema) -> Schema:
    return {"if": {"properties": {"in": {"const": place}}}, "then": {"properties": properties}}


NAME = have(name={})
URL = {"type": "string", "pattern": r"^https?://\S+$"}
STATUS_CODE: dict[str, Schema] = {
    "enum": {"contains": {"const": 200}, "reason": "200, which is success, is missing"},
    "x-enum-varnames": {
        "items": {"format": "class name", "reason": "'{}' is not a class name, such as 'ThrottleError'"}
    },
}
REFERENCE = {
    "type": "string",
    "pattern": "^#/components/[^/]+/[^/]+$",
    "reason": "a reference must be '#/components/…/…', in quotes because # begins a comment",
}
# Headers that the client sets itself, or that OpenAPI does not treat as parameters.
OWN_HEADER = {
    "not": {"pattern": "^(?i:accept|authorization|content-length|content-type|cookie|host)$"},
    "reason": "'{}' is a header that the client sends itself",
}
EXPLODE = {"const": True, "reason": "an array can only be sent as one parameter for each item"}
PART_OF_ALL = {
    **one_shape("properties", "`{}` in a part of `allOf` is not supported: make the part a schema of its own"),
    "dependentSchemas": {"type": have(type={"const": "object", "reason": "a part of `allOf` must be an object"})},
}

FORMATS = FormatChecker(())
FORMATS.checks("class name")(lambda name: ClassName(str(name), "") == name)

# OpenAPI's schema accepts anything where a document has a schema, and JSON Schema's own accepts any keyword. These
# conditions are stricter. They also list the parts of the contract that the templates use by name.
RULES: dict[str, Schema] = {
    "info": {
        **allow(DEFS["info"]["properties"].keys() | {"x-project-urls"}),
        "required": ["summary", "contact", "license"],
        "properties": {"x-project-urls": {"type": "object", "additionalProperties": URL}},
    },
    "contact": NAME,
    "license": have(identifier={}),
    "security-requirement": allow(("appId", "accessToken"), "the client has no security scheme '{}'"),
    "components": have(
        securitySchemes=have(appId=NAME, accessToken=NAME),
        parameters=have(**dict.fromkeys(CLIENT_PARAMETERS, NAME)),
        schemas=have(Lang=have(enum={}), StatusCode=have(**STATUS_CODE)),
    ),
    "reference": {"properties": {"$ref": REFERENCE}},
    "paths": {
        "propertyNames": {
            "pattern": r"^(/([A-Za-z0-9_.~-]|{[A-Za-z_][A-Za-z0-9_-]*})*)+$",
            "reason": "a path begins with / and can contain only letters, digits, / . _ - ~ and {parameters}",
        }
    },
    "path-item-or-reference": {"$ref": "#/$defs/path-item"},
    "path-item": {
        **allow((*METHODS, "parameters", "summary", "description")),
        "properties": {"get": {"properties": {"requestBody": refuse("a GET with a body is not supported")}}},
    },
    "operation": {
        **allow(DEFS["operation"]["properties"].keys() - {"callbacks", "servers"} | {INTERVAL}),
        "required": ["operationId", "responses"],
        "properties": {
            "operationId": {
                "pattern": r"^[A-Za-z][A-Za-z0-9_]*\Z",
                "reason": "this must be usable as the method's name, such as 'sendEmail'",
            },
            INTERVAL: {
                "type": "number",
                "exclusiveMinimum": DEDUPLICATION_MARGIN,
                "reason": f"this must be a number of seconds greater than {DEDUPLICATION_MARGIN:g}, such as 60",
            },
        },
    },
    "responses": {"required": ["200"], "reason": "a response '200' is missing"},
    "example": {"required": ["value"], "reason": "an example needs a `value`; `externalValue` is not supported"},
    "parameter": {
        **allow(
            DEFS["parameter"]["properties"].keys() - {"content"} | {"style", "explode", "example", "examples"},
            also="^x-",
        ),
        "properties": {"in": {"enum": ["path", "query", "header"]}},
        "allOf": [
            parameters_in("path", style={"const": "simple"}),
            parameters_in("query", style={"const": "form"}, explode=EXPLODE),
            parameters_in("header", name=OWN_HEADER),
        ],
    },
    "schema": {
        **allow(KEYWORDS, "'{}' is not a keyword of a schema", also="^x-(?!enum)"),
        "if": {"type": "object", "required": ["$ref"]},
        "then": allow(BESIDE_REFERENCES, "`{}` beside `$ref` is not supported: write `allOf: [{$ref: …}]` beside it"),
        "properties": {
            **{key: refuse(f"`{key}` is not supported: write {other}") for key, other in INSTEAD.items()},
            "$ref": REFERENCE,
            "format": {"not": {"const": "binary"}, "reason": "`format: binary` is not supported: there is no upload"},
            "enum": {
                "minItems": 1,
                "if": {"contains": {"type": "string"}},
                "then": {"items": {"type": "string"}},
                "else": {"items": {"type": "integer"}},
            },
            "x-enum-deprecated": {"type": "array", "items": {"type": ["string", "integer"]}},
            "x-enum-varnames": {"type": "array", "items": {"type": "string"}},
            "x-enumDescriptions": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
            "allOf": {"items": {"if": {"required": ["$ref"]}, "else": PART_OF_ALL}},
        },
        "dependentSchemas": {
            union: one_shape(union, f"`{{}}` beside `{union}` is not supported: make it a part")
            for union in ("allOf", "anyOf", "oneOf")
        },
        "allOf": [{"$ref": "https://json-schema.org/draft/2020-12/schema"}],
    },
}
OPENAPI = Draft202012Validator(
    {
        **schema_v31,
        "allOf": [have(info={}, servers={"minItems": 1}, paths={}, components={}), allow(ROOT, also="^x-")],
        # Our rules come first, as their reasons say more.
        "$defs": {name: {"allOf": [RULES[name]], **each} if name in RULES else each for name, each in DEFS.items()},
    },
    registry=REGISTRY,
    format_checker=FORMATS,
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
    schema: Schema = error.schema if isinstance(error.schema, dict) else {}
    shown = "this" if isinstance(value, dict | list) else repr(value)
    if "propertyNames" in error.absolute_schema_path:
        location = (*location, str(value))
    if "reason" in schema:
        return location, schema["reason"].replace("{}", str(value)) + did_you_mean(value, schema.get("known", ()))
    # The validator's message about a union does not say what is allowed.
    mistyped = [each for each in error.context or [error] if each.validator == "type" and each.instance is value]
    for each in error.context or ():
        if each.schema_path[0] not in {other.schema_path[0] for other in mistyped}:
            return explain(each)
    if mistyped:
        types = dict.fromkeys(each.message.rpartition(" of type ")[2].replace(", ", " or ") for each in mistyped)
        expected = " or ".join(types)
        problem = f"this is empty: {expected} is expected" if value is None else f"{shown} is not of type {expected}"
        return location, problem
    if error.validator == "enum":
        return location, f"{shown} is not allowed here; allowed are {', '.join(map(str, schema['enum']))}"
    # The validator's message quotes the whole value, which may be half of the contract.
    message = error.message.replace(repr(value), shown)
    if unexpected := re.search(r"\('(.*?)'.* unexpected\)", message):
        name = unexpected[1]
        return (*location, name), f"{name!r} is not allowed here{did_you_mean(name, schema.get('properties', ()))}"
    return location, message
