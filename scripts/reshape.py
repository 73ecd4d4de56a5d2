"""Reshape the parsed contract where the templates need more of it than the generator keeps.

- An object without properties is a map: a `dict` of its values' type instead of a class.
- An enum in a response is open: a value that the contract does not list yet is read as a plain value. So is a date, a
  time or a UUID that Python cannot parse, because a field that nobody may use must not fail a success.
- The types of a union are ordered, so the first one that accepts a value is the right one.
- A `readOnly` field can be absent from a request model.
- Fields and parameters have their own descriptions. `Facts` holds what else the contract says about them.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, ClassVar, cast

from attrs import define, evolve, field
from openapi_python_client import schema as oai
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import EnumProperty, ModelProperty, Property
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol, Value, convert_example
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.parser.properties.uuid import UuidProperty
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import PythonCode, PythonIdentifier

from .document import Document
from .walk import locate_operations, parameters_of

# The types that come last in a union, because they accept values meant for other types.
_LAST = ("datetime.date", "datetime.datetime", "bool", "int", "float", "str", "Any", "None")


@define
class MapProperty(PropertyProtocol):
    """A map from strings to values of one type."""

    name: UntrustedString
    required: bool
    default: Value | None
    python_name: PythonIdentifier
    description: UntrustedString | None
    example: UntrustedString | None = field(converter=convert_example)
    value_property: Property

    template: ClassVar[str] = "map_property.py.jinja"

    def convert_value(self, value: Any) -> None:
        return None

    def get_base_type_string(self) -> PythonCode:
        return PythonCode(f"dict[str, {self.value_property.get_type_string().as_unembedded_code()}]")

    def get_imports(self, *, prefix: str) -> set[str]:
        return super().get_imports(prefix=prefix) | self.value_property.get_imports(prefix=prefix)

    def get_lazy_imports(self, *, prefix: str) -> set[str]:
        return self.value_property.get_lazy_imports(prefix=prefix)


@define
class Facts:
    """Facts about fields and parameters that the generator does not keep.

    Attributes:
        request_models: The names of the models in requests.
        read_only: The `readOnly` fields of request models, each as the names of the class and the field.
        deprecated: The `deprecated` fields and parameters, each as the names of the class or operation and of the field
            or parameter.
    """

    request_models: set[str]
    read_only: set[tuple[str, str]] = field(factory=set)
    deprecated: set[tuple[str, str]] = field(factory=set)


def reshape(data: GeneratorData, contract: Document) -> Facts:
    """Reshape the models and the parameters of `data`."""
    models = {str(model.class_info.name): model for model in data.models}
    endpoints = [each for collection in data.endpoint_collections_by_tag.values() for each in collection.endpoints]
    in_responses = _reachable((response.prop for each in endpoints for response in each.responses), models)
    facts = Facts(_reachable((body.prop for each in endpoints for body in each.bodies), models))
    for name, model in models.items():
        _reshape_model(model, models, facts, is_open=name in in_responses)
    _describe_parameters(endpoints, contract, facts)
    data.models = [model for model in data.models if not _is_map(model)]
    for endpoint in endpoints:
        # The generator copies referenced models.
        for part in (*endpoint.responses, *endpoint.bodies):
            if isinstance(part.prop, ModelProperty):
                model = models[part.prop.class_info.name]
                part.prop.required_properties = model.required_properties
                part.prop.optional_properties = model.optional_properties
    return facts


def fields_of(model: object) -> list[Property]:
    """Return the fields of a model, the required ones first."""
    if not isinstance(model, ModelProperty):
        return []
    return [*(model.required_properties or []), *(model.optional_properties or [])]


def parts_of(prop: Property) -> Iterator[Property]:
    """Yield a property, and the properties that it is a union, a list or a map of."""
    yield prop
    inner: list[Any] = []
    if isinstance(prop, UnionProperty):
        inner = prop.inner_properties
    elif isinstance(prop, ListProperty):
        inner = [prop.inner_property]
    elif isinstance(prop, MapProperty):
        inner = [prop.value_property]
    for part in inner:
        yield from parts_of(part)


def _is_map(model: ModelProperty) -> bool:
    return model.additional_properties is not None and not fields_of(model)


def _reachable(props: Iterable[Property], models: Mapping[str, ModelProperty]) -> set[str]:
    """Return the names of the models that properties refer to, directly or through other models."""
    reached: set[str] = set()
    pending = list(props)
    while pending:
        for part in parts_of(pending.pop()):
            if isinstance(part, ModelProperty) and part.class_info.name not in reached:
                model = models[part.class_info.name]
                reached.add(part.class_info.name)
                pending += fields_of(model)
                pending += [model.additional_properties] if model.additional_properties else []
    return reached


def _field_schemas(
    schema: oai.Schema, models: Mapping[str, ModelProperty]
) -> Iterator[tuple[str, oai.Schema | oai.Reference]]:
    """Yield the schema of each field of an object."""
    for part in schema.allOf:
        if isinstance(part, oai.Reference):
            yield from _field_schemas(models[part.ref.get_untrusted_value().rpartition("/")[2]].data, models)
        else:
            yield from _field_schemas(part, models)
    for name, each in (schema.properties or {}).items():
        yield name.get_untrusted_value(), each


def _reshape_model(model: ModelProperty, models: Mapping[str, ModelProperty], facts: Facts, *, is_open: bool) -> None:
    """Reshape the fields of a model, and import what they need."""
    name = str(model.class_info.name)
    schemas = dict(_field_schemas(model.data, models))
    fields: list[Property] = []
    for each in fields_of(model):
        schema = schemas.get(each.name.get_untrusted_value())
        prop = _reshape(each, models, is_open=is_open)
        if description := getattr(schema, "description", None):
            # A description beside a reference is a plain string.
            prop.description = UntrustedString(description) if isinstance(description, str) else description
        if getattr(schema, "readOnly", False) and name in facts.request_models:
            facts.read_only.add((name, each.python_name))
            prop.required = False
        if getattr(schema, "deprecated", False):
            facts.deprecated.add((name, each.python_name))
            prop.description = _deprecated(prop)
        fields.append(prop)
    model.required_properties = [each for each in fields if each.required]
    model.optional_properties = [each for each in fields if not each.required]
    if model.additional_properties is not None:
        model.additional_properties = _reshape(model.additional_properties, models, is_open=is_open)
        fields.append(model.additional_properties)
    model.set_relative_imports(set().union(*(each.get_imports(prefix="..") for each in fields)))
    model.set_lazy_imports(set().union(*(each.get_lazy_imports(prefix="..") for each in fields)))


def _reshape(prop: Property, models: Mapping[str, ModelProperty], *, is_open: bool) -> Property:
    """Return a property with its maps, its open enums and its unions as the templates need them."""
    if isinstance(prop, ListProperty):
        return evolve(prop, inner_property=_reshape(cast(Property, prop.inner_property), models, is_open=is_open))
    if isinstance(prop, ModelProperty) and _is_map(model := models[prop.class_info.name]):
        value = _reshape(cast(Property, model.additional_properties), models, is_open=is_open)
        return cast(Property, _of_kind(MapProperty, prop, value_property=value))
    if isinstance(prop, EnumProperty | DateProperty | DateTimeProperty | UuidProperty) and is_open:
        plain = IntProperty if isinstance(prop, EnumProperty) and prop.value_type is int else StringProperty
        part = evolve(prop, required=True, default=None)
        inner: list[PropertyProtocol] = [part, _of_kind(plain, part)]
        return cast(Property, _of_kind(UnionProperty, prop, inner_properties=inner))
    if isinstance(prop, UnionProperty):
        parts = [_reshape(cast(Property, part), models, is_open=is_open) for part in prop.inner_properties]
        unions = [part.inner_properties if isinstance(part, UnionProperty) else [part] for part in parts]
        by_type = {each.get_type_string(): each for each in chain.from_iterable(unions)}
        return evolve(prop, inner_properties=sorted(by_type.values(), key=_rank))
    return evolve(prop)


def _of_kind(kind: type[Any], prop: PropertyProtocol, **more: object) -> Any:
    """Return a property of another kind with the name and the description of `prop`."""
    names = ("name", "required", "default", "python_name", "description", "example")
    return kind(**{name: getattr(prop, name) for name in names}, **more)


def _rank(prop: PropertyProtocol) -> int:
    """Return a type's position in a union."""
    if isinstance(prop, EnumProperty):
        return -2
    kind = prop.get_base_type_string().as_unembedded_code()
    return _LAST.index(kind) if kind in _LAST else -1


def _describe_parameters(endpoints: Iterable[Endpoint], contract: Document, facts: Facts) -> None:
    """Give each parameter its own description."""
    locations = locate_operations(contract)
    for endpoint in endpoints:
        said = {(each["in"], each["name"]): each for _, each in parameters_of(contract, locations[endpoint.name])}
        for place, prop in endpoint.iter_all_parameters():
            parameter = said[place.value, prop.name.get_untrusted_value()]
            if "description" in parameter:
                prop.description = UntrustedString(str(parameter["description"]))
            if parameter.get("deprecated") or parameter["schema"].get("deprecated"):
                facts.deprecated.add((endpoint.name, prop.python_name))
                prop.description = _deprecated(prop)


def _deprecated(prop: PropertyProtocol) -> UntrustedString:
    text = prop.description.get_untrusted_value() if prop.description else ""
    return UntrustedString(f"Deprecated. {text}".strip())
