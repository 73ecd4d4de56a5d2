"""Check the modules that were generated: each must be valid Python, and no name in it may hide another.

What the contract names becomes classes, functions and fields, among those that the templates name.
"""

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

from openapi_python_client.strings import PythonIdentifier

from .document import Document, InputError
from .walk import locate_names, operations


def check_module(module: Path, package: Path, contract: Document) -> None:
    """Check a module of `package`.

    Raises:
        InputError: It is not valid Python, or defines a name twice.
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
                reason = f"{name} would define {twice!r} twice: choose another name"
                contract.raise_issues([(locate_names(contract).get(twice, ()), reason)])


def check_operations(runtime: Path, contract: Document) -> None:
    """Check that no operation is called as what the clients inherit from the runtime.

    Raises:
        InputError: One is, and its method would take the place of what is inherited.
    """
    modules = [ast.parse(module.read_text("utf-8")) for module in runtime.glob("*client.py")]
    classes = [each for module in modules for each in ast.walk(module) if isinstance(each, ast.ClassDef)]
    inherited = {name for each in classes for name, _ in _bindings(each)}
    for location, operation in operations(contract):
        name = PythonIdentifier(operation["operationId"], "")
        if name in inherited:
            reason = f"the clients already use the name {name!r}: choose another one"
            contract.raise_issues([((*location, "operationId"), reason)])


def _names_of_two(scope: ast.Module | ast.ClassDef) -> Iterator[str]:
    bound: dict[str, str] = {}
    for name, thing in _bindings(scope):
        if bound.setdefault(name, thing) != thing:
            yield name


def _bindings(scope: ast.Module | ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield the names that a module or a class binds, each with what tells its value from another."""
    for statement in scope.body:
        match statement:
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                origin = f"{getattr(statement, 'level', '')} {getattr(statement, 'module', '')}"
                yield from ((alias.asname or alias.name, f"{origin} {alias.name}") for alias in aliases)
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.Assign(targets=[ast.Name(id=name)])
                | ast.AnnAssign(target=ast.Name(id=name))
            ):
                yield name, str(statement.lineno)
            case _:
                pass
