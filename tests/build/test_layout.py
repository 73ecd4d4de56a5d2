"""What lies where: the runtime is a copy, imports run one way, and templates stay small."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from .conftest import ROOT

RUNTIME = ROOT / "runtime"
PACKAGE = ROOT / "generated" / "genauth_email"
TEMPLATES = sorted((ROOT / "templates").rglob("*.jinja"))

THIRD_PARTY = {"aiohttp", "anyio", "attrs", "httpcore", "httpx", "trio", "typing_extensions"}

# Which rooms of the package a room may import from, apart from itself.
ROOMS = {
    "_runtime": set[str](),
    "types": {"_runtime"},
    "models": {"_runtime", "types"},
    "errors": {"_runtime", "types"},
    "api": {"_runtime", "types", "errors", "models"},
    "client": {"_runtime", "types", "errors", "models", "api"},
    "testing": {"_runtime", "errors", "models", "api", "client"},
    "__init__": {"errors", "models", "client", "types"},
    "__main__": {"_runtime", "client"},
}


def files(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


def imports(module: Path, package: Path) -> Iterator[tuple[str, ...]]:
    """Yield what a module imports, as the parts of a name: `("httpx",)`, or `(".", "errors")` for the package's own.

    Imports inside of functions and under `TYPE_CHECKING` count too. What is outside of the package begins with `..`.
    """
    place = module.relative_to(package).parts
    for node in ast.walk(ast.parse(module.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (absolute(alias.name, package) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            named = tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                if not node.level:
                    yield absolute(".".join((*named, alias.name)), package)
                elif node.level > len(place):
                    yield ("..", *named, alias.name)
                else:
                    yield (".", *place[: -node.level], *named, alias.name)


def absolute(name: str, package: Path) -> tuple[str, ...]:
    first, *rest = name.split(".")
    return (".", *rest) if first == package.name else (first, *rest)


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_the_package_has_a_copy_of_the_runtime_and_nothing_else() -> None:
    assert files(PACKAGE / "_runtime") == files(RUNTIME)


@pytest.mark.parametrize("module", sorted(RUNTIME.rglob("*.py")), ids=lambda path: path.relative_to(RUNTIME).as_posix())
def test_the_runtime_imports_nothing_that_is_generated(module: Path) -> None:
    allowed = {".", *sys.stdlib_module_names, *THIRD_PARTY}
    assert [name for name in imports(module, RUNTIME) if name[0] not in allowed] == []


def test_the_http_libraries_are_imported_in_one_module() -> None:
    importing = {
        module.relative_to(RUNTIME).as_posix()
        for module in RUNTIME.rglob("*.py")
        if any(name[0] in ("httpcore", "httpx") for name in imports(module, RUNTIME))
    }
    assert importing == {"http.py"}


def test_no_modules_of_the_runtime_import_each_other() -> None:
    modules = {
        (".", *path.relative_to(RUNTIME).parent.parts, *(() if path.stem == "__init__" else (path.stem,))): path
        for path in RUNTIME.rglob("*.py")
    }
    graph = {
        module: {
            imported
            for name in imports(path, RUNTIME)
            for imported in (name, name[:-1])  # A module, or something in one.
            if imported in modules and imported != module
        }
        for module, path in modules.items()
    }
    assert graph[(".", "client")] >= {(".", "base_client"), (".", "transport", "httpx_transport")}  # They were found.
    TopologicalSorter(graph).prepare()  # It raises an error if there is a cycle, type hints included.


def test_imports_of_the_package_run_one_way() -> None:
    graph: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module in PACKAGE.rglob("*.py"):
        room = room_of(module)
        rooms = {name[1] for name in imports(module, PACKAGE) if name[0] == "."}
        assert rooms <= ROOMS[room] | {room}, module
        graph[room] |= rooms - {room}
    assert graph["client"] >= {"_runtime", "api"}  # They were found.
    TopologicalSorter(graph).prepare()  # It raises an error if there is a cycle.


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_is_short_and_begins_with_its_reason(template: Path) -> None:
    first, *rest = template.read_text("utf-8").splitlines()
    assert first.startswith("{# ")
    assert first.endswith(" #}")
    assert len(rest) < 260 or template.name == "README.md.jinja"
