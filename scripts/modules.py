"""Check the generated modules: each must be valid Python, and no name in it may hide another.

Names in the contract become classes, functions and fields beside those that the templates define.
"""

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

from .document import Document, InputError, Issue
from .walk import locate_names


def check_module(module: Path, package: Path, contract: Document) -> Iterator[Issue]:
    """Yield the names that a module of `package` defines twice, with their location in the contract.

    Raises:
        InputError: It is not valid Python.
    """
    name = module.relative_to(package)
    source = module.read_text("utf-8")
    try:
        with warnings.catch_warnings(action="error"):
            compile(source, name, "exec")
    except SyntaxError as error:
        line = f"line {error.lineno}, {(error.text or '').strip()!r}"
        raise InputError(f"templates/: {name} would not be valid Python: {line}: {error.msg}") from error
    for scope in ast.walk(ast.parse(source)):
        if isinstance(scope, ast.Module | ast.ClassDef):
            for twice in _names_of_two(scope):
                yield locate_names(contract).get(twice, ()), f"{name} would define {twice!r} twice: choose another name"


def _names_of_two(scope: ast.Module | ast.ClassDef) -> Iterator[str]:
    """Yield the names that are bound to more than one thing. Importing the same thing twice is fine."""
    bound: dict[str, str] = {}
    for statement in scope.body:
        match statement:
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                origin = f"{getattr(statement, 'level', '')} {getattr(statement, 'module', '')}"
                things = {alias.asname or alias.name: f"{origin} {alias.name}" for alias in aliases}
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.Assign(targets=[ast.Name(id=name)])
                | ast.AnnAssign(target=ast.Name(id=name))
            ):
                things = {name: str(statement.lineno)}
            case _:
                things = {}
        yield from (name for name, thing in things.items() if bound.setdefault(name, thing) != thing)
