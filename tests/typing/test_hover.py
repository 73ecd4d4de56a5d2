"""What editors show, according to pyright's language server."""

import json
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, Self, cast

import pytest

from tests.contract.facts import CHANNEL, CHANNEL_TEXT

pytestmark = pytest.mark.release

CODE = f"""\
from genauth_email import AttemptDetails, AuthenticationClient, Channel, SendEmailDto, SendEmailRespDto

def use(client: AuthenticationClient, body: SendEmailDto, response: SendEmailRespDto, attempt: AttemptDetails) -> None:
    Channel.{CHANNEL}
    body.email
    response.request_id
    client.send_email("{CHANNEL}", email="")
    client.with_options(real_ip="")
    AuthenticationClient(max_retries=1)
    attempt.duration
"""


class LanguageServer:
    """A language server on its standard input and output."""

    def __init__(self, folder: Path) -> None:
        program = [str(Path(sys.executable).with_name("basedpyright-langserver")), "--stdio"]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._last = 0
        self._folder = folder
        venv = Path(sys.prefix)
        settings = {"venvPath": str(venv.parent), "venv": venv.name}
        (folder / "pyrightconfig.json").write_text(json.dumps(settings))
        self._uri = (folder / "program.py").as_uri()

    def __enter__(self) -> Self:
        folders = [{"uri": self._folder.as_uri(), "name": "program"}]
        self.request("initialize", {"processId": None, "capabilities": {}, "workspaceFolders": folders})
        self._send("initialized", {})
        document = {"uri": self._uri, "languageId": "python", "version": 1, "text": CODE}
        self._send("textDocument/didOpen", {"textDocument": document})
        return self

    def __exit__(self, *error: object) -> None:
        with self._process:
            self._process.kill()

    def request(self, method: str, params: Any) -> Any:
        self._last += 1
        self._send(method, params, id=self._last)
        while True:
            message = self._receive()
            if message.get("id") == self._last and "method" not in message:
                return message["result"]

    def at(self, text: str, method: str) -> Any:
        """Ask about the last word of a text in the code."""
        offset = CODE.index(text) + len(text) - (method == "textDocument/hover")
        line = CODE.count("\n", 0, offset)
        position = {"line": line, "character": offset - CODE.rfind("\n", 0, offset) - 1}
        return self.request(method, {"textDocument": {"uri": self._uri}, "position": position})

    def _send(self, method: str, params: Any, **more: Any) -> None:
        content = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            if match := re.match(rb"Content-Length: (\d+)", line):
                length = int(match[1])
        return cast(dict[str, Any], json.loads(self._process.stdout.read(length)))


pytestmark = pytest.mark.release


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[LanguageServer]:
    with LanguageServer(tmp_path_factory.mktemp("hover")) as server:
        yield server


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Channel.{CHANNEL}", CHANNEL_TEXT.partition(": ")[2]),
        ("body.email", "The address of the mailbox"),
        ("response.request_id", "support"),
        ("attempt.duration", "Seconds."),
    ],
)
def test_hovering_over_a_name_shows_its_text(server: LanguageServer, text: str, shown: str) -> None:
    assert shown in server.at(text, "textDocument/hover")["contents"]["value"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("client.send_email(", "What the email is for."),
        ("client.send_email(", f"`{CHANNEL}`: {CHANNEL_TEXT.partition(': ')[2]}"),
        (f'"{CHANNEL}", email=', "The address of the mailbox"),
        ("with_options(real_ip=", "The IP address of the end user."),
        ("AuthenticationClient(max_retries=", "How often a call is retried at most"),
    ],
)
def test_a_call_shows_the_text_of_the_argument(server: LanguageServer, text: str, shown: str) -> None:
    assert shown in json.dumps(server.at(text, "textDocument/signatureHelp"))
