"""Check what the generator has understood of the contract: the templates must be able to use all of it."""

import re
from collections.abc import Iterator
from typing import Any, cast

from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.bodies import BodyType
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import EnumProperty, ModelProperty, Property
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.file import FileProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.parser.properties.uuid import UuidProperty
from openapi_python_client.strings import PythonIdentifier

from .contract import CLIENT_HEADERS
from .document import Document, Issue, Location
from .reshape import MapProperty, fields_of, parts_of
from .walk import SCHEMAS, locate_operations

# The names that each method of the clients needs for itself, and those that each endpoint function needs.
OF_METHODS = ("self", "lang", "real_ip", "access_token", "timeout")
OF_FUNCTIONS = ("client", "body", "response")


# What no parameter can be, and what one can be.
_OBJECTS = (ModelProperty, MapProperty, ConstProperty, FileProperty)
_SCALARS = (
    BooleanProperty,
    DateProperty,
    DateTimeProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    StringProperty,
    UuidProperty,
)


def check_parsed(data: GeneratorData, contract: Document) -> None:
    """Check what the generator has understood, once it is reshaped.

    Raises:
        InputError: It is not what the templates can use.
    """
    contract.raise_issues(_models(data))
    contract.raise_issues(_endpoints(data, contract))


def check_whole(data: GeneratorData, contract: Document) -> None:
    """Check that the generator has understood the whole contract.

    Raises:
        InputError: It has not.
    """
    collections = data.endpoint_collections_by_tag.values()
    # A schema that could not be parsed is missed by others, and by endpoints: one reason is enough.
    errors = data.errors[:1] or [error for collection in collections for error in collection.parse_errors]
    contract.raise_issues(generator_issue(error) for error in errors)


def generator_issue(error: GeneratorError) -> Issue:
    """Return what the generator reports, at the schema or the operation that it names."""
    header, detail = error.header, (error.detail or "").partition("\n\nFailure to process")[0]
    if operation := re.search(r"\b([A-Z]+) (/\S*)", header):
        return ("paths", operation[2], operation[1].lower()), re.sub(r" for status code <[^>]*>", "", detail)
    if pointer := re.search(r"/components/(\w+)/([\w.-]+)", header):
        return ("components", pointer[1], pointer[2]), re.sub("<[^>]* object at [^>]*>", "…", detail)
    return (), f"{header} {detail}"


def _models(data: GeneratorData) -> Iterator[Issue]:
    modules: set[str] = set()
    for model in (*data.models, *data.enums):
        location = (*SCHEMAS, model.class_info.name)
        if model.class_info.module_name in modules:
            yield location, f"two modules would be called {model.class_info.module_name!r}"
        modules.add(model.class_info.module_name)
        for field in fields_of(model):
            name = field.name.get_untrusted_value()
            if field.python_name != PythonIdentifier(name, "field_"):
                yield (*location, "properties", name), "another field would have the same name in Python"
            if any(isinstance(part, ConstProperty | FileProperty) for part in parts_of(field)):
                yield (*location, "properties", name), "`const` and `format: binary` are not supported"
            if any(_has_two_objects(part) for part in parts_of(field)):
                yield (
                    (*location, "properties", name),
                    "a union of two objects is not supported: they look alike",
                )


def _endpoints(data: GeneratorData, contract: Document) -> Iterator[Issue]:
    locations = locate_operations(contract)
    for collection in data.endpoint_collections_by_tag.values():
        for endpoint in collection.endpoints:
            location = locations[endpoint.name]
            yield from _parameters(endpoint, (*location, "parameters"), contract)
            yield from _body(endpoint, (*location, "requestBody", "content"))
            yield from _responses(endpoint, (*location, "responses"), contract)


def _parameters(endpoint: Endpoint, location: Location, contract: Document) -> Iterator[Issue]:
    client_headers = [contract.get(header) for header in CLIENT_HEADERS]
    headers = [header for header in endpoint.header_parameters if header.name not in client_headers]
    queries = endpoint.query_parameters
    for parameter in endpoint.path_parameters + endpoint.query_parameters + headers:
        name = parameter.name.get_untrusted_value()
        if parameter.python_name in (*OF_METHODS, *OF_FUNCTIONS, endpoint.name):
            yield location, f"{name!r}: the functions need the name {parameter.python_name!r} for themselves"
        if any(isinstance(part, _OBJECTS) for part in parts_of(parameter)):
            yield location, f"{name!r}: a parameter cannot be an object"
        elif not all(isinstance(part, _SCALARS) for part in _sent(parameter, is_query=parameter in queries)):
            reason = (
                "a parameter must be a string, number, boolean or enum, not null; in a query, a list of them is allowed"
            )
            yield location, f"{name!r}: {reason}"


def _body(endpoint: Endpoint, location: Location) -> Iterator[Issue]:
    parameters = [parameter.python_name for _, parameter in endpoint.iter_all_parameters()]
    for index, body in enumerate(endpoint.bodies):
        is_json = not index and body.body_type is BodyType.JSON
        if not is_json or not isinstance(body.prop, ModelProperty) or not fields_of(body.prop):
            reason = "a body must be one JSON object with properties"
            yield (*location, body.content_type.get_untrusted_value()), reason
            return
        for field in fields_of(body.prop):
            if field.python_name in (*OF_METHODS, endpoint.name, *parameters):
                schema = (*SCHEMAS, body.prop.class_info.name)
                reason = f"the methods need the name {field.python_name!r} for something else"
                yield (*schema, "properties", field.name.get_untrusted_value()), reason


def _responses(endpoint: Endpoint, location: Location, contract: Document) -> Iterator[Issue]:
    if len({response.prop.get_type_string() for response in endpoint.responses}) > 1:
        yield location, "all responses of an operation must have the same schema"
    for response in endpoint.responses:
        fields = {field.name.get_untrusted_value(): field for field in fields_of(response.prop)}
        schema = (*SCHEMAS, response.prop.get_base_type_string().as_unembedded_code())
        place = schema if contract.get(schema) else (*location, str(response.status_code.pattern))
        required = {name: field for name, field in fields.items() if field.required}
        if not (
            _is_of_type(required.get("statusCode"), IntProperty, int)
            and _is_of_type(required.get("message"), StringProperty, str)
        ):
            yield (
                place,
                "a response must be a JSON object that requires an integer `statusCode` and a string `message`",
            )
        for name, kind, values in (("apiCode", IntProperty, int), ("requestId", StringProperty, str)):
            if name in fields and not _is_of_type(fields[name], kind | NoneProperty, values):
                yield place, f"`{name}` must be {'an integer' if values is int else 'a string'}, as in every failure"


def _sent(parameter: Property, *, is_query: bool) -> Iterator[Property]:
    """Yield what a parameter is sent as, one by one."""
    if is_query and isinstance(parameter, ListProperty):
        parameter = cast(Property, parameter.inner_property)
    return (part for part in parts_of(parameter) if not isinstance(part, UnionProperty))


def _has_two_objects(part: Property) -> bool:
    return isinstance(part, UnionProperty) and (
        sum(isinstance(each, ModelProperty | MapProperty) for each in part.inner_properties) > 1
    )


def _is_of_type(field: Property | None, kind: Any, values: type) -> bool:
    """Tell whether a field is of a type, or an enum or a union of it."""
    return field is not None and all(
        isinstance(part, kind | UnionProperty) or (isinstance(part, EnumProperty) and part.value_type is values)
        for part in parts_of(field)
    )
