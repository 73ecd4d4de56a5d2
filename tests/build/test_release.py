"""`make release`, from the first release to a user who upgrades to the second, and its refusals.

Here `make check` only checks the changelog, and `make test` does nothing, because the suite would run itself.
"""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import publish
from scripts.compatibility import RECORD
from scripts.generate import main as generate
from scripts.release import main
from tests.servers.index import PASSWORD, USERNAME, Index

from .conftest import CHANNEL, OTHER_CHANNEL, ROOT, commit, git, replace

NEW_CHANNEL = "CHANNEL_OF_THE_WALK"
MAKEFILE = f"""
check:
	@{sys.executable} -m scripts changelog
test test-lowest test-release:
build:
	@rm -rf dist && {sys.executable} -m uv build --quiet --offline --no-create-gitignore --out-dir dist generated
"""
CHANGES = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Everything.\n"


@pytest.fixture
def repository(pristine: Path, tmp_path: Path) -> Path:
    """A repository before its first release."""
    repository = shutil.copytree(pristine, tmp_path / "repository")
    shutil.copytree(ROOT / "scripts", repository / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (repository / "docs").mkdir()
    (repository / ".gitignore").write_text("__pycache__/\n/dist/\n", "utf-8")
    (repository / "Makefile").write_text(MAKEFILE, "utf-8")
    (repository / "CHANGELOG.md").write_text(CHANGES, "utf-8")
    commit(repository)
    return repository


def state(repository: Path) -> tuple[str, str, str]:
    return git(repository, "rev-parse", "HEAD"), git(repository, "tag"), git(repository, "status", "--porcelain")


def upload(repository: Path, index: Index) -> None:
    publish.publish(publish.build(repository), publish.Index(index.url, f"{index.url}/simple/", (USERNAME, PASSWORD)))


class User:
    """Somebody who installs the package. The dependencies come from the tests' environment."""

    def __init__(self, venv: Path, index: Index) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        (site_packages,) = venv.glob("lib/python*/site-packages")
        (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
        self.venv = venv
        self.simple = f"{index.url.replace('//', f'//{USERNAME}:{PASSWORD}@')}/simple/"

    def upgrade(self, *more: str) -> list[str]:
        """Install the newest version, and return it with its channels."""
        pip = [sys.executable, "-m", "pip", "--isolated", "--quiet", "--python", str(self.venv), "install"]
        # The dependencies come from the tests' environment, which also contains this package.
        options = ["--force-reinstall", "--no-cache-dir", "--no-deps", "--index-url", self.simple]
        subprocess.run([*pip, *options, *more, "genauth-email"], check=True)
        program = "import genauth_email as g; print(g.__version__, *g.Channel)"
        return subprocess.check_output([self.venv / "bin" / "python", "-I", "-c", program], text=True).split()


@pytest.mark.release
def test_a_contract_changes_from_release_to_release(
    repository: Path, index: Index, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    contract = repository / "openapi.yaml"
    user = User(tmp_path / "user", index)

    assert main("1.0.0", repository) == 0
    assert "Released 1.0.0, as a commit with the tag v1.0.0." in capfd.readouterr().out
    assert git(repository, "log", "--format=%s").splitlines() == ["Release 1.0.0", "Change"]
    assert git(repository, "status", "--porcelain") == ""
    upload(repository, index)
    assert user.upgrade()[0] == "1.0.0"

    replace(contract, f"        - {OTHER_CHANNEL}\n", f"        - {OTHER_CHANNEL}\n        - {NEW_CHANNEL}\n")
    replace(contract, f"        {OTHER_CHANNEL}: ", f"        {NEW_CHANNEL}: Walk.\n        {OTHER_CHANNEL}: ")
    assert generate([], repository) == 0
    replace(repository / "CHANGELOG.md", "## [Unreleased]\n", f"## [Unreleased]\n\n### Added\n\n- `{NEW_CHANNEL}`.\n")
    commit(repository)
    before = state(repository)
    assert main("1.0.1", repository) == 1
    told = capfd.readouterr().err
    assert f"channel > {NEW_CHANNEL} is new (needs 1.1.0)" in told
    assert "error: 1.0.1 is too low: make release VERSION=1.1.0\n" in told
    assert state(repository) == before
    assert main("1.1.0rc1", repository) == 0
    assert "## [1.1.0rc1]" not in (repository / "CHANGELOG.md").read_text("utf-8")
    upload(repository, index)
    assert user.upgrade()[0] == "1.0.0"
    assert user.upgrade("--pre")[0] == "1.1.0rc1"
    assert main("1.1.0", repository) == 0
    upload(repository, index)
    version, *channels = user.upgrade()
    assert version == "1.1.0"
    assert NEW_CHANNEL in channels
    assert CHANNEL in channels
    assert len(index.files) == 6
    assert git(repository, "tag").split() == ["v1.0.0", "v1.1.0", "v1.1.0rc1"]


# ---------------------------------------------------------------- refusals


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The files that `make release` reads before it begins."""
    shutil.copy(ROOT / "generator-config.yml", tmp_path)
    (tmp_path / "CHANGELOG.md").write_text(CHANGES, "utf-8")
    commit(tmp_path)
    return tmp_path


RECORDED = {"version": "1.4.2", "hashes": {"1.5.0rc2": ""}, "facts": {}}
NOT_A_VERSION = "is not a version: three numbers are needed, such as 1.4.0, or 1.4.0rc1 for a release candidate"


@pytest.mark.parametrize(
    ("record", "version", "told"),
    [
        (None, "", "VERSION is missing: make release VERSION=1.4.0"),
        (None, "1.x", f"VERSION: '1.x' {NOT_A_VERSION}"),
        (None, "1.1.0", "the first release must be 1.0.0: make release VERSION=1.0.0"),
        (None, "1.0.0rc1", "the first release must be 1.0.0: make release VERSION=1.0.0"),
        (RECORDED, "1.4.2", "VERSION must be higher than 1.4.2, the last release"),
        (RECORDED, "1.4.2rc1", "VERSION must be higher than 1.4.2, the last release"),
        (RECORDED, "1.5.0rc2", "1.5.0rc2 was released already: make release VERSION=1.5.0rc3"),
    ],
)
def test_a_wrong_version_is_refused_before_anything_is_done(
    small: Path, capsys: pytest.CaptureFixture[str], record: object, version: str, told: str
) -> None:
    if record:
        (small / RECORD).parent.mkdir()
        (small / RECORD).write_text(json.dumps(record), "utf-8")
    before = state(small)
    assert main(version, small) == 1
    assert capsys.readouterr() == ("", f"error: {told}\n")
    assert state(small) == before


def leave_uncommitted(repository: Path) -> None:
    (repository / "new").touch()


def set_the_tag(repository: Path) -> None:
    git(repository, "tag", "v1.0.0")


def empty_the_changelog(repository: Path) -> None:
    replace(repository / "CHANGELOG.md", "### Added\n\n- Everything.\n", "")
    commit(repository)


def remove_git(repository: Path) -> None:
    shutil.rmtree(repository / ".git")


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (leave_uncommitted, "there are uncommitted changes:\n?? new\nCommit them, or stash them"),
        (set_the_tag, "the tag v1.0.0 already exists\n"),
        (empty_the_changelog, "CHANGELOG.md:3: there is nothing under `## [Unreleased]`: tell users what"),
        (remove_git, "`git status` failed: fatal: not a git repository"),
    ],
)
def test_an_unready_repository_is_not_released(
    small: Path, capsys: pytest.CaptureFixture[str], prepare: Callable[[Path], None], told: str
) -> None:
    prepare(small)
    assert main("1.0.0", small) == 1
    assert capsys.readouterr().err.startswith(f"error: {told}")


def test_a_release_whose_tests_fail_leaves_everything_as_it_was(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (repository / "Makefile").write_text("check:\n\t@cat *.yml CHANGELOG.md\ntest:\n\t@exit 1\n", "utf-8")
    commit(repository)
    before = state(repository)
    assert main("1.0.0", repository) == 1
    printed, complaint = capfd.readouterr()
    assert "package_version_override: 1.0.0\n" in printed
    assert re.search(r"## \[Unreleased\]\n\n## \[1\.0\.0\] - \d{4}-\d\d-\d\d\n\n### Added\n\n- Everything", printed)
    assert complaint.splitlines()[-2:] == ["Nothing was changed.", "error: `make test` failed"]
    assert state(repository) == before
    assert not (repository / RECORD).exists()
