"""The layout: the runtime is a copy, imports run one way, and templates stay small."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from .conftest import ROOT, contents

RUNTIME = ROOT / "runtime"
PACKAGE = ROOT / "generated" / "genauth_email"

THIRD_PARTY = {"aiohttp", "anyio", "attrs", "httpcore", "httpx", "trio", "typing_extensions"}

# The parts of the package that each part may import from, apart from itself.
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


def imports(module: Path, package: Path) -> Iterator[tuple[str, ...]]:
    """Yield a module's imports as the parts of a name: `("httpx",)`, or `(".", "errors")` within the package.

    Imports inside functions and under `TYPE_CHECKING` count too. Names outside the package begin with `..`.
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


def test_the_packages_runtime_is_an_exact_copy() -> None:
    assert contents(PACKAGE / "_runtime") == contents(RUNTIME)


def test_the_runtime_imports_nothing_generated_and_the_http_libraries_in_one_module() -> None:
    imported = {module: {name[0] for name in imports(module, RUNTIME)} for module in RUNTIME.rglob("*.py")}
    allowed = {".", *sys.stdlib_module_names, *THIRD_PARTY}
    assert {module: names - allowed for module, names in imported.items() if names - allowed} == {}
    assert [module for module, names in imported.items() if names & {"httpcore", "httpx"}] == [RUNTIME / "http.py"]


def test_the_runtimes_imports_have_no_cycle() -> None:
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
    assert graph[(".", "client")] >= {(".", "base_client"), (".", "transport", "httpx_transport")}  # It has found them.
    TopologicalSorter(graph).prepare()  # Raises an error if there is a cycle, including type hints.


def test_imports_of_the_package_run_one_way() -> None:
    graph: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module in PACKAGE.rglob("*.py"):
        room = module.relative_to(PACKAGE).parts[0].removesuffix(".py")
        rooms = {name[1] for name in imports(module, PACKAGE) if name[0] == "."}
        assert rooms <= ROOMS[room] | {room}, module
        graph[room] |= rooms - {room}
    assert graph["client"] >= {"_runtime", "api"}  # It has found them.
    TopologicalSorter(graph).prepare()  # Raises an error if there is a cycle.


def test_a_template_is_short_and_begins_with_its_reason() -> None:
    for template in (ROOT / "templates").rglob("*.jinja"):
        first, *rest = template.read_text("utf-8").splitlines()
        assert first.startswith("{# ")
        assert first.endswith(" #}")
        assert len(rest) < 260 or template.name == "README.md.jinja"
