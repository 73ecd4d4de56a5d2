import pytest

from runtime.base_client import validate_client
from runtime.client import AsyncClient, SyncClient


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (SyncClient, "sync and sync_detailed need a sync client, not object"),
        (AsyncClient, "asyncio and asyncio_detailed need an async client, not object"),
    ],
)
def test_object_that_is_not_a_client_of_its_kind_is_refused(kind: type[object], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        validate_client(object(), kind)
    assert str(caught.value) == message
