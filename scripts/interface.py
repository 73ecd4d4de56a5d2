"""The public interface of the package, read by griffe: each public name, with what users may rely on.

A name is public by Python's convention: it is in `__all__` if the module has one, and no part of it begins with `_`.
An object with several public names is described under the shortest, and the other names refer to that one. A class has
what it inherits from private classes as its own. Of what it inherits from public ones, it lists only the names.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import griffe

INHERITED = "inherited"
# Their form is not part of the interface, or the contract says the same.
_IGNORED = ("__deprecated_values__", "__repr__", "__slots__", "__str__", "__version__")


def interface(package: Path) -> Iterator[tuple[str, str, str]]:
    """Yield each name, such as `Channel > CHANNEL_LOGIN`, of the package in a directory, with its place and a text.

    The last part of a name can also be a parameter, an enum member or a value of a `Literal`.
    """
    module = griffe.load(package.name, search_paths=[str(package.parent)], resolve_aliases=True)
    names: dict[str, str] = {}
    # Breadth first, so that the shortest name of an object comes first.
    containers: deque[tuple[str, griffe.Object | griffe.Alias]] = deque([("", module)])
    while containers:
        parent, container = containers.popleft()
        bases = container.mro() if isinstance(container, griffe.Class) else ()
        for key, member in container.all_members.items():
            if not member.is_public or key in _IGNORED:
                continue
            name = f"{parent} > {key}".removeprefix(" > ")
            described = member.final_target if isinstance(member, griffe.Alias) else member
            place = f"{described.relative_package_filepath.as_posix()}:{described.lineno or 1}"
            known = name if member.inherited else names.setdefault(described.path, name)
            if known != name:
                yield name, place, f"the same as {known}"
            elif member.inherited and any(base.path in names and key in base.all_members for base in bases):
                yield name, place, INHERITED
            else:
                yield from ((f"{name}{part}", place, text) for part, text in _describe(described))
                if isinstance(described, griffe.Module | griffe.Class):
                    containers.append((name, described))


def _describe(described: griffe.Object) -> Iterator[tuple[str, str]]:
    """Yield the texts of an object and of its parts."""
    match described:
        case griffe.Class():
            yield "", f"class({', '.join(map(str, described.bases))})"
        case griffe.Function():
            kind = "async function" if "async" in described.labels else "function"
            yield "", f"{kind} -> {described.returns}"
            for index, parameter in enumerate(described.parameters):
                if parameter.name in ("self", "cls"):
                    continue
                required = "required" if parameter.required else "optional"
                default = "" if parameter.default is None else f" = {parameter.default}"
                kind = parameter.kind.value if parameter.kind else ""
                position = f" {index}" if kind.startswith("positional") else ""
                yield f" > {parameter.name}", f"{required} {kind}{position}: {parameter.annotation}{default}"
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
