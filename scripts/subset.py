"""Refuse what OpenAPI allows and this project does not support. `docs/supported-openapi.md` lists both.

The generator passes over most of this without a word, so it is looked for in the contract itself.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .document import Document, Issue, Location
from .walk import operations, parameters_of, resolve, schemas

# Keywords of a schema that are not supported at all.
_KEYWORDS = {
    "discriminator": "a discriminator is not supported: give the object a `type` of its own and all the fields",
    "not": "`not` is not supported",
    "nullable": "OpenAPI 3.1 has no `nullable`: write `type: [string, 'null']`, or `anyOf` with `type: 'null'`",
    "prefixItems": "`prefixItems` is not supported: describe the items by `items`",
    "writeOnly": "`writeOnly` is not supported: give requests a schema of their own",
}
# What has a meaning for what is made of a schema. The rest is for people, or is the server's to check.
_SHAPES = ("properties", "items", "enum", "additionalProperties", "allOf", "anyOf", "oneOf")
# What a reference can have beside it.
_BESIDE_REFERENCES = ("$ref", "$comment", "description", "summary", "deprecated", "readOnly", "examples", "example")
# Headers that the client sends itself, or that OpenAPI does not count as parameters.
_HEADERS = ("accept", "authorization", "content-length", "content-type", "cookie", "host")


def check_subset(contract: Document) -> Iterator[Issue]:
    """Yield what is not supported."""
    if contract.get(("webhooks",)):
        yield ("webhooks",), "webhooks are not supported"
    for location, schema in schemas(contract):
        yield from _schema(location, schema)
        if _is_in_itself(contract, location, _kinds_of_parts):
            yield location, "a schema that consists of itself is not supported: give it `properties`"
        elif _is_in_itself(contract, location, _required_parts):
            yield location, "an object that requires one of its own kind never ends: make that property optional"
    for path, item in contract.get(("paths",)).items():
        if "$ref" in item:
            yield ("paths", path, "$ref"), "a reference in the place of a path is not supported: write the path here"
    for location, operation in operations(contract):
        yield from _operation(location, operation, contract)
        for each, parameter in parameters_of(contract, location):
            yield from _parameter(each, parameter)


def _schema(location: Location, schema: Mapping[str, Any]) -> Iterator[Issue]:
    if "$ref" in schema:
        for key in schema.keys() - _BESIDE_REFERENCES:
            yield (*location, key), f"`{key}` beside `$ref` is not supported: write `allOf: [{{$ref: …}}]` beside it"
        return
    for key, reason in _KEYWORDS.items():
        if key in schema:
            yield (*location, key), reason
    for union in ("allOf", "anyOf", "oneOf"):
        for key in _SHAPES:
            if union in schema and key != union and not isinstance(schema.get(key, True), bool):
                yield (*location, key), f"`{key}` beside `{union}` is not supported: make it a part of `{union}`"
    for index, part in enumerate(schema.get("allOf", ())):
        if "$ref" not in part:
            yield from _part((*location, "allOf", index), part)


def _kinds_of_parts(contract: Document, location: Location) -> Iterator[Location]:
    """Yield the schemas that a schema is made of, other than through the properties of an object."""
    schema = contract.get(location)
    if "properties" not in schema:
        yield from ((*location, key) for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict))
    for union in ("allOf", "anyOf", "oneOf"):
        yield from ((*location, union, index) for index in range(len(schema.get(union, ()))))


def _required_parts(contract: Document, location: Location) -> Iterator[Location]:
    """Yield the schemas of what each value of a schema has in it."""
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


def _part(location: Location, part: Mapping[str, Any]) -> Iterator[Issue]:
    """Check a part of `allOf` that is not a reference."""
    if part.get("type", "object") != "object":
        yield (*location, "type"), "a part of `allOf` must be an object"
    for key in _SHAPES:
        if key != "properties" and not isinstance(part.get(key, True), bool):
            yield (*location, key), f"`{key}` in a part of `allOf` is not supported: make the part a schema of its own"


def _operation(location: Location, operation: Mapping[str, Any], contract: Document) -> Iterator[Issue]:
    method = str(location[2])
    if method in ("head", "trace"):
        yield location, f"{method.upper()} is not supported: its response has no body, and therefore no `statusCode`"
    if method == "get" and "requestBody" in operation:
        yield (*location, "requestBody"), "a GET with a body is not supported"
    if "callbacks" in operation:
        yield (*location, "callbacks"), "callbacks are not supported"
    for parent in (location, location[:-1]):
        if contract.get((*parent, "servers")):
            yield (*parent, "servers"), "an operation cannot have its own server: all operations share one host"


def _parameter(location: Location, parameter: Mapping[str, Any]) -> Iterator[Issue]:
    place = parameter["in"]
    style = "form" if place == "query" else "simple"
    if parameter.get("style", style) != style:
        yield (*location, "style"), f"the style {parameter['style']!r} is not supported: it must be {style!r}"
    if place == "query" and parameter.get("explode") is False:
        reason = "`explode: false` is not supported: an array is sent as one parameter for each item"
        yield (*location, "explode"), reason
    for key in ("allowEmptyValue", "allowReserved"):
        if parameter.get(key):
            yield (*location, key), f"`{key}` is not supported"
    if place == "header" and str(parameter["name"]).lower() in _HEADERS:
        yield (*location, "name"), f"{parameter['name']!r} is a header that the client sends itself"
