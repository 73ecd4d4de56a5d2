"""A server can repeat an address or the token in any text and any spelling. Nothing shows it."""

import base64
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from genauth_email import AttemptDetails, GenAuthError
from genauth_email.api.email import send_email
from hypothesis import example, given
from hypothesis import strategies as st

from tests.clients import ClientFactory, before_transport

from .helpers import BODY, EMAIL, LEAST, MockNetwork, drawing, dto, error_of, send

# The drawn texts can look like an address, but are not secret.
pytestmark = [before_transport, pytest.mark.usefixtures("no_pauses", "unwatched")]

TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyLTQyIiwi.c2lnbmF0dXJl-_Q=="
HALF_A_PAIR, RIGHT_TO_LEFT = "\ud83d", "\u202e"
SERVER_TEXTS = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C", "Cs"]), max_size=10)
Show = Callable[..., list[str]]


@pytest.fixture
def show(make_client: ClientFactory, caplog: pytest.LogCaptureFixture) -> Show:
    """Makes calls, and returns all that these show: logs, errors, responses and details of attempts."""
    caplog.set_level(logging.DEBUG, logger="genauth_email")
    network = MockNetwork()
    client = network.new_client(make_client, "http://example.com", max_retries=0)

    def show(token: str, body: dict[str, Any], header: bytes = b"?") -> list[str]:
        # A body in ASCII can contain half of a surrogate pair.
        content = json.dumps(body).encode("ascii")
        network.play(httpx.Response(200, headers=[(b"x-of-server", header)], content=content))
        caplog.clear()
        told: list[AttemptDetails] = []
        caller = client.with_options(access_token=token, on_attempt=told.append)
        response = caller.call(send_email, detailed=True, body=BODY)
        shown = [repr(each) for each in (response, response.parsed, response.request)]
        try:
            shown.append(repr(send(caller)))
        except GenAuthError as error:
            shown += [str(error), repr(error), repr(error.__cause__)]
        shown += [repr(each._replace(duration=0.0)) for each in told]
        shown += [re.sub(r"in \d+ ms$", "", record.getMessage()) for record in caplog.records]
        return shown

    return show


@drawing
@given(
    status_code=st.sampled_from([200, 400, 401, 429, 500, 503, 777]),
    field=st.sampled_from(["message", "requestId", "data", "error", "a header"]),
    text=st.builds("{}{}{}".format, SERVER_TEXTS, st.sampled_from(["", EMAIL, TOKEN]), SERVER_TEXTS),
)
def test_no_text_of_the_server_changes_what_is_shown(show: Show, status_code: int, field: str, text: str) -> None:
    body = LEAST | {"statusCode": status_code, "message": "", **dict.fromkeys(["requestId", "data", "error"], "?")}
    plain = show(TOKEN, body)
    if field == "a header":
        header = text.encode(errors="ignore").translate(None, b"\r\n\0").strip()
        assert show(TOKEN, body, header) == plain
    else:
        # Request ids have their own test.
        assert show(TOKEN, body | {field: f"#{text}"}) == plain


@pytest.mark.parametrize("field", ["statusCode", "apiCode"])
def test_no_text_in_the_place_of_a_number_is_shown(make_client: ClientFactory, field: str) -> None:
    body = dto(400, **{field: TOKEN})
    error = error_of(MockNetwork(httpx.Response(200, content=body)).new_client(make_client))
    assert TOKEN not in f"{error} {error!r} {error.__cause__!r}"


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "without punctuation": lambda text: re.sub(r"\W", "", text),
    "with hyphens": "-".join,
}


@drawing
@given(
    token=st.binary(min_size=12, max_size=60).map(lambda data: base64.urlsafe_b64encode(data).decode()),
    spelling=st.sampled_from(list(SPELLINGS)),
    begin=st.integers(0, 20),
    length=st.integers(8, 64),
    around=st.sampled_from(["", "-", "req-", "0"]),
)
@example("abcdefghijkl", "as it is", 0, 12, "")
@example("ab.cd.ef.gh.ij.kl", "without punctuation", 0, 17, "")
def test_a_request_id_with_a_part_of_the_token_is_not_shown(
    show: Show, token: str, spelling: str, begin: int, length: int, around: str
) -> None:
    spelled = SPELLINGS[spelling](token[begin : begin + length])
    body = {"statusCode": 400, "message": "", "requestId": around + spelled + around}
    if sum(map(str.isalnum, spelled)) >= 8:
        assert not [text for text in show(token, body) if spelled in text]


@pytest.mark.parametrize("text", [f"x {HALF_A_PAIR}", f"{RIGHT_TO_LEFT}abc", "\ud83d\ude00", "\x1b[31m", "a\r\nb"])
@pytest.mark.parametrize(("field", "attribute"), [("message", "message"), ("requestId", "request_id")])
def test_an_error_can_be_printed_and_keeps_the_original_text(
    make_client: ClientFactory, text: str, field: str, attribute: str
) -> None:
    network = MockNetwork(httpx.Response(200, content=dto(429, **{field: text})))
    error = error_of(network.new_client(make_client))
    assert str(error).isprintable()
    # JSON joins a pair of surrogates into one character.
    assert getattr(error, attribute) == json.loads(json.dumps(text))
