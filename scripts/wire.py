"""What goes over the wire according to the contract: methods, paths, headers, JSON names, and which are required."""

from collections.abc import Iterator
from typing import Any

from .document import Document, Fact, Location
from .walk import operations, parameters_of, resolve

_Part = tuple[str, Location, str]
"""A part's key, its location in the contract, and a text."""


def wire(contract: Document) -> dict[str, Fact]:
    """Return the facts of what goes over the wire, by name: `POST /v3/users > body > name`.

    The name of the contract as a whole is empty.
    """
    return {key: Fact(text, contract.place(location)) for key, location, text in _wire(contract)}


def _wire(contract: Document) -> Iterator[_Part]:
    yield "", ("paths",), "contract"
    yield "server", ("servers", 0, "url"), contract.get(("servers", 0, "url"))
    for name, variable in (contract.get(("servers", 0, "variables")) or {}).items():
        yield f"server > {name}", ("servers", 0, "variables", name), f"default {variable['default']}"
    for location, operation in operations(contract):
        key = f"{str(location[-1]).upper()} {location[-2]}"
        yield key, location, f"operation {operation['operationId']}"
        if "x-deduplication-interval" in operation:
            place = (*location, "x-deduplication-interval")
            yield f"{key} > deduplication", place, f"within {operation[place[-1]]} seconds"
        yield from _security(contract, key, location if "security" in operation else ())
        for place, parameter in parameters_of(contract, location):
            name = f"{key} > {parameter['in']} {parameter['name']}"
            yield from _schema(contract, name, (*place, "schema"), _required(parameter))
        if "requestBody" in operation:
            place, body = resolve(contract, (*location, "requestBody"))
            yield from _content(contract, f"{key} > body", place, _required(body))
        place, _ = resolve(contract, (*location, "responses", "200"))
        yield from _content(contract, f"{key} > response", place, "")


def _required(part: Any) -> str:
    return "required " if part.get("required") else "optional "


def _security(contract: Document, key: str, location: Location) -> Iterator[_Part]:
    """Yield what each alternative of an operation's or the contract's `security` sends."""
    alternatives: list[Any] = contract.get((*location, "security")) or []
    for index, alternative in enumerate(alternatives):
        for scheme in alternative:
            said = contract.get(("components", "securitySchemes", scheme))
            text = " ".join(str(said[each]) for each in ("in", "name", "scheme") if each in said)
            yield f"{key} > security {scheme}", (*location, "security", index, scheme), text


def _content(contract: Document, key: str, location: Location, required: str) -> Iterator[_Part]:
    for media in contract.get((*location, "content")) or ():
        yield key, (*location, "content", media), f"{required}{media}"
        yield from _parts(contract, key, (*location, "content", media, "schema"), ())


def _schema(
    contract: Document, key: str, location: Location, required: str, outer: tuple[Location, ...] = ()
) -> Iterator[_Part]:
    place, schema = resolve(contract, location)
    types = schema.get("type", "any")
    # What happens to an enum's values is seen where they are listed.
    yield (
        key,
        place if "enum" in schema else location,
        f"{required}{' | '.join(types) if isinstance(types, list) else types}",
    )
    yield from _parts(contract, key, location, outer)


def _parts(contract: Document, key: str, location: Location, outer: tuple[Location, ...]) -> Iterator[_Part]:
    """Yield the parts of a schema. `outer` are the enclosing schemas, because a schema can contain itself."""
    location, schema = resolve(contract, location)
    if location in outer:
        return
    outer = (*outer, location)
    for index, value in enumerate(schema.get("enum", ())):
        yield f"{key} > {value}", (*location, "enum", index), "value"
    fields, required = _fields(contract, location)
    for name, place in fields.items():
        mark = "required " if name in required else "optional "
        yield from _schema(contract, f"{key} > {name}", place, mark, outer)
    for several in ("items", "additionalProperties"):
        if isinstance(schema.get(several), dict):
            yield from _schema(contract, f"{key} > {several}", (*location, several), "", outer)
    for union in ("anyOf", "oneOf"):
        for index in range(len(schema.get(union, ()))):
            yield from _schema(contract, f"{key} > {union} {index}", (*location, union, index), "", outer)


def _fields(contract: Document, location: Location) -> tuple[dict[str, Location], set[str]]:
    """Return the location of each field of an object, and the names of the required ones."""
    location, schema = resolve(contract, location)
    fields: dict[str, Location] = {}
    required = set(schema.get("required", ()))
    for index in range(len(schema.get("allOf", ()))):
        more, more_required = _fields(contract, (*location, "allOf", index))
        fields |= more
        required |= more_required
    return fields | {name: (*location, "properties", name) for name in schema.get("properties", ())}, required
