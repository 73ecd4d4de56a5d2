"""What goes over the wire according to the contract: methods, paths, headers, JSON names, and which are required."""

from collections.abc import Iterator
from typing import Any

from .document import Document, Location
from .walk import json_content, object_fields, operations, parameters_of, resolve

DEPRECATED = ", deprecated"
Entry = tuple[str, Location, str]
"""A name such as `POST /v3/users > body > name`, its location in the contract, and a text."""


def wire(contract: Document) -> Iterator[Entry]:
    """Yield what goes over the wire. The name of the contract as a whole is empty."""
    yield "", ("paths",), "contract"
    yield "server", ("servers", 0, "url"), contract.get(("servers", 0, "url"))
    for name, variable in (contract.get(("servers", 0, "variables")) or {}).items():
        yield f"server > {name}", ("servers", 0, "variables", name), f"default {variable['default']}"
    for location, operation in operations(contract):
        key = f"{str(location[-1]).upper()} {location[-2]}"
        yield key, location, f"operation {operation['operationId']}{DEPRECATED if operation.get('deprecated') else ''}"
        if interval := operation.get("x-deduplication-interval"):
            yield f"{key} > deduplication", (*location, "x-deduplication-interval"), f"within {interval} seconds"
        yield from _security(contract, key, location if "security" in operation else ())
        for place, parameter in parameters_of(contract, location):
            name, required = f"{key} > {parameter['in']} {parameter['name']}", _mark(parameter.get("required"))
            yield from _schema(contract, name, (*place, "schema"), required, deprecated=parameter.get("deprecated"))
        if "requestBody" in operation:
            place = json_content(contract, (*location, "requestBody"))
            required = contract.get((*place[:-2], "required"))
            yield from _schema(contract, f"{key} > body", (*place, "schema"), f"{_mark(required)}{place[-1]} ")
        place = json_content(contract, (*location, "responses", "200"))
        yield from _schema(contract, f"{key} > response", (*place, "schema"), f"{place[-1]} ")


def _security(contract: Document, key: str, location: Location) -> Iterator[Entry]:
    """Yield what each alternative of an operation's or the contract's `security` sends."""
    alternatives: list[Any] = contract.get((*location, "security")) or []
    for index, alternative in enumerate(alternatives):
        for scheme in alternative:
            specified = contract.get(("components", "securitySchemes", scheme))
            text = " ".join(str(specified[each]) for each in ("in", "name", "scheme") if each in specified)
            yield f"{key} > security {scheme}", (*location, "security", index, scheme), text


def _mark(required: object) -> str:
    return "required " if required else "optional "


def _schema(
    contract: Document, key: str, location: Location, prefix: str, *outer: Location, deprecated: bool = False
) -> Iterator[Entry]:
    """Yield a schema, whose text begins with `prefix`, and its parts. `outer` are the schemas around it."""
    place, schema = resolve(contract, location)
    schema = {} if schema is True else schema
    fields, required = object_fields(contract, place) if schema else ({}, set())
    types = schema.get("type", "object" if fields else "any")
    text = prefix + (" | ".join(types) if isinstance(types, list) else types)
    if deprecated or schema.get("deprecated") or contract.get((*location, "deprecated")):
        text += DEPRECATED
    # What happens to an enum's values is seen where they are listed.
    yield key, place if "enum" in schema else location, text
    # A schema can contain itself.
    if place in outer or not schema:
        return
    for index, value in enumerate(schema.get("enum", ())):
        text = f"value{DEPRECATED}" if value in schema.get("x-enum-deprecated", ()) else "value"
        yield f"{key} > {value}", (*place, "enum", index), text
    parts = [(name, field, _mark(name in required)) for name, field in fields.items()]
    parts += [
        (name, (*place, name), "") for name in ("items", "additionalProperties") if isinstance(schema.get(name), dict)
    ]
    for union in ("anyOf", "oneOf"):
        parts += [(f"{union} {index}", (*place, union, index), "") for index in range(len(schema.get(union, ())))]
    for name, part, mark in parts:
        yield from _schema(contract, f"{key} > {name}", part, mark, *outer, place)
