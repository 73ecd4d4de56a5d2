"""The values derived from schemas if the contract has no examples."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.document import Document
from scripts.examples import sample
from scripts.walk import SCHEMAS

ITSELF = {"$ref": "#/components/schemas/Value"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "minLength": 200}, "text" + 196 * "x"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "date"}, "2030-01-02"),
        ({"type": "string", "examples": ["a"], "default": "b"}, "b"),
        ({"type": "string", "example": "c", "enum": ["d", "c"]}, "c"),
        ({"type": ["string", "null"], "example": None}, None),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "number", "maximum": 0.5}, 0.5),
        ({"type": ["boolean", "null"]}, True),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        ({"allOf": [{"enum": ["a"]}]}, "a"),
        ({"type": "array", "items": {"type": "boolean"}}, []),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {}),
        ({"required": ["b"], "properties": {"a": {"type": "string"}, "b": {"enum": [2]}}}, {"b": 2}),
        ({"allOf": [{"required": ["a"], "properties": {"a": {"enum": [1]}}}, {"required": ["b"]}]}, {"a": 1}),
        ({"required": ["next"], "properties": {"next": {"anyOf": [ITSELF, {"type": "string"}]}}}, {"next": "text"}),
    ],
)
def test_a_value_fits_its_schema(tmp_path: Path, schema: dict[str, Any], value: object) -> None:
    contract = tmp_path / "contract.yaml"
    contract.write_text(json.dumps({"components": {"schemas": {"Value": schema}}}))
    assert sample(Document(contract), (*SCHEMAS, "Value")) == value
