"""A server can repeat an address or the token in any text and any spelling. None is shown, and it costs nothing."""

import base64
import gc
import html
import io
import json
import logging
import re
import sys
import tracemalloc
import unicodedata
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote

import httpx
import pytest
from genauth_email import AttemptDetails, GenAuthError, SendEmailDto
from genauth_email.api.email import send_email
from genauth_email.models import Channel
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.clients import BlockingClient, ClientFactory, on_httpx
from tests.contract.facts import CHANNEL
from tests.servers.raw import RawServer, Step, http

# What is drawn can look like an address, and is nobody's.
pytestmark = pytest.mark.usefixtures("no_pauses", "unwatched")

drawing = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

EMAIL = "Some.Body+tag@mail.example.com"
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyLTQyIiwi.c2lnbmF0dXJl-_Q=="
HALF_A_PAIR, RIGHT_TO_LEFT = "\ud83d", "\u202e"

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "title": str.title,
    "trimmed": lambda text: f" {text}\n",
    "percent-encoded": lambda text: quote(text, safe=""),
    "every byte percent-encoded": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "without dots": lambda text: text.replace(".", ""),
    "without the tag": lambda text: re.sub(r"\+[^@]*", "", text),
    "without padding": lambda text: text.rstrip("="),
    "full width": lambda text: "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text),
    "decomposed": lambda text: unicodedata.normalize("NFKD", text),
    "composed": lambda text: unicodedata.normalize("NFKC", text),
    "html": html.escape,
    "html references": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "unicode escapes": lambda text: "".join(f"\\u{ord(each):04x}" for each in text),
    "zero-width spaces": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "from right to left": lambda text: RIGHT_TO_LEFT + text,
    "reversed": lambda text: text[::-1],
    "half a surrogate pair": lambda text: HALF_A_PAIR.join([text[:5], text[5:]]),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "spaces": " ".join,
}
LETTERS = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
ADDRESSES = st.emails() | st.builds(
    "{}@{}.example".format, st.text(LETTERS, min_size=5), st.text("abcxyz-", min_size=3)
)
TOKENS = st.binary(min_size=12, max_size=60).map(lambda data: base64.urlsafe_b64encode(data).decode())
SERVER_TEXTS = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C", "Cs"]), max_size=10)


class Echo:
    """A transport whose response is what the test sets."""

    body: dict[str, Any]
    header = b"?"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        # A body in ASCII can have half a surrogate pair.
        content = httpx.ByteStream(json.dumps(self.body).encode("ascii"))
        return httpx.Response(200, headers=[(b"x-of-server", self.header)], stream=content)


class Shown(logging.Handler):
    """All that a call shows to people: logs, errors, responses and details of attempts."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        args = [each for each in record.args or () if not isinstance(each, float)]
        self.texts.append(re.sub(r"in \d+ ms", "in 0 ms", f"{record.getMessage()} {args}"))

    def note_attempt(self, details: AttemptDetails) -> None:
        self.texts.append(f"{details._replace(duration=0.0)}")

    def note_end(self, client: BlockingClient, email: str) -> None:
        body = SendEmailDto(channel=Channel(CHANNEL), email=email)
        try:
            self.texts.append(f"{client.send_email(CHANNEL, email)!r}")
        except GenAuthError as error:
            self.texts += [f"{error}", f"{error!r}", f"{error.__cause__!r}"]
            # It can be printed wherever UTF-8 is.
            print(error, error.__cause__, file=io.TextIOWrapper(io.BytesIO(), "utf-8"))
        try:
            response = client.call(send_email, detailed=True, body=body)
            self.texts += [f"{response!r}", f"{response.parsed!r}", f"{response.request!r}"]
        except GenAuthError as error:
            self.texts += [f"{error}", f"{error!r}"]


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def client(make_client: ClientFactory, echo: Echo) -> BlockingClient:
    http_client = make_client.http_client(transport=httpx.MockTransport(echo))
    return make_client("http://example.com", http_client=http_client, max_retries=0)


def show(client: BlockingClient, echo: Echo, email: str, token: str, body: dict[str, Any]) -> list[str]:
    shown = Shown()
    logger = logging.getLogger("genauth_email")
    level = logger.level
    logger.addHandler(shown)
    logger.setLevel(logging.DEBUG)
    try:
        echo.body = body
        shown.note_end(client.with_options(access_token=token, on_attempt=shown.note_attempt), email)
    finally:
        logger.setLevel(level)
        logger.removeHandler(shown)
    return shown.texts


@on_httpx
@drawing
@given(
    status_code=st.sampled_from([200, 400, 401, 429, 500, 503, 777]),
    email=ADDRESSES,
    token=TOKENS,
    field=st.sampled_from(["message", "requestId", "data", "error", "apiCode", "statusCode"]),
    spelling=st.sampled_from(list(SPELLINGS)),
    secret=st.sampled_from(["email", "token"]),
    before=SERVER_TEXTS,
    after=SERVER_TEXTS,
)
def test_what_is_shown_does_not_depend_on_any_text_of_the_server(
    client: BlockingClient,
    echo: Echo,
    status_code: int,
    email: str,
    token: str,
    field: str,
    spelling: str,
    secret: str,
    before: str,
    after: str,
) -> None:
    # A request id has its own test.
    before = f"#{before}" if field == "requestId" else before
    text = before + SPELLINGS[spelling](email if secret == "email" else token) + after
    body = {"statusCode": status_code, "message": "", "requestId": "?"}
    assert show(client, echo, email, token, body | {field: text}) == show(
        client, echo, email, token, body | {field: "?"}
    )


IDS = {name: spell for name, spell in SPELLINGS.items() if name not in ("reversed", "base64")}


@on_httpx
@drawing
@given(
    email=ADDRESSES,
    token=TOKENS,
    spelling=st.sampled_from(list(IDS)),
    secret=st.sampled_from(["email", "token"]),
    begin=st.integers(0, 20),
    length=st.integers(8, 64),
    around=st.sampled_from(["", "-", "req-", "0"]),
)
@example("test@example.com", "abcdefghijkl", "as it is", "token", 0, 12, "")
@example("test@example.com", "ab.cd.ef.gh.ij.kl", "without dots", "token", 0, 17, "")
def test_a_request_id_that_has_something_of_the_token_or_an_address_is_not_shown(
    client: BlockingClient,
    echo: Echo,
    email: str,
    token: str,
    spelling: str,
    secret: str,
    begin: int,
    length: int,
    around: str,
) -> None:
    part = (email if secret == "email" else token)[begin : begin + length] if secret == "token" else email
    spelled = IDS[spelling](part)
    body = {"statusCode": 400, "message": "", "requestId": around + spelled + around}
    for text in show(client, echo, email, token, body):
        assert sum(map(str.isalnum, spelled)) < 8 or spelled not in text


@on_httpx
@drawing
@given(
    email=ADDRESSES, token=TOKENS, status_code=st.sampled_from([200, 400]), spelling=st.sampled_from(list(SPELLINGS))
)
def test_what_is_shown_does_not_depend_on_the_headers_of_a_response(
    client: BlockingClient, echo: Echo, email: str, token: str, status_code: int, spelling: str
) -> None:
    body = {"statusCode": status_code, "message": ""}
    echo.header = b"?"
    plain = show(client, echo, email, token, body)
    echo.header = f"{SPELLINGS[spelling](email)} {SPELLINGS[spelling](token)}".encode(errors="ignore").strip()
    assert show(client, echo, email, token, body) == plain


def test_a_plain_request_id_is_shown(make_client: ClientFactory) -> None:
    body = {"statusCode": 400, "message": "", "requestId": "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0400"}
    details = list[AttemptDetails]()
    with RawServer(Step(http(200, json.dumps(body).encode()))) as server:
        client = make_client(server.url, access_token=f"s3cret-{TOKEN}", on_attempt=details.append)
        with pytest.raises(GenAuthError) as caught:
            client.send_email(CHANNEL, EMAIL)
    assert f"request id {body['requestId']} " in str(caught.value)
    assert [each.request_id for each in details] == [body["requestId"]]


@pytest.mark.parametrize("text", [f"x {HALF_A_PAIR}", f"{RIGHT_TO_LEFT}abc", "\ud83d\ude00", "\x1b[31m", "a\r\nb"])
@pytest.mark.parametrize("field", ["message", "requestId"])
def test_an_error_can_be_printed_and_has_the_text_as_it_came(
    make_client: ClientFactory, text: str, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"statusCode": 429, "message": "", field: text}
    refusal = http(200, json.dumps(body).encode("ascii"))
    with RawServer(Step(refusal)) as server, pytest.raises(GenAuthError) as caught:
        make_client(server.url).send_email(CHANNEL, EMAIL)
    error: Any = caught.value
    print(error)
    printed = capsys.readouterr().out
    assert printed.isprintable() or printed.strip("\n").isprintable()
    # JSON joins a pair of surrogates to the character that they are.
    assert getattr(error, {"requestId": "request_id"}.get(field, field)) == json.loads(json.dumps(text))


def patterns(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The regular expressions that are asked for from now on."""
    seen = list[Any]()
    compile_ = re._compile  # type: ignore[attr-defined]

    def compile_and_note(pattern: Any, flags: int) -> Any:
        seen.append(pattern)
        return compile_(pattern, flags)

    monkeypatch.setattr(re, "_compile", compile_and_note)
    return seen


def operations(function: Callable[[], object]) -> int:
    """How many lines of Python and calls of C functions there are in it."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> Any:
        nonlocal count
        count += 1
        return trace

    sys.settrace(trace)
    sys.setprofile(trace)
    try:
        function()
    finally:
        sys.settrace(None)
        sys.setprofile(None)
    return count


def fail(client: BlockingClient, email: str) -> str:
    with pytest.raises(GenAuthError) as caught:
        client.send_email(CHANNEL, email)
    return f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("make_client", ["sync"], indirect=True)
@pytest.mark.parametrize("field", ["message", "requestId"])
def test_a_long_text_costs_no_more_operations_than_a_short_one(
    client: BlockingClient, echo: Echo, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    email = "a" * 1000 + "@example.com"
    token = "b" * 1000
    client = client.with_options(access_token=token)
    costs = list[int]()
    for length in (100, 100, 1000):
        # It repeats a beginning of the address, and of the token.
        echo.body = {"statusCode": 400, "message": "", field: ("a" * 999 + "b" * 999) * (length // 2)}
        # The transport is not what is measured.
        monkeypatch.setattr(Echo, "__call__", Mock(return_value=echo(httpx.Request("GET", "/"))))
        costs.append(operations(lambda: fail(client, email)))
    # Reading the body takes a few steps for every 64 KiB.
    assert costs[2] <= costs[1] + 1000


@on_httpx
@pytest.mark.parametrize("field", ["message", "requestId"])
def test_no_text_becomes_a_regular_expression_or_stays_in_memory(
    client: BlockingClient, echo: Echo, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    def refuse(number: int) -> None:
        email = f"{number:06}" * 10_000 + "@example.com"
        echo.body = {"statusCode": 400, "message": "", field: f"{email} is not valid"}
        assert "000000" not in fail(client, email)

    seen = patterns(monkeypatch)
    for number in range(3):
        refuse(number)
    tracemalloc.start()
    try:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(3, 33):
            refuse(number)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # One address has 60 kB.
    assert after - before < 300_000
    assert seen
    assert not [each for each in seen if len(str(each)) > 1000]
