"""What a person does at the Makefile, done in a copy of the repository."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from scripts.generate import main

ROOT = Path(__file__).parents[2]

# Of the small contract, `contract.yaml`.
CHANNEL, OTHER_CHANNEL = "CHANNEL_LOGIN", "CHANNEL_REGISTER"
CHANNEL_TEXT = f"{CHANNEL}: Log in."


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs, with a contract that is small enough to be read quickly, and what they give."""
    pristine = tmp_path_factory.mktemp("pristine")
    shutil.copy2(Path(__file__).with_name("contract.yaml"), pristine / "openapi.yaml")
    for name in ("generator-config.yml", "CHANGELOG.md", "LICENSE"):
        shutil.copy2(ROOT / name, pristine)
    for name in ("templates", "runtime", "examples"):
        shutil.copytree(ROOT / name, pristine / name)
    assert main([], pristine) == 0
    return pristine


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return copy_repository(tmp_path / "repository")


def copy_repository(copy: Path) -> Path:
    """Make `copy` a copy of the repository as it lies here, uncommitted files too, without its history.

    Its environment is the one that the tests run in, and make takes it to be up to date. What make installs
    there (`make`, `make test` and `make serve` install generated/) is installed for the tests too.
    """
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listing, cwd=ROOT, text=True).split("\0"):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)

    # A directory of its own, because its stamps have to be newer than the copy and the tests' are none of its
    # business: `make` would empty an environment that it finds to be old.
    environment = copy / ".venv"
    environment.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (environment / name).symlink_to(Path(sys.prefix, name))
    for stamp in ("environment", "package"):
        (environment / stamp).touch()
    return copy


def give_environment(copy: Path) -> None:
    """Give a copy environments of its own, in which make installs generated/. All else is that of the repository.

    The linters of the contract are too: `make test` has installed them.
    """
    shutil.rmtree(copy / ".venv")
    purelib = Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    for environment in (Path(".venv"), Path(".venv", "lowest")):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", copy / environment], check=True)
        # An environment may name others itself, as that of the lowest versions does.
        others = [ROOT / environment / purelib, ROOT / ".venv" / purelib]
        (copy / environment / purelib / "tests.pth").write_text("\n".join(map(str, others)))
        (copy / environment / "environment").touch()
    for tool in (ROOT / ".venv" / "bin").iterdir():
        copied = copy / ".venv" / "bin" / tool.name
        if copied.exists():
            continue
        if (content := tool.read_bytes()).startswith(b"#!"):
            # It names the Python that it runs in.
            copied.write_bytes(content.replace(bytes(ROOT / ".venv"), bytes(copy / ".venv")))
            copied.chmod(0o755)
        else:
            copied.symlink_to(tool)
    linters = Path("tests", "contract", "lint", "node_modules")
    (copy / linters).symlink_to(ROOT / linters)
    if (cache := ROOT / ".mypy_cache").exists():  # After `make check`. It saves most of the time that mypy takes.
        shutil.copytree(cache, copy / cache.name)


def git(repository: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=repository, text=True)


def commit(repository: Path, *, tag: str = "") -> None:
    """Commit everything that is in a copy, and tag it."""
    if not (repository / ".git").exists():
        git(repository, "init", "--quiet", "--initial-branch", "main")
        git(repository, "config", "user.name", "Test")
        git(repository, "config", "user.email", "test@example.com")
        # Links, where the repository has directories.
        (repository / ".git" / "info" / "exclude").write_text(".venv\nnode_modules\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Change")
    if tag:
        git(repository, "tag", tag)


def make(repository: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make in `repository`. What is set for the tests' own make, for uv or for pip does not reach it."""
    return subprocess.run(
        ["make", *arguments],
        cwd=repository,
        env={"PATH": os.environ["PATH"], "HOME": str(repository.parent), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
