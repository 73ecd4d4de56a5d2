"""The async client on aiohttp's connections, where no test of all kinds covers it."""

import sys

import anyio
import pytest
from genauth_email import AsyncAuthenticationClient

from tests.contract.facts import CHANNEL


# Only the async client accepts "aiohttp", so these tests do not run once per kind.
def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "genauth_email._runtime.transport.aiohttp_transport", raising=False)

    with pytest.raises(ImportError, match=r'pip install "genauth-email\[aiohttp\]"'):
        AsyncAuthenticationClient("app123", http_client="aiohttp")


def test_under_trio_it_says_that_it_is_for_asyncio() -> None:
    async def send() -> None:
        async with AsyncAuthenticationClient("app123", http_client="aiohttp") as client:
            await client.send_email(CHANNEL, "test@example.com")

    with pytest.raises(RuntimeError, match="for asyncio"):
        anyio.run(send, backend="trio")
