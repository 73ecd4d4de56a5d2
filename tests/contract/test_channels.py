"""Every channel, and the rule of one email per mailbox, channel and minute."""

import pytest
from genauth_email import Channel, SendEmailRespDto, StatusCode, ThrottleError

from tests.genauth_server import GenAuth
from tests.twins import Connect

from .contract import SCHEMAS

CHANNELS: list[str] = SCHEMAS["Channel"]["enum"]


@pytest.mark.parametrize("channel", [*CHANNELS, *map(Channel, CHANNELS)], ids=repr)
def test_an_email_of_each_channel_is_sent(connect: Connect, genauth: GenAuth, channel: str) -> None:
    answer = connect(genauth.url).send_email(channel, "test@example.com")

    assert isinstance(answer, SendEmailRespDto)
    assert answer.status_code is StatusCode.OK
    assert [request.json for request in genauth.received] == [
        {"channel": str(channel), "email": "test@example.com"}
    ]


def test_a_second_email_to_a_mailbox_within_a_minute_is_throttled(connect: Connect, genauth: GenAuth) -> None:
    client = connect(genauth.url, lang="en-US")
    client.send_email("CHANNEL_LOGIN", "test@example.com")
    genauth.clock.advance(59)

    with pytest.raises(ThrottleError) as caught:
        client.send_email("CHANNEL_LOGIN", "TEST@Example.com")

    assert caught.value.status_code == 429
    assert caught.value.delivery == "not_sent"
    # The rule is the API's business: trying again at once would only be refused again.
    assert len(genauth.received) == 2


def test_the_minute_is_counted_per_channel_and_mailbox(connect: Connect, genauth: GenAuth) -> None:
    client = connect(genauth.url)
    client.send_email("CHANNEL_LOGIN", "test@example.com")
    client.send_email("CHANNEL_REGISTER", "test@example.com")
    client.send_email("CHANNEL_LOGIN", "other@example.com")
    genauth.clock.advance(60)
    client.send_email("CHANNEL_LOGIN", "test@example.com")
