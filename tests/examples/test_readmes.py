"""Both READMEs: each block of code is run as it is printed, and the tables say what the package does."""

import inspect
import logging
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Generator, Iterator
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import certifi
import genauth_email
import httpx
import pytest
from genauth_email import AsyncAuthenticationClient, AuthenticationClient
from genauth_email.errors import delivery_of

from tests.contract.contract import FAILURES, ROOT, SCHEMAS
from tests.genauth_server import GenAuth
from tests.pipeline.conftest import make


class Block(NamedTuple):
    readme: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.readme}:{self.line}"


def blocks_of(readme: str) -> Iterator[Block]:
    text = (ROOT / readme).read_text()
    for match in re.finditer(r"^( *)```(\w*)\n(.*?\n)\1```$", text, re.DOTALL | re.MULTILINE):
        yield Block(readme, text[: match.start()].count("\n") + 2, match[2], dedent(match[3]))


FROM_ENVIRONMENT = ("app_id", "app_host", "access_token", "lang")
READMES = ["README.md", "generated/README.md"]
BLOCKS = [block for readme in READMES for block in blocks_of(readme)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
FOR_PYTEST = [block for block in PYTHON if re.search(r"def test_|@pytest.fixture", block.text)]
PROGRAMS = [block for block in PYTHON if block not in FOR_PYTEST]
SHELL = [block for block in BLOCKS if block.language == "sh"]
TOML = [block for block in BLOCKS if block.language == "toml"]


@pytest.fixture
def example_host(genauth: GenAuth, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the embedded GenAuth answer whatever is asked of https://example.genauth.ai, through any proxy."""
    send = httpx.HTTPTransport.handle_request

    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.url.scheme, request.url.host) == ("https", "example.genauth.ai")
        url = genauth.url + request.url.path
        redirected = httpx.Request(request.method, url, headers=request.headers, content=request.read())
        with httpx.HTTPTransport() as transport:
            response = send(transport, redirected)
            return httpx.Response(response.status_code, headers=response.headers, content=response.read())

    async def async_answer(request: httpx.Request) -> httpx.Response:
        return answer(request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda _, request: answer(request))
    monkeypatch.setattr(
        httpx.AsyncHTTPTransport, "handle_async_request", lambda _, request: async_answer(request)
    )


@pytest.fixture
def logging_restored() -> Generator[None]:
    yield
    for name in ("genauth_email", "stamina"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_every_block_is_of_a_language_that_is_tested() -> None:
    fences = sum((ROOT / readme).read_text().count("```") for readme in READMES)
    assert fences == 2 * len(BLOCKS)
    assert len(BLOCKS) == len(PYTHON + SHELL + TOML)


@pytest.mark.usefixtures("example_host", "logging_restored")
@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_a_program_runs_and_sends_its_emails(
    block: Block, genauth: GenAuth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(certifi.where(), "company-ca.pem")
    exec(compile(block.text, block.readme, "exec"), {"__name__": "__main__"})
    assert len(genauth.received) == len(re.findall(r"\.(send_email|sync_detailed)\(", block.text))


def test_the_blocks_for_pytest_pass_under_it(tmp_path: Path) -> None:
    tests = [block for block in FOR_PYTEST if "def test_" in block.text]
    assert tests
    for block in FOR_PYTEST:
        name = f"test_{block.line}.py" if block in tests else "conftest.py"
        (tmp_path / name).write_text(block.text)
    command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f" {len(tests)} passed in " in result.stdout


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_a_shell_block_names_verbs_and_options_that_exist(block: Block) -> None:
    # They are not run: they would make this very environment anew, or need a package index.
    subprocess.run(["sh", "-n"], input=block.text, text=True, check=True)
    for line in block.text.splitlines():
        command, *arguments = shlex.split(line, comments=True)
        if command == "make":
            assert {argument for argument in arguments if "=" not in argument} <= verbs()
        elif command != "export":
            tool = [sys.executable, "-m", command, *arguments, "--help"]
            subprocess.run(tool, capture_output=True, check=True)


def verbs() -> set[str]:
    return set(re.findall(r"^make (\w+)", make(ROOT, "help").stdout, re.MULTILINE))


def test_every_verb_that_the_repositorys_readme_mentions_exists() -> None:
    mentioned = re.findall(r"`make ([\w ]+)`", (ROOT / "README.md").read_text())
    assert mentioned
    assert {verb for verbs in mentioned for verb in verbs.split()} <= verbs()


@pytest.mark.parametrize("block", TOML, ids=str)
def test_a_toml_block_pins_our_package_to_an_index_that_it_has(block: Block) -> None:
    # More would need the index.
    uv = tomllib.loads(block.text)["tool"]["uv"]
    assert [index["name"] for index in uv["index"]] == [uv["sources"]["genauth-email"]["index"]]
    assert all(index["explicit"] for index in uv["index"])


def rows(heading: str) -> dict[str, list[str]]:
    """The table below a heading of the package's README, by its first column."""
    section = (ROOT / "generated/README.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {first.strip(" `"): [cell.strip(" `") for cell in rest] for first, *rest in cells}


@pytest.mark.parametrize("kind", [AuthenticationClient, AsyncAuthenticationClient])
def test_the_options_are_those_of_the_constructor(kind: type) -> None:
    table = rows("Options")
    parameters = inspect.signature(kind).parameters
    assert list(table) == list(parameters)
    for name, (variable, *_) in table.items():
        assert variable == (f"GENAUTH_{name.upper()}" if name in FROM_ENVIRONMENT else "")
    assert int(table["max_retries"][1]) == parameters["max_retries"].default
    seconds = float(table["timeout"][1].partition("`")[0])
    assert httpx.Timeout(seconds) == httpx.Timeout(parameters["timeout"].default)


def test_the_errors_are_those_of_the_contract() -> None:
    table = rows("Errors")
    for status_code, name in FAILURES.items():
        number, description, delivery = table[name]
        assert number == str(status_code)
        assert description == SCHEMAS["StatusCode"]["x-enumDescriptions"][str(status_code)]
        assert delivery == delivery_of(status_code)
    exported = {name for name in genauth_email.__all__ if name.endswith("Error")}
    assert set(table) == exported


def test_the_channels_are_those_of_the_contract() -> None:
    assert list(rows("Channels")) == SCHEMAS["Channel"]["enum"]


def test_every_heading_is_found_from_the_top() -> None:
    text = (ROOT / "generated/README.md").read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]
    assert re.findall(r"\[([^]]+)\]\(#([^)]+)\)", text) == list(zip(headings, anchors, strict=True))
