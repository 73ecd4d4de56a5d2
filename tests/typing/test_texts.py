"""The texts that editors show beside names. They read these from the source, as griffe does."""

import griffe
import pytest
from genauth_email import Channel

from tests.contract.facts import SCHEMAS

PACKAGE = griffe.load("genauth_email", resolve_aliases=True)
CHANNELS = SCHEMAS["Channel"].get("x-enumDescriptions", {})


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        *((f"Channel.{Channel(value).name}", text) for value, text in CHANNELS.items()),
        ("SendEmailDto.email", "The address of the mailbox"),
        ("SendEmailRespDto.request_id", "support"),
        ("AttemptDetails.duration", "Seconds."),
    ],
)
def test_a_name_has_its_text(name: str, shown: str) -> None:
    docstring = PACKAGE[name].docstring
    assert docstring is not None
    assert shown in docstring.value


@pytest.mark.parametrize("client", ["AuthenticationClient", "AsyncAuthenticationClient"])
@pytest.mark.parametrize(
    ("function", "argument", "shown"),
    [
        (".send_email", "channel", "What the email is for."),
        *((".send_email", "channel", f"`{value}`: {text}") for value, text in CHANNELS.items()),
        (".send_email", "email", "The address of the mailbox"),
        (".with_options", "real_ip", "The IP address of the end user."),
        ("", "max_retries", "How often a call is retried at most"),
    ],
)
def test_an_argument_has_its_text(client: str, function: str, argument: str, shown: str) -> None:
    docstring = PACKAGE[client + function].docstring
    assert docstring is not None
    (arguments,) = (section.value for section in docstring.parse("google") if section.kind.value == "parameters")
    assert shown in {each.name: each.description for each in arguments}[argument]
