"""Copies of the repository, in which tests run make as a person would."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scripts.generate import main
from tests.servers.index import Index, serve

ROOT = Path(__file__).parents[2]

# Parts of the small contract, `contract.yaml`.
CHANNEL, OTHER_CHANNEL = "CHANNEL_LOGIN", "CHANNEL_REGISTER"
CHANNEL_TEXT = f"{CHANNEL}: Log in."

# The inputs of `generated/`.
INPUTS = ("openapi.yaml", "generator-config.yml", "templates", "runtime", "examples", "CHANGELOG.md", "LICENSE")


def link_inputs(root: Path) -> Path:
    """Put the inputs into a folder: the small contract, which is quick to read, the config, and links to the rest."""
    root.mkdir(exist_ok=True)
    shutil.copy2(Path(__file__).with_name("contract.yaml"), root / "openapi.yaml")
    shutil.copy2(ROOT / "generator-config.yml", root)
    for name in INPUTS[2:]:
        (root / name).symlink_to(ROOT / name)
    return root


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Only the inputs, with the small contract. A test may change them."""
    return link_inputs(tmp_path / "inputs")


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs as files, with the small contract, and the generated package."""
    linked = link_inputs(tmp_path_factory.mktemp("linked"))
    assert main([], linked) == 0
    return shutil.copytree(linked, tmp_path_factory.mktemp("pristine") / "root")


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    """The inputs and the generated package. A test may change them."""
    return shutil.copytree(pristine, tmp_path / "root")


def contents(directory: Path) -> dict[str, bytes | None]:
    """Return every file and directory, with its bytes."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
        if path.name != "__pycache__" and path.parent.name != "__pycache__"
    }


def written(directory: Path) -> dict[str, tuple[bytes | None, int]]:
    """Return the contents and the modification time of every file and directory."""
    return {name: (content, (directory / name).stat().st_mtime_ns) for name, content in contents(directory).items()}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return copy_repository(tmp_path / "repository")


def copy_repository(copy: Path) -> Path:
    """Copy the working tree with uncommitted files, but without its history.

    The copy shares the tests' environment, and make considers that up to date. Anything that make installs there
    (`make`, `make test` and `make serve` install generated/) is installed for the tests too.
    """
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listing, cwd=ROOT, text=True).split("\0"):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)

    # A separate directory with new stamps: `make` would empty an environment that is older than the copy.
    environment = copy / ".venv"
    environment.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (environment / name).symlink_to(Path(sys.prefix, name))
    for stamp in ("environment", "package"):
        (environment / stamp).touch()
    return copy


def give_environment(copy: Path) -> None:
    """Give a copy its own environments, in which make can install generated/. Dependencies come from the repository.

    So do the contract's linters, which `make test` has installed.
    """
    shutil.rmtree(copy / ".venv")
    purelib = Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    for environment in (Path(".venv"), Path(".venv", "lowest")):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", copy / environment], check=True)
        # An environment may refer to others, as the one with the lowest versions does.
        others = [ROOT / environment / purelib, ROOT / ".venv" / purelib]
        (copy / environment / purelib / "tests.pth").write_text("\n".join(map(str, others)))
        (copy / environment / "environment").touch()
    for tool in Path(sys.prefix, "bin").iterdir():
        copied = copy / ".venv" / "bin" / tool.name
        if copied.exists():
            continue
        if (content := tool.read_bytes()).startswith(b"#!"):
            # The script's first line names its Python.
            copied.write_bytes(content.replace(sys.prefix.encode(), bytes(copy / ".venv")))
            copied.chmod(0o755)
        else:
            copied.symlink_to(tool)
    linters = Path("tests", "contract", "lint", "node_modules")
    (copy / linters).symlink_to(ROOT / linters)
    if (cache := ROOT / ".mypy_cache").exists():  # It exists after `make check`, and saves most of mypy's time.
        shutil.copytree(cache, copy / cache.name)


@pytest.fixture
def index(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Generator[Index]:
    """An empty index. A parameter has its options."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "index").mkdir()
    with serve(tmp_path / "index", **getattr(request, "param", {})) as index:
        yield index


def build_archives(package: Path, directory: Path) -> list[Path]:
    """Build a package's wheel and sdist without make, which is slower."""
    uv = [sys.executable, "-m", "uv", "build", "--quiet", "--offline", "--no-create-gitignore"]
    subprocess.run([*uv, "--out-dir", directory, package], check=True)
    return sorted(directory.iterdir())


def git(repository: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=repository, text=True)


def commit(repository: Path, *, tag: str = "") -> None:
    """Commit everything in a copy, and optionally tag the commit."""
    if not (repository / ".git").exists():
        git(repository, "init", "--quiet", "--initial-branch", "main")
        git(repository, "config", "user.name", "Test")
        git(repository, "config", "user.email", "test@example.com")
        # These are links here, and directories in the repository.
        (repository / ".git" / "info" / "exclude").write_text(".venv\nnode_modules\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Change")
    if tag:
        git(repository, "tag", tag)


def make(repository: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make in `repository`, without the settings of the tests' own make, of uv and of pip."""
    return subprocess.run(
        ["make", *arguments],
        cwd=repository,
        env={"PATH": os.environ["PATH"], "HOME": str(repository.parent), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def extend(contract: Path, more: str) -> None:
    """Add what a YAML file beside this one has to a contract."""

    def add(node: Any, parts: Any) -> None:
        for key, part in parts.items():
            if key not in node:
                node[key] = part
            elif isinstance(part, list):
                node[key] += part
            else:
                add(node[key], part)

    yaml = YAML()
    extended = yaml.load(contract)
    add(extended, yaml.load(Path(__file__).with_name(more)))
    yaml.dump(extended, contract)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
