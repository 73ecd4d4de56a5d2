import pytest

from tests.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("call", "transport.idle", "transport.request", "transport.response"):
        monkeypatch.setattr(f"genauth_email._runtime.{module}.monotonic", clock)
    return clock
