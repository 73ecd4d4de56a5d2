"""The pages for those who keep this repository: what they say to type works, in a copy."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.test_readmes import Block, anchors, blocks_of, targets

from .conftest import ROOT, copy_repository, make

CONTRIBUTING, SECURITY, WALK = "CONTRIBUTING.md", "SECURITY.md", "docs/changing-the-contract.md"
PAGES = [CONTRIBUTING, SECURITY, *sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").glob("*.md"))]


def blocks(page: str, language: str) -> list[Block]:
    found = [block for block in blocks_of(page) if block.language == language]
    assert found
    return found


def apply(repository: Path, diff: str) -> None:
    """Make the change that a diff without line numbers shows."""
    (name,) = re.findall(r"^\+\+\+ b/(.+)$", diff, re.MULTILINE)
    text = (repository / name).read_text("utf-8")
    _, _, body = diff.partition(f"+++ b/{name}\n")
    for hunk in filter(None, re.split(r"^@@\n", body, flags=re.MULTILINE)):
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        assert text.count(old) == 1, old
        text = text.replace(old, "".join(line[1:] for line in lines if line[0] in " +"))
    (repository / name).write_text(text, "utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_exists(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", (ROOT / page).read_text("utf-8")):
        path, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text("utf-8")), target


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for together in re.findall(r"`make ([\w ]+)`", text):
        assert set(together.split()) <= targets(), together
    for path in re.findall(r"`((?:tests|scripts|templates|runtime|docs|generated)/[\w./-]*)`", text):
        assert (ROOT / path).exists(), path


# ---------------------------------------------------------------- CONTRIBUTING.md


def test_the_examples_of_contributing_work(repository: Path) -> None:
    (example,) = blocks(CONTRIBUTING, "python")
    (name,) = re.findall(r"def (test_\w+)\(\)", example.text)
    # By Python alone, as pytest would take its time to start.
    test = [sys.executable, "-c", f"{example.text}\n{name}()"]
    template, runtime = blocks(CONTRIBUTING, "diff")

    apply(repository, template.text)
    before = subprocess.run(test, cwd=repository, capture_output=True, text=True, check=False)
    assert "AssertionError" in before.stderr
    apply(repository, runtime.text)
    subprocess.run(test, cwd=repository, check=True)

    assert make(repository, "generate").stdout.splitlines() == [
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
            assert (Path(sys.executable).parent / Path(command).name).exists()
            assert all((ROOT / argument).exists() for argument in arguments if "/" in argument)


# ---------------------------------------------------------------- docs/changing-the-contract.md


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with its history, whose contract was changed as the page says."""
    repository = copy_repository(tmp_path_factory.mktemp("changed") / "repository")
    for command in ("git init --quiet", "git add --all", "git commit --quiet --message before"):
        run(repository, command)
    (edit,) = blocks(WALK, "diff")
    apply(repository, edit.text)
    return repository


def run(repository: Path, command: str) -> str:
    person = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(repository.parent), **person}
    arguments = shlex.split(command)
    return subprocess.run(arguments, cwd=repository, env=environment, capture_output=True, text=True, check=True).stdout


def as_tried(command: str) -> str:
    """Return the command that is run in the place of one of the page."""
    match command.split():
        case ["make"]:
            return "make generate"  # The rest of it would install the package for these very tests, too.
        case ["make", "check", "test"]:
            return "make --dry-run check test"  # This is one of those tests.
        case ["uv", *_]:
            return f"{command} --help"  # It is for the users' projects.
        case _:
            return command


def test_the_walk_of_a_change_works_as_far_as_the_commit(changed: Path) -> None:
    commands = [line for block in blocks(WALK, "sh") for line in block.text.splitlines()]
    # The release and what follows it have tests of their own.
    commands = [each for each in commands if not each.startswith(("make release", "make publish"))]
    printed = {command: run(changed, as_tried(command)) for command in commands}

    assert "changed generated/genauth_email/models/channel.py (+" in printed["make"]
    assert "breaks" not in printed["make"]
    assert "+    CHANNEL_CONFIRM_ORDER" in printed["git diff generated/"]
    assert run(changed, "git status --short") == ""
    assert run(changed, "git log --format=%s").splitlines() == [
        "Add a channel for emails that confirm an order",
        "before",
    ]
    program = "from genauth_email import Channel; print(Channel.CHANNEL_CONFIRM_ORDER)"
    users = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(changed / "generated")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert users.stdout == "CHANNEL_CONFIRM_ORDER\n"
