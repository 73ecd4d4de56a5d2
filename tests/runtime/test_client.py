import pytest

from runtime.client import validate_client


class SyncClient:
    """By its name, the sync client of a package."""


class AsyncClient:
    """By its name, the async client of a package."""


class Derived(SyncClient):
    """A client of the user's."""


@pytest.mark.parametrize("kind", [SyncClient, AsyncClient])
def test_client_of_its_kind_is_taken(kind: type[SyncClient | AsyncClient]) -> None:
    client = kind()
    assert validate_client(client, kind) is client


def test_client_of_the_users_is_taken() -> None:
    client = Derived()
    assert validate_client(client, SyncClient) is client


@pytest.mark.parametrize(
    ("client", "kind", "message"),
    [
        (AsyncClient(), SyncClient, "sync and sync_detailed need a sync client, not AsyncClient"),
        (None, SyncClient, "sync and sync_detailed need a sync client, not NoneType"),
        (SyncClient(), AsyncClient, "asyncio and asyncio_detailed need an async client, not SyncClient"),
        (SyncClient, AsyncClient, "asyncio and asyncio_detailed need an async client, not type"),
    ],
)
def test_other_client_is_refused_by_its_type(client: object, kind: type[object], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        validate_client(client, kind)
    assert str(caught.value) == message
