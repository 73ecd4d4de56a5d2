"""Every channel, and the rule of one email per mailbox, channel and minute."""

import pytest
from genauth_email import Channel, SendEmailRespDto, StatusCode, ThrottleError

from tests.clients import ClientFactory
from tests.servers import MockServer

from .facts import CHANNEL, OTHER_CHANNEL, SCHEMAS

CHANNELS: list[str] = SCHEMAS["Channel"]["enum"]


@pytest.mark.parametrize("channel", [*CHANNELS, *map(Channel, CHANNELS)], ids=repr)
def test_an_email_of_each_channel_is_sent(make_client: ClientFactory, mock_server: MockServer, channel: str) -> None:
    response = make_client(mock_server.url).send_email(channel, "test@example.com")

    assert isinstance(response, SendEmailRespDto)
    assert response.status_code is StatusCode.OK
    assert [request.json for request in mock_server.received] == [
        {"channel": str(channel), "email": "test@example.com"}
    ]


def test_a_second_email_to_a_mailbox_within_a_minute_is_throttled(
    make_client: ClientFactory, mock_server: MockServer
) -> None:
    client = make_client(mock_server.url, lang="en-US")
    client.send_email(CHANNEL, "test@example.com")
    mock_server.advance(59)

    with pytest.raises(ThrottleError) as caught:
        client.send_email(CHANNEL, "TEST@Example.com")

    assert caught.value.status_code == 429
    assert (caught.value.delivery, caught.value.retryable) == ("unknown", False)
    assert caught.value.retry_after == 60
    # The rule is the API's business: retrying at once would only be refused again.
    assert len(mock_server.received) == 2


def test_the_minute_is_counted_per_channel_and_mailbox(make_client: ClientFactory, mock_server: MockServer) -> None:
    client = make_client(mock_server.url)
    client.send_email(CHANNEL, "test@example.com")
    client.send_email(OTHER_CHANNEL, "test@example.com")
    client.send_email(CHANNEL, "other@example.com")
    mock_server.advance(60)
    client.send_email(CHANNEL, "test@example.com")
