"""A contract is input, not code: no text or name in it can end a string or have a meaning in Jinja or a shell."""

import ast
import re
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scripts.generate import main

from .conftest import CHANNEL, link_inputs, replace
from .wrong_contracts import FIRST_FIELD, LANG, LAST_NAME, PATH

# Texts that would end their string or docstring, or have a meaning in Jinja or a shell.
PAYLOADS = [
    (
        "\"\"\"\npwned()\n\"\"\"\n'''\npwned()\n'''\r\npwned()\r    pwned()"
        'pwned()\x85pwned()\u2028pwned()\n"\n[tool.pwned]\n'
        "\n```python\npwned()\n```\n```sh\ntouch pwned\n```\n"
        "| pwned |\n| pwned |\n"
        "{{ cycler.__init__.__globals__.os.system('touch pwned') }} {% raw %} #} {#"
        "{pwned()} {0} %s $(touch pwned) \\N{pwned} \\x \\u \\U \\d \u202e)(denwp\u202c 🎂"
    ),
    'It ends with "a quote"',
    'It ends with a backslash and a quote \\"',
    'It ends with three quotes """',
    "It ends with a backslash \\",
]


def with_texts(node: Any, text: str) -> Any:
    """Return the contract with `text` in place of every text meant for people."""
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


def hostile_contract(contract: Any, text: str) -> Any:
    contract = with_texts(contract, text)
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


def generated_with(inputs: Path, text: str) -> dict[str, str]:
    """Return the generated code of a contract with `text`, without strings.

    It includes the keys of the package's metadata, and the code blocks and the number of table cells in its README.
    """
    yaml = YAML(typ="safe")
    contract = hostile_contract(yaml.load(inputs / "openapi.yaml"), text)
    yaml.dump(contract, inputs / "openapi.yaml")
    assert main([], inputs) == 0
    made: dict[str, str] = {}
    for path in (inputs / "generated").rglob("*.py"):
        tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = ""
        made[str(path.relative_to(inputs))] = ast.dump(tree)
    metadata = tomllib.loads((inputs / "generated" / "pyproject.toml").read_text("utf-8"))
    made["pyproject.toml"] = str([*metadata, *metadata["project"], *metadata["tool"]])
    readme = (inputs / "generated" / "README.md").read_text("utf-8")
    made["README.md"] = "".join(re.findall(r"^ *```.*?^ *```", readme, re.DOTALL | re.MULTILINE))
    rows = [line for line in readme.splitlines() if line.startswith("|")]
    made["README.md"] += str([len(re.findall(r"(?<!\\)\|", row)) for row in rows])
    return made


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return generated_with(link_inputs(tmp_path_factory.mktemp("harmless")), "It is harmless")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_texts_of_a_contract_are_never_code(inputs: Path, harmless: dict[str, str], payload: str) -> None:
    assert generated_with(inputs, payload) == harmless
    assert not (inputs / "pwned").exists()
    assert not Path("pwned").exists()


NAMES = ['x"\'); pwned(); {{ x.pwned }} """ \\', "x\n    pwned()\n"]
# The keys of a contract cannot contain a line break.
KEYS = [
    ("        apiCode:\n", "        NAME:\n"),
    ("message: Sent", "NAME: 5, message: x"),
    ("              LogIn:\n", "              NAME:\n"),
]
VALUES = [
    ("name: x-genauth-lang", "name: NAME"),
    ("name: x-genauth-app-id", "name: NAME"),
    ("tags: [email]", "tags: [NAME]"),
    ('- $ref: "#/components/parameters/realIp"', "- {name: NAME, in: query, schema: {type: string}}"),
    ("  - name: email\n", "  - name: NAME\n"),
    (FIRST_FIELD, "        kind: {type: string, format: NAME}\n" + FIRST_FIELD),
    (FIRST_FIELD, "        sort: {title: NAME, type: object, properties: {}}\n" + FIRST_FIELD),
]
# Two headers cannot have one name.
HEADER = [('- $ref: "#/components/parameters/lang"', "- {name: NAME, in: header, schema: {type: string}}")]
NAMES_IN_PYTHON = [
    ("      host:\n        default:", "      NAME:\n        default:"),
    (f"value: {{channel: {CHANNEL}", f"value: {{NAME: {CHANNEL}"),
    ("  - appId: []\n", "  - NAME: []\n"),
    ("operationId: sendEmail", "operationId: NAME"),
    (PATH, "  NAME:\n"),
    (PATH, "  ? NAME\n  :\n"),
    (LAST_NAME, "        - NAME\n"),
    ("enum: [zh-CN", "enum: [NAME, zh-CN"),
    (LANG, "    NAME: {type: object, properties: {a: {type: string}}}\n" + LANG),
    ("type: apiKey", "type: NAME"),
    (FIRST_FIELD, "        kind: {type: integer, default: NAME}\n" + FIRST_FIELD),
    (FIRST_FIELD, "        kind: {enum: [NAME]}\n" + FIRST_FIELD),
]


def put_name(inputs: Path, edit: tuple[str, str], name: str) -> None:
    """Replace a name in the contract."""
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    replace(inputs / "openapi.yaml", edit[0], edit[1].replace("NAME", quoted))


@pytest.mark.parametrize(("edits", "name"), [(KEYS, NAMES[0]), *product((VALUES, HEADER), NAMES)])
def test_names_of_a_contract_are_never_code(inputs: Path, edits: list[tuple[str, str]], name: str) -> None:
    for edit in edits:
        put_name(inputs, edit, name)
    assert main([], inputs) == 0
    for path in (inputs / "generated").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            assert "pwned" not in [getattr(node, field, None) for field in ("id", "attr", "name", "arg")]


@pytest.mark.parametrize(
    ("edit", "name"),
    [*[(edit, NAMES[1]) for edit in KEYS], *[(edit, name) for edit in NAMES_IN_PYTHON for name in NAMES]],
)
def test_a_name_that_python_cannot_have_is_rejected(
    inputs: Path, capsys: pytest.CaptureFixture[str], edit: tuple[str, str], name: str
) -> None:
    put_name(inputs, edit, name)
    assert main(["--check"], inputs) == 1
    *lines, _ = capsys.readouterr().err.splitlines()
    assert all(re.match(r"openapi\.yaml:\d+: ", line) for line in lines)
