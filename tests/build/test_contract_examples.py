"""The examples derived from schemas if the contract has none."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.document import Document
from scripts.examples import Sampler
from scripts.walk import SCHEMAS

NODE: dict[str, Any] = {
    "type": "object",
    "required": ["id", "kind"],
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "kind": {"type": "string", "enum": ["leaf", "branch"]},
        "children": {"type": "array", "items": {"$ref": "#/components/schemas/Value"}},
        "parent": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Value"}]},
        "note": {"type": "string"},
    },
}


def sample(directory: Path, schema: dict[str, Any], *, without: str = "", optional: bool = True) -> object:
    contract = directory / "contract.yaml"
    contract.write_text(json.dumps({"components": {"schemas": {"Value": schema}}}))
    return Sampler(Document(contract), without, optional).sample((*SCHEMAS, "Value"))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "date"}, "2030-01-02"),
        ({"type": "string", "examples": ["a"], "default": "b"}, "b"),
        ({"type": "string", "example": "c", "enum": ["d", "c"]}, "c"),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "number", "maximum": 0.5}, 0.5),
        ({"type": ["null", "boolean"]}, True),
        ({"type": "null"}, None),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"type": "array", "items": {"type": "boolean"}}, [True]),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"key": 1}),
        ({"allOf": [{"properties": {"a": {"enum": [1]}}}, {"properties": {"b": {"enum": [2]}}}]}, {"a": 1, "b": 2}),
    ],
)
def test_an_example_fits_its_schema(tmp_path: Path, schema: dict[str, Any], value: object) -> None:
    assert sample(tmp_path, schema) == value


def test_the_example_of_a_recursive_schema_ends_and_a_request_has_no_read_only_field(tmp_path: Path) -> None:
    without_id: dict[str, Any] = {"kind": "leaf", "children": [], "parent": None, "note": "text"}
    assert sample(tmp_path, NODE) == {"id": 1} | without_id
    endless = {"required": ["child"], "properties": {"child": {"$ref": "#/components/schemas/Value"}}}
    assert sample(tmp_path, {"anyOf": [endless, {"type": "integer"}]}) == 1
    assert sample(tmp_path, NODE, without="readOnly") == without_id
    assert sample(tmp_path, NODE, without="readOnly", optional=False) == {"kind": "leaf"}
