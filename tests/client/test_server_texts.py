"""A server can repeat an address or the token in any text and any spelling. Nothing shows it."""

import base64
import io
import json
import logging
import re
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from genauth_email import AttemptDetails, GenAuthError, SendEmailDto
from genauth_email.api.email import send_email
from genauth_email.models import Channel
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.clients import BlockingClient, ClientFactory, before_transport
from tests.contract.facts import CHANNEL

from .helpers import MockNetwork, dto

# The drawn texts can look like an address, but are not secret.
pytestmark = pytest.mark.usefixtures("no_pauses", "unwatched")

drawing = settings(
    max_examples=100,
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
    "percent-encoded": lambda text: quote(text, safe=""),
    "every byte percent-encoded": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "without dots": lambda text: text.replace(".", ""),
    "without the tag": lambda text: re.sub(r"\+[^@]*", "", text),
    "without padding": lambda text: text.rstrip("="),
    "full width": lambda text: "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text),
    "decomposed": lambda text: unicodedata.normalize("NFKD", text),
    "html references": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "unicode escapes": lambda text: "".join(f"\\u{ord(each):04x}" for each in text),
    "zero-width spaces": "\u200b".join,
    "reversed": lambda text: text[::-1],
    "half a surrogate pair": lambda text: HALF_A_PAIR.join([text[:5], text[5:]]),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
}
LETTERS = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
ADDRESSES = st.emails() | st.builds(
    "{}@{}.example".format, st.text(LETTERS, min_size=5), st.text("abcxyz-", min_size=3)
)
TOKENS = st.binary(min_size=12, max_size=60).map(lambda data: base64.urlsafe_b64encode(data).decode())
SERVER_TEXTS = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C", "Cs"]), max_size=10)


class Echo:
    """A transport that responds as the test sets."""

    body: dict[str, Any]
    header = b"?"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        # A body in ASCII can contain half of a surrogate pair.
        content = httpx.ByteStream(json.dumps(self.body).encode("ascii"))
        return httpx.Response(200, headers=[(b"x-of-server", self.header)], stream=content)


class Shown(logging.Handler):
    """Everything that a call shows: logs, errors, responses and details of attempts."""

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
            # It can be printed as UTF-8.
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


@before_transport
@drawing
@given(
    status_code=st.sampled_from([200, 400, 401, 429, 500, 503, 777]),
    email=ADDRESSES,
    token=TOKENS,
    field=st.sampled_from(["message", "requestId", "data", "error", "apiCode", "statusCode", "a header"]),
    spelling=st.sampled_from(list(SPELLINGS)),
    secret=st.sampled_from(["email", "token"]),
    before=SERVER_TEXTS,
    after=SERVER_TEXTS,
)
def test_no_text_of_the_server_changes_what_is_shown(
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
    # Request ids have their own test.
    before = f"#{before}" if field == "requestId" else before
    text = before + SPELLINGS[spelling](email if secret == "email" else token) + after
    body = {"statusCode": status_code, "message": "", "requestId": "?"}
    if field == "a header":
        echo.header = b"?"
        plain = show(client, echo, email, token, body)
        echo.header = text.encode(errors="ignore").translate(None, b"\r\n\0").strip()
        assert show(client, echo, email, token, body) == plain
    else:
        plain = show(client, echo, email, token, body | {field: "?"})
        assert show(client, echo, email, token, body | {field: text}) == plain


IDS = {name: spell for name, spell in SPELLINGS.items() if name not in ("reversed", "base64")}


@before_transport
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
def test_a_request_id_with_a_part_of_the_token_or_an_address_is_not_shown(
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
    part = token[begin : begin + length] if secret == "token" else email
    spelled = IDS[spelling](part)
    body = {"statusCode": 400, "message": "", "requestId": around + spelled + around}
    for text in show(client, echo, email, token, body):
        assert sum(map(str.isalnum, spelled)) < 8 or spelled not in text


def fail(client: BlockingClient, email: str) -> str:
    with pytest.raises(GenAuthError) as caught:
        client.send_email(CHANNEL, email)
    return f"{caught.value} {caught.value!r}"


@before_transport
def test_a_plain_request_id_is_shown(make_client: ClientFactory) -> None:
    request_id = "5b0d6c1e-0001-4c36-9d3f-6f3b3c1a0400"
    details = list[AttemptDetails]()
    network = MockNetwork(httpx.Response(200, content=dto(400, requestId=request_id)))
    client = network.new_client(make_client, access_token=f"s3cret-{TOKEN}", on_attempt=details.append)
    assert f"request id {request_id} " in fail(client, EMAIL)
    assert [each.request_id for each in details] == [request_id]


@before_transport
@pytest.mark.parametrize("text", [f"x {HALF_A_PAIR}", f"{RIGHT_TO_LEFT}abc", "\ud83d\ude00", "\x1b[31m", "a\r\nb"])
@pytest.mark.parametrize(("field", "attribute"), [("message", "message"), ("requestId", "request_id")])
def test_an_error_can_be_printed_and_keeps_the_original_text(
    make_client: ClientFactory, text: str, field: str, attribute: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = MockNetwork(httpx.Response(200, content=dto(429, **{field: text}))).new_client(make_client)
    with pytest.raises(GenAuthError) as caught:
        client.send_email(CHANNEL, EMAIL)
    print(caught.value)
    assert capsys.readouterr().out.strip("\n").isprintable()
    # JSON joins a pair of surrogates into one character.
    assert getattr(caught.value, attribute) == json.loads(json.dumps(text))
