"""Edits that spoil the contract, each with the issue that `make generate` reports."""

from .conftest import CHANNEL, CHANNEL_TEXT, OTHER_CHANNEL

LANG = "    Lang:\n"
LAST_NAME = "        - CustomCodeError\n"
PATH = "  /api/v3/send-email:\n"
FIRST_FIELD = "        message:\n          type: string\n"
EMAIL = "{application/json: {schema: {$ref: '#/components/schemas/SendEmailRespDto'}}}"
RESPONSE = f"responses: {{'200': {{description: x, content: {EMAIL}}}}}"
MIXED = "the values must be all strings or all integers"
MISSING = "this is missing; the templates need it"


def operation(rest: str = RESPONSE, operation_id: str = "sendSms") -> tuple[str, str]:
    """An edit that adds an operation."""
    return (
        "\ncomponents:\n",
        f"  /api/v3/send-sms:\n    post:\n      operationId: {operation_id}\n      {rest}\n\ncomponents:\n",
    )


def schema(text: str) -> tuple[str, str]:
    """An edit that adds a schema."""
    return LANG, f"    {text}\n{LANG}"


def field(text: str) -> tuple[str, str]:
    """An edit that adds a field to the response."""
    return FIRST_FIELD, f"        {text}\n{FIRST_FIELD}"


def response(text: str) -> tuple[str, str]:
    """An edit that adds an operation with a response of its own."""
    return operation(f"responses: {{'200': {{description: x{text}}}}}")


def body(text: str) -> tuple[str, str]:
    return operation(f"requestBody: {{content: {{{text}}}}}\n      {RESPONSE}")


def parameter(text: str) -> tuple[str, str]:
    return operation(f"parameters: [{{{text}}}]\n      {RESPONSE}")


NOT_A_RESPONSE = "a response must be a JSON object that requires an integer `statusCode` and a string `message`"

# For each: an edit of the contract, as two texts; a part of the line that is reported; a part of the reason.
WRONG_CONTRACTS: dict[str, tuple[tuple[str, str], str, str]] = {
    # YAML
    "syntax": (
        ("      tags: [email]", "      tags: [email"),
        "summary:",
        "not valid YAML: expected ',' or ']'",
    ),
    "duplicate key": (
        ("      tags: [email]", "      tags: [email]\n      tags: [mail]"),
        "tags: [mail]",
        'not valid YAML: found duplicate key "tags"',
    ),
    "tab": (("      tags: [email]", "\ttags: [email]"), "tags:", "not valid YAML: found character '\\t'"),
    "date": (
        ("value: 203.0.113.9", "value: 2001-02-03"),
        "2001-02-03",
        "2001-02-03 is neither a string nor a number",
    ),
    "number as a key": (
        ('        "200":', "        200:"),
        "200:",
        "a key must be a string: put it in quotes",
    ),
    # OpenAPI
    "swagger": (("openapi: 3.1.0", 'swagger: "2.0"'), "swagger", "the contract must be OpenAPI 3.1"),
    "OpenAPI 3.0": (("openapi: 3.1.0", "openapi: 3.0.3"), "openapi", "the contract must be OpenAPI 3.1"),
    "no version": (("openapi: 3.1.0\n", ""), "info:", "the contract must be OpenAPI 3.1"),
    "wrong type": (
        ("required: [channel, email]", "required: yes"),
        "required: yes",
        "'yes' is not of type 'array'",
    ),
    "unknown type": (
        ("type: object", "type: str"),
        "type: str",
        "'str' is not a type; allowed are array, boolean, integer, null, number, object, string",
    ),
    "unknown type among several": (field("kind: {type: [str, 'null']}"), "kind:", "'str' is not a type; allowed are"),
    "unknown key": (
        ("operationId:", "operationID:"),
        "operationID",
        "'operationID' is not allowed here; did you mean operationId?",
    ),
    "unknown method": (
        ("    post:\n", "    pots:\n"),
        "pots:",
        "'pots' is not an HTTP method; did you mean post?",
    ),
    "path without a slash": ((PATH, PATH.replace("/api", "api")), "api/v3", "a path begins with /"),
    "unknown place of a parameter": (
        ("      in: header\n      schema", "      in: heder\n      schema"),
        "in: heder",
        "'heder' is not allowed here; allowed are query, header, path, cookie",
    ),
    "path that is a reference": (
        (PATH, "  /api/v3/other: {$ref: '#/components/schemas/Lang'}\n" + PATH),
        "other:",
        "a reference in the place of a path is not supported",
    ),
    # Numbers and characters that JSON does not have
    **{
        f"example with the number {number}": (
            ("message: Sent", f"message: Sent, more: {number}"),
            number,
            "is not a number in JSON",
        )
        for number in (".nan", "-.inf", "1e400")
    },
    "half of a surrogate pair": (
        ("message: Sent", r'message: "\ud83d"'),
        "ud83d",
        r"'\ud83d' has half of a surrogate pair, which is not a character",
    ),
    # Servers, security schemes and extensions
    **{
        f"server {url}": (
            ("url: https://{host}", f"url: {url}"),
            url,
            "is not a URL that calls can be sent to, such as https://example.genauth.ai",
        )
        for url in ("/", "/api", "example.com", "ftp://example.com", "https://", "https://a..b", "'https://a b'")
    },
    "server with an unknown variable": (
        ("url: https://{host}", "url: https://{hots}"),
        "{hots}",
        "the variable 'hots' is not in `variables`; did you mean host?",
    ),
    "unknown security scheme": (
        ("  - appId: []\n  - appId", "  - appID: []\n  - appId"),
        "appID",
        "there is no security scheme 'appID'; did you mean appId?",
    ),
    "unknown security scheme of an operation": (
        operation(f"security: [{{token: []}}]\n      {RESPONSE}"),
        "security:",
        "there is no security scheme 'token'",
    ),
    "misspelt extension of an operation": (
        ("x-deduplication-interval", "x-deduplication-intervall"),
        "x-deduplication-intervall",
        "'x-deduplication-intervall' means nothing here; did you mean x-deduplication-interval?",
    ),
    "extension in a wrong place": (
        (PATH, f"{PATH}    x-deduplication-interval: 60\n"),
        "    x-deduplication-interval",
        "'x-deduplication-interval' means nothing here",
    ),
    "misspelt extension of the contract": (
        ("  contact:\n", "  x-project-url: {Source: 'https://example.com'}\n  contact:\n"),
        "x-project-url:",
        "'x-project-url' means nothing here; did you mean x-project-urls?",
    ),
    "no paths": (("\npaths:\n", "\nx-paths:\n"), "openapi:", f"paths: {MISSING}"),
    "no response 200": (('        "200":\n', '        "201":\n'), "responses:", "a response '200' is missing"),
    # References
    "reference that is empty": (
        ('$ref: "#/components/schemas/Channel"', "$ref: #/components/schemas/Channel"),
        "$ref:",
        'this is empty: put the reference in quotes, as "#" begins a comment',
    ),
    "schema that refers to itself": (
        schema("A: {$ref: '#/components/schemas/A'}"),
        "A:",
        "this refers to itself",
    ),
    "schemas that refer to each other": (
        schema("A: {$ref: '#/components/schemas/B'}\n    B: {$ref: '#/components/schemas/A'}"),
        "A:",
        "this refers to itself",
    ),
    "parameter that refers to itself": (
        ("  parameters:\n    lang:", "  parameters:\n    loop: {$ref: '#/components/parameters/loop'}\n    lang:"),
        "loop:",
        "this refers to itself",
    ),
    "response that refers to itself": (
        (
            "  parameters:\n    lang:",
            "  responses:\n    R: {$ref: '#/components/responses/R'}\n  parameters:\n    lang:",
        ),
        "R:",
        "this refers to itself",
    ),
    "reference to nothing": (
        ('$ref: "#/components/schemas/SendEmailDto"', '$ref: "#/components/schemas/SendDto"'),
        "SendDto",
        "there is no '#/components/schemas/SendDto'",
    ),
    "reference to another file": (
        ('$ref: "#/components/schemas/SendEmailDto"', '$ref: "https://x.example/all.yaml"'),
        "x.example",
        "'https://x.example/all.yaml' is not '#/components/…/…'",
    ),
    "reference into a schema": (
        (
            '$ref: "#/components/schemas/Channel"',
            '$ref: "#/components/schemas/SendEmailRespDto/properties/message"',
        ),
        "properties/message",
        "is not '#/components/…/…'",
    ),
    "required field that does not exist": (
        ("[channel, email]", "[channel, emial]"),
        "emial",
        "there is no property 'emial'",
    ),
    # Examples
    "example of a request with a value that is not allowed": (
        ("{channel: CHANNEL_LOGIN, email", "{channel: CHANNEL_LOGON, email"),
        "CHANNEL_LOGON",
        "this does not fit its schema: 'CHANNEL_LOGON' is not allowed here; allowed are CHANNEL_LOGIN, CHANNEL_REG",
    ),
    "example of a request that lacks a field": (
        ("CHANNEL_LOGIN, email: test@example.com}", "CHANNEL_LOGIN}"),
        "CHANNEL_LOGIN}",
        "this does not fit its schema: 'email' is a required property",
    ),
    "example of a request with a field too many": (
        ("email: test@example.com}", "email: test@example.com, emial: x}"),
        "emial",
        "this does not fit its schema: 'emial' is not allowed here; did you mean email?",
    ),
    "example of a response with a wrong type": (
        ("message: Sent", "message: 5"),
        "message: 5",
        "this does not fit its schema: 5 is not of type 'string'",
    ),
    "example of a failure that lacks its message": (
        ("{statusCode: 400, message: Wrong}", "{statusCode: 400}"),
        "{statusCode: 400}",
        "this does not fit its schema: 'message' is a required property",
    ),
    "example with a wrong value of a field called type": (
        body("application/json: {schema: {properties: {type: {type: string, enum: [a]}}}, example: {type: x}}"),
        "example: {type: x}",
        "this does not fit its schema: 'x' is not allowed here; allowed are a",
    ),
    "unknown type of a security scheme": (
        ("type: apiKey", "type: apikey"),
        "type: apikey",
        "'apikey' is not allowed here; allowed are apiKey, http",
    ),
    "example of a parameter": (
        ("value: 203.0.113.9", "value: 203"),
        "value: 203",
        "this does not fit its schema: 203 is not of type 'string'",
    ),
    "example of a field": (
        ("examples: [test@example.com]", "examples: [5]"),
        "examples: [5]",
        "this does not fit its schema: 5 is not of type 'string'",
    ),
    # Enums
    "type that is not the values'": (
        ("    Channel:\n      type: string", "    Channel:\n      type: integer"),
        "type: integer",
        "the type of these values is 'string'",
    ),
    **{
        f"value with the invisible character {escape}": (
            schema(f'Size: {{type: string, enum: ["a{escape}b"], x-enum-varnames: [AB]}}'),
            "Size:",
            "has an invisible character",
        )
        for escape in (r"\n", r"\t", r"\u200b", r"\u00a0")
    },
    "name with an invisible character": (
        ("[ZH_CN, EN_US", r'["ZH\u200b_CN", EN_US'),
        "ZH",
        "has an invisible character",
    ),
    "deprecated value that is not one": (
        schema("Size: {type: string, enum: [S], x-enum-deprecated: [L]}"),
        "Size:",
        "'L' is not one of the enum's values: remove it here too",
    ),
    "value of another type": ((f"- {CHANNEL}\n", "- 7\n"), "enum:", MIXED),
    "no values": (("enum: [zh-CN, en-US, ja-JP, zh-TW]", "enum: []"), "enum: []", "this should be non-empty"),
    "value twice": (
        (f"        - {OTHER_CHANNEL}\n", f"        - {OTHER_CHANNEL}\n        - {CHANNEL}\n"),
        f"- {CHANNEL}",
        f"'{CHANNEL}' occurs twice",
    ),
    "values of one name": (
        schema("Size: {type: string, enum: [ab, AB]}"),
        "Size:",
        "'AB' would be called AB, as 'ab' is",
    ),
    "one name too few": ((LAST_NAME, ""), "x-enum-varnames", " names for "),
    "misspelt keyword": (
        ("      required: [channel, email]\n", "      requird: [channel, email]\n"),
        "requird:",
        "'requird' is not a keyword of a schema",
    ),
    "misspelt extension": (
        (
            f"      x-enumDescriptions:\n        {CHANNEL}",
            f"      x-enumDescription:\n        {CHANNEL}",
        ),
        "x-enumDescription:",
        "'x-enumDescription' is not a keyword of a schema",
    ),
    "name twice": (
        (LAST_NAME, "        - ThrottleError\n"),
        "- ThrottleError",
        "'ThrottleError' occurs twice",
    ),
    "name of no class": (
        (LAST_NAME, "        - custom_code\n"),
        "- custom_code",
        "'custom_code' is not a class name, such as 'ThrottleError'",
    ),
    "unusable name": ((LAST_NAME, "        - 4x4\n"), "- 4x4", "'4x4' is not a valid name in Python"),
    "name of another error": (
        (LAST_NAME, "        - APIError\n"),
        "- APIError",
        "would define 'APIError' twice",
    ),
    "description of a stranger": (
        (f"        {CHANNEL_TEXT}", f"        CHANNEL_LOGON: x\n        {CHANNEL_TEXT}"),
        "CHANNEL_LOGON",
        "'CHANNEL_LOGON' is not one of the enum's values: remove its description too",
    ),
    "description empty": (
        (CHANNEL_TEXT, f"{CHANNEL}:"),
        f"{CHANNEL}:",
        "this is empty: 'string' is expected",
    ),
    "no status codes": (
        ("    StatusCode:\n", "    Code: {type: integer}\n    x-StatusCode:\n"),
        "components/schemas/StatusCode",
        "there is no '#/components/schemas/StatusCode'",
    ),
    "no 200": (("enum: [200, 400,", "enum: [201, 400,"), "enum: [201", "200, which is success, is missing"),
    # What the templates take by name
    "no names of errors": (
        ("      x-enum-varnames:\n        - OK", "      x-names:\n        - OK"),
        "StatusCode:",
        f"x-enum-varnames: {MISSING}",
    ),
    "no server": (("\nservers:\n", "\nx-servers:\n"), "openapi:", f"servers: {MISSING}"),
    "no license": (("    identifier: MIT\n", ""), "license:", "identifier: this is missing"),
    "project URL that is not a URL": (
        ("  contact:\n", "  x-project-urls: {Source: example.com/x}\n  contact:\n"),
        "x-project-urls:",
        "'example.com/x' does not match '^https?://",
    ),
    "no app id": (
        ("    appId:\n      type", "    app:\n      type"),
        "securitySchemes:",
        "appId: this is missing",
    ),
    # Names
    "operation without a name": (
        ("      operationId: sendEmail\n", ""),
        "post:",
        "a name for the method is needed",
    ),
    "operation with an unusable name": (
        ("operationId: sendEmail", "operationId: send email"),
        "operationId",
        "a name for the method is needed, such as 'sendEmail'",
    ),
    "operations of one name": (
        operation(operation_id="sendEmail"),
        "operationId",
        "another operation is called 'sendEmail' too",
    ),
    "operations of one name in Python": (
        operation(operation_id="send_email"),
        "send_email",
        "another operation is called 'send_email' too",
    ),
    "operation with a name of the clients'": (
        operation(operation_id="close"),
        "operationId: close",
        "the clients already use the name 'close': choose another one",
    ),
    "deduplication interval that is not a number": (
        ("x-deduplication-interval: 60", "x-deduplication-interval: a minute"),
        "x-deduplication-interval: a minute",
        "a number of seconds greater than 5 is needed, such as 60",
    ),
    "deduplication interval that is too short": (
        ("x-deduplication-interval: 60", "x-deduplication-interval: 5"),
        "x-deduplication-interval: 5",
        "a number of seconds greater than 5 is needed, such as 60",
    ),
    "schema with a title": (
        ("    Channel:\n", "    Channel:\n      title: The channel\n"),
        "Channel:",
        "its class would be 'TheChannel': give it that name here, and remove its title",
    ),
    "schema of no class's name": (
        schema("size: {type: string, enum: [a]}"),
        "size:",
        "its class would be 'Size'",
    ),
    "schema with a name of the client's": (
        schema("Specification: {type: object, properties: {a: {type: string}}}"),
        "Specification:",
        "genauth_email/client.py would define 'Specification' twice",
    ),
    "schemas of one module": (
        (LANG, "    SMSSize: {type: string, enum: [a]}\n    SmsSize: {type: string, enum: [a]}\n" + LANG),
        "SmsSize:",
        "two modules would be called 'sms_size'",
    ),
    "field with a name of the models'": (
        field("to_dict: {type: string}"),
        "to_dict",
        "would define 'to_dict' twice",
    ),
    "fields of one name": (
        field("status-code: {type: string}"),
        "status",
        "another field would have the same name in Python",
    ),
    "field with an invisible name": (
        field(r'"a\nb": {type: string}'),
        r'"a\nb"',
        "has an invisible character",
    ),
    "field with a name of an argument's": (
        ("        email:\n", "        lang: {type: string}\n        email:\n"),
        "lang:",
        "the methods need the name 'lang' for something else",
    ),
    "path with a stranger in it": (
        (PATH, PATH.replace("v3", "{x!r}")),
        "{x!r}",
        "a path can contain only letters, digits",
    ),
    "path with a parameter that does not exist": (
        (PATH, PATH.replace("v3", "{x}")),
        "post:",
        "Path parameters do not match",
    ),
    # What the generator leaves out, and what the templates cannot do
    "constant": (field("kind: {const: x}"), "kind:", "`const` and `format: binary` are not"),
    "file": (field("kind: {type: string, format: binary}"), "kind:", "`const` and `format: binary` are not"),
    "wrong default": (
        field("kind: {allOf: [{$ref: '#/components/schemas/Lang'}], default: x}"),
        "kind:",
        "this does not fit its schema: 'x' is not allowed here; allowed are zh-CN",
    ),
    "response without a message": (
        ("required: [statusCode, message", "required: [statusCode"),
        "SendEmailRespDto:",
        NOT_A_RESPONSE,
    ),
    "response with a number as a message": (
        (FIRST_FIELD, FIRST_FIELD.replace("string", "[string, number]")),
        "SendEmailRespDto:",
        NOT_A_RESPONSE,
    ),
    "response with a string as a code": (
        ("            - type: integer\n", "            - type: string\n"),
        "SendEmailRespDto:",
        NOT_A_RESPONSE,
    ),
    "response that is a list": (
        response(", content: {application/json: {schema: {type: array, items: {}}}}"),
        "'200'",
        NOT_A_RESPONSE,
    ),
    "response that is nothing": (response(""), "'200'", NOT_A_RESPONSE),
    "response that is text": (
        response(", content: {text/plain: {schema: {type: string}}}"),
        "'200'",
        NOT_A_RESPONSE,
    ),
    "responses of two schemas": (
        response(f"}}, '400': {{description: x, content: {EMAIL}"),
        "responses:",
        "all responses of an operation must have the same schema",
    ),
    "body that is a form": (
        body("multipart/form-data: {schema: {$ref: '#/components/schemas/SendEmailDto'}}"),
        "multipart/form-data",
        "a body must be one JSON object",
    ),
    "body that is a table": (
        body("text/csv: {schema: {$ref: '#/components/schemas/SendEmailDto'}}"),
        "post:",
        "Unsupported content type text/csv",
    ),
    "body that is a list": (
        body("application/json: {schema: {type: array, items: {type: string}}}"),
        "application/json",
        "a body must be one JSON object",
    ),
    "cookie": (
        parameter("name: c, in: cookie, schema: {type: string}"),
        "cookie",
        "cookies are not supported",
    ),
    "parameter that is an object": (
        parameter("name: c, in: query, schema: {type: object, properties: {}}"),
        "parameters:",
        "'c': a parameter cannot be an object",
    ),
    "parameter without a schema": (
        parameter("name: c, in: query, content: {application/json: {}}"),
        "parameters:",
        "the schema is missing",
    ),
    "parameter with a name of an argument's": (
        parameter("name: timeout, in: query, schema: {type: string}"),
        "parameters:",
        "'timeout': the functions need the name 'timeout' for themselves",
    ),
}
