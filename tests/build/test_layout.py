"""The layout: the runtime is a copy, imports run one way, and templates stay small."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.metadata import version
from importlib.util import resolve_name
from pathlib import Path

import openapi_python_client

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


def imports(module: Path, package: Path) -> Iterator[str]:
    """Yield the full names of what a module imports, also inside functions and under `TYPE_CHECKING`."""
    directory = ".".join(module.parent.relative_to(package.parent).parts)
    for node in ast.walk(ast.parse(module.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), directory)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def test_the_packages_runtime_is_an_exact_copy() -> None:
    assert contents(PACKAGE / "_runtime") == contents(RUNTIME)


def test_the_runtime_imports_nothing_generated_and_the_http_libraries_in_one_module() -> None:
    imported = {path: {name.split(".")[0] for name in imports(path, RUNTIME)} for path in RUNTIME.rglob("*.py")}
    allowed = {"runtime", *sys.stdlib_module_names, *THIRD_PARTY}
    assert {path: names - allowed for path, names in imported.items() if names - allowed} == {}
    assert [path for path, names in imported.items() if names & {"httpcore", "httpx"}] == [RUNTIME / "http.py"]


def test_the_runtimes_imports_have_no_cycle() -> None:
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in RUNTIME.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    graph = {
        module: {
            imported
            for name in imports(path, RUNTIME)
            for imported in (name, name.rpartition(".")[0])  # A module, or something in one.
            if imported in modules and imported != module
        }
        for module, path in modules.items()
    }
    assert graph["runtime.client"] >= {"runtime.base_client", "runtime.transport.httpx_transport"}  # It has found them.
    TopologicalSorter(graph).prepare()  # Raises an error if there is a cycle, including type hints.


def test_imports_of_the_package_run_one_way() -> None:
    graph: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module in PACKAGE.rglob("*.py"):
        room = module.relative_to(PACKAGE).parts[0].removesuffix(".py")
        names = (name.split(".") for name in imports(module, PACKAGE))
        graph[room] |= {parts[1] for parts in names if parts[0] == PACKAGE.name} - {room}
        assert graph[room] <= ROOMS[room], module
    assert graph["client"] >= {"_runtime", "api"}  # It has found them.
    TopologicalSorter(graph).prepare()  # Raises an error if there is a cycle.


def test_a_template_is_short_and_begins_with_its_reason() -> None:
    for template in (ROOT / "templates").rglob("*.jinja"):
        first, *rest = template.read_text("utf-8").splitlines()
        assert first.startswith("{# ")
        assert first.endswith(" #}")
        assert len(rest) < 260 or template.name == "README.md.jinja"


def test_a_template_that_overrides_another_is_based_on_the_pinned_version() -> None:
    """If this fails, compare the originals in the two versions, adopt relevant changes, and name the new version."""
    first_line = f"{{# Overridden, from openapi-python-client {version('openapi-python-client')}: "
    originals = Path(openapi_python_client.__file__).with_name("templates")
    for template in (ROOT / "templates").rglob("*.jinja"):
        overrides = (originals / template.relative_to(ROOT / "templates")).exists()
        assert template.read_text("utf-8").startswith(first_line) == overrides, template
