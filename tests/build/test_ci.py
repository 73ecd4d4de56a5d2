"""The CI files of `docs/ci.md`. Without the services, the tests run the jobs' commands as far as make goes."""

import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

from scripts import publish
from scripts.compatibility import RECORD

from .conftest import ROOT

PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE)
CI, PUBLISH, GITLAB = (YAML(typ="safe").load(block) for block in BLOCKS)
GITHUB_JOBS: dict[str, Any] = {**CI["jobs"], **PUBLISH["jobs"]}
GITLAB_JOBS: dict[str, Any] = {name: job for name, job in GITLAB.items() if isinstance(job, dict) and "script" in job}

INDEX = {"INDEX_URL": "https://packages.example.com/", "CHECK_URL": "https://packages.example.com/+simple/"}
TOKEN = {**INDEX, "UV_PUBLISH_TOKEN": "the token"}
PASSWORD = {**INDEX, "UV_PUBLISH_USERNAME": "publisher", "UV_PUBLISH_PASSWORD": "the password"}


class Step(NamedTuple):
    service: str
    job: str
    command: str
    python: str
    variables: dict[str, str]
    """The variables that the service sets for the command, as GitHub's expressions."""

    def environment(self, settings: dict[str, str]) -> dict[str, str]:
        """Return the command's environment if the project has these variables and secrets."""
        if self.service == "GitLab":
            return settings
        # GitHub passes missing variables as empty strings.
        return {
            name: settings.get(expression.partition(".")[2].removesuffix(" }}"), "")
            for name, expression in self.variables.items()
        }


def steps() -> Iterator[Step]:
    """Yield the commands of all jobs, once for each entry of a matrix."""
    for name, job in GITHUB_JOBS.items():
        (setup,) = (step["with"] for step in job["steps"] if "setup-python" in step.get("uses", ""))
        for entry in job.get("strategy", {}).get("matrix", {}).get("include", [{}]):
            for step in job["steps"]:
                if "run" in step:
                    command = step["run"].replace("${{ matrix.target }}", entry.get("target", ""))
                    python = entry.get("python", setup["python-version"])
                    yield Step("GitHub", name, command, python, step.get("env", {}))
    for name, job in GITLAB_JOBS.items():
        for entry in job.get("parallel", {}).get("matrix", [{}]):
            for target in entry.get("TARGET", [""]):
                for python in entry.get("PYTHON_VERSION", [GITLAB["variables"]["PYTHON_VERSION"]]):
                    for command in job["script"]:
                        yield Step("GitLab", name, command.replace('"$TARGET"', target), python, {})


STEPS = list(steps())


@pytest.mark.parametrize(
    "step",
    # The version of Python makes no difference to make.
    {(step.service, step.command): step for step in STEPS}.values(),
    ids=lambda step: f"{step.service}-{step.command.split()[1]}",
)
def test_a_job_runs_a_target_of_make(step: Step) -> None:
    # A dry run: make only prints the commands.
    environment = {"PATH": os.environ["PATH"], "MAKEFLAGS": "n", **step.environment(TOKEN)}
    assert subprocess.check_output(["bash", "-eo", "pipefail", "-c", step.command], cwd=ROOT, env=environment)


def test_both_services_run_the_same_on_each_supported_python() -> None:
    commands = {
        service: sorted((step.command, step.python) for step in STEPS if step.service == service)
        for service in ("GitHub", "GitLab")
    }
    assert commands["GitHub"] == commands["GitLab"]
    targets = {command.split()[1] for command, _ in commands["GitHub"]}
    assert targets == {"check", "test", "test-lowest", "test-release", "publish"}
    supported = re.findall(r"Python :: (3\.\d+)", (ROOT / "generated/pyproject.toml").read_text("utf-8"))
    assert [python for command, python in commands["GitHub"] if command == "make test"] == supported
    assert len(supported) > 1


def test_only_slow_tests_run_at_night() -> None:
    assert CI["on"]["schedule"]
    conditions = {name: job["if"] for name, job in CI["jobs"].items()}
    assert conditions == {"make": "github.event_name != 'schedule'", "nightly": "github.event_name == 'schedule'"}
    for name, condition in (("make", "!="), ("nightly", "==")):
        assert [rule["if"] for rule in GITLAB_JOBS[name]["rules"]] == [f'$CI_PIPELINE_SOURCE {condition} "schedule"']
    assert GITLAB_JOBS.keys() == {*conditions, "publish"}


def test_a_release_is_published_when_its_record_reaches_the_main_branch_and_needs_no_tag() -> None:
    record = [RECORD.as_posix()]
    assert PUBLISH["on"] == {"push": {"branches": ["main"], "paths": record}}
    (rule,) = GITLAB_JOBS["publish"]["rules"]
    assert rule["if"] == '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'
    assert (rule["changes"], rule["when"]) == (record, "manual")
    assert GITLAB["stages"].index("publish") > GITLAB["stages"].index(GITLAB_JOBS["make"]["stage"])


@pytest.mark.parametrize("settings", [TOKEN, PASSWORD], ids=["token", "password"])
@pytest.mark.parametrize("step", [step for step in STEPS if step.job == "publish"], ids=lambda step: step.service)
def test_the_publish_job_has_the_settings_that_publishing_needs(step: Step, settings: dict[str, str]) -> None:
    credentials = ("__token__", "the token") if settings is TOKEN else ("publisher", "the password")
    assert publish.settings(step.environment(settings)) == (*INDEX.values(), credentials)


def test_each_action_is_pinned_by_a_commit_and_leaves_no_credentials_behind() -> None:
    used = re.findall(r"uses: (.+)", PAGE)
    assert len(used) == sum("uses" in step for job in GITHUB_JOBS.values() for step in job["steps"])
    assert [line for line in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
    assert len(set(used)) == len({line.partition("@")[0] for line in used})  # Each action is used in one version.
    for job in GITHUB_JOBS.values():
        assert job["steps"][0]["with"] == {"persist-credentials": False}
    assert CI["permissions"] == PUBLISH["permissions"] == {"contents": "read"}


def test_the_bill_of_materials_is_kept() -> None:
    assert GITHUB_JOBS["publish"]["steps"][-1]["with"]["path"] == "dist/*.cdx.json"
    assert GITLAB_JOBS["publish"]["artifacts"]["paths"] == ["dist/*.cdx.json"]


def test_the_commands_of_a_release_through_a_pull_request_exist() -> None:
    (block,) = re.findall(r"^```sh\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE)
    branch, release, push = block.splitlines()
    assert branch.split()[-1] == push.split()[-1] == "release-2.1.0"
    subprocess.run([*release.split(), "--dry-run"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
