from collections.abc import Generator

import httpx
import pytest

from tests.servers import MockServer


@pytest.fixture
def http(mock_server: MockServer) -> Generator[httpx.Client]:
    """An httpx client with the mock server's URL and an app id."""
    headers = {"x-genauth-app-id": "any"}
    # No proxy from the environment, and no TLS, because loading certificates would take most of a test's time.
    with httpx.Client(base_url=mock_server.url, headers=headers, trust_env=False, verify=False) as http:
        yield http
