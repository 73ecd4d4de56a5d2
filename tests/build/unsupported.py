"""The unsupported parts of OpenAPI. The keys are the rows of the second table of `docs/supported-openapi.md`."""

from .conftest import OTHER_CHANNEL
from .wrong_contracts import (
    ENDLESS,
    NOT_A_REFERENCE,
    RESPONSE,
    Wrong,
    body,
    edit,
    field,
    insert,
    named,
    operation,
    parameter,
    response,
    schema,
)

DTO = "{$ref: '#/components/schemas/SendEmailDto'}"
RESP_DTO = "{$ref: '#/components/schemas/SendEmailRespDto'}"
LIMITED = f"{{allOf: [{RESP_DTO}, {{required: [a], properties: {{a: {{%s}}}}}}]}}"
TREE = "{$ref: '#/components/schemas/Tree'}"
NO_NAME = "is not a valid name in Python: name each value in `x-enum-varnames`"
NOT_A_BODY = "a body must be one JSON object with properties"
NOT_A_PARAMETER = "'c': a parameter must be a string, number, boolean or enum; in a query, a list"


def method(name: str, reason: str, more: str = "") -> Wrong:
    """Add an operation with another method."""
    new = f"  /api/v3/other:\n    {name}:\n      operationId: other\n{more}      {RESPONSE}\n\ncomponents:\n"
    return Wrong("\ncomponents:\n", new, reason, more.strip() or f"{name}:")


UNSUPPORTED: dict[str, list[Wrong]] = {
    "`properties` and other types beside `allOf`, `anyOf` or `oneOf`": [
        schema(f"Both: {{allOf: [{DTO}], properties: {{}}}}", "`properties` beside `allOf` is not supported: make it"),
        field("kind: {anyOf: [{type: string}], properties: {a: {type: string}}}", "`properties` beside `anyOf` is not"),
        field("kind: {oneOf: [{type: string}], anyOf: [{type: integer}]}", "`oneOf` beside `anyOf` is not supported"),
        schema(f"Both: {{allOf: [{DTO}], additionalProperties: {{}}}}", "`additionalProperties` beside `allOf` is not"),
    ],
    "a part of `allOf` that is more than `properties` and `required`": [
        schema(f"Part: {{allOf: [{DTO}, {{allOf: [{DTO}]}}]}}", "`allOf` in a part of `allOf`"),
        schema(f"Part: {{allOf: [{DTO}, {{type: string}}]}}", "a part of `allOf` must be an object"),
        schema(f"Clash: {{allOf: [{DTO}, {{properties: {{email: {{type: integer}}}}}}]}}", "str can't be merged with"),
    ],
    "`discriminator`": [
        field(f"kind: {{oneOf: [{DTO}], discriminator: {{propertyName: a}}}}", "`discriminator` is not supported")
    ],
    "`anyOf` or `oneOf` of two objects": [
        field(f"kind: {{oneOf: [{DTO}, {RESP_DTO}]}}", "a union of two objects is not supported: they look alike")
    ],
    "`const`, `format: binary`": [
        field("kind: {const: x}", "`const` is not supported: write an `enum` of one value"),
        field("kind: {type: string, format: binary}", "`format: binary` is not supported"),
    ],
    "`not`, `prefixItems`, `nullable`, `writeOnly`": [
        field("kind: {not: {type: string}}", "`not` is not supported"),
        field("kind: {type: array, prefixItems: [{type: string}]}", "`prefixItems` is not supported: write `items`"),
        field("kind: {type: string, nullable: true}", "write `type: [string, 'null']`"),
        field("kind: {type: string, writeOnly: true}", "write a schema of its own for requests"),
    ],
    "another keyword of a schema": [
        field("kind: {type: object, patternProperties: {}}", "'patternProperties' is not a keyword"),
        field("kind: {if: {type: string}}", "'if' is not a keyword of a schema"),
    ],
    "more beside `$ref` than a description, `deprecated` or `readOnly`": [
        field(
            "kind: {$ref: '#/components/schemas/Lang', default: zh-CN}",
            "`default` beside `$ref` is not supported: write `allOf: [{$ref: …}]` beside it",
        )
    ],
    "a schema that consists of itself, or requires itself": [
        schema(f"Tree: {{type: object, additionalProperties: {TREE}}}", ENDLESS),
        schema(f"Tree: {{type: array, items: {TREE}}}", ENDLESS),
        schema(f"Tree: {{anyOf: [{{type: string}}, {TREE}]}}", ENDLESS),
        schema(f"Tree: {{allOf: [{TREE}, {{properties: {{a: {{type: string}}}}}}]}}", ENDLESS),
        schema(f"Tree: {{required: [a], properties: {{a: {TREE}}}}}", "requires another of the same type never ends"),
    ],
    "`false` as a schema": [
        field("kind: false", "`false` allows no value at all: remove this"),
        field("kind: {type: array, items: false}", "`false` allows no value at all: remove this"),
    ],
    "an enum of strings and numbers, or of other values": [
        schema("Odd: {enum: [a, 1]}", "1 is not of type 'string'"),
        schema("Odd: {enum: [1.5]}", "1.5 is not of type 'integer'"),
        schema("Odd: {enum: [true]}", "True is not of type 'integer'"),
    ],
    "an enum value that gives no name in Python, and has none in `x-enum-varnames`": [
        *(
            schema(f"Odd: {{type: string, enum: ['{value}']}}", f"'{value}' {NO_NAME}")
            for value in ("é", "+86", "1h", "", "a-b")
        ),
        schema("Odd: {type: string, enum: [ab, AB]}", "'ab' and 'AB' would both be called AB"),
    ],
    "an enum that explains only some of its values": [
        insert(f"        - {OTHER_CHANNEL}\n", "- INVITE", "'INVITE' has no explanation in `x-enumDescriptions`")
    ],
    "a `statusCode` other than 200 without an example": [
        edit("{statusCode: 400,", "{statusCode: 499,", "no operation has an example of a response with", "enum: [200")
    ],
    "a success without an example, if one made from its schema does not fit": [
        response(f", content: {{application/json: {{schema: {LIMITED % limit}}}}}", "add an example of a success")
        for limit in (
            *(
                "type: string, pattern: ^x",
                "type: array, items: {}, minItems: 2, uniqueItems: true",
                "type: object, minProperties: 1",
            ),
            *("type: integer, multipleOf: 7", "type: integer, exclusiveMaximum: 1"),
        )
    ],
    "an operation with a name that the clients already use": [
        named(name, f"the clients already use the name {python_name!r}: choose another one")
        for name, python_name in (("withOptions", "with_options"), ("aclose", "aclose"), ("maxRetries", "max_retries"))
    ],
    "`HEAD`, `TRACE`, a `GET` with a body": [
        method("head", "'head' is not supported here"),
        method("trace", "'trace' is not supported here"),
        method(
            "get",
            "a GET with a body is not supported",
            f"      requestBody: {{content: {{application/json: {{schema: {DTO}}}}}}}\n",
        ),
    ],
    "a request body that is not one JSON object with properties": [
        body(f"multipart/form-data: {{schema: {DTO}}}", NOT_A_BODY),
        body("application/json: {schema: {type: array, items: {}}}", NOT_A_BODY),
        body("application/json: {schema: {type: object, additionalProperties: {type: string}}}", NOT_A_BODY),
    ],
    "a response that is not a JSON object with `statusCode` and `message`": [
        operation("responses: {'200': {description: x, content: {text/plain: {schema: {}}}}}", "must be a JSON object"),
        edit(
            '            - $ref: "#/components/schemas/ApiCode"\n            - type: integer\n',
            "            - type: string\n",
            "`apiCode` must be an integer, as in every failure",
            "SendEmailRespDto:",
        ),
    ],
    "a parameter `in: cookie`, one with `content`, one without a type": [
        parameter("name: c, in: cookie, schema: {type: string}", "'cookie' is not allowed here"),
        parameter("name: c, in: query, content: {application/json: {}}", "'content' is not supported here"),
        parameter("name: c, in: query, schema: {}", NOT_A_PARAMETER),
    ],
    "a parameter that is an object, an array outside of a query, an array of arrays, or `null`": [
        *(
            parameter(f"name: c, in: query, schema: {{type: object, {more}}}", NOT_A_PARAMETER)
            for more in ("properties: {}", "properties: {a: {type: string}}", "additionalProperties: {type: string}")
        ),
        parameter(
            "name: c, in: query, schema: {type: array, items: {type: array, items: {type: string}}}", NOT_A_PARAMETER
        ),
        parameter("name: c, in: query, schema: {type: [string, 'null']}", NOT_A_PARAMETER),
        parameter("name: c, in: header, schema: {type: array, items: {}}", "is not allowed in header", "post:"),
    ],
    "`explode: false`, another `style`, `allowReserved`, `allowEmptyValue`": [
        parameter("name: c, in: query, explode: false, schema: {}", "an array can only be sent as one parameter for"),
        parameter("name: c, in: query, style: deepObject, schema: {}", "'form' was expected"),
        parameter("name: c, in: query, allowReserved: true, schema: {type: string}", "'allowReserved' is not"),
        parameter("name: c, in: query, allowEmptyValue: true, schema: {type: string}", "'allowEmptyValue' is not"),
    ],
    "a header parameter that the client sends by itself": [
        parameter("name: Authorization, in: header, schema: {}", "'Authorization' is a header that the client sends")
    ],
    "a security scheme other than `appId` and `accessToken`": [
        operation(f"security: [{{token: []}}]\n      {RESPONSE}", "the client has no security scheme 'token'")
    ],
    "an example with an `externalValue`": [
        edit("value: 203.0.113.9", "externalValue: https://example.com/ip", "`externalValue` is not supported")
    ],
    "webhooks, callbacks, `servers` of a single operation": [
        edit("\npaths:\n", "\nwebhooks: {}\n\npaths:\n", "'webhooks' is not supported here", "webhooks:"),
        operation(f"servers: [{{url: 'https://x.example'}}]\n      {RESPONSE}", "'servers' is not supported here"),
        operation(f"callbacks: {{done: {{}}}}\n      {RESPONSE}", "'callbacks' is not supported here"),
    ],
    "OpenAPI 2 or 3.0, a reference to another file": [
        edit("openapi: 3.1.0", "openapi: 3.0.3", "the contract must be OpenAPI 3.1"),
        schema("Other: {$ref: other.yaml}", NOT_A_REFERENCE),
    ],
}
