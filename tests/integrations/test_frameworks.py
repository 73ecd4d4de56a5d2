"""Web frameworks: an application sends emails with one client, and turns `ThrottleError` into HTTP 429.

tests/examples covers the applications in `examples/`.
"""

import warnings
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import httpx
import pytest
from asgiref.sync import async_to_sync
from genauth_email import AsyncAuthenticationClient
from starlette.exceptions import StarletteDeprecationWarning

from tests.contract.facts import CHANNEL
from tests.servers import MockServer
from tests.servers.raw import RawServer


def over_asgi(app: Any) -> AbstractContextManager[Any]:
    with warnings.catch_warnings():
        # Starlette would require httpx2 here, which nothing else needs.
        warnings.simplefilter("ignore", StarletteDeprecationWarning)
        from starlette.testclient import TestClient

    return TestClient(app)


def over_wsgi(app: Any) -> AbstractContextManager[Any]:
    return httpx.Client(transport=httpx.WSGITransport(app), base_url="http://testserver")


# Over WSGI, Django runs each request in its own event loop.
@pytest.mark.parametrize(("app", "connect"), [("litestar_app", over_asgi), ("django_app", over_wsgi)])
def test_a_route_sends_emails_and_responds_with_429_to_too_many(
    mock_server: MockServer, monkeypatch: pytest.MonkeyPatch, app: str, connect: Any
) -> None:
    monkeypatch.setenv("GENAUTH_APP_ID", "my-app")
    monkeypatch.setenv("GENAUTH_APP_HOST", mock_server.url)
    emails = ["a@example.com", "b@example.com", "a@example.com"]

    with connect(import_module(f"tests.integrations.apps.{app}").app) as http:
        responses = [http.post("/login-email", json={"email": email}) for email in emails]

    assert [each.status_code for each in responses] == [200, 200, 429]
    assert responses[0].json().keys() == {"statusCode", "message", "requestId"}
    assert responses[2].headers["retry-after"] == "60"
    assert [each.json["email"] for each in mock_server.received] == emails


def test_an_async_client_works_in_each_loop_that_async_to_sync_makes() -> None:
    with RawServer() as server:
        client = AsyncAuthenticationClient("my-app", server.url)
        for loop in (1, 2):
            async_to_sync(client.send_email)(CHANNEL, "test@example.com")
            server.wait_for_open(0)
            assert server.connections == loop
        assert len(server.finish()) == 2
