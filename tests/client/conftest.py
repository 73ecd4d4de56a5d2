from collections.abc import Generator

import pytest
import stamina

from tests.runtime.clock import Clock

VARIABLES = ("GENAUTH_APP_ID", "GENAUTH_APP_HOST", "GENAUTH_ACCESS_TOKEN", "GENAUTH_LANG")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's own settings of GenAuth."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def no_backoff() -> Generator[None]:
    """Make retries without waiting, as many as the client allows."""
    with stamina.set_testing(True, attempts=1000, cap=True):
        yield


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("call", "pool", "request", "response", "retry"):
        monkeypatch.setattr(f"genauth_email._runtime.{module}.monotonic", clock)
    return clock
