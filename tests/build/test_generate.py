"""`make generate`: the same inputs give the same bytes, and `generated/` is always a whole package."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.compatibility import RECORD
from scripts.generate import main

from .conftest import CHANNEL, CHANNEL_TEXT, INPUTS, ROOT, contents, make, replace, written
from .wrong_contracts import FIRST_FIELD

OTHER_TEXT = f"{CHANNEL}: 登录。"
NO_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SCRIPTS = [sys.executable, "-m", "scripts"]
GENERATE = [*SCRIPTS, "generate"]


@pytest.fixture
def small(repository: Path, pristine: Path) -> Path:
    """A copy of the repository with the small contract, before its first release."""
    (repository / RECORD).unlink()
    shutil.copy2(pristine / "openapi.yaml", repository)
    shutil.rmtree(repository / "generated")
    shutil.copytree(pristine / "generated", repository / "generated")
    return repository


# ---------------------------------------------------------------- the same inputs, the same bytes


def test_a_second_run_touches_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = written(root)
    assert main([], root) == 0
    assert written(root) == before
    assert capsys.readouterr().out == "generated/ is up to date.\n"


def test_neither_the_environment_nor_the_network_makes_a_difference(
    small: Path, pristine: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("""\
import os, socket, sys

def refuse(*args, **options):
    open(__file__ + ".tried", "a").write(f"{sys.argv} {args}")
    raise OSError("the network is unreachable")

os.umask(0o077)
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
""")
    other = {
        "PYTHONPATH": str(tmp_path),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "PYTHONHASHSEED": "2",
        **NO_UTF8,
    }
    shutil.rmtree(small / "generated")

    done = make(small, "generate", **other)

    assert done.returncode == 0, done.stderr
    assert contents(small / "generated") == contents(pristine / "generated")
    assert not (tmp_path / "sitecustomize.py.tried").exists()
    probe = [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"]
    assert b"unreachable" in subprocess.run(probe, env=other, capture_output=True, check=False).stderr


def test_files_that_the_inputs_no_longer_give_are_removed(
    root: Path, pristine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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


def test_a_check_shows_what_differs_and_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(root / "openapi.yaml", CHANNEL_TEXT, OTHER_TEXT)
    with (root / "runtime" / "call.py").open("a") as module:
        module.write("# A change.\n")
    before = written(root)

    assert main(["--check"], root) == 1

    out, err = capsys.readouterr()
    assert "changed generated/genauth_email/_runtime/call.py (+1 -0)\n" in out
    assert "changed generated/genauth_email/models/channel.py (+2 -2)\n" in out
    assert f'-    """{CHANNEL_TEXT.partition(": ")[2]}"""\n+    """登录。"""\n' in out
    assert err == "generated/ is not up to date: run `make generate` and commit it.\n"
    assert written(root) == before

    assert main([], root) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [line for line in out.splitlines() if line.startswith("changed ")]


def test_a_check_can_be_printed_if_the_terminal_lacks_characters(small: Path) -> None:
    replace(small / "openapi.yaml", CHANNEL_TEXT, OTHER_TEXT)
    done = subprocess.run([*GENERATE, "--check"], cwd=small, env=NO_UTF8, capture_output=True, check=False)
    assert rb'"""\u767b\u5f55\u3002"""' in done.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["generate", "--check"], ["compatibility"], ["changelog"], ["demo"]])
def test_a_closed_pipe_is_no_traceback(command: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*SCRIPTS, *command], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_make_ends_with_the_reason(small: Path) -> None:
    replace(small / "openapi.yaml", "required: [channel, email]", "required: yes")
    done = make(small, "generate")

    assert done.returncode == 2
    reason, end, makes = done.stderr.splitlines()
    assert re.fullmatch(
        r"openapi.yaml:\d+: components > schemas > SendEmailDto > required: 'yes' is not of type 'array'", reason
    )
    assert end == "generated/ was not changed."
    assert makes.startswith("make: *** ")


# ---------------------------------------------------------------- unusual contracts


def test_a_contract_can_begin_with_a_byte_order_mark(root: Path) -> None:
    text = (root / "openapi.yaml").read_bytes()
    (root / "openapi.yaml").write_bytes(b"\xef\xbb\xbf" + text)
    assert main(["--check"], root) == 0


def test_a_pair_of_escapes_is_one_character_and_lines_of_the_metadata_are_joined(inputs: Path) -> None:
    replace(inputs / "openapi.yaml", "message: Sent", r'message: Sent, "\ud83d\ude00": "\ud83d\ude80"')
    replace(inputs / "openapi.yaml", "summary: Have GenAuth", "summary: |\n    Have\n    GenAuth")
    replace(inputs / "openapi.yaml", "name: The maintainers", "name: |\n      The\n      maintainers")
    assert main([], inputs) == 0
    assert "\U0001f600" in (text := (inputs / "generated" / "genauth_email" / "testing.py").read_text("utf-8"))
    assert "\U0001f680" in text
    metadata = tomllib.loads((inputs / "generated" / "pyproject.toml").read_text("utf-8"))
    assert metadata["project"]["description"].startswith("Have GenAuth send an email to a user. A typed")
    assert metadata["project"]["authors"] == [{"name": "The maintainers"}]


def test_examples_may_lack_fields_of_a_success_and_read_only_fields(inputs: Path) -> None:
    replace(inputs / "openapi.yaml", "required: [statusCode, message]", "required: [statusCode, message, data]")
    replace(inputs / "openapi.yaml", FIRST_FIELD, f"        data: {{type: string}}\n{FIRST_FIELD}")
    replace(inputs / "openapi.yaml", "message: Sent", "message: Sent, data: x")
    replace(inputs / "openapi.yaml", "value: {statusCode: 429, message: Later}", "$ref: '#/components/examples/Later'")
    failure = "{statusCode: 429, message: Later}"
    replace(inputs / "openapi.yaml", "  schemas:\n", f"  examples: {{Later: {{value: {failure}}}}}\n\n  schemas:\n")
    replace(inputs / "openapi.yaml", "RespDto:\n", f"RespDto:\n      examples: [{failure}]\n")
    replace(inputs / "openapi.yaml", "required: [channel, email]", "required: [channel, email, id]")
    replace(inputs / "openapi.yaml", "        email:\n", "        id: {type: string, readOnly: true}\n        email:\n")
    assert main([], inputs) == 0


# ---------------------------------------------------------------- interrupted runs


def test_ctrl_c_does_not_come_between_the_two_steps(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace(root / "openapi.yaml", CHANNEL_TEXT, OTHER_TEXT)
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    assert main([], root) == 0
    monkeypatch.undo()

    assert main(["--check"], root) == 0
    assert sorted(path.name for path in root.iterdir()) == sorted([*INPUTS, "generated"])


def test_a_step_that_fails_is_undone(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(root / "openapi.yaml", CHANNEL_TEXT, OTHER_TEXT)
    before = written(root / "generated")
    rename = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise OSError(28, "No space left on device", str(target))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    assert main([], root) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert written(root / "generated") == before


@pytest.fixture
def waiting(small: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A run that has reached the hooks and waits there."""
    os.mkfifo(tmp_path / "there")
    os.mkfifo(tmp_path / "never")
    replace(
        small / "generator-config.yml",
        "post_hooks:\n",
        f"post_hooks:\n  - echo > {tmp_path / 'there'}; cat {tmp_path / 'never'}\n",
    )
    process = subprocess.Popen(
        GENERATE,
        cwd=small,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        # If a script runs the tests in the background, they ignore Ctrl-C, and so do their child processes.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        (tmp_path / "there").read_text()
        yield process
        process.kill()


def test_ctrl_c_leaves_everything_as_it_was(small: Path, waiting: "subprocess.Popen[str]") -> None:
    before = written(small / "generated")

    os.killpg(waiting.pid, signal.SIGINT)

    assert waiting.communicate(timeout=60)[0] == "Interrupted.\n"
    assert waiting.returncode == 130
    assert written(small / "generated") == before
    assert not list(small.glob(".generated-*"))


def test_a_run_removes_the_leftovers_of_a_killed_one(small: Path, waiting: "subprocess.Popen[str]") -> None:
    os.killpg(waiting.pid, signal.SIGKILL)
    waiting.wait()
    assert list(small.glob(".generated-*"))
    shutil.copy2(ROOT / "generator-config.yml", small)

    assert main([], small) == 0

    assert not list(small.glob(".generated-*"))
    assert main(["--check"], small) == 0


def test_two_runs_at_once_wait_for_each_other(small: Path) -> None:
    replace(small / "openapi.yaml", CHANNEL_TEXT, OTHER_TEXT)
    runs = [subprocess.Popen(GENERATE, cwd=small, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = sorted(run.communicate()[0] for run in runs)
    assert [run.returncode for run in runs] == [0, 0]
    assert first.startswith("changed generated/")
    assert second.startswith("generated/ is up to date.\n")
