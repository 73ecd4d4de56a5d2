import ssl
from pathlib import Path

import pytest
import trustme


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """The server's side of TLS, which the clients' own connections trust."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca = trustme.CA()
    ca.issue_cert("127.0.0.1").configure_cert(server)
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return server
