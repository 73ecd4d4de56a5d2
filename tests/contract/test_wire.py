"""The same call through the vendor's SDK and through our clients, as a server sees it."""

from typing import Any

import genauth as vendor
import genauth_email
import httpx
import pytest
from genauth_email.testing import ReceivedRequest

from tests.clients import ClientFactory
from tests.servers import MockServer

from .facts import CHANNEL, OTHER_CHANNEL

HEADERS = ("x-genauth-app-id", "x-genauth-lang", "x-real-ip", "authorization")
OPTIONS: list[dict[str, Any]] = [
    {},
    {"lang": "en-US"},
    {"access_token": "s3cret-token", "lang": "ja-JP", "real_ip": "203.0.113.9"},
]


def through_the_vendors_sdk(mock_server: MockServer, options: dict[str, Any]) -> ReceivedRequest:
    client = vendor.AuthenticationClient(app_id="app123", app_host=mock_server.url, **options)
    client.send_email(CHANNEL, "vendor@example.com")
    return mock_server.received.pop()


def shape(request: ReceivedRequest) -> object:
    headers = {name: request.headers[name] for name in HEADERS if name in request.headers}
    return request.method, request.target, headers, request.headers["content-type"]


@pytest.mark.parametrize("options", OPTIONS)
def test_a_request_is_the_same_as_the_vendors_sdk_sends(
    make_client: ClientFactory, mock_server: MockServer, options: dict[str, Any]
) -> None:
    theirs = through_the_vendors_sdk(mock_server, options)

    make_client(mock_server.url, **options).send_email(CHANNEL, "ours@example.com")
    make_client(mock_server.url).send_email(OTHER_CHANNEL, "ours@example.com", **options)

    ours, per_call = mock_server.received
    assert shape(ours) == shape(per_call) == shape(theirs)
    assert ours.json == {**theirs.json, "email": "ours@example.com"}


def test_a_request_names_our_package_and_its_version(make_client: ClientFactory, mock_server: MockServer) -> None:
    make_client(mock_server.url).send_email(CHANNEL, "test@example.com")

    version = genauth_email.__version__
    headers = mock_server.received[0].headers
    assert headers["user-agent"] == f"genauth-email/{version} python-httpx/{httpx.__version__}"
    assert headers["x-genauth-sdk-version"] == f"genauth-email:{version}"
    assert headers["x-genauth-request-from"] == "sdk"
