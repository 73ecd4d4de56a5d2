"""The hooks of pre-commit: they pass on the repository as it is, and stop what `make check` would."""

import subprocess
import sys
from pathlib import Path

import pytest


def run_hooks(repository: Path, *hooks: str) -> tuple[int, dict[str, str]]:
    """Run the hooks on all files, and return the exit code and the result of each hook by its name."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(repository.parent),
        # Nothing is cloned or installed.
        "http_proxy": "http://127.0.0.1:1",
        "https_proxy": "http://127.0.0.1:1",
    }
    for command in (["git", "init", "--quiet"], ["git", "add", "--all"]):
        subprocess.run(command, cwd=repository, env=environment, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", *hooks, "--all-files", "--color=never"],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    results = [line.partition("...") for line in done.stdout.splitlines() if line.endswith(("Passed", "Failed"))]
    return done.returncode, {name: result.strip(".") for name, _, result in results}


def test_the_hooks_pass_on_the_repository(repository: Path) -> None:
    names = ("ruff check", "ruff format --check", "generated/ is up to date")
    assert run_hooks(repository) == (0, dict.fromkeys(names, "Passed"))


@pytest.mark.parametrize(
    ("hook", "file", "text"),
    [
        ("ruff-check", "scripts/bad.py", "import os\n"),
        ("ruff-format", "scripts/bad.py", "x = 'unformatted'\n"),
        ("generated", "runtime/call.py", "# A change.\n"),
    ],
)
def test_a_hook_stops_a_bad_commit(repository: Path, hook: str, file: str, text: str) -> None:
    with (repository / file).open("a") as module:
        module.write(text)
    code, results = run_hooks(repository, hook)
    assert (code, list(results.values())) == (1, ["Failed"])
