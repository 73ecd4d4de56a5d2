"""Reshape the parsed contract where the templates need more of it than the generator keeps.

- An object without properties is a map: a `dict` of its values' type instead of a class.
- An enum in a response is open: a value that the contract does not list yet is read as a plain value. So is a date, a
  time or a UUID that Python cannot parse, because a field that nobody may use must not fail a success.
- The types of a union are ordered, so the first one that accepts a value is the right one.
- A `readOnly` field can be absent from a request model.
- Fields and parameters have their own descriptions. `Facts` holds what else the contract says about them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from attrs import define, evolve, field
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import PythonCode

from .document import Document
from .walk import locate_operations, parameters_of, resolve, target

# The types that come last in a union, because they accept values meant for other types.
_LAST = ("UUID", "datetime.date", "datetime.datetime", "bool", "int", "float", "str", "Any", "None")
# What an enum, a date, a time or a UUID is in JSON.
_PLAIN: dict[str, type[Any]] = {"int": IntProperty, "str": StringProperty}


class MapProperty(ListProperty):
    """A map from strings to values of one type, which are its items."""

    template: ClassVar[str] = "map_property.py.jinja"
    json_is_dict: ClassVar[bool] = True

    def get_base_type_string(self) -> PythonCode:
        return PythonCode(f"dict[str, {self.inner_property.get_type_string().as_unembedded_code()}]")


@define
class Facts:
    """What the templates need to know and the generator does not keep."""

    request_models: set[str]
    """The names of the models in requests."""

    specified: dict[tuple[str, str], Any] = field(factory=dict)
    """What the contract says about each field and parameter, by the name of its class or operation and its own."""


def reshape(data: GeneratorData, contract: Document) -> Facts:
    """Reshape the models and the parameters of `data`."""
    models: dict[str, ModelProperty] = {model.class_info.name: model for model in data.models}
    endpoints = [each for collection in data.endpoint_collections_by_tag.values() for each in collection.endpoints]
    in_responses = _reachable((response.prop for each in endpoints for response in each.responses), models)
    facts = Facts(_reachable((body.prop for each in endpoints for body in each.bodies), models))
    for name, model in models.items():
        _reshape_model(model, models, contract, facts, is_open=name in in_responses)
    data.models = [model for model in data.models if not _is_map(model)]
    locations = locate_operations(contract)
    for endpoint in endpoints:
        parameters = {(each["in"], each["name"]): each for _, each in parameters_of(contract, locations[endpoint.name])}
        for place, prop in endpoint.iter_all_parameters():
            parameter = parameters[place.value, prop.name.get_untrusted_value()]
            _describe(prop, endpoint.name, parameter["schema"] | parameter, facts)
        for part in (*endpoint.responses, *endpoint.bodies):
            if isinstance(part.prop, ModelProperty):
                # The generator has copied the model before it was reshaped.
                part.prop = evolve(models[part.prop.class_info.name], required=part.prop.required)
    return facts


def fields_of(model: object) -> list[Any]:
    """Return the fields of a model, the required ones first."""
    if not isinstance(model, ModelProperty):
        return []
    return [*(model.required_properties or []), *(model.optional_properties or [])]


def parts_of(prop: object) -> Iterator[Any]:
    """Yield a property, and the properties that it is a union, a list or a map of."""
    yield prop
    if isinstance(prop, UnionProperty):
        for part in prop.inner_properties:
            yield from parts_of(part)
    elif isinstance(prop, ListProperty):
        yield from parts_of(prop.inner_property)


def _is_map(model: ModelProperty) -> bool:
    return model.additional_properties is not None and not fields_of(model)


def _reachable(props: Iterable[object], models: Mapping[str, ModelProperty]) -> set[str]:
    """Return the names of the models that properties refer to, directly or through other models."""
    reached: set[str] = set()
    pending = list(props)
    while pending:
        for part in parts_of(pending.pop()):
            if isinstance(part, ModelProperty) and part.class_info.name not in reached:
                model = models[part.class_info.name]
                reached.add(part.class_info.name)
                pending += [*fields_of(model), model.additional_properties]
    return reached


def _reshape_model(
    model: ModelProperty, models: Mapping[str, ModelProperty], contract: Document, facts: Facts, *, is_open: bool
) -> None:
    """Reshape the fields of a model, and import what they need."""
    name = model.class_info.name
    schemas = dict(_field_schemas(model.data.model_dump(mode="json", by_alias=True, exclude_unset=True), contract))
    fields: list[Any] = []
    for each in fields_of(model):
        prop = _reshape(each, models, is_open=is_open)
        schema = schemas[prop.name.get_untrusted_value()]
        _describe(prop, name, schema, facts)
        if schema.get("readOnly") and name in facts.request_models:
            prop.required = False
        fields.append(prop)
    model.required_properties = [each for each in fields if each.required]
    model.optional_properties = [each for each in fields if not each.required]
    if model.additional_properties is not None:
        model.additional_properties = _reshape(model.additional_properties, models, is_open=is_open)
        fields.append(model.additional_properties)
    # Only models that contain each other cannot import each other before they are defined.
    lazy = [each for each in fields if name in _reachable([each], models)]
    imports = [each.get_imports(prefix="..") for each in fields]
    imports += [each.get_lazy_imports(prefix="..") for each in fields if each not in lazy]
    model.set_relative_imports(set().union(*imports))
    model.set_lazy_imports(set().union(*(each.get_lazy_imports(prefix="..") for each in lazy)))


def _field_schemas(schema: Any, contract: Document) -> Iterator[tuple[str, Any]]:
    """Yield the schema of each field of an object, those of the parts of `allOf` included."""
    while "$ref" in schema:
        schema = contract.get(target(schema["$ref"]))
    for part in schema.get("allOf", ()):
        yield from _field_schemas(part, contract)
    for name, each in schema.get("properties", {}).items():
        referred = resolve(contract, target(each["$ref"]))[1] if "$ref" in each else each
        yield name, {"readOnly": referred.get("readOnly")} | each


def _describe(prop: PropertyProtocol, owner: str, specified: Mapping[str, Any], facts: Facts) -> None:
    """Give a field or a parameter its own description."""
    facts.specified[owner, prop.python_name] = specified
    if specified.get("description"):
        prop.description = UntrustedString(specified["description"])
    if specified.get("deprecated"):
        text = prop.description.get_untrusted_value() if prop.description else ""
        prop.description = UntrustedString(f"Deprecated. {text}".strip())


def _reshape(prop: Any, models: Mapping[str, ModelProperty], *, is_open: bool) -> Any:
    """Return a property with its maps, its open enums and its unions as the templates need them."""
    if isinstance(prop, UnionProperty):
        parts = [_reshape(part, models, is_open=is_open) for part in prop.inner_properties]
        flat = [each for part in parts for each in getattr(part, "inner_properties", [part])]
        by_type = {each.get_base_type_string().as_unembedded_code(): each for each in flat}
        last = [by_type.pop(kind) for kind in _LAST if kind in by_type]
        return evolve(prop, inner_properties=[*by_type.values(), *last])
    if isinstance(prop, ListProperty):
        return evolve(prop, inner_property=_reshape(prop.inner_property, models, is_open=is_open))
    if isinstance(prop, ModelProperty) and _is_map(model := models[prop.class_info.name]):
        value = _reshape(model.additional_properties, models, is_open=is_open)
        return _of_kind(MapProperty, prop, inner_property=value)
    plain = _PLAIN.get(prop.get_base_json_type_string().as_unembedded_code())
    if is_open and plain and not isinstance(prop, plain):
        part = evolve(prop, required=True, default=None)
        return _of_kind(UnionProperty, prop, inner_properties=[part, _of_kind(plain, part)])
    return evolve(prop)


def _of_kind(kind: type[Any], prop: PropertyProtocol, **more: object) -> Any:
    """Return a property of another kind with the name and the description of `prop`."""
    names = ("name", "required", "default", "python_name", "description", "example")
    return kind(**{name: getattr(prop, name) for name in names}, **more)
