"""What of OpenAPI is refused. The keys are the rows of the second table of `docs/supported-openapi.md`.

For each: edits of the contract, each with a part of the line that is reported, and a part of the reason.
"""

from .conftest import OTHER_CHANNEL
from .wrong_contracts import LANG, RESPONSE, body, field, operation, parameter, schema

Edit = tuple[str, str]

DTO = "{$ref: '#/components/schemas/SendEmailDto'}"
NO_NAME = "is not a valid name in Python: name each value in `x-enum-varnames`"


def named(name: str) -> Edit:
    """An edit that adds an operation with a name."""
    return operation(operation_id=name)


def taken(name: str) -> str:
    return f"the clients already use the name {name!r}: choose another one"


def method(name: str, more: str = "") -> Edit:
    return (
        "\ncomponents:\n",
        f"  /api/v3/other:\n    {name}:\n      operationId: other\n{more}      {RESPONSE}\n\ncomponents:\n",
    )


UNSUPPORTED: dict[str, list[tuple[Edit, str, str]]] = {
    "`properties` and other types beside `allOf`, `anyOf` or `oneOf`": [
        (
            schema(f"Both: {{allOf: [{DTO}], properties: {{a: {{type: string}}}}}}"),
            "Both:",
            "`properties` beside `allOf` is not supported: make it a part of `allOf`",
        ),
        (
            field("kind: {anyOf: [{type: string}], properties: {a: {type: string}}}"),
            "kind:",
            "`properties` beside `anyOf` is not supported",
        ),
        (
            field("kind: {oneOf: [{type: string}], anyOf: [{type: integer}]}"),
            "kind:",
            "`anyOf` beside `oneOf` is not supported",
        ),
        (
            schema(f"Both: {{allOf: [{DTO}], additionalProperties: {{type: string}}}}"),
            "Both:",
            "`additionalProperties` beside `allOf` is not supported",
        ),
    ],
    "a part of `allOf` that is more than `properties` and `required`": [
        (schema(f"Part: {{allOf: [{DTO}, {{allOf: [{DTO}]}}]}}"), "Part:", "`allOf` in a part of `allOf`"),
        (schema(f"Part: {{allOf: [{DTO}, {{type: string}}]}}"), "Part:", "a part of `allOf` must be an object"),
    ],
    "`discriminator`": [
        (
            field(f"kind: {{oneOf: [{DTO}, {{type: 'null'}}], discriminator: {{propertyName: channel}}}}"),
            "kind:",
            "a discriminator is not supported",
        )
    ],
    "`anyOf` or `oneOf` of two objects": [
        (
            field(f"kind: {{oneOf: [{DTO}, {{$ref: '#/components/schemas/SendEmailRespDto'}}]}}"),
            "kind:",
            "a union of two objects is not supported: they look alike",
        )
    ],
    "`const`, `format: binary`": [
        (field("kind: {const: x}"), "kind:", "`const` and `format: binary` are not"),
        (field("kind: {type: string, format: binary}"), "kind:", "`const` and `format: binary` are not"),
    ],
    "`not`, `prefixItems`, `nullable`, `writeOnly`": [
        (field("kind: {not: {type: string}}"), "kind:", "`not` is not supported"),
        (field("kind: {type: array, prefixItems: [{type: string}]}"), "kind:", "describe the items by `items`"),
        (field("kind: {type: string, nullable: true}"), "kind:", "write `type: [string, 'null']`"),
        (field("kind: {type: string, writeOnly: true}"), "kind:", "give requests a schema of their own"),
    ],
    "another keyword of a schema": [
        (field("kind: {type: object, patternProperties: {}}"), "kind:", "'patternProperties' is not a keyword"),
        (field("kind: {if: {type: string}}"), "kind:", "'if' is not a keyword of a schema"),
    ],
    "more beside `$ref` than a description, `deprecated` or `readOnly`": [
        (
            field("kind: {$ref: '#/components/schemas/Lang', default: zh-CN}"),
            "kind:",
            "`default` beside `$ref` is not supported: write `allOf: [{$ref: …}]` beside it",
        )
    ],
    "a schema that consists of itself, or requires itself": [
        (
            schema("Tree: {type: object, additionalProperties: {$ref: '#/components/schemas/Tree'}}"),
            "Tree:",
            "a schema that consists of itself is not supported: give it `properties`",
        ),
        *(
            (schema(f"Tree: {{{each}}}"), "Tree:", "a schema that consists of itself is not supported")
            for each in (
                "type: array, items: {$ref: '#/components/schemas/Tree'}",
                "anyOf: [{type: string}, {$ref: '#/components/schemas/Tree'}]",
                "allOf: [{$ref: '#/components/schemas/Tree'}, {properties: {a: {type: string}}}]",
            )
        ),
        (
            schema("Tree: {type: object, required: [a], properties: {a: {$ref: '#/components/schemas/Tree'}}}"),
            "Tree:",
            "an object that requires one of its own kind never ends: make that property optional",
        ),
    ],
    "`false` as a schema": [
        (field("kind: false"), "kind:", "`false` allows no value at all: remove this"),
        (field("kind: {type: array, items: false}"), "kind:", "`false` allows no value at all: remove this"),
    ],
    "an enum of strings and numbers, or of other values": [
        (schema("Odd: {enum: [a, 1]}"), "Odd:", "the values must be all strings or all integers"),
        (schema("Odd: {enum: [1.5]}"), "Odd:", "the values must be all strings or all integers"),
        (schema("Odd: {enum: [true]}"), "Odd:", "the values must be all strings or all integers"),
    ],
    "an enum value that gives no name in Python, and has none in `x-enum-varnames`": [
        (schema("Odd: {type: string, enum: [é]}"), "Odd:", f"'é' {NO_NAME}"),
        (schema("Odd: {type: string, enum: ['+86']}"), "Odd:", f"'+86' {NO_NAME}"),
        (schema("Odd: {type: string, enum: ['1h']}"), "Odd:", f"'1h' {NO_NAME}"),
        (schema("Odd: {type: string, enum: ['']}"), "Odd:", f"'' {NO_NAME}"),
        (schema("Odd: {type: string, enum: [a-b]}"), "Odd:", f"'a-b' {NO_NAME}"),
        (
            schema("Odd: {type: string, enum: [ab, AB]}"),
            "Odd:",
            "'AB' would be called AB, as 'ab' is: name each value in `x-enum-varnames`",
        ),
    ],
    "an enum that explains only some of its values": [
        (
            (f"        - {OTHER_CHANNEL}\n", f"        - {OTHER_CHANNEL}\n        - CHANNEL_INVITE\n"),
            "- CHANNEL_INVITE",
            "'CHANNEL_INVITE' has no explanation in `x-enumDescriptions`",
        )
    ],
    "a `statusCode` without an example": [
        (
            ("{statusCode: 400,", "{statusCode: 499,"),
            "enum: [200, 400",
            "no operation has an example of a response with `statusCode` 400",
        )
    ],
    "an operation called as something that the clients have": [
        (named(name), name, taken(python_name))
        for name, python_name in (
            ("withOptions", "with_options"),
            ("close", "close"),
            ("aclose", "aclose"),
            ("timeout", "timeout"),
            ("maxRetries", "max_retries"),
        )
    ],
    "`HEAD`, `TRACE`, a `GET` with a body": [
        (method("head"), "head:", "HEAD is not supported"),
        (method("trace"), "trace:", "TRACE is not supported"),
        (
            method("get", f"      requestBody: {{content: {{application/json: {{schema: {DTO}}}}}}}\n"),
            "requestBody",
            "a GET with a body is not supported",
        ),
    ],
    "a request body that is not one JSON object with properties": [
        (body(f"multipart/form-data: {{schema: {DTO}}}"), "multipart/form-data", "a body must be one JSON object"),
        (body("application/json: {schema: {type: array, items: {}}}"), "application/json", "a body must be one JSON"),
        (
            body("application/json: {schema: {type: object, additionalProperties: {type: string}}}"),
            "application/json",
            "a body must be one JSON object with properties",
        ),
    ],
    "a response that is not a JSON object with `statusCode` and `message`": [
        (
            operation("responses: {'200': {description: x, content: {text/plain: {schema: {type: string}}}}}"),
            "'200'",
            "a response must be a JSON object that requires an integer `statusCode`",
        ),
        (
            (
                '            - $ref: "#/components/schemas/ApiCode"\n            - type: integer\n',
                "            - type: string\n",
            ),
            "SendEmailRespDto:",
            "`apiCode` must be an integer, as in every failure",
        ),
    ],
    "a parameter `in: cookie`, one with `content`, one without a type": [
        (parameter("name: c, in: cookie, schema: {type: string}"), "cookie", "cookies are not supported"),
        (parameter("name: c, in: query, content: {application/json: {}}"), "parameters:", "the schema is missing"),
        (parameter("name: c, in: query, schema: {}"), "parameters:", "'c': a parameter must be a string, number"),
    ],
    "a parameter that is an object, an array outside of a query, an array of arrays, or `null`": [
        (
            parameter("name: c, in: query, schema: {type: object, properties: {a: {type: string}}}"),
            "parameters:",
            "'c': a parameter cannot be an object",
        ),
        (
            parameter("name: c, in: query, schema: {type: object, additionalProperties: {type: string}}"),
            "parameters:",
            "'c': a parameter cannot be an object",
        ),
        (
            parameter("name: c, in: query, schema: {type: array, items: {type: array, items: {type: string}}}"),
            "parameters:",
            "'c': a parameter must be a string",
        ),
        (parameter("name: c, in: query, schema: {type: [string, 'null']}"), "parameters:", "not null"),
        (
            parameter("name: c, in: header, schema: {type: array, items: {type: string}}"),
            "post:",
            "is not allowed in header",
        ),
    ],
    "`explode: false`, another `style`, `allowReserved`, `allowEmptyValue`": [
        (
            parameter("name: c, in: query, explode: false, schema: {type: array, items: {type: string}}"),
            "parameters:",
            "an array is sent as one parameter for each item",
        ),
        (
            parameter("name: c, in: query, style: deepObject, schema: {type: string}"),
            "parameters:",
            "the style 'deepObject' is not supported: it must be 'form'",
        ),
        (
            parameter("name: c, in: query, allowReserved: true, schema: {type: string}"),
            "parameters:",
            "`allowReserved` is not supported",
        ),
    ],
    "a header parameter that the client sends by itself": [
        (
            parameter("name: Authorization, in: header, schema: {type: string}"),
            "parameters:",
            "'Authorization' is a header that the client sends itself",
        )
    ],
    "webhooks, callbacks, a server of an operation's own": [
        (("\npaths:\n", "\nwebhooks: {sent: {post: {}}}\n\npaths:\n"), "webhooks:", "webhooks are not supported"),
        (operation(f"servers: [{{url: 'https://x.example'}}]\n      {RESPONSE}"), "servers:", "share one host"),
        (operation(f"callbacks: {{done: {{}}}}\n      {RESPONSE}"), "callbacks:", "callbacks are not supported"),
    ],
    "OpenAPI 2 or 3.0, a reference to another file": [
        (("openapi: 3.1.0", "openapi: 3.0.3"), "openapi", "the contract must be OpenAPI 3.1"),
        (
            (LANG, LANG.replace("Lang", "Other") + "      $ref: other.yaml\n" + LANG),
            "other.yaml",
            "'other.yaml' is not '#/components/…/…'",
        ),
    ],
}
