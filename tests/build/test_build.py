"""`make build`: a commit always gives the same files, with the package and nothing else in them."""

import json
import os
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from ruamel.yaml import YAML

from scripts.generate import main

from .conftest import ROOT, build_archives, copy_repository, make, replace


def build(repository: Path, **environment: str) -> dict[str, bytes]:
    result = make(repository, "build", **environment)
    assert result.returncode == 0, result.stderr
    files = {path.name: path.read_bytes() for path in (repository / "dist").iterdir()}
    assert result.stdout.splitlines() == [f"dist/{name}" for name in sorted(files)]
    return files


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository after `make build`, with leftovers of an older build and of importing the package."""
    repository = copy_repository(tmp_path_factory.mktemp("built") / "repository")
    package = repository / "generated" / "genauth_email"
    leftovers = ("__pycache__/client.cpython-311.pyc", "models/__pycache__/lang.cpython-311.pyc")
    for path in (repository / "dist" / "genauth_email-0.0.1.tar.gz", *(package / name for name in leftovers)):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    build(repository, TZ="UTC", LC_ALL="C")
    return repository


@pytest.fixture(scope="module")
def wheel(repository: Path) -> zipfile.ZipFile:
    (wheel,) = (repository / "dist").glob("*.whl")
    return zipfile.ZipFile(wheel)


@pytest.fixture(scope="module")
def project() -> Any:
    return tomllib.loads((ROOT / "generated" / "pyproject.toml").read_text())["project"]


def test_two_builds_of_one_commit_are_the_same_byte_for_byte(repository: Path, tmp_path: Path) -> None:
    # Another person's copy: in another folder, with other modes and times.
    other = tmp_path / "another person" / "checkout"
    shutil.copytree(repository, other, symlinks=True)
    for age, path in enumerate(sorted((other / "generated").rglob("*"), reverse=True)):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (age * 86_400, age * 86_400))

    again = build(other, TZ="Asia/Kathmandu", LC_ALL="C.UTF-8", LANGUAGE="de")
    assert again == {path.name: path.read_bytes() for path in (repository / "dist").iterdir()}
    assert [Path(name).suffix for name in sorted(again)] == [".whl", ".json", ".gz"]


def test_a_wheel_built_from_the_sdist_is_identical(repository: Path, wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    (sdist,) = (repository / "dist").glob("*.tar.gz")
    # Unpacked, because uv would download its own build backend for a packed one.
    subprocess.run(["tar", "-xzf", sdist, "-C", tmp_path], check=True)
    built = build_archives(tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path / "again")
    assert built[0].read_bytes() == Path(str(wheel.filename)).read_bytes()


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    package = ROOT / "generated" / "genauth_email"
    files = (path for path in package.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    modules = {path.relative_to(package.parent).as_posix() for path in files}
    names = {name for name in wheel.namelist() if not name.endswith("/")}
    assert {name for name in names if ".dist-info/" not in name} == modules
    assert "genauth_email/py.typed" in modules
    assert {Path(name).name for name in names - modules} == {"LICENSE", "METADATA", "RECORD", "WHEEL"}


def test_the_wheel_has_the_metadata_for_indexes_and_pip(wheel: zipfile.ZipFile, project: Any) -> None:
    (file,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = BytesParser().parsebytes(wheel.read(file))
    config = YAML(typ="safe").load(ROOT / "generator-config.yml")
    name, version = config["project_name_override"], config["package_version_override"]
    assert (metadata["Name"], metadata["Version"]) == (name, str(version))
    assert f"{name.replace('-', '_')}-{version}-py3-none-any.whl" in str(wheel.filename)
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Requires-Python"] == project["requires-python"] == ">=3.11"
    extras = [
        f"{each} ; extra == '{extra}'"
        for extra, dependencies in project["optional-dependencies"].items()
        for each in dependencies
    ]
    assert metadata.get_all("Requires-Dist") == project["dependencies"] + extras
    assert metadata.get_all("Project-URL") is None  # The contract gives none.
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload() == (ROOT / "generated" / "README.md").read_text()


def test_the_project_has_the_urls_that_the_contract_gives(inputs: Path) -> None:
    page = (ROOT / "docs" / "changing-the-contract.md").read_text()
    (example,) = re.findall(r"^```yaml\n(info:\n.+?)^```", page, re.DOTALL | re.MULTILINE)
    replace(inputs / "openapi.yaml", "info:\n", example)
    assert main([], inputs) == 0
    metadata = tomllib.loads((inputs / "generated" / "pyproject.toml").read_text())
    assert metadata["project"]["urls"] == {
        "Documentation": "https://docs.example.com/genauth-email",
        "Source": "https://git.example.com/genauth-email",
        "Changelog": "https://git.example.com/genauth-email/CHANGELOG.md",
    }
    # An index does not host the pages, so the README links the hosted ones.
    links = set(re.findall(r"\]\(([^)#]+)[^)]*\)", (inputs / "generated" / "README.md").read_text()))
    assert {link for link in links if not link.startswith("https://")} == set()
    assert "https://docs.example.com/genauth-email/docs/connections.html" in links
    assert "https://docs.example.com/genauth-email/examples/flask_app.py" in links


def test_the_archives_contain_the_license_and_the_files_that_the_readme_links(
    repository: Path, wheel: zipfile.ZipFile
) -> None:
    in_wheel = set(wheel.namelist())
    (archive,) = (repository / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        files = {member.name.partition("/")[2]: tar.extractfile(member) for member in tar}
        sdist = {name: file.read() for name, file in files.items() if file}
    (license,) = (name for name in in_wheel if name.endswith(".dist-info/licenses/LICENSE"))
    assert wheel.read(license) == sdist["LICENSE"] == (ROOT / "LICENSE").read_bytes()
    linked = set(re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "generated" / "README.md").read_text()))
    assert {"genauth_email/docs/changelog.md", "examples/flask_app.py"} <= linked <= sdist.keys()
    assert {page for page in linked if page.startswith("genauth_email/")} <= in_wheel


def test_the_bill_of_materials_lists_everything_that_the_wheel_installs(repository: Path, project: Any) -> None:
    (path,) = (repository / "dist").glob("*.cdx.json")
    text = path.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None

    bill = json.loads(text)
    package = bill["metadata"]["component"]["bom-ref"]
    names = {component["bom-ref"]: component["name"] for component in bill["components"]}
    direct = next(each["dependsOn"] for each in bill["dependencies"] if each["ref"] == package)
    assert {names[each] for each in direct} == {re.split("[<>=]", each)[0] for each in project["dependencies"]}
    assert {"certifi", "h11", "idna"} <= set(names.values())
    assert all(component["licenses"] for component in bill["components"])
    lock = (ROOT / "requirements/dev.txt").read_text()
    assert all(f"\n{each['name']}=={each['version']} " in lock for each in bill["components"])
