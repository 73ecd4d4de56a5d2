"""An option with a wrong value is refused without showing it: it may be a token in the wrong place."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from genauth_email import AsyncAuthenticationClient, AuthenticationClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.contract.facts import CHANNEL

pytestmark = pytest.mark.usefixtures("unwatched")

CLIENTS = (AuthenticationClient, AsyncAuthenticationClient)
# All of these take something else. An `app_host` is shown, as it is no secret, and the others take any text.
OPTIONS = ("lang", "real_ip", "timeout", "max_retries", "retry_unknown", "on_attempt")
AT_CONSTRUCTION = ("limits", "http_client")
# What error messages say themselves is not drawn.
TOKENS = st.builds(
    lambda start, data, end: start + base64.urlsafe_b64encode(data).decode() + end,
    st.sampled_from(["", "eyJ", "Bearer ", "1.2.3.4", "1.2.3.4%", "https://", "zh-CN", "10"]),
    st.binary(min_size=16, max_size=60),
    st.sampled_from(["", ".sig", "%41", ":80", "/", "é", "\x00", "\n"]),
)
A_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
AN_OPAQUE_TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a~+/=="

drawing = settings(max_examples=100, derandomize=True, deadline=None)


def check_hidden(call: Callable[[], object], token: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    error: BaseException | None = caught.value
    while error is not None:
        assert not [each for each in parts(token) if each in f"{error} {error!r} {error.args!r}"]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def parts(token: str) -> list[str]:
    """Eight letters in a row, wherever in the middle of the token."""
    secret = max(re.split(r"[^\w=-]", token), key=len)
    return [secret[start : start + 8] for start in range(0, len(secret) - 7)]


def make(client: type, option: str, value: object) -> object:
    return client("app123", **{"app_host": "https://example.genauth.ai", option: value})


@pytest.mark.parametrize("option", [*OPTIONS, *AT_CONSTRUCTION])
@pytest.mark.parametrize("client", CLIENTS)
@drawing
@given(token=TOKENS)
@example(A_TOKEN)
@example(AN_OPAQUE_TOKEN)
def test_a_token_in_the_place_of_an_option_is_not_shown(client: type, option: str, token: str) -> None:
    check_hidden(lambda: make(client, option, token), token)


@pytest.mark.parametrize("option", OPTIONS)
@drawing
@given(token=TOKENS)
@example(A_TOKEN)
@example(AN_OPAQUE_TOKEN)
def test_a_token_in_the_place_of_an_option_of_a_derived_client_is_not_shown(option: str, token: str) -> None:
    client: Any = AuthenticationClient("app123", "https://example.genauth.ai", http_client=None)
    check_hidden(lambda: client.with_options(**{option: token}), token)


@pytest.mark.parametrize("argument", ["channel", "lang", "real_ip", "timeout"])
@drawing
@given(token=TOKENS)
@example(A_TOKEN)
@example(AN_OPAQUE_TOKEN)
def test_a_token_in_the_place_of_an_argument_is_not_shown(argument: str, token: str) -> None:
    client: Any = AuthenticationClient("app123", "https://example.genauth.ai")
    arguments = {"channel": CHANNEL, "email": "test@example.com", argument: token}
    check_hidden(lambda: client.send_email(**arguments), token)


@pytest.mark.parametrize("option", ["app_id", "access_token"])
@pytest.mark.parametrize("end", ["\n", " ", "é", "\x00"])
def test_a_token_with_something_else_at_its_end_is_not_shown(option: str, end: str) -> None:
    check_hidden(lambda: make(AuthenticationClient, option, A_TOKEN + end), A_TOKEN)
