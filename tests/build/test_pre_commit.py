"""The pre-commit hooks pass on the repository, and stop commits that `make check` would refuse."""

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import commit

pytestmark = pytest.mark.release


# Nothing is cloned or installed.
OFFLINE = {"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}


def run_hooks(repository: Path) -> tuple[int, dict[str, str]]:
    """Run the hooks on all files, and return the exit code and each hook's result by name."""
    commit(repository)
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color=never"],
        cwd=repository,
        env={"PATH": "/usr/bin:/bin", "HOME": str(repository.parent), **OFFLINE},
        capture_output=True,
        text=True,
        check=False,
    )
    results = [line.partition("...") for line in done.stdout.splitlines() if line.endswith(("Passed", "Failed"))]
    return done.returncode, {name: result.strip(".") for name, _, result in results}


def test_the_hooks_pass_on_the_repository_and_stop_a_bad_commit(repository: Path) -> None:
    names = ("ruff check", "ruff format --check", "generated/ is up to date")
    assert run_hooks(repository) == (0, dict.fromkeys(names, "Passed"))

    (repository / "scripts" / "bad.py").write_text("import os\nx = 'unformatted'\n")
    with (repository / "runtime" / "call.py").open("a") as module:
        module.write("# A change.\n")
    assert run_hooks(repository) == (1, dict.fromkeys(names, "Failed"))
