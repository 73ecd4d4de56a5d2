"""An async `on_attempt` would never be awaited, so it is refused when it is given."""

from functools import partial
from unittest.mock import AsyncMock

import pytest
from genauth_email import AsyncAuthenticationClient, AuthenticationClient

HOST = "https://example.genauth.ai"
REFUSAL = r"^on_attempt must be a function, and not an async one, not "


class AsyncHook:
    async def __call__(self, details: object) -> None:
        raise AssertionError("it is never awaited")

    async def method(self, details: object) -> None:
        await self(details)


class Hook:
    def __call__(self, details: object) -> None:
        pass


@pytest.mark.parametrize("client", [AuthenticationClient, AsyncAuthenticationClient])
@pytest.mark.parametrize(
    "hook",
    [AsyncHook(), AsyncHook().method, partial(AsyncHook().method), AsyncMock()],
    ids=lambda hook: type(hook).__name__,
)
def test_an_async_on_attempt_is_refused(client: type[AuthenticationClient], hook: object) -> None:
    with pytest.raises(TypeError, match=REFUSAL):
        client("app123", HOST, on_attempt=hook)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=REFUSAL):
        client("app123", HOST).with_options(on_attempt=hook)  # type: ignore[arg-type]


@pytest.mark.parametrize("client", [AuthenticationClient, AsyncAuthenticationClient])
def test_an_object_that_can_be_called_is_taken(client: type[AuthenticationClient]) -> None:
    client("app123", HOST, on_attempt=Hook())
