"""The contract, judged: it has to be OpenAPI 3.1, and more than that.

The generator leaves out or renames what it cannot use, and the templates rely on parts of the contract.
Neither may go unseen.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from openapi_python_client import schema as oai
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.bodies import BodyType
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import EnumProperty, ModelProperty, Property
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.file import FileProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.strings import ClassName, PythonIdentifier, snake_case
from openapi_spec_validator.schemas import schema_v31
from pydantic import ValidationError
from referencing.jsonschema import DRAFT202012

from .document import Document, Fault, Where

SCHEMAS: Where = ("components", "schemas")
STATUS_CODE: Where = (*SCHEMAS, "StatusCode")
CLIENT_HEADERS: tuple[Where, ...] = tuple(
    ("components", "parameters", name, "name") for name in ("lang", "realIp", "requestFrom", "sdkVersion")
)

# What the templates take from the contract by name.
NEEDED: tuple[Where, ...] = (
    ("info", "summary"),
    ("info", "contact", "name"),
    ("info", "license", "identifier"),
    ("servers", 0, "url"),
    ("paths",),
    ("components", "securitySchemes", "appId", "name"),
    ("components", "securitySchemes", "accessToken", "name"),
    *CLIENT_HEADERS,
    (*SCHEMAS, "Lang", "enum"),
    (*STATUS_CODE, "enum"),
    (*STATUS_CODE, "x-enum-varnames"),
)

# The names that every method of the clients needs for itself, and those that every endpoint function needs.
OF_METHODS = ("self", "lang", "real_ip", "access_token", "timeout")
OF_FUNCTIONS = ("client", "body", "response")

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# The keywords of a schema that the generator and the templates know, and those that are for people.
KEYWORDS = [
    *(field.alias or name for name, field in oai.Schema.model_fields.items()),
    *("$ref", "$comment", "examples", "x-enum-varnames", "x-enumDescriptions"),
]

# OpenAPI's own schema takes anything as a schema in a document. Those are judged by JSON Schema's, and more.
_JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_OPENAPI = Draft202012Validator(
    {
        "$schema": _JSON_SCHEMA,
        "$id": "urn:openapi",
        "$ref": schema_v31["$id"],
        "$defs": {
            "schema": {
                "$dynamicAnchor": "meta",
                "$ref": _JSON_SCHEMA,
                # A misspelt keyword would go unseen: JSON Schema takes any.
                "propertyNames": {"anyOf": [{"enum": KEYWORDS}, {"pattern": "^x-(?!enum)"}]},
                "properties": {
                    "enum": {"minItems": 1},
                    "x-enum-varnames": {"type": "array", "items": {"type": "string"}},
                    "x-enumDescriptions": {
                        "type": "object",
                        "additionalProperties": {"type": "string", "minLength": 1},
                    },
                },
            }
        },
    },
    registry=REGISTRY.with_resource(schema_v31["$id"], DRAFT202012.create_resource(schema_v31)),
)


def read_contract(path: Path) -> Document:
    contract = Document(path)
    # Each of these relies on what is before it.
    for look in (
        _references,
        _openapi,
        _needed,
        _status_codes,
        _vocabularies,
        _schemas,
        _parameters,
        _operations,
    ):
        contract.refuse(look(contract))
    return contract


def judge(data: GeneratorData, contract: Document) -> None:
    """Hold what the generator has understood to what the templates can do."""
    collections = data.endpoint_collections_by_tag.values()
    # A schema that could not be parsed is missed by others, and by endpoints: one reason is enough.
    errors = data.errors[:1] or [error for collection in collections for error in collection.parse_errors]
    contract.refuse(understand(error, contract) for error in errors)
    contract.refuse(_models(data))
    contract.refuse(_endpoints(data, contract))


def understand(error: GeneratorError, contract: Document) -> Fault:
    """What the generator says, at the schema or the operation that it speaks of."""
    header, detail = error.header, (error.detail or "").partition("\n\nFailure to process")[0]
    if operation := re.search(r"\b([A-Z]+) (/\S*)", header):
        where: Where = ("paths", operation[2], operation[1].lower())
        return where, re.sub(r" for status code <[^>]*>", "", detail)
    if pointer := re.search(r"/components/(\w+)/([\w.-]+)", header):
        return ("components", pointer[1], pointer[2]), re.sub("<[^>]* object at [^>]*>", "…", detail)
    try:
        oai.OpenAPI.model_validate(contract.plain())
    except ValidationError as invalid:
        fault = invalid.errors()[0]
        where = ()
        for key in fault["loc"]:  # Among the keys are the names of types that it tried.
            where = (*where, key) if contract.get((*where, key)) is not None else where
        return where, fault["msg"]
    return (), f"{header} {detail}"


def naming(contract: Document, name: str) -> Where:
    """Where the contract names what is called `name` in Python."""
    for where, node in contract.nodes():
        match where:
            case ("components", "schemas", str(key)) if key == name:
                return where
            case (*_, "x-enum-varnames", int()) if node == name:
                return where
            case (*_, "operationId") if PythonIdentifier(node, "") == name:
                return where
            case (*_, "properties", str(key)) if PythonIdentifier(key, "") == name:
                return where
            case _:
                pass
    return ()


def _references(contract: Document) -> Iterator[Fault]:
    for where, node in contract.nodes():
        if where[-1:] != ("$ref",) or not isinstance(node, str):
            continue
        if not re.fullmatch("#/components/[^/]+/[^/]+", node):
            yield where, f"{node!r} is not '#/components/…/…', and the generator follows no other references"
        elif contract.get(tuple(node.split("/")[1:])) is None:
            yield where, f"there is no {node!r}"
        at, seen = where, list[Where]()
        while at not in seen and isinstance(reference := contract.get(at), str):
            seen.append(at)
            at = (*reference.split("/")[1:], "$ref")
        if at == where:
            yield where, f"{node!r} leads back to here"


def _openapi(contract: Document) -> Iterator[Fault]:
    version = contract.get(("openapi",))
    if not str(version).startswith("3.1."):
        where = ("openapi",) if contract.get(("swagger",)) is None else ("swagger",)
        yield where, "the contract has to be OpenAPI 3.1"
        return
    error = best_match(_OPENAPI.iter_errors(contract.get(())))
    if error is not None and "propertyNames" in error.absolute_schema_path:
        yield (*error.absolute_path, error.instance), f"{error.instance!r} is no keyword of a schema"
    elif error is not None:
        # It quotes what is wrong, be it half of the contract.
        quoted = "this" if isinstance(error.instance, dict | list) else repr(error.instance)
        unexpected = re.findall(r"\('(.*?)'.* unexpected\)", error.message)
        yield (*error.absolute_path, *unexpected), error.message.replace(repr(error.instance), quoted)


def _needed(contract: Document) -> Iterator[Fault]:
    for where in NEEDED:
        for end in range(1, len(where) + 1):
            if contract.get(where[:end]) is None:
                yield where[:end], "this is missing, and the templates need it"
                break


def _vocabularies(contract: Document) -> Iterator[Fault]:
    for where, node in contract.nodes():
        if where[-1:] == ("enum",) and isinstance(node, list):
            yield from _vocabulary(where[:-1], contract.get(where[:-1]))


def _vocabulary(where: Where, schema: dict[str, Any]) -> Iterator[Fault]:
    values: list[str | int] = schema["enum"]
    names: list[str] | None = schema.get("x-enum-varnames")
    descriptions: dict[str, str] | None = schema.get("x-enumDescriptions")
    kinds = {next(kind for kind in (str, bool, int, object) if isinstance(value, kind)) for value in values}
    if kinds not in ({str}, {int}):
        yield (*where, "enum"), "the values have to be strings, or integers, all of them"
        return
    for index, value in enumerate(values):
        if value in values[:index]:
            yield (*where, "enum", index), f"{value!r} is there twice"
        if not str(value).isprintable():
            yield (*where, "enum", index), f"{value!r} has a character in it that cannot be seen"
    if descriptions is not None:
        known = [str(value) for value in values]
        at = (*where, "x-enumDescriptions")
        yield from (
            ((*at, key), f"{key!r} is none of the values") for key in descriptions if key not in known
        )
    if names is not None and len(names) != len(values):
        yield (*where, "x-enum-varnames"), f"there are {len(names)} names for {len(values)} values"
        return
    # As the generator makes them. Of two members of one name, it leaves out the first.
    members: dict[str, str | int] = {}
    for index, value in enumerate(values):
        at = (*where, "enum" if names is None else "x-enum-varnames", index)
        name = names[index] if names else str(value).upper()
        member = snake_case(name).upper()
        if names is None and not name[:1].isalpha():
            continue  # It is named by its number.
        if not (member.isascii() and member.isidentifier()):
            yield at, f"{name!r} cannot be a name in Python"
        elif members.setdefault(member, value) != value:
            yield at, f"{name!r} would be called {member}, as {members[member]!r} is"


def _schemas(contract: Document) -> Iterator[Fault]:
    for name, schema in contract.get(SCHEMAS).items():
        # The templates find what the contract says of a class by the name of the class.
        class_name = ClassName(schema.get("title") or name, "")
        if class_name != name:
            yield (
                (*SCHEMAS, name),
                f"its class would be {class_name!r}: call it so here, and give it no title",
            )
    for where, node in contract.nodes():
        if where[-1:] == ("required",) and isinstance(node, list):
            schema = contract.get(where[:-1])
            for index, name in enumerate(cast(Iterable[Any], node)):
                if "properties" in schema and name not in schema["properties"] and "allOf" not in schema:
                    yield (*where, index), f"there is no property {name!r}"


def _parameters(contract: Document) -> Iterator[Fault]:
    for where, node in contract.nodes():
        if where[-2:-1] == ("parameters",) and isinstance(node, dict) and "$ref" not in node:
            if "schema" not in node:
                yield where, "a schema is missing: the generator leaves out a parameter without one"
            if node["in"] == "cookie":
                yield where, "a cookie, which the templates cannot send"
            if not re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", str(node["name"]), re.ASCII):
                yield (*where, "name"), f"{node['name']!r} is no name of a header or parameter"


def _status_codes(contract: Document) -> Iterator[Fault]:
    if 200 not in contract.get((*STATUS_CODE, "enum")):
        yield (*STATUS_CODE, "enum"), "200 is missing, which is success"
    for index, name in enumerate(contract.get((*STATUS_CODE, "x-enum-varnames"))):
        if ClassName(name, "") != name:
            where = (*STATUS_CODE, "x-enum-varnames", index)
            yield where, f"{name!r} is no name of a class, such as 'ThrottleError'"


def _operations(contract: Document) -> Iterator[Fault]:
    names: list[str] = []
    for where, operation in _each_operation(contract):
        if not re.fullmatch(r"(/([\w.~-]|{[A-Za-z_][\w-]*})*)+", str(where[1]), re.ASCII):
            yield where[:2], "a path is made of letters, digits, any of / . _ - ~, and {parameters}"
        operation_id: str = operation.get("operationId", "")
        name = PythonIdentifier(operation_id, "")
        if not re.fullmatch(r"[A-Za-z]\w*", operation_id, re.ASCII):
            yield (*where, "operationId"), "the name of a method is needed, such as 'sendEmail'"
        elif name in names:
            yield (*where, "operationId"), f"another operation is called {operation_id!r} too"
        names.append(name)
        if "200" not in operation.get("responses", ()):
            yield (*where, "responses"), "an answer '200' is missing"


def _each_operation(contract: Document) -> Iterator[tuple[Where, Any]]:
    for path, item in contract.get(("paths",)).items():
        for method in METHODS:
            if method in item:
                yield ("paths", path, method), item[method]


def _models(data: GeneratorData) -> Iterator[Fault]:
    modules: list[str] = []
    for made in (*data.models, *data.enums):
        where = (*SCHEMAS, made.class_info.name)
        if made.class_info.module_name in modules:
            yield where, f"there would be two modules called {made.class_info.module_name!r}"
        modules.append(made.class_info.module_name)
        for field in _properties(made):
            name = field.name.get_untrusted_value()
            if field.python_name != PythonIdentifier(name, "field_"):
                yield (*where, "properties", name), "another field would have the same name in Python"
            if any(isinstance(part, ConstProperty | FileProperty) for part in _parts(field)):
                yield (*where, "properties", name), "the templates know neither `const` nor `format: binary`"


def _endpoints(data: GeneratorData, contract: Document) -> Iterator[Fault]:
    operations = {
        PythonIdentifier(operation["operationId"], ""): where
        for where, operation in _each_operation(contract)
    }
    for collection in data.endpoint_collections_by_tag.values():
        for endpoint in collection.endpoints:
            where = operations[endpoint.name]
            yield from _arguments(endpoint, (*where, "parameters"), contract)
            yield from _body(endpoint, (*where, "requestBody", "content"))
            yield from _answers(endpoint, (*where, "responses"), contract)


def _arguments(endpoint: Endpoint, where: Where, contract: Document) -> Iterator[Fault]:
    client_headers = [contract.get(header) for header in CLIENT_HEADERS]
    headers = [header for header in endpoint.header_parameters if header.name not in client_headers]
    for parameter in endpoint.path_parameters + endpoint.query_parameters + headers:
        name = parameter.name.get_untrusted_value()
        if parameter.python_name in (*OF_METHODS, *OF_FUNCTIONS, endpoint.name):
            yield where, f"{name!r}: the functions need the name {parameter.python_name!r} for themselves"
        if any(isinstance(part, ModelProperty | ConstProperty | FileProperty) for part in _parts(parameter)):
            yield where, f"{name!r}: the templates cannot send an object as a parameter"


def _body(endpoint: Endpoint, where: Where) -> Iterator[Fault]:
    parameters = [parameter.python_name for _, parameter in endpoint.iter_all_parameters()]
    for index, body in enumerate(endpoint.bodies):
        if index or body.body_type is not BodyType.JSON or not isinstance(body.prop, ModelProperty):
            yield (*where, body.content_type.get_untrusted_value()), "a body has to be one JSON object"
            return
        for field in _properties(body.prop):
            if field.python_name in (*OF_METHODS, endpoint.name, *parameters):
                at = (*SCHEMAS, body.prop.class_info.name, "properties", field.name.get_untrusted_value())
                yield at, f"the methods need the name {field.python_name!r} for something else"


def _answers(endpoint: Endpoint, where: Where, contract: Document) -> Iterator[Fault]:
    if len({response.prop.get_type_string() for response in endpoint.responses}) > 1:
        yield where, "all answers of an operation have to be of one schema"
    for response in endpoint.responses:
        fields: dict[str, Property] = {
            field.python_name: field for field in _properties(response.prop) if field.required
        }
        if not (
            _is(fields.get("status_code"), IntProperty, int)
            and _is(fields.get("message"), StringProperty, str)
        ):
            schema = (*SCHEMAS, response.prop.get_base_type_string().as_unembedded_code())
            yield (
                schema if contract.get(schema) else (*where, str(response.status_code.pattern)),
                "an answer is a JSON object that requires `statusCode`, an integer, and `message`, a string",
            )


def _is(field: Property | None, kind: type[Property], values: type) -> bool:
    """Whether a field is of a type, whatever it is a union of."""
    leaves = [part for part in _parts(field) if not isinstance(part, UnionProperty)] if field else []
    return bool(leaves) and all(
        isinstance(leaf, kind) or (isinstance(leaf, EnumProperty) and leaf.value_type is values)
        for leaf in leaves
    )


def _properties(model: object) -> list[Property]:
    if not isinstance(model, ModelProperty):
        return []
    return [*(model.required_properties or []), *(model.optional_properties or [])]


def _parts(field: Property) -> Iterator[Property]:
    """A property, and what it is a union or a list of."""
    yield field
    inner = getattr(field, "inner_properties", None) or [getattr(field, "inner_property", None)]
    for part in cast(Iterable[Property | None], inner):
        if part is not None:
            yield from _parts(part)
