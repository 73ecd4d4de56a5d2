"""Check the contract as the generator has parsed it: the templates must be able to use all of it."""

import re
from collections.abc import Iterator
from typing import Any

from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.bodies import BodyType
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import EnumProperty
from openapi_python_client.strings import PythonIdentifier

from runtime.client import AsyncClient, SyncClient
from runtime.models import BaseRequestModel

from .document import Document, Issue, Location
from .openapi import CLIENT_PARAMETERS
from .reshape import fields_of, parts_of
from .walk import SCHEMAS, locate_operations

# The names that the clients' methods use themselves.
OF_METHODS = ("lang", "real_ip", "access_token", "timeout")
# The types that a parameter can have, as `_kinds` returns them.
PARAMETER_TYPES = {"str", "int", "float", "bool", "datetime.date", "datetime.datetime", "UUID", "Unset"}
# An operation's method or a field with one of these names would replace an inherited attribute.
INHERITED = {*dir(SyncClient), *dir(AsyncClient)}
INHERITED_BY_MODELS = dir(BaseRequestModel)


def check_whole(data: GeneratorData | GeneratorError) -> Iterator[Issue]:
    """Yield the parts of the contract that the generator could not parse."""
    if isinstance(data, GeneratorError):
        yield _issue(data)
        return
    collections = data.endpoint_collections_by_tag.values()
    # A schema that could not be parsed also causes errors wherever it is used. One reason is enough.
    yield from map(_issue, data.errors[:1] or [error for each in collections for error in each.parse_errors])


def check_parsed(data: GeneratorData, contract: Document) -> Iterator[Issue]:
    """Yield the parts of the parsed and reshaped contract that the templates cannot use."""
    yield from _models(data)
    locations = locate_operations(contract)
    for collection in data.endpoint_collections_by_tag.values():
        for endpoint in collection.endpoints:
            location = locations[endpoint.name]
            if endpoint.name in INHERITED:
                reason = f"the clients already use the name {endpoint.name!r}: choose another one"
                yield (*location, "operationId"), reason
            yield from _parameters(endpoint, (*location, "parameters"), contract)
            yield from _body(endpoint, (*location, "requestBody", "content"))
            yield from _responses(endpoint, (*location, "responses"), contract)


def _issue(error: GeneratorError) -> Issue:
    """Return the generator's report, located at the schema or the operation that it names."""
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
            place = (*location, "properties", name)
            if field.python_name != PythonIdentifier(name, "field_"):
                yield place, "another field would have the same name in Python"
            if field.python_name in INHERITED_BY_MODELS:
                yield place, f"the models already use the name {field.python_name!r}: choose another one"
            for part in parts_of(field):
                if sum(each.json_is_dict for each in getattr(part, "inner_properties", ())) > 1:
                    yield place, "a union of two objects is not supported: they look alike"


def _parameters(endpoint: Endpoint, location: Location, contract: Document) -> Iterator[Issue]:
    client_headers = [contract.get(("components", "parameters", name, "name")) for name in CLIENT_PARAMETERS]
    headers = [header for header in endpoint.header_parameters if header.name not in client_headers]
    for parameter in endpoint.path_parameters + endpoint.query_parameters + headers:
        name = parameter.name.get_untrusted_value()
        if parameter.python_name in (*OF_METHODS, "body", endpoint.name):
            yield location, f"{name!r}: the functions need the name {parameter.python_name!r} for themselves"
        value = getattr(parameter, "inner_property", parameter) if parameter in endpoint.query_parameters else parameter
        if not _kinds(value) <= PARAMETER_TYPES:
            reason = "must be a string, number, boolean or enum; in a query, a list of them is allowed"
            yield location, f"{name!r}: a parameter {reason}"


def _body(endpoint: Endpoint, location: Location) -> Iterator[Issue]:
    parameters = [parameter.python_name for _, parameter in endpoint.iter_all_parameters()]
    for index, body in enumerate(endpoint.bodies):
        if index or body.body_type is not BodyType.JSON or not fields_of(body.prop):
            yield (*location, body.content_type.get_untrusted_value()), "a body must be one JSON object with properties"
            return
        for field in fields_of(body.prop):
            if field.python_name in (*OF_METHODS, endpoint.name, *parameters):
                model = body.prop.get_base_type_string().as_unembedded_code()
                reason = f"the methods need the name {field.python_name!r} for something else"
                yield (*SCHEMAS, model, "properties", field.name.get_untrusted_value()), reason


def _responses(endpoint: Endpoint, location: Location, contract: Document) -> Iterator[Issue]:
    if len({response.prop.get_type_string() for response in endpoint.responses}) > 1:
        yield location, "all responses of an operation must have the same schema"
    for response in endpoint.responses:
        schema = (*SCHEMAS, response.prop.get_base_type_string().as_unembedded_code())
        place = schema if contract.get(schema) else (*location, str(response.status_code.pattern))
        kinds = {field.name.get_untrusted_value(): _kinds(field) for field in fields_of(response.prop)}
        if (kinds.get("statusCode"), kinds.get("message")) != ({"int"}, {"str"}):
            reason = "a response must be a JSON object that requires an integer `statusCode` and a string `message`"
            yield place, reason
        for name, kind, words in (("apiCode", "int", "an integer"), ("requestId", "str", "a string")):
            if not kinds.get(name, set()) <= {kind, "None", "Unset"}:
                yield place, f"`{name}` must be {words}, as in every failure"


def _kinds(prop: Any) -> set[str]:
    """Return the types that a field or a parameter can have in Python. Those of an enum are the types of its values."""
    kinds = {
        each.value_type.__name__ if isinstance(each, EnumProperty) else each.get_base_type_string().as_unembedded_code()
        for each in getattr(prop, "inner_properties", [prop])
    }
    return kinds if prop.required else {*kinds, "Unset"}
