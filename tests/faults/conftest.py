import ssl

import pytest
import trustme


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The server's side of TLS, which the clients' own connections trust."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca = trustme.CA()
    ca.issue_cert("127.0.0.1").configure_cert(server)
    ca.configure_trust(client)
    monkeypatch.setattr("genauth_email.connections.ssl_context", lambda: client)
    return server
