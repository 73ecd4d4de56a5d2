"""`make generate` rejects wrong inputs with file, line and reason, and does not change `generated/`."""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from scripts.generate import main

from .conftest import replace, written
from .unsupported import UNSUPPORTED
from .wrong_contracts import WRONG_CONTRACTS, Wrong


class Issue(NamedTuple):
    """A printed line about a wrong input."""

    file: str
    line: int
    reason: str


def issues(inputs: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Issue]:
    """Generate from wrong inputs, and return the printed lines, which must be few and short."""
    assert main(arguments, inputs) == 1
    out, err = capsys.readouterr()
    *lines, end = err.splitlines()
    assert out == ""
    assert end == "generated/ was not changed."
    assert len(lines) < 10
    assert all(len(line) < 400 for line in lines)
    matches = [re.fullmatch(r"([^:]+):(?:(\d+):)? (.+)", line) for line in lines]
    return [Issue(match[1], int(match[2] or 0), match[3]) for match in matches if match]


WRONG = [*WRONG_CONTRACTS, *(case for cases in UNSUPPORTED.values() for case in cases)]


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{number} {wrong.reason}" for number, wrong in enumerate(WRONG)])
def test_a_wrong_contract_is_rejected_with_its_line(
    inputs: Path, capsys: pytest.CaptureFixture[str], wrong: Wrong
) -> None:
    replace(inputs / "openapi.yaml", wrong.old, wrong.new)
    # The check reports the same and writes nothing.
    found = issues(inputs, capsys, "--check")
    text = (inputs / "openapi.yaml").read_bytes().decode().split("\n")
    assert {issue.file for issue in found} == {"openapi.yaml"}
    assert [issue for issue in found if wrong.reason in issue.reason and wrong.at in text[issue.line - 1]], found


@pytest.mark.parametrize(
    ("content", "issue"),
    [
        (b"", Issue("openapi.yaml", 1, "openapi.yaml is empty")),
        (b"# Nothing yet.\n", Issue("openapi.yaml", 1, "openapi.yaml is empty")),
        (b"- openapi: 3.1.0\n", Issue("openapi.yaml", 1, "the file must contain a mapping")),
        (b"openapi: 3.1.0\ninfo:\n  title: Gr\xfc\xdfe\n", Issue("openapi.yaml", 3, "not UTF-8")),
        ("openapi: 3.1.0\n".encode("utf-16"), Issue("openapi.yaml", 1, "not UTF-8")),
    ],
)
def test_a_contract_that_is_not_a_text_or_not_a_mapping_is_rejected(
    inputs: Path, capsys: pytest.CaptureFixture[str], content: bytes, issue: Issue
) -> None:
    (inputs / "openapi.yaml").write_bytes(content)
    assert issues(inputs, capsys) == [issue]


@pytest.mark.parametrize("name", ["openapi.yaml", "generator-config.yml", "CHANGELOG.md", "LICENSE"])
def test_a_missing_input_is_reported(inputs: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (inputs / name).unlink()
    assert main([], inputs) == 1
    assert capsys.readouterr().err == f"{name}: No such file or directory\ngenerated/ was not changed.\n"


@pytest.mark.parametrize(
    ("setting", "wrong", "reason"),
    [
        ("post_hooks:", "posthooks:", "posthooks: this setting is not supported; allowed are project_name_override, "),
        ("post_hooks:", "class_overrides: {Lang: {name: L}}\npost_hooks:", "class_overrides: this setting is not"),
        ("post_hooks:", "literal_enums: true\npost_hooks:", "literal_enums: this setting is not supported"),
        ("post_hooks:", "post_hooks: [", "not valid YAML"),
        ("version_override: ", "version_override: 2.0 # ", "three numbers are needed, such as 1.4.0"),
        ("version_override: ", "version_override: '2.0' # ", "three numbers are needed, such as 1.4.0"),
        ("version_override: ", "version_override: # ", "this is empty: 'string' or 'number' is expected"),
        ("package_version_override: ", "# ", "'package_version_override' is a required property"),
        ("_override: genauth_email", "_override: genauth-mail", "'genauth-mail' is not a name that Python can import"),
        ("_override: genauth_email", "_override: class", "'class' is not a name that Python can import"),
        ("_override: genauth_email", "_override: json", "or would hide a module"),
        ("_override: genauth-email", "_override: genauth email", "'genauth email' is not a valid name for a package"),
        ("  - ruff check", "  - exit 3 #\n  - ruff check", "'exit 3' failed"),
        ("  - ruff check", "  - nothing-like-it\n  - ruff check", "not found"),
    ],
)
def test_a_wrong_config_is_rejected_with_its_line(
    inputs: Path, capsys: pytest.CaptureFixture[str], setting: str, wrong: str, reason: str
) -> None:
    replace(inputs / "generator-config.yml", setting, wrong)
    [issue] = issues(inputs, capsys)
    assert issue.file == "generator-config.yml"
    assert reason in issue.reason
    line = (inputs / "generator-config.yml").read_text().splitlines()[issue.line - 1]
    assert wrong.splitlines()[0] in line or issue.reason.startswith("not valid YAML")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("\n{% if x %}\n", 2, "Unexpected end of template"),
        ("\n{{ x | shout }}\n", 2, "No filter named 'shout'."),
        ("\n{{ contract.title }}", 2, "has no attribute 'title'"),
        ("\n{{ 1 + 'x' }}", 2, "TypeError: unsupported operand"),
        ("{% include 'x.jinja' %}", 1, "TemplateNotFound: x.jinja"),
        ("x = 1\nx = = 2\n", 0, "genauth_email/types.py would not be valid Python: line 2, 'x = = 2'"),
        ("x = '\\d'\n", 0, "invalid escape sequence"),
        ("def f(a, a): ...\n", 0, "duplicate argument 'a'"),
    ],
)
def test_a_wrong_template_is_rejected_with_its_line(
    inputs: Path, capsys: pytest.CaptureFixture[str], text: str, line: int, reason: str
) -> None:
    templates = (inputs / "templates").readlink()
    (inputs / "templates").unlink()
    shutil.copytree(templates, inputs / "templates")
    (inputs / "templates" / "types.py.jinja").write_text(text)
    [issue] = issues(inputs, capsys)
    assert issue.file == ("templates/types.py.jinja" if line else "templates/")
    assert issue.line == line
    assert reason in issue.reason


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("openapi.yaml", "tags: [email]", "tags: [email"),
        ("openapi.yaml", "operationId: sendEmail", "operationId: close"),  # Detected after generating.
        ("generator-config.yml", "  - ruff check", "  - exit 3 #"),
    ],
)
def test_wrong_inputs_change_nothing(
    root: Path, capsys: pytest.CaptureFixture[str], name: str, old: str, new: str
) -> None:
    replace(root / name, old, new)
    before = written(root)
    assert issues(root, capsys)
    assert written(root) == before
