from collections.abc import Generator

import httpx
import pytest

from .app import GenAuth


@pytest.fixture
def http(genauth: GenAuth) -> Generator[httpx.Client]:
    """A client that knows where GenAuth is, and an app id."""
    headers = {"x-genauth-app-id": "any"}
    # No proxy of the environment, and no TLS: loading the certificates would take most of a test's time.
    with httpx.Client(base_url=genauth.url, headers=headers, trust_env=False, verify=False) as http:
        yield http
