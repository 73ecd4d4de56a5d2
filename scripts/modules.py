"""The modules that came out, judged: they have to be Python, and in none of them may a name hide another."""

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

from .contract import naming
from .document import Document, InputError


def examine(module: Path, package: Path, contract: Document) -> None:
    """Raise an `InputError` if a module of `package` is no Python, or has two things of one name.

    What the contract names becomes classes, functions and fields, among those that the templates name.
    """
    name = module.relative_to(package)
    source = module.read_text("utf-8")
    try:
        with warnings.catch_warnings(action="error"):
            compile(source, name, "exec")
    except (SyntaxError, ValueError) as error:  # Early releases of 3.11 say the latter of a null byte.
        where = (
            f"line {error.lineno}, {(error.text or '').strip()!r}: " if isinstance(error, SyntaxError) else ""
        )
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise InputError(f"templates/: {name} would be no Python: {where}{reason}") from error
    for scope in ast.walk(ast.parse(source)):
        if isinstance(scope, ast.Module | ast.ClassDef):
            bound: dict[str, str] = {}
            for bind, what in bindings(scope):
                if bound.setdefault(bind, what) != what:
                    reason = f"{name} would have two things called {bind!r}: choose another name"
                    contract.refuse([(naming(contract, bind), reason)])


def bindings(scope: ast.Module | ast.ClassDef) -> Iterator[tuple[str, str]]:
    """The names that a module or a class gives to things, each with what tells the thing from another."""
    for statement in scope.body:
        match statement:
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                origin = f"{getattr(statement, 'level', '')} {getattr(statement, 'module', '')}"
                yield from ((alias.asname or alias.name, f"{origin} {alias.name}") for alias in aliases)
            case (
                ast.FunctionDef(name=name, decorator_list=[])
                | ast.AsyncFunctionDef(name=name, decorator_list=[])
            ):
                yield name, str(statement.lineno)
            case ast.ClassDef(name=name):
                yield name, str(statement.lineno)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, str(statement.lineno)
            case _:
                pass
