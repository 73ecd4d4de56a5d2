"""A wrong option value is refused without being shown, because it may be a misplaced token."""

import base64
import re
from collections.abc import Callable

import pytest
from genauth_email import AsyncAuthenticationClient, AuthenticationClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.contract.facts import CHANNEL

pytestmark = pytest.mark.usefixtures("unwatched")

Use = Callable[[type, str, object], object]
CLIENTS = (AuthenticationClient, AsyncAuthenticationClient)
# None of these accepts a token. An `app_host` is shown because it is not a secret, and other options accept any text.
OPTIONS = ("lang", "real_ip", "timeout", "max_retries", "retry_unknown", "on_attempt")
AT_CONSTRUCTION = ("limits", "http_client")
# The error messages' own words are not drawn.
TOKENS = st.builds(
    lambda start, data, end: start + base64.urlsafe_b64encode(data).decode() + end,
    st.sampled_from(["", "eyJ", "Bearer ", "1.2.3.4", "1.2.3.4%", "https://", "zh-CN", "10"]),
    st.binary(min_size=16, max_size=60),
    st.sampled_from(["", ".sig", "%41", ":80", "/", "é", "\x00", "\n"]),
)
A_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
AN_OPAQUE_TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a~+/=="

drawing = settings(max_examples=50, derandomize=True, deadline=None)


def check_hidden(call: Callable[[], object], token: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    error: BaseException | None = caught.value
    while error is not None:
        assert not [each for each in parts(token) if each in f"{error} {error!r} {error.args!r}"]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def parts(token: str) -> list[str]:
    """Return every run of eight letters within the token."""
    secret = max(re.split(r"[^\w=-]", token), key=len)
    return [secret[start : start + 8] for start in range(0, len(secret) - 7)]


def make(client: type, option: str, value: object) -> object:
    return client("app123", **{"app_host": "https://example.genauth.ai", option: value})


def derive(client: type, option: str, value: object) -> object:
    return client("app123").with_options(**{option: value})


def call(client: type, argument: str, value: object) -> object:
    return client("app123").send_email(**{"channel": CHANNEL, "email": "test@example.com", argument: value})


@pytest.mark.parametrize(
    ("use", "client", "option"),
    [
        *((make, client, option) for client in CLIENTS for option in (*OPTIONS, *AT_CONSTRUCTION)),
        *((derive, AuthenticationClient, option) for option in OPTIONS),
        *((call, AuthenticationClient, argument) for argument in ("channel", "lang", "real_ip", "timeout")),
    ],
)
@drawing
@given(token=TOKENS)
@example(A_TOKEN)
@example(AN_OPAQUE_TOKEN)
def test_a_token_passed_as_another_argument_is_not_shown(use: Use, client: type, option: str, token: str) -> None:
    check_hidden(lambda: use(client, option, token), token)


@pytest.mark.parametrize("option", ["app_id", "access_token"])
@pytest.mark.parametrize("end", ["\n", " ", "é", "\x00"])
def test_a_token_with_a_suffix_is_not_shown(option: str, end: str) -> None:
    check_hidden(lambda: make(AuthenticationClient, option, A_TOKEN + end), A_TOKEN)
