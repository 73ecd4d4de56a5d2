"""A change that users notice, in the package's interface or on the wire, needs a version that shows it."""

import json
import re
import shutil
from pathlib import Path

import pytest

from scripts.changelog import check_changelog
from scripts.changes import Change, Fact, Part, changes, fold
from scripts.compatibility import (
    CONFIG,
    RECORD,
    Version,
    current_version,
    facts_of,
    last_release,
    needed_version,
    write_record,
)
from scripts.compatibility import main as check_version
from scripts.document import Document
from scripts.generate import main
from scripts.interface import interface
from scripts.wire import wire

from .conftest import OTHER_CHANNEL, ROOT, replace

MAJOR, MINOR = Part.MAJOR, Part.MINOR

OPERATION = "POST /api/v3/send-email"
NAME = "operationId: sendEmail"
QUERY = "{name: dryRun, in: query, schema: {type: boolean}}"


# ---------------------------------------------------------------- versions


@pytest.mark.parametrize("text", ["1.x", "1.0", "1.0.0.0", "01.0.0", "1.0.0rc0", "1.0.0rc", "v1.0.0", "", "1.0.0-"])
def test_a_version_is_three_numbers_with_an_optional_candidate(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version: three numbers are needed"):
        Version.parse(text)


def test_a_candidate_comes_before_its_release_and_after_the_last_one() -> None:
    versions = ["1.4.2rc1", "1.4.2rc2", "1.4.2rc10", "1.4.2", "1.4.3rc1"]
    assert [str(version) for version in sorted(map(Version.parse, reversed(versions)))] == versions


# ---------------------------------------------------------------- which part a change raises


PARAMETER = "Client > send > "


@pytest.mark.parametrize(
    ("key", "before", "after", "part"),
    [
        ("Channel > LOGIN", None, "= 'LOGIN'", MINOR),
        ("Channel > LOGIN", "= 'LOGIN'", None, MAJOR),
        ("Channel > LOGIN", "= 'LOGIN'", "= 'LOG_IN'", MAJOR),
        (f"{PARAMETER}note", None, "optional keyword-only: str | None = None", MINOR),
        (f"{PARAMETER}note", None, "required keyword-only: str", MAJOR),
        (f"{PARAMETER}note", "optional keyword-only: str = ''", None, MAJOR),
        (f"{PARAMETER}note", "required keyword-only: str", "optional keyword-only: str = ''", MINOR),
        (f"{PARAMETER}note", "required keyword-only: str", "required keyword-only: int | str", MINOR),
        (f"{PARAMETER}note", "required keyword-only: int | str", "required keyword-only: str", MAJOR),
        (f"{PARAMETER}note", "optional keyword-only: str = ''", "required keyword-only: str", MAJOR),
        (f"{PARAMETER}note", "optional keyword-only: str = ''", "optional keyword-only: str = 'x'", MAJOR),
        (f"{PARAMETER}note", "required positional or keyword 1: str", "required keyword-only: str", MAJOR),
        (f"{PARAMETER}note", "required positional or keyword 1: str", "required positional or keyword 2: str", MAJOR),
        ("Client > send", "function -> Response", "async function -> Response", MAJOR),
        ("Client > send", "function -> Response", "function -> Response | None", MAJOR),
        ("POST /send > body > note", None, "optional string", MINOR),
        ("POST /send > body > note", None, "required string", MAJOR),
        ("POST /send > body > note", "optional string", "required string", MAJOR),
        ("POST /send > body > note", "required string", "optional string | null", MINOR),
        ("POST /send > response > note", None, "required string", MINOR),
        ("POST /send > response > note", "optional string", "required string", MINOR),
        ("POST /send > response > note", "required string", "optional string", MAJOR),
        ("POST /send > response > note", "required string", "required string | null", MAJOR),
        ("POST /send > response > note", "optional string", None, MAJOR),
        ("POST /send", "operation send", "operation sendEmail", MAJOR),
        ("POST /send", "operation send, deprecated", "operation send", MINOR),
        ("POST /send > deduplication", "within 60 seconds", None, MAJOR),
        ("POST /send > security appId", "header x-app-id", "header x-app", MAJOR),
    ],
)
def test_each_change_raises_a_part_of_the_version(key: str, before: str | None, after: str | None, part: Part) -> None:
    old = {} if before is None else {key: before}
    new = {} if after is None else {key: Fact(after, "openapi.yaml:7")}
    parents = [" > ".join(key.split(" > ")[:end]) for end in range(key.count(" > ") + 1)]
    found = list(changes(dict.fromkeys(parents, "") | old, dict.fromkeys(parents, Fact("", "x")) | new))
    assert [each.part for each in found] == [part]
    assert ("which breaks users' code" in str(found[0])) == (part is MAJOR)


def test_adding_or_removing_something_as_a_whole_is_one_change() -> None:
    contract = {"": Fact("contract", "openapi.yaml:5")}
    method = {"": "contract", "send": "function", "send > email": "required keyword-only: str"}
    placed = contract | {key: Fact(text, "openapi.yaml:7") for key, text in method.items() if key}
    assert list(map(str, changes({"": "contract"}, placed))) == ["openapi.yaml:7: send is new"]
    assert list(map(str, changes(method, contract))) == ["openapi.yaml:5: send was removed, which breaks users' code"]


# ---------------------------------------------------------------- the facts


def test_the_interface_has_members_of_enums_literals_inherited_methods_and_their_arguments() -> None:
    found = {key: text for key, _, text in interface(ROOT / "generated" / "genauth_email")}
    assert found["AuthenticationClient > close"] == "function -> None"
    assert found["AsyncAuthenticationClient > send_email"] == "async function -> SendEmailRespDto"
    assert found["AuthenticationClient > send_email > email"] == "required positional or keyword 2: str"
    assert found["AuthenticationClient > __init__ > max_retries"].startswith("optional keyword-only: int = ")
    assert found["StatusCode > THROTTLE_ERROR"] == "= 429"
    assert found["LangLiteral > 'ja-JP'"] == "value"
    assert found["models > Channel"] == "the same as Channel"
    assert not [key for key in found if "_runtime" in key or (" > _" in key and " > __" not in key)]


def test_members_inherited_from_a_public_class_are_described_only_there() -> None:
    found = {key: text for key, _, text in interface(ROOT / "generated" / "genauth_email")}
    assert found["APITimeoutError"] == "class(APIConnectionError)"
    assert "GenAuthError > delivery" in found
    assert found["APIConnectionError > delivery"] == found["APITimeoutError > delivery"] == "inherited"
    assert "AuthenticationClient > close" in found  # Inherited from a private class.

    # If the class inherited it before, this may break users' code. Its parts are no changes of their own.
    init = "APITimeoutError > __init__"
    is_own = {**found, init: "function -> None", f"{init} > text": "required positional or keyword 1: str"}
    (change,) = changes(found, {key: Fact(text, "errors.py:7") for key, text in is_own.items()})
    assert change.part is MAJOR
    assert str(change).startswith(f"errors.py:7: {init} changed from `inherited` to `function -> None`")

    # What is removed from the public class is one change.
    fewer = {key: Fact(text, "errors.py:7") for key, text in found.items() if not key.endswith("Error > delivery")}
    assert [each.key for each in changes(found, fewer)] == ["GenAuthError > delivery"]


def test_the_wire_has_methods_paths_headers_names_and_what_is_required() -> None:
    found = {key: text for key, _, text in wire(Document(ROOT / "openapi.yaml"))}
    operation = "POST /api/v3/send-email"
    assert found[operation] == "operation sendEmail"
    assert found[f"{operation} > header x-genauth-lang"] == "optional string"
    assert found[f"{operation} > security appId"] == "header x-genauth-app-id"
    assert found[f"{operation} > body > email"] == "required string"
    assert found[f"{operation} > response > message"] == "required string"
    assert found[f"{operation} > deduplication"] == "within 60 seconds"
    assert found["server > host"] == "default api.genauth.ai"


def test_all_parts_of_a_schema_are_facts(tmp_path: Path) -> None:
    (tmp_path / "openapi.yaml").write_text(
        """
servers: [{url: https://example.com}]
paths:
  /users:
    get:
      operationId: listUsers
      responses: {"200": {content: {application/json: {schema: {$ref: "#/components/schemas/User"}}}}}
components:
  schemas:
    Named: {type: object, properties: {name: {type: string}}}
    User:
      allOf:
        - $ref: "#/components/schemas/Named"
        - {type: object, required: [name], properties: {any: true, boss: {$ref: "#/components/schemas/User"}}}
        - {type: object, properties: {tags: {type: array, items: {type: string, enum: [a, b]}}}}
""",
        "utf-8",
    )
    response = "GET /users > response"
    contract = Document(tmp_path / "openapi.yaml")
    assert {key: text for key, _, text in wire(contract) if key.startswith(f"{response} > ")} == {
        f"{response} > name": "required string",
        f"{response} > any": "optional any",
        f"{response} > boss": "optional object",
        f"{response} > tags": "optional array",
        f"{response} > tags > items": "string",
        f"{response} > tags > items > a": "value",
        f"{response} > tags > items > b": "value",
    }
    (a,) = (location for key, location, _ in wire(contract) if key == f"{response} > tags > items > a")
    assert contract.place(a) == "openapi.yaml:15"


# ---------------------------------------------------------------- the version, and the record of the last release


@pytest.fixture(scope="module")
def released(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with release 1.4.2 and no changes since."""
    root = shutil.copytree(pristine, tmp_path_factory.mktemp("released") / "root")
    (root / "docs").mkdir()
    set_version(root, "1.4.2")
    assert main([], root) == 0
    write_record(root)
    return root


@pytest.fixture
def root(released: Path, tmp_path: Path) -> Path:
    return shutil.copytree(released, tmp_path / "root")


def set_version(root: Path, version: str) -> None:
    replace(root / CONFIG, current_version(root), version)


def line_of_the_version(root: Path) -> int:
    return int(Document(root / CONFIG).place(("package_version_override",)).partition(":")[2])


def test_without_a_change_the_version_can_stay_but_not_fall(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], root) == check_version(root) == 0
    assert capsys.readouterr().out == (
        "generated/ is up to date.\nVersion 1.4.2 is high enough for what changed since the last release.\n"
    )
    set_version(root, "1.4.1")
    assert str(needed_version(root)[0]) == "1.4.3"


def test_removing_a_channel_needs_a_major_version_and_the_line_is_reported(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = root / "openapi.yaml"
    replace(contract, f"        - {OTHER_CHANNEL}\n", "")
    text = contract.read_text("utf-8")
    contract.write_text(re.sub(rf"        {OTHER_CHANNEL}: .*\n", "", text), "utf-8")

    assert main([], root) == 0
    capsys.readouterr()
    assert check_version(root) == 1
    line = 1 + text.splitlines().index("    Channel:")
    assert capsys.readouterr().out.splitlines() == [
        f"openapi.yaml:{line}: {OPERATION} > body > channel > {OTHER_CHANNEL} was removed, which breaks users' code "
        "(needs 2.0.0)",
        f"generator-config.yml:{line_of_the_version(root)}: 1.4.2 is too low. Write this line there, and run `make` "
        "again:",
        "package_version_override: 2.0.0",
    ]

    set_version(root, "1.5.0")
    assert check_version(root) == 1
    set_version(root, "2.0.0")
    assert check_version(root) == 0


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (NAME, "operationId: sendMail", " changed from `operation sendEmail` to `operation sendMail`"),
        ("interval: 60", "interval: 90", " > deduplication changed from `within 60 seconds` to `within 90 seconds`"),
        ("      parameters:\n", f"      parameters:\n        - {QUERY}\n", " > query dryRun is new"),
        ("        email:\n", "        tenantId: {type: string}\n        email:\n", " > body > tenantId is new"),
        ("  - appId: []\n    accessToken: []\n", "", " > security accessToken was removed"),
        (
            NAME,
            f"{NAME}\n      deprecated: true",
            " changed from `operation sendEmail` to `operation sendEmail, deprecated`",
        ),
        (
            "    Channel:\n",
            f"    Channel:\n      x-enum-deprecated: [{OTHER_CHANNEL}]\n",
            f" > body > channel > {OTHER_CHANNEL} changed from `value` to `value, deprecated`",
        ),
    ],
)
def test_an_edit_of_the_contract_is_one_line(
    root: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, change: str
) -> None:
    replace(root / "openapi.yaml", old, new)
    assert main([], root) == 0
    capsys.readouterr()
    assert check_version(root) == 1
    line, _, _ = capsys.readouterr().out.splitlines()
    assert re.sub(r"^openapi.yaml:\d+: |, which breaks users' code| \(needs .*\)$", "", line) == f"{OPERATION}{change}"


CHANNEL_FIELD = '        channel:\n          $ref: "#/components/schemas/Channel"\n'
EMAIL_FIELD = "        email:\n          type: string\n          examples: [test@example.com]\n"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (CONFIG, "project_name_override: genauth-email", "project_name_override: genauth-mail"),
        (CONFIG, "package_name_override: genauth_email", "package_name_override: genauth_mail"),
        ("openapi.yaml", CHANNEL_FIELD + EMAIL_FIELD, EMAIL_FIELD + CHANNEL_FIELD),
    ],
)
def test_another_name_or_order_breaks_users_code(root: Path, file: str, old: str, new: str) -> None:
    replace(root / file, old, new)
    assert main([], root) == 0
    assert str(needed_version(root)[0]) == "2.0.0"


def test_a_change_of_a_schema_that_two_operations_share_is_one_line() -> None:
    shared = [Change(MINOR, "openapi.yaml:7", f"POST /{name} > response > code > 451", "is new") for name in "ab"]
    assert list(fold(shared)) == shared[:1]
    # What breaks a request may not break a response.
    text = "changed from `optional string` to `required string`"
    both = [
        Change(part, "openapi.yaml:7", f"POST /a > {key} > city", text)
        for part, key in ((MAJOR, "body"), (MINOR, "response"))
    ]
    assert list(fold(both)) == list(fold(both[::-1])) == both[:1]


def test_in_python_only_what_needs_a_higher_version_than_the_contract_has_a_line() -> None:
    new_operation = Change(MINOR, "openapi.yaml:7", "POST /sms", "is new")
    new_method = Change(MINOR, "openapi.yaml:8", "Client > send_sms", "is new")
    removed = Change(MAJOR, "generated/client.py:1", "Client > close", "was removed")
    assert list(fold([new_method, new_operation, removed])) == [removed, new_operation]
    assert list(fold([new_method, removed])) == [new_method, removed]


def test_any_change_of_the_package_needs_a_new_version(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (root / "runtime" / "call.py").open("a") as module:
        module.write("# A change that no user notices.\n")
    assert main([], root) == 0
    assert check_version(root) == 1
    assert capsys.readouterr().out.endswith("package_version_override: 1.4.3\n")
    set_version(root, "1.4.3")
    assert check_version(root) == 0


def test_the_next_release_is_compared_with_the_last_one_and_not_with_a_candidate(root: Path) -> None:
    contract = root / "openapi.yaml"
    replace(contract, f"        - {OTHER_CHANNEL}\n", f"        - {OTHER_CHANNEL}\n        - CHANNEL_NEW\n")
    replace(contract, f"        {OTHER_CHANNEL}: ", f"        CHANNEL_NEW: New.\n        {OTHER_CHANNEL}: ")
    set_version(root, "1.5.0rc1")
    assert main([], root) == check_version(root) == 0
    write_record(root)
    record = last_release(root)
    assert record is not None
    assert (record.version, list(record.hashes)) == ("1.4.2", ["1.4.2", "1.5.0rc1"])
    assert check_version(root) == 0

    set_version(root, "1.4.3")
    assert check_version(root) == 1
    set_version(root, "1.5.0")
    assert main([], root) == check_version(root) == 0
    write_record(root)
    record = last_release(root)
    assert record is not None
    assert (record.version, list(record.hashes)) == ("1.5.0", ["1.5.0"])
    assert "Channel > CHANNEL_NEW" in record.facts


def test_a_class_with_a_name_that_comes_first_changes_no_other(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract = root / "openapi.yaml"
    replace(
        contract,
        "  schemas:\n",
        "  schemas:\n    About:\n      type: object\n      properties:\n        a: {type: string}\n",
    )
    field = "        statusCode:\n          anyOf:"
    replace(contract, field, f"        about:\n          $ref: '#/components/schemas/About'\n{field}")
    assert main([], root) == 0
    assert check_version(root) == 1
    assert capsys.readouterr().out.endswith("\npackage_version_override: 1.5.0\n")


def test_a_released_candidate_cannot_change(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_version(root, "1.5.0rc2")
    write_record(root)
    with (root / "generated" / "README.md").open("a") as page:
        page.write("A change.\n")
    assert check_version(root) == 1
    assert capsys.readouterr().out.endswith("package_version_override: 1.5.0rc3\n")
    # Releases below the candidate are possible, too.
    for version in ("1.5.0rc3", "1.5.0", "1.4.3"):
        set_version(root, version)
        assert check_version(root) == 0


def test_the_record_can_be_read_back_and_has_one_line_for_each_group(root: Path) -> None:
    record = last_release(root)
    assert record is not None
    assert record.facts == {key: fact.text for key, fact in facts_of(root).items()}
    text = (root / RECORD).read_text("utf-8")
    assert len(text.splitlines()) < 250
    assert '  "Lang": { "ZH_CN": "= \'zh-CN\'", ' in text


def test_a_name_is_located_in_the_contract_if_it_is_there_and_otherwise_in_the_package(root: Path) -> None:
    found = facts_of(root)
    assert found["AuthenticationClient > send_email > channel"].place.startswith("openapi.yaml:")
    assert found["AuthenticationClient > close"].place.startswith("generated/genauth_email/_runtime/client.py:")


# ---------------------------------------------------------------- the changelog

CHANGES = """# Changelog

## [Unreleased]

### Added

- A channel.

## [1.4.2] - 2026-11-26

### Fixed

- A fault.
"""


@pytest.fixture
def changelog(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / RECORD).write_text(json.dumps({"version": "1.4.2", "hashes": {}, "facts": {}}), "utf-8")
    (tmp_path / CONFIG).write_text("package_version_override: 1.5.0\n", "utf-8")
    (tmp_path / "CHANGELOG.md").write_text(CHANGES, "utf-8")
    return tmp_path / "CHANGELOG.md"


def test_a_valid_changelog_is_accepted(changelog: Path) -> None:
    assert list(check_changelog(changelog.parent)) == []


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (("### Added\n\n- A channel.\n", ""), "CHANGELOG.md:3: there is nothing under `## [Unreleased]`: tell users"),
        (("\n### Added\n\n- A channel.\n\n", ""), "CHANGELOG.md:3: there is nothing under `## [Unreleased]`: tell "),
        (("### Added", "### New"), "CHANGELOG.md:5: '### New' is not a valid heading: write `## [Unreleased]`, "),
        (("## [1.4.2]", "## [1.4.1]"), "CHANGELOG.md:1: its newest release is 1.4.1, but the last release was "),
        (("## [Unreleased]\n", ""), "CHANGELOG.md:1: `## [Unreleased]` must be the first heading below the title"),
    ],
)
def test_an_invalid_changelog_is_refused(changelog: Path, edit: tuple[str, str], told: str) -> None:
    replace(changelog, *edit)
    (issue,) = check_changelog(changelog.parent)
    assert issue.startswith(told)
