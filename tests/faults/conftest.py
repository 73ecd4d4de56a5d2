import ssl
from pathlib import Path

import pytest
import trustme
from hypothesis import settings

from .play import certified


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.release)], ids=["few", "many"])
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether to try many calls, examples or moments, instead of the few that notice every fault seen so far."""
    return bool(request.param)


@pytest.fixture
def drawing(thorough: bool) -> settings:
    """Hypothesis settings for a function that a test calls. Each run draws the same examples."""
    return settings(max_examples=150 if thorough else 30, derandomize=True, deadline=None)


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """A TLS context for a server that the clients' own connections trust."""
    ca, path = trustme.CA(), tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return certified("right", ca)
