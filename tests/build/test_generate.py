"""`make generate`: the same inputs give the same bytes, and wrong ones are rejected with file, line and reason."""

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

from scripts.generate import main
from tests.contract.facts import CHANNEL_TEXT as SHIPPED_TEXT

from .conftest import CHANNEL, CHANNEL_TEXT, ROOT, make, replace
from .unsupported import UNSUPPORTED
from .wrong_contracts import FIRST_FIELD, LANG, LAST_NAME, PATH, WRONG_CONTRACTS

INPUTS = (
    "openapi.yaml",
    "generator-config.yml",
    "templates",
    "runtime",
    "examples",
    "CHANGELOG.md",
    "LICENSE",
    "generated",
)


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    """The inputs and what they give, to be spoilt."""
    return shutil.copytree(pristine, tmp_path / "root")


def state(directory: Path) -> dict[str, tuple[bytes | None, int]]:
    """Every file and directory, with its bytes and when it was written to."""
    return {
        str(path.relative_to(directory)): (
            path.read_bytes() if path.is_file() else None,
            path.stat().st_mtime_ns,
        )
        for path in [directory, *directory.rglob("*")]
    }


def contents(directory: Path) -> dict[str, bytes | None]:
    return {name: content for name, (content, _) in state(directory).items()}


class Issue(NamedTuple):
    """What is printed about wrong inputs."""

    file: str
    line: int
    reason: str


def issues(root: Path, capsys: pytest.CaptureFixture[str]) -> list[Issue]:
    """Generate from wrong inputs: nothing changes, and a few short lines are printed."""
    before = state(root / "generated")

    assert main([], root) == 1

    out, err = capsys.readouterr()
    *lines, end = err.splitlines()
    assert out == ""
    assert end == "generated/ was not changed."
    assert state(root / "generated") == before
    assert sorted(path.name for path in root.iterdir()) == sorted(INPUTS)
    assert len(lines) < 10
    assert all(len(line) < 400 for line in lines)
    matches = [re.fullmatch(r"([^:]+):(?:(\d+):)? (.+)", line) for line in lines]
    return [Issue(match[1], int(match[2] or 0), match[3]) for match in matches if match]


def test_generated_is_what_the_inputs_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


# ---------------------------------------------------------------- the same inputs, the same bytes


def test_a_second_run_touches_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = state(root / "generated")
    assert main([], root) == 0
    assert state(root / "generated") == before
    assert capsys.readouterr().out == "generated/ is up to date.\n"


def test_what_was_there_before_makes_no_difference(root: Path, pristine: Path) -> None:
    shutil.rmtree(root / "generated")
    assert main([], root) == 0
    assert contents(root / "generated") == contents(pristine / "generated")


@pytest.mark.parametrize(
    ("environment", "umask"),
    [
        ({"PYTHONHASHSEED": "1"}, 0o077),
        ({"PYTHONHASHSEED": "2", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, 0o002),
    ],
)
def test_the_environment_makes_no_difference(
    repository: Path, environment: dict[str, str], umask: int, tmp_path: Path
) -> None:
    shutil.rmtree(repository / "generated")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run(
        [sys.executable, "-m", "scripts.generate"],
        cwd=elsewhere,
        env={"PYTHONPATH": str(repository), **environment},
        umask=umask,
        check=True,
    )
    assert contents(repository / "generated") == contents(ROOT / "generated")


def test_what_the_inputs_no_longer_give_is_gone(root: Path, pristine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generated = root / "generated"
    (generated / "genauth_email" / "api" / "sms").mkdir()
    (generated / "genauth_email" / "api" / "sms" / "send_sms.py").write_text("x = 1\n")
    (generated / "README.md").unlink()
    (generated / "genauth_email" / "types.py").write_text("")

    assert main([], root) == 0

    assert contents(generated) == contents(pristine / "generated")
    assert re.fullmatch(
        r"new     generated/README.md \(\+\d+ -0\)\n"
        r"gone    generated/genauth_email/api/sms/send_sms.py \(\+0 -1\)\n"
        r"changed generated/genauth_email/types.py \(\+\d+ -0\)\n",
        capsys.readouterr().out,
    )


def test_what_changed_is_printed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(root / "openapi.yaml", CHANNEL_TEXT, f"{CHANNEL}: Something else.")
    assert main([], root) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "changed generated/genauth_email/models/channel.py (+2 -2)" in printed
    assert all(re.fullmatch(r"changed generated/\S+ \(\+([12]) -\1\)", line) for line in printed)


def test_a_change_of_the_runtime_alone_is_found(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (root / "runtime" / "call.py").open("a") as module:
        module.write("# A change.\n")
    assert main(["--check"], root) == 1
    assert "changed generated/genauth_email/_runtime/call.py (+1 -0)\n" in capsys.readouterr().out

    assert main([], root) == 0
    assert capsys.readouterr().out == "changed generated/genauth_email/_runtime/call.py (+1 -0)\n"


def test_a_check_shows_what_differs_and_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(root / "openapi.yaml", CHANNEL_TEXT, f"{CHANNEL}: 登录。")
    before = state(root)

    assert main(["--check"], root) == 1

    out, err = capsys.readouterr()
    assert "changed generated/genauth_email/models/channel.py (+2 -2)\n" in out
    assert f'-    """{CHANNEL_TEXT.partition(": ")[2]}"""\n+    """登录。"""\n' in out
    assert err == "generated/ is not up to date: run `make generate` and commit it.\n"
    assert state(root) == before


def test_a_check_can_be_read_where_characters_are_missing(repository: Path) -> None:
    replace(repository / "openapi.yaml", SHIPPED_TEXT, f"{SHIPPED_TEXT} 登录。")
    done = subprocess.run(
        [sys.executable, "-m", "scripts.generate", "--check"],
        cwd=repository,
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
    )
    assert rb' \u767b\u5f55\u3002"""' in done.stdout
    assert b"Traceback" not in done.stderr


# ---------------------------------------------------------------- wrong inputs


WRONG = {
    **WRONG_CONTRACTS,
    **{f"{row} ({index})": case for row, cases in UNSUPPORTED.items() for index, case in enumerate(cases)},
}


@pytest.mark.parametrize(("edit", "at", "reason"), WRONG.values(), ids=WRONG)
def test_a_wrong_contract_is_rejected_with_its_line(
    root: Path, capsys: pytest.CaptureFixture[str], edit: tuple[str, str], at: str, reason: str
) -> None:
    replace(root / "openapi.yaml", *edit)
    found = issues(root, capsys)
    text = (root / "openapi.yaml").read_bytes().decode().split("\n")
    assert {issue.file for issue in found} == {"openapi.yaml"}
    assert [issue for issue in found if reason in issue.reason and at in text[issue.line - 1]], found


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
def test_a_contract_that_is_no_text_or_no_mapping_is_rejected(
    root: Path, capsys: pytest.CaptureFixture[str], content: bytes, issue: Issue
) -> None:
    (root / "openapi.yaml").write_bytes(content)
    assert issues(root, capsys) == [issue]


def test_a_pair_of_escapes_is_one_character_as_in_json(root: Path) -> None:
    replace(root / "openapi.yaml", "message: Sent", r'message: "\ud83d\ude00"')
    assert main([], root) == 0
    assert "\U0001f600" in (root / "generated" / "genauth_email" / "testing.py").read_text("utf-8")


def test_lines_of_the_summary_are_joined_by_spaces(root: Path) -> None:
    replace(root / "openapi.yaml", "summary: Have GenAuth", "summary: |\n    Have\n    GenAuth")
    assert main([], root) == 0
    metadata = tomllib.loads((root / "generated" / "pyproject.toml").read_text("utf-8"))
    assert metadata["project"]["description"].startswith("Have GenAuth send an email to a user. A typed")


def test_an_example_of_a_failure_needs_no_more_than_its_status_code_and_message(root: Path) -> None:
    replace(
        root / "openapi.yaml", "      required: [statusCode, message]", "      required: [statusCode, message, data]"
    )
    replace(root / "openapi.yaml", FIRST_FIELD, f"        data: {{type: string}}\n{FIRST_FIELD}")
    replace(root / "openapi.yaml", "message: Sent", "message: Sent, data: x")
    assert main([], root) == 0


def test_an_example_of_a_request_needs_no_field_that_is_read_only(root: Path) -> None:
    replace(root / "openapi.yaml", "required: [channel, email]", "required: [channel, email, id]")
    replace(root / "openapi.yaml", "        email:\n", "        id: {type: string, readOnly: true}\n        email:\n")
    assert main([], root) == 0


@pytest.mark.parametrize("name", ["openapi.yaml", "generator-config.yml"])
def test_a_missing_input_is_reported(root: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (root / name).unlink()
    assert main([], root) == 1
    assert capsys.readouterr().err == f"{name}: No such file or directory\ngenerated/ was not changed.\n"


def test_a_contract_can_begin_with_a_byte_order_mark(root: Path) -> None:
    text = (root / "openapi.yaml").read_bytes()
    (root / "openapi.yaml").write_bytes(b"\xef\xbb\xbf" + text)
    assert main(["--check"], root) == 0


@pytest.mark.parametrize(
    ("edit", "at", "reason"),
    [
        (("post_hooks:", "posthooks:"), "posthooks", "posthooks: Extra inputs are not permitted"),
        (("version_override: ", "version_override: 0.1 # "), "0.1", "Input should be a valid string"),
        (("post_hooks:", "post_hooks: ["), "- ruff", "not valid YAML"),
        (
            ("post_hooks:", "class_overrides: {Lang: {name: L}}\npost_hooks:"),
            "Lang",
            "class_overrides: this setting is not supported: remove it",
        ),
        (("post_hooks:", "literal_enums: true\npost_hooks:"), "literal_enums", "this setting is not supported"),
        (
            ("package_name_override: genauth_email", "package_name_override: genauth-mail"),
            "genauth-mail",
            "'genauth-mail' is not a name that Python can import, such as genauth_email",
        ),
        (("_name_override: genauth_email", "_name_override: class"), "class", "'class' is not a name that Python can"),
        (
            ("project_name_override: genauth-email", "project_name_override: genauth email"),
            "genauth email",
            "'genauth email' is not a name of a package in an index, such as genauth-email",
        ),
        (("  - ruff check", "  - exit 3 #\n  - ruff check"), "- exit 3", "'exit 3' failed"),
        (("  - ruff check", "  - nothing-like-it\n  - ruff check"), "- nothing", "not found"),
    ],
)
def test_a_wrong_config_is_rejected_with_its_line(
    root: Path, capsys: pytest.CaptureFixture[str], edit: tuple[str, str], at: str, reason: str
) -> None:
    replace(root / "generator-config.yml", *edit)
    [issue] = issues(root, capsys)
    assert issue.file == "generator-config.yml"
    assert reason in issue.reason
    assert at in (root / "generator-config.yml").read_text().splitlines()[issue.line - 1]


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
    root: Path, capsys: pytest.CaptureFixture[str], text: str, line: int, reason: str
) -> None:
    (root / "templates" / "types.py.jinja").write_text(text)
    [issue] = issues(root, capsys)
    assert issue.file == ("templates/types.py.jinja" if line else "templates/")
    assert issue.line == line
    assert reason in issue.reason


# ---------------------------------------------------------------- in the middle


def test_ctrl_c_does_not_come_between_the_two_steps(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace(root / "openapi.yaml", CHANNEL_TEXT, f"{CHANNEL}: Something else.")
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    assert main([], root) == 0
    monkeypatch.undo()

    assert main(["--check"], root) == 0
    assert sorted(path.name for path in root.iterdir()) == sorted(INPUTS)


def test_a_step_that_fails_is_undone(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(root / "openapi.yaml", CHANNEL_TEXT, f"{CHANNEL}: Something else.")
    before = state(root / "generated")
    rename = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise OSError(28, "No space left on device", str(target))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    assert main([], root) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert state(root / "generated") == before


@pytest.fixture
def waiting(repository: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A run that has come as far as the hooks, and waits there."""
    os.mkfifo(tmp_path / "there")
    os.mkfifo(tmp_path / "never")
    replace(
        repository / "generator-config.yml",
        "post_hooks:\n",
        f"post_hooks:\n  - echo > {tmp_path / 'there'}; cat {tmp_path / 'never'}\n",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.generate"],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        # Where the tests run in the background of a script, they ignore it, and what they start does too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        (tmp_path / "there").read_text()
        yield process
        process.kill()


def test_ctrl_c_leaves_everything_as_it_was(repository: Path, waiting: "subprocess.Popen[str]") -> None:
    before = state(repository / "generated")

    os.killpg(waiting.pid, signal.SIGINT)

    assert waiting.communicate(timeout=60)[0] == "Interrupted.\n"
    assert waiting.returncode == 130
    assert state(repository / "generated") == before
    assert not list(repository.glob(".generated-*"))


def test_what_a_killed_run_left_is_removed_by_the_next(repository: Path, waiting: "subprocess.Popen[str]") -> None:
    os.killpg(waiting.pid, signal.SIGKILL)
    waiting.wait()
    assert list(repository.glob(".generated-*"))
    shutil.copy2(ROOT / "generator-config.yml", repository)

    assert main([], repository) == 0

    assert not list(repository.glob(".generated-*"))
    assert main(["--check"], repository) == 0


def test_leftovers_of_any_kind_are_removed(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (root / ".generated-link").symlink_to(elsewhere)
    (root / ".generated-file").touch()
    protected = root / ".generated-protected"
    (protected / "new").mkdir(parents=True)
    (protected / "new" / "file").touch()
    (protected / "new").chmod(0o500)
    protected.chmod(0o500)

    assert main([], root) == 0

    assert sorted(path.name for path in root.iterdir()) == sorted(INPUTS)
    assert (elsewhere / "precious").exists()


def test_two_at_once_wait_for_each_other(repository: Path) -> None:
    replace(repository / "openapi.yaml", SHIPPED_TEXT, f"{SHIPPED_TEXT} And more.")
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "scripts.generate"],
            cwd=repository,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    first, second = sorted(run.communicate()[0] for run in runs)
    assert [run.returncode for run in runs] == [0, 0]
    assert first.startswith("changed generated/")
    assert second.startswith("generated/ is up to date.\n")


# ---------------------------------------------------------------- through make


def test_no_network_is_needed(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("""\
import socket, sys

def refuse(*args, **options):
    open(__file__ + ".tried", "a").write(f"{sys.argv} {args}")
    raise OSError("the network is unreachable")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
""")
    offline = {
        "PYTHONPATH": str(tmp_path),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    shutil.rmtree(repository / "generated")

    done = make(repository, "generate", **offline)

    assert done.returncode == 0, done.stderr
    assert contents(repository / "generated") == contents(ROOT / "generated")
    assert not (tmp_path / "sitecustomize.py.tried").exists()
    probe = [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"]
    assert b"unreachable" in subprocess.run(probe, env=offline, capture_output=True, check=False).stderr


def test_make_ends_with_the_reason(repository: Path) -> None:
    replace(repository / "openapi.yaml", "required: [channel, email]", "required: yes")
    before = state(repository / "generated")

    done = make(repository, "generate")

    assert done.returncode == 2
    reason, end, makes = done.stderr.splitlines()
    assert re.fullmatch(
        r"openapi.yaml:\d+: components > schemas > SendEmailDto > required: 'yes' is not of type 'array'",
        reason,
    )
    assert end == "generated/ was not changed."
    assert makes.startswith("make: *** ")
    assert state(repository / "generated") == before


# ---------------------------------------------------------------- a contract is input, not code

# What would end the string or the docstring that it is in, or mean something to Jinja or to a shell.
PAYLOADS = [
    (
        "\"\"\"\npwned()\n\"\"\"\n'''\npwned()\n'''\r\npwned()\r    pwned()"
        'pwned()\x85pwned()\u2028pwned()\n"\n[tool.pwned]\n'
        "\n```python\npwned()\n```\n```sh\ntouch pwned\n```\n"
        "{{ cycler.__init__.__globals__.os.system('touch pwned') }} {% raw %} #} {#"
        "{pwned()} {0} %s $(touch pwned) \\N{pwned} \\x \\u \\U \\d \u202e)(denwp\u202c 🎂"
    ),
    'It ends with "a quote"',
    'It ends with a backslash and a quote \\"',
    'It ends with three quotes """',
    "It ends with a backslash \\",
]


def with_texts(node: Any, text: str) -> Any:
    """The contract with `text` in place of what is there for people."""
    if isinstance(node, list):
        return [with_texts(item, text) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: dict.fromkeys(value, text)
        if key == "x-enumDescriptions"
        else text
        if key in ("description", "summary") and isinstance(value, str)
        else with_texts(value, text)
        for key, value in node.items()
    }


def generated_from(root: Path, contract: Any) -> dict[str, str]:
    """The code that a contract gives, without the strings in it, the keys of the package's metadata, and the
    blocks of code in its README."""
    with (root / "openapi.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(contract, file)
    assert main([], root) == 0
    made: dict[str, str] = {}
    for path in (root / "generated").rglob("*.py"):
        tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = ""
        made[str(path.relative_to(root))] = ast.dump(tree)
    metadata = tomllib.loads((root / "generated" / "pyproject.toml").read_text("utf-8"))
    made["pyproject.toml"] = str([*metadata, *metadata["project"], *metadata["tool"]])
    readme = (root / "generated" / "README.md").read_text("utf-8")
    made["README.md"] = "".join(re.findall(r"^ *```.*?^ *```", readme, re.DOTALL | re.MULTILINE))
    return made


@pytest.fixture(scope="module")
def harmless(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = shutil.copytree(pristine, tmp_path_factory.mktemp("harmless") / "root")
    return generated_from(root, hostile_contract(root, "It is harmless"))


def hostile_contract(root: Path, text: str) -> Any:
    contract = with_texts(YAML(typ="safe").load(root / "openapi.yaml"), text)
    contract["info"].update(title=text, contact={"name": text}, license={"name": text, "identifier": text})
    label = "".join(filter(str.isprintable, text))
    contract["info"]["x-project-urls"] = {label: f"https://example.com/{''.join(text.split())}"}
    contract["servers"][0]["variables"] |= {"other": {"default": text}}
    operation = contract["paths"]["/api/v3/send-email"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    content["examples"] = {text.splitlines()[0]: {"value": {"channel": CHANNEL, "email": text}}}
    for example in operation["responses"]["200"]["content"]["application/json"]["examples"].values():
        example["value"] |= {"message": text, "more": [text, 1.5, True, None]}
    contract["components"]["schemas"]["SendEmailRespDto"]["properties"]["kind"] = {
        "type": "string",
        "default": text,
        "examples": [text],
        "example": text,
        "pattern": "x*",
        "$comment": text,
    }
    return contract


@pytest.mark.parametrize("payload", PAYLOADS)
def test_texts_of_a_contract_are_never_code(root: Path, harmless: dict[str, str], payload: str) -> None:
    assert generated_from(root, hostile_contract(root, payload)) == harmless
    assert not (root / "pwned").exists()
    assert not Path("pwned").exists()


def test_a_hostile_contracts_package_is_imported_and_no_more_happens(root: Path, tmp_path: Path) -> None:
    generated_from(root, hostile_contract(root, "\n".join(PAYLOADS).replace("pwned()", "open('pwned', 'w')")))
    program = """\
import importlib, pkgutil, genauth_email
for module in pkgutil.walk_packages(genauth_email.__path__, "genauth_email."):
    importlib.import_module(module.name)
    print(module.name)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root / "generated")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    modules = (root / "generated" / "genauth_email").rglob("*.py")
    assert len(done.stdout.splitlines()) == len(list(modules)) - 1
    assert not (tmp_path / "pwned").exists()


NAMES = ['x"\'); pwned(); {{ x.pwned }} """ \\', "x\n    pwned()\n"]
REAL_IP = '- $ref: "#/components/parameters/realIp"'
# The keys of a contract have no line break in them.
KEYS = [
    ("        apiCode:\n", "        {}:\n"),
    ("message: Sent", "{}: 5, message: x"),
    ("              LogIn:\n", "              {}:\n"),
]
VALUES = [
    ("name: x-genauth-lang", "name: {}"),
    ("name: x-genauth-app-id", "name: {}"),
    ("tags: [email]", "tags: [{}]"),
    (REAL_IP, "- {{name: {}, in: query, schema: {{type: string}}}}"),
    ("  - name: email\n", "  - name: {}\n"),
    (FIRST_FIELD, "        kind: {{type: string, format: {}}}\n" + FIRST_FIELD),
]
MORE_VALUES = [
    (REAL_IP, "- {{name: {}, in: header, schema: {{type: string}}}}"),
    (FIRST_FIELD, "        kind: {{title: {}, type: object, properties: {{}}}}\n" + FIRST_FIELD),
]
NAMES_IN_PYTHON = [
    ("      host:\n        default:", "      {}:\n        default:"),
    (f"value: {{channel: {CHANNEL}", f"value: {{{{{{}}: {CHANNEL}"),
    ("  - appId: []\n", "  - {}: []\n"),
    ("operationId: sendEmail", "operationId: {}"),
    (PATH, "  {}:\n"),
    (PATH, "  ? {}\n  :\n"),
    (LAST_NAME, "        - {}\n"),
    ("enum: [zh-CN", "enum: [{}, zh-CN"),
    (LANG, "    {}: {{type: object, properties: {{a: {{type: string}}}}}}\n" + LANG),
    ("type: apiKey", "type: {}"),
    (FIRST_FIELD, "        kind: {{type: integer, default: {}}}\n" + FIRST_FIELD),
    (FIRST_FIELD, "        kind: {{enum: [{}]}}\n" + FIRST_FIELD),
]


def put_name(root: Path, edit: tuple[str, str], name: str) -> None:
    """Put a name into the contract, in the place of another."""
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    replace(root / "openapi.yaml", edit[0], edit[1].format(quoted))


@pytest.mark.parametrize(
    ("edits", "name"),
    [(KEYS, NAMES[0]), *[(edits, name) for edits in (VALUES, MORE_VALUES) for name in NAMES]],
)
def test_names_of_a_contract_are_never_code(root: Path, edits: list[tuple[str, str]], name: str) -> None:
    for edit in edits:
        put_name(root, edit, name)
    assert main([], root) == 0
    for path in (root / "generated").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            assert "pwned" not in [getattr(node, field, None) for field in ("id", "attr", "name", "arg")]


@pytest.mark.parametrize(
    ("edit", "name"),
    [*[(edit, NAMES[1]) for edit in KEYS], *[(edit, name) for edit in NAMES_IN_PYTHON for name in NAMES]],
)
def test_a_name_that_can_be_none_in_python_is_rejected(
    root: Path, capsys: pytest.CaptureFixture[str], edit: tuple[str, str], name: str
) -> None:
    put_name(root, edit, name)
    assert {issue.file for issue in issues(root, capsys)} == {"openapi.yaml"}
