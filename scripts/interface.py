"""The public interface of the package, read by griffe: each public name, with what users may rely on.

A name is public by Python's convention: it is in `__all__` if the module has one, and no part of it begins with `_`.
An object with several public names is described under the shortest, and the other names refer to that one. A class has
what it inherits from private classes as its own, and leaves out what it inherits from public ones.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import griffe

from .document import Fact

# Their form is not part of the interface.
_IGNORED = ("__repr__", "__slots__", "__str__", "__version__")


def interface(package: Path) -> dict[str, Fact]:
    """Return the facts of the package in a directory, by name: `Channel > CHANNEL_LOGIN`.

    The last part of a name can also be a parameter, an enum member or a value of a `Literal`.
    """
    module = griffe.load(package.name, search_paths=[str(package.parent)], resolve_aliases=True)
    facts: dict[str, Fact] = {}
    names: dict[str, str] = {}
    # Breadth first, so that the shortest name of an object comes first.
    level: list[tuple[str, griffe.Object | griffe.Alias]] = [("", module)]
    while level:
        containers: list[tuple[str, griffe.Module | griffe.Class]] = []
        for name, each in level:
            described = each.final_target if isinstance(each, griffe.Alias) else each
            place = f"{described.relative_package_filepath.as_posix()}:{described.lineno or 1}"
            known = name if each.inherited else names.setdefault(described.path, name)
            if known != name:
                facts[name] = Fact(f"the same as {known}", place)
                continue
            facts |= {f"{name}{part}": Fact(text, place) for part, text in _describe(described) if name}
            if isinstance(described, griffe.Module | griffe.Class):
                containers.append((name, described))
        level = [
            (f"{name} > {key}" if name else key, member)
            for name, container in containers
            for key, member in container.all_members.items()
            if member.is_public and key not in _IGNORED and not (member.inherited and _has(container, key, names))
        ]
    return facts


def _has(described: griffe.Module | griffe.Class, member: str, public: Mapping[str, str]) -> bool:
    """Tell whether a public class that this one inherits from has the member."""
    bases = described.mro() if isinstance(described, griffe.Class) else []
    return any(base.path in public and member in base.all_members for base in bases)


def is_inherited(name: str, texts: Mapping[str, str]) -> bool:
    """Tell whether a class inherits the member of that name from another public class."""
    parent, _, member = name.rpartition(" > ")
    _, is_class, bases = texts.get(parent, "").partition("class(")
    inherited = [f"{base} > {member}" for base in re.findall(r"\w+", bases) if is_class]
    return any(each in texts or is_inherited(each, texts) for each in inherited)


def _describe(described: griffe.Object) -> Iterator[tuple[str, str]]:
    """Yield the texts of an object and of its parts."""
    match described:
        case griffe.Class():
            yield "", f"class({', '.join(map(str, described.bases))})"
        case griffe.Function():
            kind = "async function" if "async" in described.labels else "function"
            yield "", f"{kind} -> {described.returns}"
            for parameter in described.parameters:
                if parameter.name in ("self", "cls"):
                    continue
                required = "required" if parameter.required else "optional"
                default = "" if parameter.default is None else f" = {parameter.default}"
                kind = parameter.kind.value if parameter.kind else ""
                yield f" > {parameter.name}", f"{required} {kind}: {parameter.annotation}{default}"
        case griffe.Attribute(value=griffe.ExprSubscript(canonical_name="Literal", slice=values)):
            yield "", "Literal"
            for value in values.elements if isinstance(values, griffe.ExprTuple) else [values]:
                yield f" > {value}", "value"
        case griffe.Attribute(annotation=None):
            yield "", f"= {described.value}"
        case griffe.Attribute():
            yield "", f"{described.annotation}{'' if described.value is None else ', with a default'}"
        case _:
            yield "", described.kind.value
