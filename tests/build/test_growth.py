"""The API grows as a maintainer would edit `openapi.yaml`, and everything passes without a change to the code."""

import re
import subprocess
from pathlib import Path

import pytest

from scripts.changelog import CHANGELOG
from scripts.compatibility import CONFIG, current_version, write_record

from .conftest import copy_repository, extend, give_environment, make, replace

pytestmark = pytest.mark.release

# The suites that a change of the package can affect.
SUITES = [f"tests/{room}" for room in ("client", "contract", "examples", "faults", "mock", "typing", "unit")]


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released copy of the repository whose contract has grown, with the version that `make generate` asks for."""
    copy = copy_repository(tmp_path_factory.mktemp("grown") / "repository")
    give_environment(copy)
    released = current_version(copy)
    write_record(copy)
    (copy / CHANGELOG).write_text(
        f"# Changelog\n\n## [Unreleased]\n\n### Added\n\n- `send_sms`.\n\n## [{released}] - 2026-11-26\n", "utf-8"
    )
    extend(copy / "openapi.yaml", "growth.yaml")

    told = make(copy, "generate").stdout
    # One line for each change.
    assert re.findall(r": (.+) is new", told) == [
        "POST /api/v3/send-email > body > tenantId",
        "POST /api/v3/send-email > response > statusCode > anyOf 0 > 604",
        "POST /api/v3/send-email > response > expiresAt",
        "POST /api/v3/send-sms",
        "POST /api/v3/verify-sms",
    ]
    (asked,) = re.findall(r"\npackage_version_override: (.+)\n$", told)
    replace(copy / CONFIG, released, asked)
    assert "package_version_override" not in make(copy, "generate").stdout
    return copy


def test_make_check_passes(grown: Path) -> None:
    done = make(grown, "check")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("suite", SUITES)
def test_the_tests_pass(grown: Path, suite: str) -> None:
    assert make(grown, ".venv/package").returncode == 0
    pytest: list[str | Path] = [grown / ".venv" / "bin" / "python", "-m", "pytest", "-q", "--numprocesses=2"]
    done = subprocess.run([*pytest, suite], cwd=grown, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
