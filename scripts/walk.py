"""Find parts of the contract: its operations, their parameters, its schemas and its names."""

from collections.abc import Iterator
from typing import Any

from openapi_python_client.strings import PythonIdentifier

from .document import Document, Location, plain

SCHEMAS: Location = ("components", "schemas")
METHODS = ("get", "put", "post", "delete", "options", "patch")


def default_host(contract: Document) -> str:
    """Return the first server's URL, with the defaults of its variables."""
    url: str = contract.get(("servers", 0, "url"))
    for name, variable in (contract.get(("servers", 0, "variables")) or {}).items():
        url = url.replace(f"{{{name}}}", str(variable["default"]))
    return url


def operations(contract: Document) -> Iterator[tuple[Location, Any]]:
    """Yield each operation with its location."""
    for path, item in contract.get(("paths",)).items():
        for method in METHODS:
            if method in item:
                yield ("paths", path, method), item[method]


def locate_operations(contract: Document) -> dict[str, Location]:
    """Return the location of each operation by its name in Python."""
    return {PythonIdentifier(each["operationId"], ""): location for location, each in operations(contract)}


def target(reference: str) -> Location:
    """Return the location that a reference refers to."""
    return tuple(reference.split("/")[1:])


def resolve(contract: Document, location: Location) -> tuple[Location, Any]:
    """Follow the reference at a location, if there is one, and return the node with its location."""
    node = contract.get(location)
    while isinstance(node, dict) and "$ref" in node:
        location = target(node["$ref"])
        node = contract.get(location)
    return location, node


def parameters_of(contract: Document, operation: Location) -> Iterator[tuple[Location, Any]]:
    """Yield each parameter of an operation with its location. An operation's own parameter overrides its path's."""
    seen: set[tuple[str, str]] = set()
    for parent in (operation, operation[:-1]):
        for index in range(len(contract.get((*parent, "parameters")) or ())):
            location, parameter = resolve(contract, (*parent, "parameters", index))
            if (key := (parameter["in"], parameter["name"])) not in seen:
                seen.add(key)
                yield location, parameter


def examples_of(contract: Document, location: Location) -> Iterator[tuple[Location, Any]]:
    """Yield each example of a parameter or a content with its location."""
    node = contract.get(location)
    if "example" in node:
        yield (*location, "example"), plain(node["example"])
    for name in node.get("examples", ()):
        place, example = resolve(contract, (*location, "examples", name))
        yield (*place, "value"), plain(example["value"])


def json_content(contract: Document, location: Location) -> Location:
    """Return the location of the only content of a request body or a response."""
    place, node = resolve(contract, location)
    return (*place, "content", *list(node.get("content", ()))[:1])


def schemas(contract: Document) -> Iterator[tuple[Location, Any]]:
    """Yield each schema of the contract, nested ones included, with its location."""
    found: set[Location] = set()
    for location, node in contract.nodes():
        match location:
            case ("components", "schemas", _) | (*_, "content", _, "schema") | (*_, "parameters", _, "schema"):
                is_schema = True
            case (*outer, "properties" | "allOf" | "anyOf" | "oneOf", _) if tuple(outer) in found:
                is_schema = True
            case (*outer, "items") if tuple(outer) in found:
                is_schema = True
            case (*outer, "additionalProperties") if tuple(outer) in found:
                # It may be true or false instead of a schema.
                is_schema = not isinstance(node, bool)
            case _:
                is_schema = False
        if is_schema:
            found.add(location)
            yield location, node


def object_fields(contract: Document, location: Location) -> tuple[dict[str, Location], set[str]]:
    """Return the location of each field of an object, and the names of the required ones."""
    location, schema = resolve(contract, location)
    fields: dict[str, Location] = {}
    required = set(schema.get("required", ()))
    for index in range(len(schema.get("allOf", ()))):
        more, more_required = object_fields(contract, (*location, "allOf", index))
        fields |= more
        required |= more_required
    return fields | {name: (*location, "properties", name) for name in schema.get("properties", ())}, required


def locate_names(contract: Document) -> dict[str, Location]:
    """Return the locations of everything that gets a name in Python, by that name."""
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
