"""The maintainers' pages: their commands and examples work in a copy of the repository."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.changelog import CHANGELOG
from scripts.compatibility import CONFIG, current_version, write_record
from tests.examples.test_readmes import Block, blocks_of, targets

from .conftest import ROOT, commit, copy_repository, make, replace

CONTRIBUTING, WALK = "docs/CONTRIBUTING.md", "docs/changing-the-contract.md"
BIN = Path(sys.executable).parent


def blocks(page: str, language: str) -> list[Block]:
    found = [block for block in blocks_of(page) if block.language == language]
    assert found
    return found


def apply(repository: Path, diff: str) -> None:
    """Apply a diff without line numbers."""
    (name,) = re.findall(r"^\+\+\+ b/(.+)$", diff, re.MULTILINE)
    text = (repository / name).read_text("utf-8")
    _, _, body = diff.partition(f"+++ b/{name}\n")
    for hunk in filter(None, re.split(r"^@@\n", body, flags=re.MULTILINE)):
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        assert text.count(old) == 1, old
        text = text.replace(old, "".join(line[1:] for line in lines if line[0] in " +"))
    (repository / name).write_text(text, "utf-8")


# ---------------------------------------------------------------- CONTRIBUTING.md


@pytest.mark.release
def test_the_examples_of_contributing_work(repository: Path) -> None:
    (example,) = blocks(CONTRIBUTING, "python")
    (name,) = re.findall(r"def (test_\w+)\(\)", example.text)
    # Plain Python, because pytest starts slowly.
    test = [sys.executable, "-c", f"{example.text}\n{name}()"]
    template, runtime = blocks(CONTRIBUTING, "diff")

    apply(repository, template.text)
    before = subprocess.run(test, cwd=repository, capture_output=True, text=True, check=False)
    assert "AssertionError" in before.stderr
    apply(repository, runtime.text)
    subprocess.run(test, cwd=repository, check=True)

    # After these, the version has to be raised.
    assert make(repository, "generate").stdout.splitlines()[:2] == [
        "changed generated/genauth_email/_runtime/redaction.py (+2 -1)",
        "changed generated/pyproject.toml (+1 -0)",
    ]


def test_the_commands_of_contributing_exist() -> None:
    table = re.findall(r"^\| `(.+?)` \|", (ROOT / CONTRIBUTING).read_text("utf-8"), re.MULTILINE)
    assert table
    for command, *arguments in map(shlex.split, table):
        if command == "make":
            assert set(arguments) <= targets()
        else:
            assert (BIN / Path(command).name).exists()
            assert all((ROOT / argument).exists() for argument in arguments if "/" in argument)


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


@pytest.mark.release
def test_the_hooks_pass_on_the_repository_and_stop_a_bad_commit(repository: Path) -> None:
    names = ("ruff check", "ruff format --check", "generated/ is up to date")
    assert run_hooks(repository) == (0, dict.fromkeys(names, "Passed"))

    (repository / "scripts" / "bad.py").write_text("import os\nx = 'unformatted'\n")
    with (repository / "runtime" / "call.py").open("a") as module:
        module.write("# A change.\n")
    assert run_hooks(repository) == (1, dict.fromkeys(names, "Failed"))


# ---------------------------------------------------------------- docs/changing-the-contract.md


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released repository whose contract was changed as the page says."""
    repository = copy_repository(tmp_path_factory.mktemp("changed") / "repository")
    (edit,) = blocks(WALK, "diff")
    # The contract of this repository may already contain the page's change.
    for line in re.findall(r"^\+( .+\n)", edit.text, re.MULTILINE):
        contract = (repository / "openapi.yaml").read_text("utf-8")
        (repository / "openapi.yaml").write_text(contract.replace(line, ""), "utf-8")
    (repository / CHANGELOG).write_text("# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-11-26\n", "utf-8")
    replace(repository / CONFIG, current_version(repository), "1.0.0")
    run(repository, "make generate")
    write_record(repository)
    commit(repository)
    apply(repository, edit.text)
    return repository


def run(repository: Path, command: str) -> str:
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(repository.parent)}
    return subprocess.check_output(shlex.split(command), cwd=repository, env=environment, text=True)


def as_tried(command: str) -> str:
    """Return the command to run instead of the page's one."""
    match command.split():
        case ["make"]:
            return "make generate"  # The rest would also install the package for these tests.
        case ["make", "check", "test"]:
            return "make --dry-run check test"  # This test is one of them.
        case ["make", "release" | "publish" as target, *_]:
            return f"make --dry-run {target}"  # These have their own tests.
        case ["git", "push", *_]:
            return "git push --help"
        case ["uv", *_]:
            return f"{command} --help"  # This is for users' projects.
        case _:
            return command


@pytest.mark.release
def test_the_steps_of_changing_the_contract_work(changed: Path) -> None:
    commands = [line for block in blocks(WALK, "sh") for line in block.text.splitlines()]
    told = blocks(WALK, "markdown")[0].text
    printed: dict[str, str] = {}
    for command in commands:
        if command == "make generate":  # The page describes these edits in words before it.
            replace(changed / CONFIG, "1.0.0", "1.1.0")
            replace(changed / CHANGELOG, "## [Unreleased]\n", f"## [Unreleased]\n\n{told}")
        if command == "make check test":
            for check in ("scripts generate --check", "scripts compatibility", "scripts changelog"):
                run(changed, f"python -m {check}")
        printed[command] = run(changed, as_tried(command))

    assert "channel > CHANNEL_CONFIRM_ORDER is new (needs 1.1.0)" in printed["make"]
    assert printed["make"].endswith("package_version_override: 1.1.0\n")
    assert "changed generated/genauth_email/models/channel.py (+" in printed["make"]
    assert "+    CHANNEL_CONFIRM_ORDER" in printed["git diff generated/"]
    assert run(changed, "git status --short") == ""
    assert run(changed, "git log -1 --format=%s") == "Add a channel for emails that confirm an order\n"
