"""The examples that a contract's schemas give where it has none."""

from typing import Any

import pytest

from scripts.examples import Examples

SCHEMAS: dict[str, Any] = {
    "Node": {
        "type": "object",
        "required": ["id", "kind"],
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "kind": {"type": "string", "enum": ["leaf", "branch"]},
            "secret": {"type": "string", "writeOnly": True},
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
            "parent": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Node"}]},
        },
    }
}
EXAMPLES = Examples({"components": {"schemas": SCHEMAS}, "paths": {}})
NODE = {"$ref": "#/components/schemas/Node"}


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
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}, {"a": 1, "b": 2}),
    ],
)
def test_a_schema_gives_a_value_that_it_allows(schema: dict[str, Any], value: object) -> None:
    assert EXAMPLES.sample(schema) == value


def test_a_schema_within_itself_ends() -> None:
    assert EXAMPLES.sample(NODE) == {"id": 1, "kind": "leaf"}


def test_a_request_has_no_field_that_is_read_only() -> None:
    assert EXAMPLES.sample(NODE, without="readOnly") == {"kind": "leaf", "secret": "text"}
    assert EXAMPLES.sample(NODE, without="readOnly", optional=False) == {"kind": "leaf"}
