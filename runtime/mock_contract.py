"""What the mock server knows of the contract, and what it refuses because of it. It comes as `MockOperation`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import unquote

from .mock_http import ReceivedRequest
from .types import Operation

_JSON_TYPES: Final[Mapping[type, str]] = {
    bool: "boolean",
    dict: "object",
    float: "number",
    int: "integer",
    list: "array",
    str: "string",
    type(None): "null",
}

_TEXTS: Final[Mapping[str, str]] = {
    "boolean": "true|false",
    "integer": r"-?\d+",
    "number": r"-?\d+(\.\d+)?([eE][+-]?\d+)?",
}
"""What a parameter of a JSON type is in a URL or a header. One of any other type can be any text."""


@dataclass(frozen=True)
class MockField:
    """A field of a request body, or a parameter.

    Attributes:
        required: Whether every request has it.
        types: The JSON types that it may have: "string", "integer", … None of them: any.
        values: The values that it may have. None of them: any.
    """

    required: bool
    types: tuple[str, ...] = ()
    values: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class MockOperation:
    """An operation as the mock server knows it.

    Attributes:
        operation: Method, path and deduplication interval.
        fields: The fields of the request body by their names. None of them: there is no body.
        examples: An example of a response for each `statusCode` that has one.
        path: The path parameters, in their order in the path.
        query: The query parameters by their names.
        headers: The header parameters by their names, without those that the client sends by itself.
    """

    operation: Operation[Any]
    fields: Mapping[str, MockField]
    examples: Mapping[int, Mapping[str, Any]]
    path: Mapping[str, MockField] = field(default_factory=dict[str, MockField])
    query: Mapping[str, MockField] = field(default_factory=dict[str, MockField])
    headers: Mapping[str, MockField] = field(default_factory=dict[str, MockField])


class RefusedError(Exception):
    """The API refuses a request."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(status_code, message)
        self.status_code = status_code
        self.message = message


def find(operations: Sequence[MockOperation], request: ReceivedRequest) -> MockOperation | None:
    """Return the operation that a request asks for. A path without parameters comes before one with them."""
    for each in sorted(operations, key=lambda each: each.operation.path.count("{")):
        if each.operation.method == request.method and _match(each, request) is not None:
            return each
    return None


def validate_request(operation: MockOperation, request: ReceivedRequest) -> tuple[object, ...]:
    """Check a request against the contract.

    Returns:
        What is required of a request, and so tells it from others: for a user and a channel, say.

    Raises:
        RefusedError: The contract does not allow it.
    """
    segments = [unquote(segment) for segment in _match(operation, request) or ()]
    headers = request.headers
    given: list[object] = []
    for fields, values in (
        (operation.path, {name: [segment] for name, segment in zip(operation.path, segments, strict=True)}),
        (operation.query, request.query),
        (operation.headers, {name: [headers[name.lower()]] for name in operation.headers if name.lower() in headers}),
    ):
        given.extend(_validate_parameters(fields, values))
    given.extend(_validate_body(operation.fields, request))
    return tuple(given)


def _match(operation: MockOperation, request: ReceivedRequest) -> tuple[str, ...] | None:
    """Return the segments of the path that are parameters, if it is the path of the operation."""
    pattern = re.sub(r"\\{.*?\\}", "([^/]+)", re.escape(operation.operation.path))
    match = re.fullmatch(pattern, request.path)
    return match.groups() if match else None


def _validate_parameters(fields: Mapping[str, MockField], given: Mapping[str, Sequence[str]]) -> Iterator[object]:
    for name, each in fields.items():
        if name not in given:
            if each.required:
                raise RefusedError(400, f"The parameter {name} is missing.")
            continue
        for text in given[name] if "array" not in each.types else ():
            if each.types and not any(re.fullmatch(_TEXTS.get(kind, ".*"), text, re.DOTALL) for kind in each.types):
                raise RefusedError(400, f"{name} has to be of type {' or '.join(each.types)}, not {text!r}.")
            if text not in map(str, each.values or [text]):
                raise RefusedError(400, _not_allowed(name, text, each))
        if each.required:
            yield from given[name]


def _validate_body(fields: Mapping[str, MockField], request: ReceivedRequest) -> Iterator[object]:
    if request.json is None and not any(each.required for each in fields.values()):
        return
    content_type = request.headers.get("content-type", "none")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(400, f"The content type has to be application/json, not {content_type}.")
    if not isinstance(request.json, dict):
        raise RefusedError(400, "The body has to be a JSON object.")
    body = cast(dict[str, Any], request.json)
    for name, each in fields.items():
        if name not in body:
            if each.required:
                raise RefusedError(400, f"{name} is missing.")
            continue
        if each.types and (kind := _JSON_TYPES[type(body[name])]) not in each.types:
            raise RefusedError(400, f"{name} has to be of type {' or '.join(each.types)}, not {kind}.")
        if each.values and body[name] not in each.values:
            raise RefusedError(400, _not_allowed(name, body[name], each))
        if each.required:
            yield body[name]


def _not_allowed(name: str, value: object, each: MockField) -> str:
    return f"{name} is {value!r}; allowed are {', '.join(map(str, each.values))}."
