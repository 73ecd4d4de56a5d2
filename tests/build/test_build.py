"""`make build`: from one commit always the same files, with the package in them and no more."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from ruamel.yaml import YAML

from .conftest import make


def build(repository: Path, **environment: str) -> dict[str, bytes]:
    result = make(repository, "build", **environment)
    assert result.returncode == 0, result.stderr
    files = {path.name: path.read_bytes() for path in (repository / "dist").iterdir()}
    assert result.stdout.splitlines() == [f"dist/{name}" for name in sorted(files)]
    return files


def checked_out_elsewhere(repository: Path, place: Path) -> Path:
    """The same commit as another person has it: in another folder, with other modes and times."""
    shutil.copytree(repository, place, symlinks=True)
    generated = sorted((place / "generated").rglob("*"), reverse=True)
    for age, path in enumerate(generated):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (age * 86_400, age * 86_400))
    return place


def only_wheel(files: Path) -> Path:
    (wheel,) = files.glob("*.whl")
    return wheel


@pytest.fixture
def wheel(repository: Path) -> zipfile.ZipFile:
    build(repository)
    return zipfile.ZipFile(only_wheel(repository / "dist"))


def read_sdist(repository: Path) -> dict[str, bytes]:
    (sdist,) = (repository / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = [(member.name, archive.extractfile(member)) for member in archive]
        return {name.partition("/")[2]: file.read() for name, file in members if file}


def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return BytesParser().parsebytes(wheel.read(name))


def test_two_builds_of_one_commit_are_the_same_byte_for_byte(repository: Path, tmp_path: Path) -> None:
    other = checked_out_elsewhere(repository, tmp_path / "another person" / "checkout")

    first = build(repository, TZ="UTC", LC_ALL="C")
    assert build(other, TZ="Asia/Kathmandu", LC_ALL="C.UTF-8", LANGUAGE="de") == first
    assert [Path(name).suffix for name in sorted(first)] == [".whl", ".json", ".gz"]


def test_a_wheel_that_is_built_from_the_sdist_is_the_wheel(repository: Path, tmp_path: Path) -> None:
    build(repository)
    (sdist,) = (repository / "dist").glob("*.tar.gz")
    # Unpacked, because for a packed one uv wants to fetch the build backend that it has in itself.
    subprocess.run(["tar", "-xzf", sdist, "-C", tmp_path], check=True)
    unpacked = tmp_path / sdist.name.removesuffix(".tar.gz")

    for number, source in enumerate([repository / "generated", unpacked]):
        built = tmp_path / str(number)
        uv = [sys.executable, "-m", "uv", "build", "--quiet", "--offline", "--wheel"]
        subprocess.run([*uv, "--out-dir", built, source], check=True)
        assert only_wheel(built).read_bytes() == only_wheel(repository / "dist").read_bytes()


def test_a_build_leaves_nothing_of_an_older_one(repository: Path) -> None:
    (repository / "dist").mkdir()
    (repository / "dist" / "genauth_email-0.0.1.tar.gz").touch()
    assert "genauth_email-0.0.1.tar.gz" not in build(repository)


def test_the_wheel_holds_the_package_and_nothing_else(repository: Path) -> None:
    package = repository / "generated" / "genauth_email"
    modules = {path.relative_to(package.parent).as_posix() for path in package.rglob("*") if path.is_file()}
    # What is left behind by importing or checking the package where it is generated.
    for leftover in ("__pycache__/client.cpython-311.pyc", "models/__pycache__/lang.cpython-311.pyc"):
        (package / leftover).parent.mkdir(exist_ok=True)
        (package / leftover).touch()
    build(repository)

    wheel = zipfile.ZipFile(only_wheel(repository / "dist"))
    names = {name for name in wheel.namelist() if not name.endswith("/")}
    assert {name for name in names if ".dist-info/" not in name} == modules
    assert "genauth_email/py.typed" in modules
    assert {Path(name).name for name in names - modules} == {"LICENSE", "METADATA", "RECORD", "WHEEL"}


def test_the_wheel_is_called_what_the_generator_config_says(repository: Path, wheel: zipfile.ZipFile) -> None:
    config = YAML(typ="safe").load(repository / "generator-config.yml")
    name, version = config["project_name_override"], config["package_version_override"]
    assert (metadata(wheel)["Name"], metadata(wheel)["Version"]) == (name, str(version))
    assert f"{name.replace('-', '_')}-{version}-py3-none-any.whl" in str(wheel.filename)


def test_the_wheel_has_the_metadata_that_an_index_shows_and_pip_needs(repository: Path, wheel: zipfile.ZipFile) -> None:
    project = tomllib.loads((repository / "generated" / "pyproject.toml").read_text())["project"]
    fields = metadata(wheel)
    assert fields["License-Expression"] == "MIT"
    assert fields.get_all("License-File") == ["LICENSE"]
    assert fields["Requires-Python"] == project["requires-python"] == ">=3.11"
    extras = [
        f"{each} ; extra == '{extra}'"
        for extra, dependencies in project["optional-dependencies"].items()
        for each in dependencies
    ]
    assert fields.get_all("Requires-Dist") == project["dependencies"] + extras
    assert fields["Description-Content-Type"] == "text/markdown"
    assert fields.get_payload() == (repository / "generated" / "README.md").read_text()


def test_the_metadata_has_the_urls_that_the_contract_gives(repository: Path) -> None:
    page = (repository / "docs" / "changing-the-contract.md").read_text()
    (example,) = re.findall(r"^```yaml\n(info:\n.+?)^```", page, re.DOTALL | re.MULTILINE)
    contract = repository / "openapi.yaml"
    contract.write_text(contract.read_text().replace("info:\n", example, 1))
    assert make(repository, "generate").returncode == 0
    build(repository)
    fields = metadata(zipfile.ZipFile(only_wheel(repository / "dist")))
    assert fields.get_all("Project-URL") == [
        "Documentation, https://docs.example.com/genauth-email",
        "Source, https://git.example.com/genauth-email",
        "Changelog, https://git.example.com/genauth-email/CHANGELOG.md",
    ]
    # An index has none of the pages, so the README links those that are hosted.
    links = set(re.findall(r"\]\(([^)#]+)[^)]*\)", str(fields.get_payload())))
    assert {link for link in links if not link.startswith("https://")} == set()
    assert "https://docs.example.com/genauth-email/docs/connections.html" in links
    assert "https://docs.example.com/genauth-email/examples/flask_app.py" in links


def test_the_metadata_has_no_urls_where_the_contract_gives_none(wheel: zipfile.ZipFile) -> None:
    assert metadata(wheel).get_all("Project-URL") is None


def test_both_archives_hold_the_license(repository: Path, wheel: zipfile.ZipFile) -> None:
    license = (repository / "LICENSE").read_bytes()
    in_wheel = f"{Path(str(wheel.filename)).name.removesuffix('-py3-none-any.whl')}.dist-info/licenses/LICENSE"
    assert wheel.read(in_wheel) == license
    assert read_sdist(repository)["LICENSE"] == license


def test_the_archives_hold_the_pages_and_examples_that_the_readme_links(repository: Path) -> None:
    build(repository)
    held = read_sdist(repository)
    linked = set(re.findall(r"\]\((?!https?:)([^)#]+)", (repository / "generated" / "README.md").read_text()))
    assert {"genauth_email/docs/changelog.md", "examples/flask_app.py"} <= linked <= held.keys()
    wheel = zipfile.ZipFile(only_wheel(repository / "dist")).namelist()
    assert {page for page in linked if page.startswith("genauth_email/")} <= set(wheel)


def test_the_bill_of_materials_has_what_installing_the_wheel_brings(repository: Path) -> None:
    (text,) = (content.decode() for name, content in build(repository).items() if name.endswith(".cdx.json"))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None

    bill = json.loads(text)
    package = bill["metadata"]["component"]["bom-ref"]
    names = {component["bom-ref"]: component["name"] for component in bill["components"]}
    direct = next(each["dependsOn"] for each in bill["dependencies"] if each["ref"] == package)
    project = tomllib.loads((repository / "generated" / "pyproject.toml").read_text())["project"]
    assert {names[each] for each in direct} == {re.split("[<>=]", each)[0] for each in project["dependencies"]}
    assert {"certifi", "h11", "idna"} <= set(names.values())
    assert all(component["licenses"] for component in bill["components"])
    lock = (repository / "requirements-dev.txt").read_text()
    assert all(f"\n{each['name']}=={each['version']} " in lock for each in bill["components"])
