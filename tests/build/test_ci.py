"""The CI files of `docs/ci.md`. The services are not here, so the commands of the jobs are run as far as make goes."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

from scripts import publish

from .conftest import ROOT

PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
FILES: dict[str, Any] = {
    name: YAML(typ="safe").load(text)
    for name, text in re.findall(r"^## (.+?)\n.*?^```yaml\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE)
}
GITHUB, GITLAB = FILES["GitHub Actions"], FILES["GitLab CI"]
SETTINGS = {"INDEX_URL": "https://packages.example.com/", "UV_PUBLISH_TOKEN": "the token"}


class Step(NamedTuple):
    service: str
    job: str
    command: str
    environment: dict[str, str]


def steps() -> Iterator[Step]:
    """Yield the commands of all jobs, with what the service sets for them."""
    for name, job in GITHUB["jobs"].items():
        for step in job["steps"]:
            if "run" in step:
                variables = {key: given(value) for key, value in step.get("env", {}).items()}
                yield Step("GitHub", name, step["run"], variables)
    for name, job in GITLAB.items():
        for command in job.get("script", ()) if isinstance(job, dict) else ():
            yield Step("GitLab", name, command, SETTINGS)


def given(expression: str) -> str:
    """Return the value that GitHub has for `${{ vars.NAME }}` or `${{ secrets.NAME }}`, which is empty for none."""
    match = re.fullmatch(r"\${{ (vars|secrets)\.(\w+) }}", expression)
    assert match, expression
    return SETTINGS.get(match[2], "")


@pytest.mark.parametrize("step", list(steps()), ids=lambda step: f"{step.service}-{step.job}")
def test_a_job_runs_a_target_of_make(repository: Path, step: Step) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step.command],
        cwd=repository,
        # A dry run: make prints what it would do, and does not do it.
        env={"PATH": os.environ["PATH"], "HOME": str(repository.parent), "MAKEFLAGS": "n", **step.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_both_services_have_the_same_jobs() -> None:
    commands = {service: [each[1:3] for each in steps() if each.service == service] for service in ("GitHub", "GitLab")}
    assert commands["GitHub"] == commands["GitLab"]
    assert [job for job, _ in commands["GitHub"]] == ["check", "test", "publish"]


def test_both_services_test_the_same_supported_pythons() -> None:
    versions = GITHUB["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert GITLAB["test"]["parallel"]["matrix"] == [{"PYTHON_VERSION": versions}]
    supported = re.findall(r"Python :: (3\.\d+)", (ROOT / "generated/pyproject.toml").read_text("utf-8"))
    assert len(versions) > 1
    assert set(versions) <= set(supported)


def test_a_version_is_published_from_a_tag_alone_and_after_the_other_jobs() -> None:
    assert GITHUB["jobs"]["publish"]["if"] == "github.ref_type == 'tag'"
    assert set(GITHUB["jobs"]["publish"]["needs"]) == GITHUB["jobs"].keys() - {"publish"}
    assert [rule["if"] for rule in GITLAB["publish"]["rules"]] == ["$CI_COMMIT_TAG"]
    assert GITLAB["stages"].index("publish") > max(
        GITLAB["stages"].index(GITLAB[job]["stage"]) for job in ("check", "test")
    )


@pytest.mark.parametrize("step", [step for step in steps() if step.job == "publish"], ids=lambda step: step.service)
def test_the_publish_job_has_the_settings_that_publishing_needs(step: Step) -> None:
    index = publish.settings(step.environment)
    assert (index.upload_url, index.password) == (SETTINGS["INDEX_URL"], SETTINGS["UV_PUBLISH_TOKEN"])


def test_the_cache_is_ignored_by_git_and_depends_on_the_lock_file() -> None:
    cache = GITLAB["default"]["cache"]
    (path,) = cache["paths"]
    assert GITLAB["variables"]["PIP_CACHE_DIR"] == f"$CI_PROJECT_DIR/{path.rstrip('/')}"
    subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=True)

    setups = [step["with"] for job in GITHUB["jobs"].values() for step in job["steps"] if "with" in step]
    files = {setup["cache-dependency-path"] for setup in setups} | set(cache["key"]["files"])
    assert files == {"requirements-dev.txt"}
    assert (ROOT / "requirements-dev.txt").is_file()
