"""The operations of `openapi.yaml` as test cases: a new operation is a new case.

The arguments of a call come from the contract's examples, or are built from its schemas.
"""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import attrs
import pytest
from genauth_email import UNSET
from openapi_python_client.strings import PythonIdentifier

from scripts.document import Document, Location
from scripts.examples import response_examples, sample
from scripts.walk import examples_of, json_content, object_fields, operations, parameters_of, resolve

from .facts import CONTRACT, ROOT

DOCUMENT = Document(ROOT / "openapi.yaml")
CLIENT_HEADERS = [
    CONTRACT["components"]["parameters"][name] for name in ("lang", "realIp", "requestFrom", "sdkVersion")
]


@dataclass(frozen=True)
class Operation:
    """An operation of the contract."""

    location: Location
    node: Mapping[str, Any]

    @property
    def operation_id(self) -> str:
        return str(self.node["operationId"])

    @property
    def python_name(self) -> str:
        return PythonIdentifier(self.operation_id, "")

    @property
    def tag(self) -> str:
        return next(iter(self.node.get("tags", ())), "default")

    @property
    def method(self) -> str:
        return str(self.location[-1]).upper()

    @property
    def deduplication_interval(self) -> float | None:
        return self.node.get("x-deduplication-interval")

    @property
    def success(self) -> dict[str, Any]:
        """A response of `statusCode` 200."""
        response: dict[str, Any] = response_examples(DOCUMENT)[self.python_name][200]
        return response

    @property
    def responses(self) -> dict[str, dict[str, Any]]:
        """The examples of responses by name."""
        content = json_content(DOCUMENT, (*self.location, "responses", "200"))
        return {"success": self.success} | {str(place[-2]): each for place, each in examples_of(DOCUMENT, content)}

    def requests(self) -> dict[str, Any]:
        """Return the examples of a request body by name, and one with only the required fields."""
        if "requestBody" not in self.node:
            return {}
        content = json_content(DOCUMENT, (*self.location, "requestBody"))
        fields, required = object_fields(DOCUMENT, (*content, "schema"))
        both = {name: resolve(DOCUMENT, place)[1] | DOCUMENT.get(place) for name, place in fields.items()}
        values = {name: sample(DOCUMENT, fields[name]) for name, field in both.items() if not field.get("readOnly")}
        examples = {str(place[-2]): each for place, each in examples_of(DOCUMENT, content)}
        values |= next(iter(examples.values()), {})
        least = {name: value for name, value in values.items() if name in required}
        return (examples or {"schema": values}) | {"required": least}

    def parameters(self) -> Iterator[tuple[Mapping[str, Any], Any]]:
        """Yield the parameters that are not the client's own, each with an example value."""
        for place, parameter in parameters_of(DOCUMENT, self.location):
            if parameter not in CLIENT_HEADERS:
                given = [each for _, each in examples_of(DOCUMENT, place)]
                yield parameter, given[0] if given else sample(DOCUMENT, (*place, "schema"))


@dataclass(frozen=True)
class Call:
    """A call of an operation.

    Attributes:
        operation: The operation.
        name: The name of its example.
        body: The request body in JSON, if there is one.
        parameters: The parameters with their values in JSON.
    """

    operation: Operation
    name: str
    body: Any
    parameters: tuple[tuple[Mapping[str, Any], Any], ...]

    def __str__(self) -> str:
        return f"{self.operation.operation_id}-{self.name}"

    @property
    def method(self) -> str:
        """The name of the clients' method."""
        return self.operation.python_name

    @property
    def module(self) -> ModuleType:
        """The module with the endpoint functions."""
        return import_module(f"genauth_email.api.{PythonIdentifier(self.operation.tag, 'tag')}.{self.method}")

    @property
    def response_model(self) -> Any:
        return self.module.OPERATION.response_model

    def arguments_of_function(self) -> dict[str, Any]:
        """Return the arguments of the endpoint functions."""
        hints = _hints(self.module)
        arguments = {_python_name(each): _decode(hints[_python_name(each)], value) for each, value in self.parameters}
        return arguments if self.body is None else arguments | {"body": _decode(hints["body"], self.body)}

    def arguments_of_method(self) -> dict[str, Any]:
        """Return the arguments of the clients' method, in which each field of the body is an argument."""
        arguments = self.arguments_of_function()
        body = arguments.pop("body", None)
        fields = attrs.fields(type(body)) if body is not None else ()
        named = {each.name: getattr(body, each.name) for each in fields if each.init}
        return arguments | {name: value for name, value in named.items() if value is not UNSET}


def calls() -> Iterator[Call]:
    """Yield a call for each example of a request, and one for each operation with only the required fields."""
    for operation in itertools.starmap(Operation, operations(DOCUMENT)):
        everything = tuple(operation.parameters())
        requests = operation.requests() or {"parameters": None, "required": None}
        for name, body in requests.items():
            required = tuple((each, value) for each, value in everything if each.get("required"))
            yield Call(operation, name, body, required if name == "required" else everything)


CALLS = list(calls())
FIRST_CALLS = list({call.operation.operation_id: call for call in reversed(CALLS)}.values())[::-1]
"""One call for each operation."""

every_call = pytest.mark.parametrize("call", CALLS, ids=str)


@cache
def _hints(module: ModuleType) -> dict[str, Any]:
    return get_type_hints(module.sync)


def _python_name(parameter: Mapping[str, Any]) -> str:
    return PythonIdentifier(parameter["name"], "field_")


def _decode(hint: Any, value: Any) -> Any:
    """Return a JSON value in the type that a function accepts."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is list:
        return [_decode(inner[0], each) for each in value]
    if kind is dict:
        return {name: _decode(inner[1], each) for name, each in value.items()}
    for each in inner:  # The members of a union.
        with suppress(TypeError, ValueError, KeyError):
            return _decode(each, value)
    if hint in (date, datetime):
        return hint.fromisoformat(value)
    if isinstance(hint, type) and issubclass(hint, Enum | UUID):
        return hint(value)
    from_dict = getattr(hint, "from_dict", None)
    return from_dict(value) if from_dict else value
