"""Edits that break the small contract, each with the issue that `make generate` reports."""

from typing import NamedTuple

from .conftest import CHANNEL, CHANNEL_TEXT, OTHER_CHANNEL

LANG = "    Lang:\n"
LAST_NAME = "        - CustomCodeError\n"
PATH = "  /api/v3/send-email:\n"
FIRST_FIELD = "        message:\n          type: string\n"
CONTACT = "  contact:\n"
SENT = "message: Sent"
URL = "url: https://{host}"
INTERVAL = "x-deduplication-interval: 60"
EMAIL = "{application/json: {schema: {$ref: '#/components/schemas/SendEmailRespDto'}}}"
RESPONSE = f"responses: {{'200': {{description: x, content: {EMAIL}}}}}"


class Wrong(NamedTuple):
    """An edit of the contract, a part of the reported reason, and a part of the line."""

    old: str
    new: str
    reason: str
    at: str


def edit(old: str, new: str, reason: str, at: str = "") -> Wrong:
    return Wrong(old, new, reason, at or new.strip())


def insert(before: str, line: str, reason: str) -> Wrong:
    """Insert a line with the indentation of the next one."""
    indentation = before[: len(before) - len(before.lstrip())]
    return Wrong(before, f"{indentation}{line}\n{before}", reason, line.rpartition("\n")[2].strip())


def schema(text: str, reason: str) -> Wrong:
    return insert(LANG, text, reason)


def field(text: str, reason: str) -> Wrong:
    """Insert a field of the response."""
    return insert(FIRST_FIELD, text, reason)


def operation(rest: str, reason: str, at: str = "", operation_id: str = "sendSms") -> Wrong:
    """Add an operation."""
    new = f"  /api/v3/send-sms:\n    post:\n      operationId: {operation_id}\n      {rest}\n\ncomponents:\n"
    return Wrong("\ncomponents:\n", new, reason, at or rest.partition("\n")[0])


def named(name: str, reason: str) -> Wrong:
    return operation(RESPONSE, reason, f"operationId: {name}", name)


def response(text: str, reason: str, at: str = "") -> Wrong:
    return operation(f"responses: {{'200': {{description: x{text}}}}}", reason, at)


def body(text: str, reason: str, at: str = "") -> Wrong:
    return operation(f"requestBody: {{content: {{{text}}}}}\n      {RESPONSE}", reason, at)


def parameter(text: str, reason: str, at: str = "") -> Wrong:
    return operation(f"parameters: [{{{text}}}]\n      {RESPONSE}", reason, at)


def unfit(reason: str) -> str:
    return f"a value must fit its schema: {reason}"


ENDLESS = "this refers to itself, which only the `properties` of a schema can do"
NOT_A_REFERENCE = "a reference must be '#/components/…/…', in quotes because # begins a comment"
NOT_A_RESPONSE = "a response must be a JSON object that requires an integer `statusCode` and a string `message`"
NOT_A_URL = "app_host must be a URL such as https://example.genauth.ai"

WRONG_CONTRACTS = [
    # YAML
    edit("      tags: [email]", "      tags: [email", "not valid YAML: expected ',' or ']'", "summary:"),
    edit("tags: [email]", "tags: [email]\n      tags: [mail]", 'found duplicate key "tags"', "tags: [mail]"),
    edit("      tags: [email]", "\ttags: [email]", "not valid YAML: found character '\\t'"),
    edit(SENT, f"{SENT}, more: 2001-02-30", "not valid YAML: day is out of range for month"),
    edit("value: 203.0.113.9", "value: 2001-02-03", "2001-02-03 is neither a string nor a number"),
    edit('        "200":', "        200:", "a key must be a string: put it in quotes"),
    # OpenAPI
    edit("openapi: 3.1.0", 'swagger: "2.0"', "the contract must be OpenAPI 3.1"),
    edit("required: [channel, email]", "required: yes", "'yes' is not of type 'array'"),
    edit("type: object", "type: str", "'str' is not allowed here; allowed are array, boolean, integer, null, number, "),
    field("kind: {type: [str, 'null']}", "'str' is not allowed here; allowed are"),
    edit("operationId:", "operationID:", "'operationID' is not supported here; did you mean operationId?"),
    edit("    post:\n", "    pots:\n", "'pots' is not supported here; did you mean post?"),
    edit(PATH, PATH.replace("/api", "api"), "a path begins with /"),
    edit("in: header\n      schema", "in: heder\n      schema", "'heder' is not allowed here", "in: heder"),
    insert(PATH, "/api/v3/other: {$ref: '#/components/schemas/Lang'}", "'$ref' is not supported here"),
    # Numbers and characters that JSON cannot represent
    *(edit(SENT, f"{SENT}, more: {number}", "is not a number in JSON") for number in (".nan", "1e400")),
    edit(SENT, r'message: "\ud83d"', r"'\ud83d' contains half of a surrogate pair, which is not a character"),
    # Servers, security schemes and extensions
    *(
        edit(URL, f"url: {url}", NOT_A_URL)
        for url in ("/api", "example.com", "ftp://example.com", "https://a..b", "'https://a b'", "https://a:99999")
    ),
    edit(URL, f"{URL}/api/v3/send-email", "app_host must be the host alone"),
    edit("default: api", "default: https://api", "'https://https://api.genauth.ai' has `://` twice", URL),
    edit(URL, "url: https://{hots}", "'https://{hots}' has a variable that is not in `variables`"),
    insert("  - appId: []\n", "- appID: []", "the client has no security scheme 'appID'; did you mean appId?"),
    edit(INTERVAL, "x-deduplication-intervall: 60", "is not supported here; did you mean x-deduplication-interval?"),
    edit(PATH, f"{PATH}    {INTERVAL}\n", "'x-deduplication-interval' is not supported here", f"    {INTERVAL}"),
    insert(CONTACT, "x-project-url: {}", "'x-project-url' is not supported here; did you mean x-project-urls?"),
    edit("\npaths:\n", "\nx-paths:\n", "'paths' is a required property", "openapi:"),
    edit('        "200":\n', '        "201":\n', "a response '200' is missing", "responses:"),
    # References
    edit('$ref: "#/components/schemas/Channel"', "$ref: #/components/schemas/Channel", NOT_A_REFERENCE),
    schema("A: {$ref: '#/components/schemas/A'}", ENDLESS),
    schema("A: {$ref: '#/components/schemas/B'}\n    B: {$ref: '#/components/schemas/A'}", ENDLESS),
    insert("    lang:\n      name", "loop: {$ref: '#/components/parameters/loop'}", ENDLESS),
    insert("  parameters:\n    lang:", "responses: {R: {$ref: '#/components/responses/R'}}", ENDLESS),
    edit("#/components/schemas/SendEmailDto", "#/components/schemas/SendDto", "there is no '#/components/schemas/Send"),
    edit("#/components/schemas/Channel", "#/components/schemas/Lang/enum", NOT_A_REFERENCE),
    edit("[channel, email]", "[channel, emial]", "there is no property 'emial'"),
    # Examples
    edit(f"{{channel: {CHANNEL}", "{channel: LOGIN", unfit(f"'LOGIN' is not allowed here; allowed are {CHANNEL}, ")),
    edit(f"{CHANNEL}, email: test@example.com}}", f"{CHANNEL}}}", unfit("'email' is a required property")),
    edit(f"{CHANNEL}, email", f"{CHANNEL}, emial: x, email", unfit("'emial' is not allowed here; did you mean email?")),
    edit(SENT, "message: 5", unfit("5 is not of type 'string'")),
    edit("{statusCode: 400, message: Wrong}", "{statusCode: 400}", unfit("'message' is a required property")),
    edit("statusCode: 400,", 'statusCode: "400",', unfit("'400' is not of type 'integer'")),
    edit(SENT, f"{SENT}, apiCode: '1303'", unfit("'1303' is not of type 'integer'")),
    edit(SENT, f"{SENT}, apiCode: null", unfit("this is empty: 'integer' is expected")),
    field("kind: {anyOf: [{enum: [a]}, {type: 'null'}], default: x}", unfit("'x' is not allowed here; allowed are a")),
    field("kind: {type: [string, 'null'], default: 5}", unfit("5 is not of type 'string' or 'null'")),
    field("kind: {anyOf: [{type: string}, {type: 'null'}], default: 5}", unfit("5 is not of type 'string' or 'null'")),
    edit("value: {statusCode: 400, message: Wrong}", "value:", unfit("this is empty: 'object' is expected")),
    edit("value: 203.0.113.9", "value: ", unfit("this is empty: 'string' is expected")),
    body("application/json: {schema: {type: object}, example: }", unfit("this is empty: 'object' is expected")),
    edit("IPv4: {value: 203.0.113.9}", "IPv4: {summary: x}", "an example needs a `value`"),
    # A property can have the name of a keyword.
    body(
        "application/json: {schema: {properties: {type: {enum: [a]}}}, example: {type: x}}",
        unfit("'x' is not allowed here; allowed are a"),
    ),
    edit("type: apiKey", "type: apikey", "'apikey' is not allowed here; allowed are apiKey, http"),
    edit("value: 203.0.113.9", "value: 203", unfit("203 is not of type 'string'")),
    *(
        field(f"kind: {{type: string, format: {name}, examples: [{good}, {bad}]}}", unfit(f"'{bad}' is not a '{name}'"))
        for name, good, bad in (
            ("date", "'2030-01-02'", "30.02.2030"),
            ("date-time", "'2030-01-02t03:04:05z'", "tomorrow"),
            ("uuid", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3f2504e0-4f89"),
        )
    ),
    edit("examples: [test@example.com]", "examples: [5]", unfit("5 is not of type 'string'")),
    field("kind: {allOf: [{$ref: '#/components/schemas/Lang'}], default: x}", unfit("'x' is not allowed here")),
    # Enums
    edit(
        "Channel:\n      type: string",
        "Channel:\n      type: integer",
        unfit(f"'{CHANNEL}' is not of type 'integer'"),
        f"- {CHANNEL}",
    ),
    *(
        schema(f'Size: {{type: string, enum: ["a{escape}b"], x-enum-varnames: [AB]}}', "has an invisible character")
        for escape in (r"\n", r"\u200b", r"\u034f", r"\u115f", r"\u2800", r"\u3164", r"\ufe0f")
    ),
    edit("[ZH_CN, EN_US", r'["ZH\u3164_CN", EN_US', "has an invisible character"),
    schema("Size: {type: string, enum: [S], x-enum-deprecated: [L]}", "this is not one of the enum's values: remove"),
    edit(f"- {CHANNEL}\n", "- 7\n", "7 is not of type 'string'"),
    edit("enum: [zh-CN, en-US, ja-JP, zh-TW]", "enum: []", "this should be non-empty"),
    edit(f"- {OTHER_CHANNEL}\n", f"- {CHANNEL}\n", f"'{CHANNEL}' and '{CHANNEL}' would both be called"),
    edit(LAST_NAME, "", " names for ", "x-enum-varnames"),
    edit("required: [channel, email]", "requird: [channel, email]", "'requird' is not a keyword of a schema"),
    edit("x-enumDescriptions:", "x-enumDescription:", "'x-enumDescription' is not a keyword of a schema"),
    edit(LAST_NAME, "        - ThrottleError\n", "'ThrottleError' and 'ThrottleError' would both be"),
    edit(LAST_NAME, "        - custom_code\n", "'custom_code' is not a class name, such as 'ThrottleError'"),
    schema("Size: {type: string, enum: [L], x-enum-varnames: [4x4]}", "'4x4' is not a valid name in Python"),
    edit(LAST_NAME, "        - APIError\n", "would define 'APIError' twice"),
    insert(f"        {CHANNEL_TEXT}", "CHANNEL_LOGON: x", "this is not one of the enum's values: remove it here too"),
    edit(CHANNEL_TEXT, f"{CHANNEL}:", "this is empty: 'string' is expected"),
    edit("    StatusCode:\n", "    x-StatusCode:\n", "'StatusCode' is a required property", "schemas:"),
    edit("enum: [200, 400,", "enum: [201, 400,", "200, which is success, is missing"),
    # Parts that the templates use by name
    edit("x-enum-varnames:\n        - OK", "x-names:\n        - OK", "'x-enum-varnames' is a required", "StatusCode:"),
    edit("\nservers:\n", "\nx-servers:\n", "'servers' is a required property", "openapi:"),
    edit("    identifier: MIT\n", "", "'identifier' is a required property", "license:"),
    insert(CONTACT, "x-project-urls: {Source: example.com/x}", "'example.com/x' does not match '^https?://"),
    edit("    appId:\n      type", "    app:\n      type", "'appId' is a required property", "securitySchemes:"),
    # Names
    edit("      operationId: sendEmail\n", "", "'operationId' is a required property", "post:"),
    edit("operationId: sendEmail", "operationId: send email", "this must be usable as the method's name"),
    named("sendEmail", "another operation is also called 'sendEmail'"),
    operation(RESPONSE, "another operation is also called 'sendEmail'", "operationId: sendEmail", "send_email"),
    *(
        edit(INTERVAL, f"x-deduplication-interval: {value}", "this must be a number of seconds greater than 5")
        for value in ("a minute", "5")
    ),
    schema("Size: {title: The size, type: string, enum: [a]}", "its class would be called 'TheSize': use that name"),
    *(schema(f"size: {size}", "its class would be called 'Size'") for size in ("{type: string, enum: [a]}", "true")),
    schema("Specification: {properties: {a: {type: string}}}", "client.py would define 'Specification' twice"),
    schema("SMSSize: {enum: [a]}\n    SmsSize: {enum: [a]}", "two modules would be called 'sms_size'"),
    field("to_dict: {type: string}", "the models already use the name 'to_dict'"),
    field("status-code: {type: string}", "another field would have the same name in Python"),
    field(r'"a\u3164": {type: string}', "has an invisible character"),
    insert("        email:\n", "lang: {type: string}", "the methods need the name 'lang' for something else"),
    parameter(
        "name: timeout, in: query, schema: {type: string}",
        "'timeout': the functions need the name 'timeout' for themselves",
    ),
    edit(PATH, PATH.replace("v3", "{x!r}"), "can contain only letters, digits"),
    edit(PATH, PATH.replace("v3", "{x}"), "Path parameters do not match", "post:"),
    # Parts that the generator leaves out or the templates cannot handle
    edit("required: [statusCode, message", "required: [statusCode", NOT_A_RESPONSE, "SendEmailRespDto:"),
    edit(FIRST_FIELD, FIRST_FIELD.replace("string", "[string, number]"), NOT_A_RESPONSE, "SendEmailRespDto:"),
    edit("            - type: integer\n", "            - type: string\n", NOT_A_RESPONSE, "SendEmailRespDto:"),
    response(", content: {application/json: {schema: {type: array, items: {}}}}", NOT_A_RESPONSE),
    response("", NOT_A_RESPONSE),
    operation(RESPONSE[:-1] + ", '400': {description: x}}", "all responses of an operation must have the same schema"),
    body("text/csv: {schema: {$ref: '#/components/schemas/Channel'}}", "Unsupported content type text/csv", "post:"),
]
