"""The public interface of the package, by griffe: each public name, with what users may rely on.

A name is public by Python's convention: it is in `__all__` where a module has one, and no part of it begins with `_`.
What is public under several names is described under the shortest, and the others refer to that one.
"""

from collections.abc import Iterator
from pathlib import Path

import griffe

from .document import Fact

# What these look like is not part of the interface.
_IGNORED = ("__str__", "__repr__", "__version__")


def interface(package: Path) -> dict[str, Fact]:
    """Return the facts of the package in a directory, by name: `Channel > CHANNEL_LOGIN`.

    A parameter is the last part of a name, and so are a member of an enum and a value of a `Literal`.
    """
    module = griffe.load(package.name, search_paths=[str(package.parent)], resolve_aliases=True)
    facts: dict[str, Fact] = {}
    names: dict[str, str] = {}
    # Breadth first, so that the shortest name of an object comes first.
    level: list[tuple[str, griffe.Object | griffe.Alias]] = [("", module)]
    while level:
        members: list[tuple[str, griffe.Object | griffe.Alias]] = []
        for name, each in level:
            described = each.final_target if isinstance(each, griffe.Alias) else each
            place = f"{described.relative_package_filepath.as_posix()}:{described.lineno or 1}"
            known = names.setdefault(described.path, name)
            if known != name:
                facts[name] = Fact(f"the same as {known}", place)
                continue
            facts |= {f"{name}{part}": Fact(text, place) for part, text in _describe(described) if name}
            if isinstance(described, griffe.Module | griffe.Class):
                members += [
                    (f"{name} > {key}" if name else key, member)
                    for key, member in described.all_members.items()
                    if member.is_public and key not in _IGNORED
                ]
        level = members
    return facts


def _describe(described: griffe.Object) -> Iterator[tuple[str, str]]:
    """Yield the text of an object, and those of its parts."""
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
