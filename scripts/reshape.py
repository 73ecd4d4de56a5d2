"""Reshape what the generator has understood, where the templates need more of the contract than it keeps.

- An object without properties is a map: a `dict` of what its values are, and no class of its own.
- An enum is open in what a response has: a value that the contract does not list yet is read as a plain one. So is a
  date, a time or a UUID that Python cannot read, as a field that nobody may look at never fails a success.
- The types of a union are in an order in which the first that takes a value is the right one.
- A field that is `readOnly` can be absent from a model that requests have.
- Fields and parameters have their own descriptions. `Facts` has what else the contract says of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, ClassVar, cast

from attrs import define, evolve, field
from openapi_python_client import schema as oai
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import (
    AnyProperty,
    EnumProperty,
    ModelProperty,
    Property,
)
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol, Value, convert_example
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.parser.properties.uuid import UuidProperty
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import PythonCode, PythonIdentifier

from .document import Document
from .walk import locate_operations, parameters_of

# The types of a union that come last, as the ones before them take what these would take too.
_LAST: tuple[type[Any], ...] = (
    DateProperty,
    DateTimeProperty,
    BooleanProperty,
    IntProperty,
    FloatProperty,
    StringProperty,
    AnyProperty,
    NoneProperty,
)


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


@define(frozen=True)
class Facts:
    """What the contract says of fields and parameters, and the generator does not keep.

    Attributes:
        request_models: The names of the models that requests have.
        read_only: The `readOnly` fields of models that requests have, as names of class and field.
        deprecated: The `deprecated` fields and parameters, as names of class or operation, and of field or parameter.
    """

    request_models: frozenset[str]
    read_only: frozenset[tuple[str, str]]
    deprecated: frozenset[tuple[str, str]]


def reshape(data: GeneratorData, contract: Document) -> Facts:
    """Reshape the models and the parameters of `data`."""
    models = {str(model.class_info.name): model for model in data.models}
    endpoints = [each for collection in data.endpoint_collections_by_tag.values() for each in collection.endpoints]
    in_responses = _reachable((response.prop for each in endpoints for response in each.responses), models)
    in_requests = _reachable((body.prop for each in endpoints for body in each.bodies), models)
    schemas = {name: dict(_field_schemas(model.data, models)) for name, model in models.items()}
    read_only = frozenset(_flagged(schemas, models, "readOnly", in_requests))
    deprecated = frozenset({*_flagged(schemas, models, "deprecated", models), *_parameters(endpoints, contract)})
    facts = Facts(frozenset(in_requests), read_only, deprecated)
    for name, model in models.items():
        _reshape_model(model, models, schemas[name], facts, is_open=name in in_responses)
    data.models = [model for model in data.models if not _is_map(model)]
    for endpoint in endpoints:
        # The generator has copied the models that these refer to.
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
    """Yield a property, and what it is a union, a list or a map of."""
    yield prop
    inner = getattr(prop, "inner_properties", None) or [
        getattr(prop, "inner_property", None),
        getattr(prop, "value_property", None),
    ]
    for part in cast(Iterable[Property | None], inner):
        if part is not None:
            yield from parts_of(part)


def _is_map(model: ModelProperty) -> bool:
    return model.additional_properties is not None and not fields_of(model)


def _reachable(props: Iterable[Property], models: Mapping[str, ModelProperty]) -> set[str]:
    """Return the names of the models that properties have, or that their fields have, and so on."""
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


def _flagged(
    schemas: Mapping[str, Mapping[str, oai.Schema | oai.Reference]],
    models: Mapping[str, ModelProperty],
    flag: str,
    names: Iterable[str],
) -> Iterator[tuple[str, str]]:
    """Yield each field whose schema has a flag, of the models called `names`."""
    for name in names:
        for each in fields_of(models[name]):
            if getattr(schemas[name].get(each.name.get_untrusted_value()), flag, False):
                yield name, each.python_name


def _reshape_model(
    model: ModelProperty,
    models: Mapping[str, ModelProperty],
    schemas: Mapping[str, oai.Schema | oai.Reference],
    facts: Facts,
    *,
    is_open: bool,
) -> None:
    """Reshape the fields of a model, and import what they need."""
    fields: list[Property] = []
    for each in fields_of(model):
        schema = schemas.get(each.name.get_untrusted_value())
        prop = _reshape(each, models, is_open=is_open)
        if description := getattr(schema, "description", None):
            # What is beside a reference is a plain string.
            prop.description = UntrustedString(description) if isinstance(description, str) else description
        if (model.class_info.name, each.python_name) in facts.read_only:
            prop.required = False
        if (model.class_info.name, each.python_name) in facts.deprecated:
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
    """Return a property of another kind, which is called and described as `prop`."""
    names = ("name", "required", "default", "python_name", "description", "example")
    return kind(**{name: getattr(prop, name) for name in names}, **more)


def _rank(prop: PropertyProtocol) -> int:
    """Return the place of a type in a union."""
    if isinstance(prop, EnumProperty):
        return -2
    return next((index for index, kind in enumerate(_LAST) if isinstance(prop, kind)), -1)


def _parameters(endpoints: Iterable[Endpoint], contract: Document) -> Iterator[tuple[str, str]]:
    """Give each parameter its own description, and yield those that are deprecated."""
    locations = locate_operations(contract)
    for endpoint in endpoints:
        said = {(each["in"], each["name"]): each for _, each in parameters_of(contract, locations[endpoint.name])}
        for place, prop in endpoint.iter_all_parameters():
            parameter = said[place.value, prop.name.get_untrusted_value()]
            if "description" in parameter:
                prop.description = UntrustedString(str(parameter["description"]))
            if parameter.get("deprecated") or parameter["schema"].get("deprecated"):
                prop.description = _deprecated(prop)
                yield endpoint.name, prop.python_name


def _deprecated(prop: PropertyProtocol) -> UntrustedString:
    text = prop.description.get_untrusted_value() if prop.description else ""
    return UntrustedString(f"Deprecated. {text}".strip())
