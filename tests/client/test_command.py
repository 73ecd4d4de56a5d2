"""`python -m genauth_email` calls the API, which is the mock server here, from a shell to try credentials."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import pytest
from genauth_email import AuthenticationClient
from genauth_email.__main__ import OPERATIONS
from genauth_email._runtime.command import main
from genauth_email.testing import MockServer, mock_genauth

from tests.contract.facts import CHANNEL, OPERATION
from tests.contract.operations import FIRST_CALLS
from tests.servers.raw import RawServer, Step, http

from .helpers import dto, explained

EMAIL = "test@example.com"
SEND = ("send-email", CHANNEL, EMAIL)
TOKEN = "s3cret-token-of-the-environment"


class Outcome(NamedTuple):
    status: int
    stdout: str
    stderr: str


Run = Callable[..., Outcome]


@pytest.fixture
def server() -> Generator[MockServer]:
    with mock_genauth() as server:
        yield server


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process. As in a shell, variables hold the settings, and the result is a status."""
    monkeypatch.setenv("GENAUTH_APP_ID", "my-app")
    monkeypatch.setenv("GENAUTH_ACCESS_TOKEN", TOKEN)

    def run(*arguments: str, **variables: str) -> Outcome:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        try:
            status = main(AuthenticationClient, OPERATIONS, arguments)
        except SystemExit as end:  # From argparse.
            status = int(end.code or 0)
        printed = capsys.readouterr()
        outcome = Outcome(status, printed.out, printed.err)
        for secret in (TOKEN, EMAIL):
            assert secret not in outcome.stdout + outcome.stderr
        return outcome

    return run


def test_a_success_prints_the_request_id_and_ends_with_status_0(run: Run, server: MockServer) -> None:
    outcome = run(*SEND, GENAUTH_APP_HOST=server.url)

    assert (outcome.status, outcome.stderr) == (0, "")
    first, second = outcome.stdout.splitlines()
    assert first == "send-email succeeded."
    assert second.startswith("request id: ")
    assert len(second) == len("request id: ") + 36
    (request,) = server.received
    assert server.sent == [{"channel": CHANNEL, "email": EMAIL}]
    assert (request.headers["x-genauth-app-id"], request.headers["authorization"]) == ("my-app", TOKEN)


NOT_SENT_FOR_NOW = "delivery: not_sent. Nothing was done. Try again later."
NOT_SENT = "delivery: not_sent. Nothing was done. Remove the cause before you try again."
UNKNOWN = "delivery: unknown. The operation may have been carried out: look for its effect before you try again."


@pytest.mark.parametrize(
    ("failure", "error", "advice"),
    [
        ({"status_code": 404}, f"NotFoundError: statusCode {explained('StatusCode', 404)}", NOT_SENT),
        ({"status_code": 503}, f"ServiceUnavailableError: statusCode {explained('StatusCode', 503)}", NOT_SENT_FOR_NOW),
        (
            {"status_code": 429},
            f"ThrottleError: statusCode {explained('StatusCode', 429)}",
            f"{UNKNOWN} Wait 60 seconds before that.",
        ),
        ({"connection": "broken"}, "APIConnectionError: RemoteProtocolError", UNKNOWN),
    ],
)
def test_a_failure_prints_what_to_do_and_ends_with_status_1(
    run: Run, server: MockServer, failure: dict[str, Any], error: str, advice: str
) -> None:
    server.fail_next(**failure)

    outcome = run(*SEND, GENAUTH_APP_HOST=server.url)

    assert (outcome.status, outcome.stdout) == (1, "")
    first, second, third = outcome.stderr.splitlines()
    assert first.startswith(f"send-email failed. {error}")
    assert second.startswith("request id: ")
    assert third == advice
    # One attempt, so its outcome is shown.
    assert len(server.received) == 1


def test_a_refused_connection_is_a_failure_that_sent_nothing(run: Run) -> None:
    with RawServer(listening=False) as closed:
        outcome = run(*SEND, GENAUTH_APP_HOST=closed.url)

    assert (outcome.status, outcome.stdout) == (1, "")
    assert outcome.stderr.splitlines()[1:] == ["request id: none", NOT_SENT_FOR_NOW]


def test_a_request_id_is_printed_on_one_line_whatever_it_contains(run: Run) -> None:
    body = dto(200, requestId="r\nsend-email failed.\x1b[31m\xe9")
    with RawServer(Step(http(200, body), then="close")) as server:
        outcome = run(*SEND, GENAUTH_APP_HOST=server.url)

    assert outcome.status == 0
    assert outcome.stdout.splitlines() == ["send-email succeeded.", r"request id: r send-email failed. [31m\xe9"]


@pytest.mark.parametrize(
    ("arguments", "variables", "text"),
    [
        (("send-email", "NO_CHANNEL", EMAIL), {}, "send-email: channel is not a valid Channel; allowed are "),
        (("send-email", EMAIL, CHANNEL), {}, "send-email: channel looks like an email address; allowed are "),
        (SEND, {"GENAUTH_APP_ID": ""}, "send-email: app_id is missing: pass it, or set GENAUTH_APP_ID"),
        (SEND, {"GENAUTH_LANG": "klingon"}, "send-email: GENAUTH_LANG is not a valid Lang; allowed are zh-CN, en-US, "),
        (SEND, {"SSL_CERT_FILE": "/nowhere.pem"}, "SSL_CERT_FILE is '/nowhere.pem', which cannot be read"),
        ((), {}, "the following arguments are required: OPERATION"),
        (("send-email",), {}, "the following arguments are required: channel, email"),
        (("send-nothing",), {}, "invalid choice: 'send-nothing'"),
    ],
)
def test_a_wrong_argument_or_setting_is_named_and_ends_with_status_2(
    run: Run, arguments: tuple[str, ...], variables: dict[str, str], text: str
) -> None:
    outcome = run(*arguments, **variables)

    assert (outcome.status, outcome.stdout) == (2, "")
    assert text in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_the_help_lists_the_operations_and_the_settings(run: Run) -> None:
    outcome = run("--help")

    assert (outcome.status, outcome.stderr) == (0, "")
    text = " ".join(outcome.stdout.split())
    assert text.startswith("usage: python -m genauth_email ")
    assert f"send-email {OPERATION['summary']}" in text
    for variable in ("GENAUTH_APP_ID", "GENAUTH_APP_HOST", "GENAUTH_ACCESS_TOKEN", "GENAUTH_LANG"):
        assert variable in text
    assert "Exit status: 0 for a success, 1 for a failure, 2 for a wrong argument" in text
    assert "send-email [-h] channel email" in run("send-email", "--help").stdout


# In a separate process, as in a shell.


@pytest.mark.parametrize(("host", "status"), [("mock", 0), ("closed", 1), ("example.com", 2)])
def test_the_module_is_a_program(server: MockServer, host: str, status: int) -> None:
    with RawServer(listening=False) as closed:
        url = {"mock": server.url, "closed": closed.url}.get(host, host)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "genauth_email", *SEND],
            env={**os.environ, "GENAUTH_APP_ID": "my-app", "GENAUTH_APP_HOST": url, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == status
    assert [bool(done.stdout), bool(done.stderr)] == [status == 0, status != 0]
    assert "Traceback" not in done.stderr
    assert len(server.sent) == int(status == 0)


def test_every_operation_of_the_contract_can_be_called() -> None:
    assert set(OPERATIONS) == {call.method for call in FIRST_CALLS}
