from collections.abc import Generator

import pytest
import stamina

from .mock import Clock

VARIABLES = ("GENAUTH_APP_ID", "GENAUTH_APP_HOST", "GENAUTH_ACCESS_TOKEN", "GENAUTH_LANG")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own GenAuth is none of the tests' business."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def no_backoff() -> Generator[None]:
    """Has retries follow at once, as many as the client allows."""
    with stamina.set_testing(True, attempts=1000, cap=True):
        yield


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("client", "connections"):
        monkeypatch.setattr(f"genauth_email.{module}.monotonic", clock)
    return clock
