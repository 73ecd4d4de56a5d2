"""`make test-pythons`: run the tests of the client on the other Pythons that the package says it supports."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ["tests/unit", "tests/client", "tests/faults"]


def supported_versions() -> list[str]:
    """Return the versions in the package's metadata, without the one that runs this."""
    classifiers = (ROOT / "generated/pyproject.toml").read_text()
    versions = re.findall(r"Python :: (3\.\d+)", classifiers)
    return [version for version in versions if version != f"{sys.version_info.major}.{sys.version_info.minor}"]


def find_python(version: str) -> str | None:
    """Return the path of a Python of that version: from PATH, or one that pyenv has."""
    on_path = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    installed = [str(path) for path in sorted(pyenv.glob(f"versions/{version}.*/bin/python"))]
    for candidate in [on_path, *installed] if on_path else installed:
        # A shim of pyenv is there also for a version that is not switched on.
        if subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return candidate
    return None


def run_tests(version: str, python: str) -> bool:
    """Run the tests in an environment of their own, and tell whether they passed."""
    environment = ROOT / ".venv" / f"python{version}"
    program = str(environment / "bin/python")
    pip = [program, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "venv", "--clear", environment], check=True)
    subprocess.run([*pip, "--require-hashes", "-r", "requirements-dev.txt"], cwd=ROOT, check=True)
    uv = [str(environment / "bin/uv"), "pip", "install", "--quiet", "--offline", "--no-deps", "--python", program]
    subprocess.run([*uv, "./generated"], cwd=ROOT, check=True)
    pytest = [program, "-m", "pytest", "--numprocesses=auto", "--maxprocesses=4", *TESTS]
    return subprocess.run(pytest, cwd=ROOT).returncode == 0


def main() -> None:
    results: dict[str, str] = {}
    for version in supported_versions():
        python = find_python(version)
        if python is None:
            results[version] = "not found on this machine"
            continue
        print(f"Python {version}: setting up an environment. This takes a minute.", flush=True)
        results[version] = "the tests pass" if run_tests(version, python) else "the tests FAIL"
    for version, result in results.items():
        print(f"Python {version}: {result}")
    if any("FAIL" in result for result in results.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
