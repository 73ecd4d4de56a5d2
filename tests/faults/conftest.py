import ssl
from pathlib import Path

import pytest
import trustme
from hypothesis import settings

from .play import certified


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.release)], ids=["few", "many"])
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether to try many calls, examples or moments, instead of a few that notice every fault seen so far."""
    return bool(request.param)


@pytest.fixture
def drawing(thorough: bool) -> settings:
    """The settings of Hypothesis for a function that a test calls. It draws the same in each run."""
    return settings(max_examples=150 if thorough else 30, derandomize=True, deadline=None)


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """The server's side of TLS, which the clients' own connections trust."""
    ca, path = trustme.CA(), tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return certified("right", ca)
