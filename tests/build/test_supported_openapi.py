"""What of OpenAPI is supported, on the wire and through both clients, and the page that says so."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.generate import main

from .conftest import ROOT
from .supported import COMPONENTS, PATHS, PROGRAM, SCHEMAS, SUPPORTED
from .unsupported import UNSUPPORTED

PAGE = ROOT / "docs" / "supported-openapi.md"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a contract that has everything that is supported."""
    root = tmp_path_factory.mktemp("supported")
    for name in ("generator-config.yml", "templates", "runtime", "examples", "CHANGELOG.md", "LICENSE"):
        (root / name).symlink_to(ROOT / name)
    text = (ROOT / "openapi.yaml").read_text("utf-8")
    text = text.replace("\ncomponents:\n", f"{PATHS}\ncomponents:\n{COMPONENTS}").replace(
        "\n    Lang:\n", f"\n{SCHEMAS}    Lang:\n"
    )
    (root / "openapi.yaml").write_text(text, "utf-8")
    assert main([], root) == 0
    return root / "generated"


@pytest.mark.parametrize("use", SUPPORTED.values(), ids=SUPPORTED)
def test_what_is_supported_is_right_on_the_wire(package: Path, use: str) -> None:
    body = "".join(f"    {line}\n" for line in use.splitlines())
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"def main():\n{body}\n{PROGRAM}"],
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_marks_what_is_deprecated(package: Path) -> None:
    marked = [line for line in (package / "README.md").read_text().splitlines() if "**Deprecated.**" in line]
    assert [re.findall(r"\w+", line)[0] for line in marked] == ["list_old", "L"]


@pytest.mark.parametrize("checker", ["mypy", "basedpyright"])
def test_what_is_supported_type_checks(package: Path, checker: str, request: pytest.FixtureRequest) -> None:
    assert request.config.cache is not None
    cache = request.config.cache.mkdir("mypy")
    root = package.parent
    (root / "mypy.ini").write_text("[mypy]\nstrict = true\nmypy_path = generated\n")
    (root / "pyrightconfig.json").write_text(
        '{"typeCheckingMode": "strict", "include": ["generated/genauth_email"], "extraPaths": ["generated"]}'
    )
    arguments = {
        "mypy": [f"--cache-dir={cache}", "--config-file", "mypy.ini", "-p", "genauth_email"],
        "basedpyright": ["--project", "pyrightconfig.json", "--pythonpath", sys.executable],
    }
    command: list[str | Path] = [Path(sys.executable).parent / checker, *arguments[checker]]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("title", "rows"), [("Supported", SUPPORTED), ("Refused", UNSUPPORTED)])
def test_each_row_of_the_page_has_a_test_and_each_test_a_row(title: str, rows: dict[str, object]) -> None:
    _, _, section = PAGE.read_text("utf-8").partition(f"\n## {title}\n")
    table = re.findall(r"^\| (.+?) \| ", section.partition("\n## ")[0], re.MULTILINE)
    assert table[2:] == list(rows)
