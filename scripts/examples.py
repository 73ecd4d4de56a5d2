"""The operations of a contract with examples: those that it has, and those that its schemas give where it has none."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openapi_python_client.strings import PythonIdentifier

from .walk import METHODS

Node = Mapping[str, Any]

STRINGS = {
    "date": "2030-01-02",
    "date-time": "2030-01-02T03:04:05+00:00",
    "email": "test@example.com",
    "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
}


@dataclass(frozen=True)
class ContractOperation:
    """An operation of a contract.

    Attributes:
        operation_id: Its name in the contract.
        tag: Its first tag.
        method: The HTTP method, in upper case.
        path: The path, with `{name}` for each path parameter.
        parameters: The parameters, those of the path item too.
        body: The schema of the request body, if there is one.
        responses: The examples of responses by name. There is always one of `statusCode` 200.
        deduplication_interval: Within how many seconds the server refuses the same again, if it does.
    """

    operation_id: str
    tag: str
    method: str
    path: str
    parameters: tuple[Node, ...]
    body: Node | None
    responses: Mapping[str, dict[str, Any]]
    deduplication_interval: float | None

    def response_by_status_code(self) -> dict[int, dict[str, Any]]:
        """Return the first example of each `statusCode` that has one."""
        found: dict[int, dict[str, Any]] = {}
        for response in self.responses.values():
            if isinstance(code := response.get("statusCode"), int):
                found.setdefault(code, response)
        return found


class Examples:
    """Reads a contract.

    Args:
        contract: The contract, which the checks of `make generate` allow.
    """

    def __init__(self, contract: Node) -> None:
        self._contract = contract

    def resolve(self, node: Any) -> Any:
        """Return a node, or what it refers to."""
        while isinstance(node, Mapping) and "$ref" in node:
            reference: str = node["$ref"]
            node = self._contract
            for key in reference.removeprefix("#/").split("/"):
                node = node[key]
        return node

    def operations(self) -> Iterator[ContractOperation]:
        """Yield the operations in the order of the contract."""
        for path, item in self._contract["paths"].items():
            for method in METHODS:
                if method in item:
                    yield self._operation(path, method, item)

    def requests(self, operation: ContractOperation) -> dict[str, Any]:
        """Return the examples of a request body by name, and the one that has only what is required."""
        if operation.body is None:
            return {}
        content = self._json_content(self._contract["paths"][operation.path][operation.method.lower()]["requestBody"])
        examples = self._examples(content) or {"schema": self.sample(operation.body, without="readOnly")}
        return examples | {"required": self.sample(operation.body, without="readOnly", optional=False)}

    def parameter(self, parameter: Node) -> Any:
        """Return an example of a parameter's value."""
        return next(iter(self._examples(parameter).values()), None) or self.sample(parameter["schema"])

    def sample(self, schema: Any, *, without: str = "writeOnly", optional: bool = True) -> Any:
        """Return a value that a schema allows.

        Args:
            schema: The schema.
            without: The keyword of the fields that are left out: "readOnly" for a request, "writeOnly" for a response.
            optional: Whether the value has the fields that are not required, too.
        """
        return _Sampler(self, without, optional).sample(schema, ())

    def _operation(self, path: str, method: str, item: Node) -> ContractOperation:
        operation = item[method]
        own = [self.resolve(each) for each in operation.get("parameters", ())]
        names = {(each["in"], each["name"]) for each in own}
        shared = [self.resolve(each) for each in item.get("parameters", ())]
        body = self._json_content(operation["requestBody"]) if "requestBody" in operation else {}
        content = self._json_content(operation["responses"]["200"])
        response = content.get("schema", {})
        responses = self._examples(content)
        if 200 not in [each.get("statusCode") for each in responses.values()]:
            # Without the business reason of a failure: what succeeds has none.
            success = {name: value for name, value in self.sample(response).items() if name != "apiCode"}
            responses = {"schema": success | {"statusCode": 200}} | responses
        return ContractOperation(
            operation_id=operation["operationId"],
            tag=next(iter(operation.get("tags", ())), "default"),
            method=method.upper(),
            path=path,
            parameters=(*(each for each in shared if (each["in"], each["name"]) not in names), *own),
            body=body.get("schema"),
            responses=responses,
            deduplication_interval=operation.get("x-deduplication-interval"),
        )

    def _json_content(self, node: Any) -> Node:
        contents: Mapping[str, Node] = self.resolve(node).get("content", {})
        return next(iter(contents.values()), {})

    def _examples(self, node: Node) -> dict[str, Any]:
        """Return the examples that a parameter or a content has, by name."""
        if "example" in node:
            return {"example": node["example"]}
        named = {name: self.resolve(each) for name, each in node.get("examples", {}).items()}
        return {name: each["value"] for name, each in named.items() if "value" in each}


def response_examples(contract: Node) -> dict[str, dict[int, dict[str, Any]]]:
    """Return an example of a response for each `statusCode` that has one, by the name of the operation in Python."""
    operations = Examples(contract).operations()
    return {PythonIdentifier(each.operation_id, ""): each.response_by_status_code() for each in operations}


@dataclass(frozen=True)
class _Sampler:
    examples: Examples
    without: str
    optional: bool

    def sample(self, schema: Any, within: tuple[int, ...]) -> Any:
        """Return a value. `within` has the schemas around this one, as a schema can have itself in it."""
        schema = self.examples.resolve(schema)
        within = (*within, id(schema))
        given = [schema[name] for name in ("const", "example", "default") if schema.get(name) is not None]
        given += [*schema.get("examples", ())[:1], *schema.get("enum", ())[:1]]
        if given:
            return given[0]
        for name in ("anyOf", "oneOf"):
            if schema.get(name):
                return self.sample(self._first_of_value(schema[name]), within)
        kinds = schema.get("type", "object" if "properties" in schema or "allOf" in schema else "string")
        kind = kinds if isinstance(kinds, str) else next((each for each in kinds if each != "null"), "null")
        match kind:
            case "object":
                return self._object(schema, within)
            case "array":
                items = schema.get("items", {})
                return [] if self._is_within(items, within) else [self.sample(items, within)]
            case "integer" | "number":
                least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
                return min(least, schema.get("maximum", least))
            case "boolean":
                return True
            case "null":
                return None
            case _:
                text = STRINGS.get(schema.get("format", ""), "text")
                return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", len(text) + 99)]

    def _object(self, schema: Node, within: tuple[int, ...]) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for part in schema.get("allOf", ()):
            value |= self.sample(part, within)
        for name, field in schema.get("properties", {}).items():
            wanted = name in schema.get("required", ()) or (self.optional and not self._is_within(field, within))
            if wanted and not self.examples.resolve(field).get(self.without):
                value[name] = self.sample(field, within)
        values = schema.get("additionalProperties")
        if isinstance(values, Mapping) and self.optional and not self._is_within(values, within):
            value["key"] = self.sample(values, within)
        return value

    def _first_of_value(self, schemas: list[Any]) -> Any:
        return next((each for each in schemas if self.examples.resolve(each).get("type") != "null"), schemas[0])

    def _is_within(self, schema: Any, within: tuple[int, ...]) -> bool:
        """Tell whether a schema is one of those around it, itself or as what it is an array or a union of."""
        schema = self.examples.resolve(schema)
        inner = [schema["items"]] if "items" in schema else [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        return id(schema) in within or any(self._is_within(each, within) for each in inner if each != schema)
