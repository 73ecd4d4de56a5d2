from collections.abc import Generator

import pytest

from tests.clients import no_pauses
from tests.runtime.clock import Clock

VARIABLES = ("GENAUTH_APP_ID", "GENAUTH_APP_HOST", "GENAUTH_ACCESS_TOKEN", "GENAUTH_LANG")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's own settings of GenAuth."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(name="no_pauses")
def without_pauses() -> Generator[None]:
    """Have retries follow at once."""
    with no_pauses():
        yield


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("call", "transport.idle", "transport.request", "transport.response"):
        monkeypatch.setattr(f"genauth_email._runtime.{module}.monotonic", clock)
    return clock
