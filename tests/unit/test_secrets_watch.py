"""The watch finds what it is there to find. It is the same for both clients, so no test runs twice."""

import asyncio
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from unittest.mock import patch

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

TESTS = Path(__file__).parents[1]
EMAIL = "test@example.com"
BODY = SendEmailDto(channel=Channel(CHANNEL), email=EMAIL)


def leaking(error: Exception | None = None, cause: Exception | None = None) -> AbstractContextManager[object]:
    """Have calls of both clients return a response, or raise an error with that cause."""

    def leak(*_: object, **__: object) -> SendEmailRespDto:
        if error is not None:
            raise error from cause
        return SendEmailRespDto.from_dict(SENT)

    async def leak_async(*_: object, **__: object) -> SendEmailRespDto:
        return leak()

    return patch.multiple("genauth_email._runtime.client", call=leak, call_async=leak_async)


def log_an_argument() -> None:
    logging.getLogger("httpcore.http11").debug("send_request_headers.started %s", [(b"authorization", MARK)])


def log_an_extra() -> None:
    logging.getLogger("httpx").warning("a request", extra={"to": (EMAIL,)})


def log_an_error() -> None:
    logging.getLogger("genauth_email").debug("failed", exc_info=ValueError(EMAIL))


def raise_an_error() -> None:
    with leaking(APIConnectionError(f"no response to {EMAIL}")), suppress(APIConnectionError):
        send_email.sync(client=AuthenticationClient("app123"), body=BODY)


def raise_with_a_cause() -> None:
    cause = ExceptionGroup("all of them", [OSError(EMAIL)])
    with leaking(APIConnectionError("no response"), cause), suppress(APIConnectionError):
        send_email.sync(client=AuthenticationClient("app123"), body=BODY)


def raise_with_a_note() -> None:
    cause = OSError()
    cause.add_note(MARK)
    with leaking(APIConnectionError("no response"), cause), suppress(APIConnectionError):
        asyncio.run(send_email.asyncio(client=AsyncAuthenticationClient("app123"), body=BODY))


def return_a_response() -> None:
    # The real one shows no text of the server.
    with leaking(), patch.object(SendEmailRespDto, "__repr__", lambda response: f"The token is {MARK}."):
        send_email.sync(client=AuthenticationClient("app123"), body=BODY)


@pytest.mark.parametrize(
    "leak",
    [
        log_an_argument,
        log_an_extra,
        log_an_error,
        raise_an_error,
        raise_with_a_cause,
        raise_with_a_note,
        return_a_response,
    ],
)
def test_a_leak_is_found(secrets_watch: Watch, leak: Callable[[], None]) -> None:
    leak()

    found = secrets_watch.found()
    assert found
    assert all(MARK in text or EMAIL in text for text in found)


def test_masked_text_is_not_a_leak(secrets_watch: Watch) -> None:
    searched = secrets_watch.searched

    logging.getLogger("genauth_email").debug("%s", BODY)

    assert secrets_watch.searched == searched + 1
    assert secrets_watch.found() == []


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
    given = r'access_token(?:=|": )f?"(?!authorization|x-|TEAPOT_)([^"]+)'  # Those are names of headers.
    tokens = [
        token
        for module in TESTS.rglob("*.py")
        if module.parent.name != "typing"  # Those are programs that are not run.
        for token in re.findall(given, module.read_text("utf-8"))
    ]
    assert len(tokens) > 10
    assert [token for token in tokens if MARK not in token] == []
