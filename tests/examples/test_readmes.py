"""The READMEs and the pages beside them: each block of code is run as printed, and the tables are correct."""

import inspect
import logging
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple
from urllib.parse import urlsplit

import attrs
import certifi
import genauth_email
import httpx
import pytest
from genauth_email import APIConnectionError, AsyncAuthenticationClient, AuthenticationClient, Channel, GenAuthError
from genauth_email._runtime.outcomes import delivery_of
from genauth_email.api.email import send_email

from tests.build.conftest import make
from tests.client.helpers import MockNetwork
from tests.clients import no_pauses
from tests.contract.facts import CHANNEL, FAILURES, ROOT, SCHEMAS
from tests.contract.operations import CALLS
from tests.servers import MockServer

each_client = pytest.mark.parametrize("kind", [AuthenticationClient, AsyncAuthenticationClient])


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text()
    for match in re.finditer(r"^( *)```(\w*)\n(.*?\n)\1```$", text, re.DOTALL | re.MULTILINE):
        yield Block(page, text[: match.start()].count("\n") + 2, match[2], dedent(match[3]))


FROM_ENVIRONMENT = ("app_id", "app_host", "access_token", "lang")
PACKAGE_README = "generated/README.md"
FOLDER = "generated/genauth_email/docs"
DOCS = [page.relative_to(ROOT).as_posix() for page in sorted((ROOT / FOLDER).iterdir())]
TESTING = f"{FOLDER}/testing-your-code.md"
PAGES = ["README.md", PACKAGE_README, *DOCS]
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
FOR_PYTEST = [block for block in PYTHON if re.search(r"def test_|@pytest.fixture", block.text)]
PROGRAMS = [block for block in PYTHON if block not in FOR_PYTEST]
SHELL = [block for block in BLOCKS if block.language == "sh"]
TOML = [block for block in BLOCKS if block.language == "toml"]
TEXT = [block for block in BLOCKS if block.language == "text"]


@pytest.fixture
def logging_restored() -> Generator[None]:
    yield
    logging.getLogger("genauth_email").setLevel(logging.NOTSET)


def test_every_block_is_in_a_tested_language() -> None:
    fences = sum((ROOT / page).read_text().count("```") for page in PAGES)
    assert fences == 2 * len(BLOCKS)
    assert len(BLOCKS) == len(PYTHON + SHELL + TOML + TEXT)


@pytest.mark.usefixtures("logging_restored")
@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_a_program_runs_and_sends_its_emails(
    block: Block, mock_server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The mock server takes the place of the API and of a proxy, which gets the whole URL.
    mock_server.in_front = lambda request: replace(request, target=urlsplit(request.target).path)
    program = re.sub(r"https://example\.genauth\.ai|http://proxy\.example\.com:3128", mock_server.url, block.text)
    monkeypatch.chdir(tmp_path)
    shutil.copy(certifi.where(), "company-ca.pem")
    exec(compile(program, block.page, "exec"), {"__name__": "__main__"})
    methods = "|".join({call.method for call in CALLS})
    assert len(mock_server.received) == len(re.findall(rf"\.({methods}|sync_detailed)\(", program))


def test_the_blocks_for_pytest_pass_under_it(tmp_path: Path) -> None:
    tests = [block for block in FOR_PYTEST if "def test_" in block.text]
    assert tests
    for block in FOR_PYTEST:
        name = f"test_{PAGES.index(block.page)}_{block.line}.py" if block in tests else "conftest.py"
        (tmp_path / name).write_text(block.text)
    command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f" {len(tests)} passed in " in result.stdout


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_a_shell_block_names_targets_and_options_that_exist(block: Block) -> None:
    # The blocks are not run, because they would rebuild this environment, or need a package index.
    subprocess.run(["sh", "-n"], input=block.text, text=True, check=True)
    for line in block.text.splitlines():
        command, *arguments = shlex.split(line, comments=True)
        if command == "make":
            assert {argument for argument in arguments if "=" not in argument} <= targets()
        elif command != "export":
            module = arguments if command == "python" else ["-m", command, *arguments]
            tool = [sys.executable, *module, "--help"]
            subprocess.run(tool, capture_output=True, check=True)


def targets() -> set[str]:
    return set(re.findall(r"^make (\w+)", make(ROOT, "help").stdout, re.MULTILINE))


@pytest.mark.parametrize("page", [*PAGES, *sorted(f"docs/{page.name}" for page in ROOT.glob("docs/*.md"))])
def test_the_links_targets_and_paths_of_a_page_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text()), target
    for together in re.findall(r"`make ([\w ]+)`", text):
        assert set(together.split()) <= targets(), together
    for path in re.findall(r"`((?:tests|scripts|templates|runtime|docs|generated)/[\w./-]*)`", text):
        assert (ROOT / path).exists(), path


def test_the_packages_readme_links_all_pages_and_examples() -> None:
    text = (ROOT / PACKAGE_README).read_text()
    linked = re.findall(r"^\| \[.*?\]\(([^)]+)\) \|", text, re.MULTILINE)
    assert sorted(f"generated/{page}" for page in linked) == DOCS
    examples = [page.relative_to(ROOT / "generated").as_posix() for page in (ROOT / "generated/examples").iterdir()]
    assert set(examples) == set(re.findall(r"\]\((examples/[^)]+)\)", text))


def test_the_changelog_of_the_package_links_its_pages() -> None:
    copy = (ROOT / FOLDER / "changelog.md").read_text()
    assert copy == (ROOT / "CHANGELOG.md").read_text().replace(f"{FOLDER}/", "")


@pytest.mark.parametrize(("page", "most"), [(PACKAGE_README, 1_000), (f"{FOLDER}/failure-behaviour.md", 900)])
def test_a_page_is_short(page: str, most: int) -> None:
    """Code, tables, folded text and link targets do not count, nor the methods, which the contract describes."""
    not_prose = r"(?ms)^## Methods$.*?(?=^## )|<details>.*?</details>|^ *```.*?^ *```$|^\|.*?$|(?<=\])\([^)]*\)"
    text = re.sub(not_prose, "", (ROOT / page).read_text())
    assert len([word for word in text.split() if re.search(r"\w", word)]) <= most


def anchors(text: str) -> list[str]:
    headings = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("block", TOML, ids=str)
def test_a_toml_block_pins_our_package_to_an_index_that_it_has(block: Block) -> None:
    # Testing more would need the index.
    uv = tomllib.loads(block.text)["tool"]["uv"]
    assert [index["name"] for index in uv["index"]] == [uv["sources"]["genauth-email"]["index"]]
    assert all(index["explicit"] for index in uv["index"])


@pytest.mark.parametrize("block", TEXT, ids=str)
def test_a_text_block_is_in_a_test_with_the_tool_that_it_names(block: Block) -> None:
    # The tool is installed only for `make test-integrations`.
    tests = " ".join((ROOT / "tests/integrations/test_tracing.py").read_text().split())
    assert " ".join(block.text.split()) in tests


def section(heading: str, page: str = PACKAGE_README) -> str:
    """Return the text below a heading, up to the next heading of any level."""
    return re.split(r"\n##+ ", (ROOT / page).read_text().partition(f"# {heading}\n")[2])[0]


def rows(heading: str) -> dict[str, list[str]]:
    """Return the rows of the table below a heading of the package's README, by their first column."""
    cells = [line.strip("|").split("|") for line in section(heading).splitlines() if line.startswith("| `")]
    return {first.strip(" `"): [cell.strip(" `") for cell in rest] for first, *rest in cells}


@each_client
def test_the_options_match_the_constructor(kind: type) -> None:
    table = rows("Options")
    parameters = inspect.signature(kind).parameters
    assert list(table) == list(parameters)
    for name, (variable, *_) in table.items():
        assert variable == (f"GENAUTH_{name.upper()}" if name in FROM_ENVIRONMENT else "")
    assert int(table["max_retries"][1]) == parameters["max_retries"].default
    seconds = float(table["timeout"][1].partition("`")[0])
    assert httpx.Timeout(seconds) == httpx.Timeout(parameters["timeout"].default)


@each_client
def test_the_methods_match_the_clients(kind: type) -> None:
    lines = re.findall(r"^- `(\w+)(\(.*\)) -> (\w+)`: .+\.(?:\*\*)?$", section("Methods"), re.MULTILINE)
    assert {name for name, *_ in lines} == {call.method for call in CALLS}
    for name, arguments, response in lines:
        signature = inspect.signature(getattr(kind, name))
        assert signature.return_annotation == response
        of_every_call = ("self", "lang", "real_ip", "access_token", "timeout")
        listed = re.findall(r"(\w+): ", arguments)
        assert listed == [each for each in signature.parameters if each not in of_every_call]


def test_the_errors_match_the_contract() -> None:
    table = {name: cells for name, cells in rows("Errors").items() if name.endswith("Error")}
    for status_code, name in FAILURES.items():
        number, description, delivery = table[name]
        assert number == str(status_code)
        assert description == SCHEMAS["StatusCode"]["x-enumDescriptions"][str(status_code)]
        assert delivery.startswith(delivery_of(status_code, 200, send_email.OPERATION.deduplication_interval))
        of_all = {delivery_of(status_code, 200, call.operation.deduplication_interval) for call in CALLS}
        assert set(re.findall("not_sent|unknown", delivery)) == of_all
    exported = {name for name in genauth_email.__all__ if name.endswith("Error")}
    assert set(table) == exported


def test_the_attributes_of_errors_are_listed() -> None:
    listed = " ".join(name for name in rows("Errors") if not name.endswith("Error"))
    attributes = {name for name, value in vars(GenAuthError).items() if isinstance(value, property)}
    assert set(re.findall(r"\w+", listed)) == {name for name in attributes if not name.startswith("_")}


@pytest.mark.parametrize("name", [name for name in SCHEMAS if f"{name}Literal" in genauth_email.__all__])
def test_the_enums_of_arguments_match_the_contract(name: str) -> None:
    descriptions = SCHEMAS[name].get("x-enumDescriptions", {})
    table = {value: meaning.removesuffix("**Deprecated.**").rstrip() for value, (meaning,) in rows(name).items()}
    assert table == {value: descriptions.get(value, "") for value in SCHEMAS[name]["enum"]}


def test_every_field_of_a_response_is_listed() -> None:
    models = set(re.findall(r"^- `\w+\(.*\) -> (\w+)`", section("Methods"), re.MULTILINE))
    for name in models:
        fields = [each.name for each in attrs.fields(getattr(genauth_email, name)) if each.init]
        assert list(rows(name)) == fields


def test_every_heading_is_found_from_the_top() -> None:
    text = (ROOT / PACKAGE_README).read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    top = text.partition("\n## ")[0]
    found = re.findall(r"\[([^]]+)\]\(#([^)]+)\)", top)
    assert [name for name, _ in found] == headings
    assert {anchor for _, anchor in found} <= set(anchors(text))


def test_the_table_of_simulated_errors_is_correct() -> None:
    text = section("A connection that cannot be opened", TESTING)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    (_, *errors), _, *table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert table
    for libraries, *outcomes in table:
        for error, outcome in zip(errors, outcomes, strict=True):
            network = MockNetwork(getattr(httpx, error.strip("`").removeprefix("httpx."))("simulated"))
            # These libraries read the request first. tests/mock and tests/integrations test each of them.
            reads = "MockTransport" in libraries
            transport = httpx.MockTransport(network.transport.handle_request) if reads else network.transport
            client = AuthenticationClient("my-app", http_client=httpx.Client(transport=transport))
            with no_pauses(), pytest.raises(APIConnectionError) as caught:
                client.send_email(Channel(CHANNEL), "test@example.com")
            retries = "retries" if len(network.requests) > 1 else "no retry"
            assert outcome == f"`{caught.value.delivery}`, {retries}"
