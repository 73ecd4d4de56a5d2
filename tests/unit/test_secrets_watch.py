"""The secrets watch finds leaks. It is the same for both clients, so no test runs twice."""

import asyncio
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest
from genauth_email import (
    APIConnectionError,
    AsyncAuthenticationClient,
    AuthenticationClient,
    Channel,
    SendEmailDto,
    SendEmailRespDto,
)
from genauth_email.api.email import send_email

from tests.contract.facts import CHANNEL, SENT
from tests.secrets_watch import MARK, Watch

from .library_errors import because_of

TESTS = Path(__file__).parents[1]
EMAIL = "test@example.com"
BODY = SendEmailDto(channel=Channel(CHANNEL), email=EMAIL)
SUCCESS = httpx.Response(200, json=SENT)


def call(outcome: httpx.Response | Exception = SUCCESS, *, is_async: bool = False) -> None:
    """Make a call that gets a response, or an error of the transport."""

    def play(_: httpx.Request) -> httpx.Response:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    transport = httpx.MockTransport(play)
    with suppress(APIConnectionError):
        if is_async:
            async_client = AsyncAuthenticationClient("app123", http_client=httpx.AsyncClient(transport=transport))
            asyncio.run(async_client.send_email(CHANNEL, EMAIL))
        else:
            client = AuthenticationClient("app123", http_client=httpx.Client(transport=transport))
            send_email.sync(client=client, body=BODY)


def noted(error: Exception) -> Exception:
    error.add_note(MARK)
    return error


# The real `repr` of a response shows no text of the server.
talkative = patch.object(SendEmailRespDto, "__repr__", lambda response: f"The token is {MARK}.")

LEAKS: dict[str, Callable[[], object]] = {
    "argument of a record": lambda: logging.getLogger("httpcore.http11").debug("sent %s", [(b"authorization", MARK)]),
    "extra of a record": lambda: logging.getLogger("httpx").warning("a request", extra={"to": (EMAIL,)}),
    "error of a record": lambda: logging.getLogger("genauth_email").debug("failed", exc_info=ValueError(EMAIL)),
    "error": lambda: call(httpx.ReadError(f"no response to {EMAIL}")),
    "cause": lambda: call(because_of(httpx.ReadError("reset"), ExceptionGroup("of all", [OSError(EMAIL)]))),
    "note of an async cause": lambda: call(because_of(httpx.ReadError("reset"), noted(OSError())), is_async=True),
    "response": talkative(call),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_found(secrets_watch: Watch, name: str) -> None:
    LEAKS[name]()
    found = secrets_watch.found()
    assert found
    assert all(MARK in text or EMAIL in text for text in found)


def test_masked_text_is_not_a_leak(secrets_watch: Watch) -> None:
    searched = secrets_watch.searched
    logging.getLogger("genauth_email").debug("%s", BODY)
    assert secrets_watch.searched == searched + 1
    assert secrets_watch.found() == []


@pytest.mark.release
def test_a_test_that_leaks_fails(tmp_path: Path) -> None:
    (tmp_path / "test_leak.py").write_text("""\
import logging

from tests.secrets_watch import no_secret_shows, secrets_watch


def test_leak():
    logging.getLogger("httpx").debug("test@example.com")
""")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ERROR test_leak.py::test_leak - Failed: a secret shows" in done.stdout
    assert done.returncode == 1


def test_every_token_of_a_test_is_searched_for() -> None:
    given = r'access_token(?:=|": )f?"(?!authorization|x-|TEAPOT_)([^"]+)'  # Those are header names.
    tokens = [
        token
        for module in TESTS.rglob("*.py")
        if module.parent.name != "typing"  # Those programs are not run.
        for token in re.findall(given, module.read_text("utf-8"))
    ]
    assert len(tokens) > 10
    assert [token for token in tokens if MARK not in token] == []
