"""Tell what breaks the code of those who use the package: what a method requires now, and what is gone."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .contract import locate_name
from .document import Document

_WHAT_TO_DO = "this breaks the code of users: undo it, or raise more than the last part of the version and tell them"


class _Method(NamedTuple):
    arguments: set[str]
    required: set[str]


def breaking_changes(old: Path, new: Path, contract: Document) -> Iterator[str]:
    """Yield a line for each difference between two packages that breaks a call of a client's method."""
    before, after = _methods(old), _methods(new)
    for name, method in before.items():
        if name not in after:
            yield contract.line_of(("paths",), f"the method {name} is gone: {_WHAT_TO_DO}")
            continue
        for argument in sorted(method.arguments - after[name].arguments):
            place = locate_name(contract, name)
            yield contract.line_of(place, f"{name} has no argument {argument} any more: {_WHAT_TO_DO}")
        for argument in sorted(after[name].required - method.required):
            place = locate_name(contract, argument)
            yield contract.line_of(place, f"{name} requires the argument {argument} now: {_WHAT_TO_DO}")


def _methods(package: Path) -> dict[str, _Method]:
    """Return the methods of the sync client in `package`. There are none if there is no package yet."""
    methods: dict[str, _Method] = {}
    for module in package.glob("*/client.py"):
        for each in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(each, ast.ClassDef) and each.name == "AuthenticationClient":
                methods |= {method.name: _method(method) for method in each.body if isinstance(method, ast.FunctionDef)}
    return methods


def _method(method: ast.FunctionDef) -> _Method:
    names = [argument.arg for argument in (*method.args.posonlyargs, *method.args.args)]
    required = set(names[: len(names) - len(method.args.defaults)])
    keywords = [each.arg for each in method.args.kwonlyargs]
    required |= {name for name, default in zip(keywords, method.args.kw_defaults, strict=True) if default is None}
    return _Method({*names, *keywords}, required)
