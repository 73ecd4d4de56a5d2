"""Every channel."""

import pytest
from genauth_email import Channel, SendEmailRespDto, StatusCode

from tests.clients import ClientFactory
from tests.servers import MockServer

from .facts import SCHEMAS

CHANNELS: list[str] = SCHEMAS["Channel"]["enum"]


@pytest.mark.parametrize("channel", [*CHANNELS, *map(Channel, CHANNELS)], ids=repr)
def test_an_email_of_each_channel_is_sent(make_client: ClientFactory, mock_server: MockServer, channel: str) -> None:
    response = make_client(mock_server.url).send_email(channel, "test@example.com")

    assert isinstance(response, SendEmailRespDto)
    assert response.status_code is StatusCode.OK
    assert [request.json for request in mock_server.received] == [
        {"channel": str(channel), "email": "test@example.com"}
    ]
