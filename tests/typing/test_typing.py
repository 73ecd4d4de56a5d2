"""The types of the installed package, as strict mypy and pyright see them from a user's directory."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import genauth_email
import pytest

from scripts.interface import interface
from tests.contract.facts import CHANNEL, OTHER_CHANNEL

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
PACKAGE = Path(genauth_email.__file__).parent
PROGRAMS = ["accepted.py", "rejected.py"]
Place = tuple[str, int]  # the name of a program, and a line of it
Check = Callable[[Path, Path], set[Place]]


def run(directory: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    # pyright looks for the packages of the first `python` on the PATH.
    environment = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(directory)}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def program(name: str) -> str:
    """Return the text of a program in this directory, with channels from the contract."""
    text = (HERE / name).read_text()
    return text.replace("CHANNEL_LOGIN", CHANNEL).replace("CHANNEL_VERIFY_MFA", OTHER_CHANNEL)


def mypy(directory: Path, cache: Path) -> set[Place]:
    """Return the lines that mypy rejects."""
    command = [sys.executable, "-m", "mypy", "--strict", "--output=json", f"--cache-dir={cache}", *PROGRAMS]
    result = run(directory, *command)
    assert not result.stderr
    errors = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert {error["file"] for error in errors} <= set(PROGRAMS), result.stdout
    return {(error["file"], error["line"]) for error in errors if error["severity"] == "error"}


def pyright(directory: Path, _: Path) -> set[Place]:
    """Return the lines that pyright rejects."""
    settings = {"typeCheckingMode": "strict", "include": PROGRAMS}
    (directory / "pyrightconfig.json").write_text(json.dumps(settings))
    result = run(directory, BIN / "basedpyright", "--outputjson")
    assert result.returncode in (0, 1), result.stderr
    response = json.loads(result.stdout)
    assert response["summary"]["filesAnalyzed"] == len(PROGRAMS)
    return {
        (Path(diagnostic["file"]).name, diagnostic["range"]["start"]["line"] + 1)
        for diagnostic in response["generalDiagnostics"]
        if diagnostic["severity"] == "error"
    }


@pytest.mark.parametrize("check", [mypy, pyright])
def test_each_mistake_is_rejected_at_its_line_and_everything_else_is_accepted(
    check: Check, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Check the programs in a directory without the package's source."""
    for name in PROGRAMS:
        (tmp_path / name).write_text(program(name))
    assert pytestconfig.cache is not None
    rejected = check(tmp_path, pytestconfig.cache.mkdir("mypy"))

    def lines(places: Iterable[Place]) -> list[str]:
        return [f"{name}:{number}: {program(name).splitlines()[number - 1]}" for name, number in sorted(places)]

    marked = {
        (name, number)
        for name in PROGRAMS
        for number, line in enumerate(program(name).splitlines(), 1)
        if line.endswith("# rejected")
    }
    assert {name for name, _ in marked} == {"rejected.py"}
    assert lines(rejected) == lines(marked)


def test_every_type_of_the_installed_package_is_known(tmp_path: Path) -> None:
    # httpx's own types are not complete.
    command = ["--ignoreexternal", "--verifytypes", "genauth_email", "--outputjson"]
    result = run(tmp_path, BIN / "basedpyright", *command)
    report = json.loads(result.stdout)["typeCompleteness"]
    assert PACKAGE.is_relative_to(sys.prefix)
    assert report["moduleRootDirectory"] == str(PACKAGE)
    assert report["exportedSymbolCounts"]["withKnownType"] > 190
    assert report["completenessScore"] == 1, result.stdout


JSON = re.compile(r"\b(Mapping|dict)\[str, Any\]")
# The endpoint functions accept clients with any language type.
CLIENTS = re.compile(r"\b(Async|Sync)Client\[Any\]")


def test_any_stands_only_for_json_and_languages() -> None:
    types = {name: CLIENTS.sub("", text) for name, _, text in interface(PACKAGE)}
    with_any = {name for name, text in types.items() if "Any" in JSON.sub("", text)}
    assert with_any == {"testing > ReceivedRequest > json"}
    with_json = {name for name, text in types.items() if JSON.search(text)}
    others = {name for name in with_json if not re.search("> (to_dict|from_dict|additional_properties)\\b", name)}
    # Errors are rebuilt from their `args`, one of which is JSON.
    assert others == {"GenAuthError > __init__ > details", "testing > MockServer > sent"}
