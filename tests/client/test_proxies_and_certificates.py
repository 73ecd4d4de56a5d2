"""What the environment says of the network: proxies and certificates."""

import logging
import ssl
import traceback
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest
import trustme
from genauth_email import APIConnectionError, GenAuthError

from tests.clients import BlockingClient, ClientFactory, before_transport, on_httpx
from tests.contract.facts import CHANNEL
from tests.servers import MockServer
from tests.servers.raw import RawServer, Step, http

SECRET = "s3cret"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")

# Whether aiohttp is used makes no difference to a proxy that no client can use.
USELESS_PROXIES = {
    "ftp": (f"ftp://user:{SECRET}@127.0.0.1:21", "has the scheme 'ftp'; allowed are http, https, socks5, socks5h"),
    "socks4": (f"socks4://{SECRET}@127.0.0.1:9", "has the scheme 'socks4'; allowed are http, https, socks5, socks5h"),
    "no host": (f"http://user:{SECRET}@", "is not a valid URL, such as http://host:3128"),
    "half an address": (f"http://user:{SECRET}@[::1", "is not a valid URL, such as http://host:3128"),
    "a port out of range": (f"http://user:{SECRET}@127.0.0.1:99999", "is not a valid URL, such as http://host:3128"),
    "a port that is no number": (f"http://user:{SECRET}@host:port", "is not a valid URL, such as http://host:3128"),
}


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


pytestmark = pytest.mark.usefixtures("no_pauses")


def send(client: BlockingClient) -> Any:
    return client.send_email(CHANNEL, "test@example.com")


def error_of(client: BlockingClient) -> APIConnectionError:
    with pytest.raises(APIConnectionError) as caught:
        send(client)
    return caught.value


def check_no_secret(error: GenAuthError | None, log: pytest.LogCaptureFixture) -> None:
    if error is not None:
        assert SECRET not in repr(error.args)
        shown = traceback.TracebackException.from_exception(error)
        assert SECRET not in "".join(shown.format())
        assert SECRET not in f"{error.__cause__!r} {error.__context__!r}"
    assert [record for record in log.records if SECRET in f"{record.getMessage()} {vars(record)!r}"] == []


def check_refused(error: APIConnectionError, text: str, log: pytest.LogCaptureFixture) -> None:
    assert text in str(error)
    assert str(error).startswith("ProxyError: the environment's proxy ")
    assert error.delivery == "not_sent"
    assert "retrying" not in log.text
    check_no_secret(error, log)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize(("proxy", "text"), USELESS_PROXIES.values(), ids=USELESS_PROXIES)
def test_a_proxy_that_cannot_be_used_is_refused_before_anything_is_sent(
    make_client: ClientFactory,
    mock_server: MockServer,
    monkeypatch: pytest.MonkeyPatch,
    log: pytest.LogCaptureFixture,
    variable: str,
    proxy: str,
    text: str,
) -> None:
    monkeypatch.setenv(variable, proxy)

    check_refused(error_of(make_client(mock_server.url)), text, log)

    assert mock_server.received == []


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_says_what_to_install(
    make_client: ClientFactory,
    mock_server: MockServer,
    monkeypatch: pytest.MonkeyPatch,
    log: pytest.LogCaptureFixture,
    scheme: str,
) -> None:
    monkeypatch.setattr("genauth_email._runtime.transport.environment.find_spec", lambda name: None)
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://user:{SECRET}@127.0.0.1:9")

    error = error_of(make_client(mock_server.url))

    reason = "which aiohttp does not speak" if make_client.kind == "aiohttp" else "which needs another package"
    check_refused(error, f"has the scheme '{scheme}', {reason}", log)
    assert 'pip install "httpx[socks]"' in str(error)
    assert mock_server.received == []


def test_a_client_has_the_proxy_that_the_environment_named_when_it_was_made(
    make_client: ClientFactory, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "ftp://127.0.0.1:21")
    made_with_it = make_client(mock_server.url)
    monkeypatch.delenv("HTTP_PROXY")
    made_without_it = make_client(mock_server.url)
    monkeypatch.setenv("HTTP_PROXY", "ftp://127.0.0.1:21")

    error_of(made_with_it)
    assert mock_server.received == []
    send(made_without_it)
    assert len(mock_server.received) == 1


def test_an_exempt_host_does_not_look_at_the_proxy(
    make_client: ClientFactory, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "ftp://127.0.0.1:21")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    send(make_client(mock_server.url))

    assert len(mock_server.received) == 1


def with_password(server: RawServer) -> str:
    return server.url.replace("http://", f"http://user:{SECRET}@")


def test_a_proxy_with_a_password_gets_it_and_nobody_sees_it(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    with RawServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", with_password(proxy))
        client = make_client("http://example.genauth.ai")
        send(client)
        client.close()
        (request,) = proxy.finish()

    assert request.startswith(b"POST http://example.genauth.ai/api/v3/send-email HTTP/1.1\r\n")
    assert b"\nproxy-authorization: basic dxnlcjpzm2nyzxq=\r\n" in request.lower()
    check_no_secret(None, log)
    assert [record for record in log.records if "dXNlcjpzM2NyZXQ=" in f"{vars(record)!r}"] == []


@pytest.mark.parametrize("status", [403, 407, 429, 502, 503])
def test_a_proxy_with_a_password_that_refuses_a_tunnel_is_never_retried(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture, status: int
) -> None:
    with RawServer(Step(http(status, headers={"retry-after": "0"}), then="close")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", with_password(proxy))
        error = error_of(make_client("https://example.genauth.ai"))
        (request,) = proxy.finish()

    assert request.startswith(b"CONNECT example.genauth.ai:443 ")
    assert str(error).startswith("ProxyError: ")
    assert str(status) in str(error)
    assert error.delivery == "not_sent"
    assert "retrying" not in log.text
    check_no_secret(error, log)


@pytest.mark.parametrize("host", ["http://example.genauth.ai", "https://example.genauth.ai"])
def test_a_proxy_with_a_password_that_cannot_be_reached_is_retried(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture, host: str
) -> None:
    with RawServer(listening=False) as proxy:
        monkeypatch.setenv("ALL_PROXY", with_password(proxy))
        error = error_of(make_client(host))

    assert str(error).startswith("ConnectError: ")
    assert error.delivery == "not_sent"
    assert log.text.count("retrying after: ConnectError") == 2
    check_no_secret(error, log)


# Certificates. They are read when a client is made, and once for all clients.


def broken_files(directory: Path) -> dict[str, Path]:
    empty, text, binary = (directory / name for name in ("empty.pem", "text.pem", "binary.pem"))
    empty.write_bytes(b"")
    text.write_text("not a certificate")
    binary.write_bytes(bytes(range(256)))
    return {"missing": directory / "missing.pem", "empty": empty, "text": text, "binary": binary, "folder": directory}


@pytest.mark.parametrize("which", ["missing", "empty", "text", "binary", "folder"])
def test_a_certificate_file_that_cannot_be_read_is_named_when_a_client_is_made(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, which: str
) -> None:
    path = broken_files(tmp_path)[which]
    monkeypatch.setenv("SSL_CERT_FILE", str(path))

    with pytest.raises(ValueError, match=r"^SSL_CERT_FILE is ") as caught:
        make_client("https://example.genauth.ai")

    assert repr(str(path)) in str(caught.value)
    assert "cannot be read as certificates" in str(caught.value)
    assert caught.value.__cause__ is None


@before_transport
def test_a_certificate_file_that_was_mended_is_read(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "certificates.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ValueError, match="SSL_CERT_FILE"):
        make_client("https://example.genauth.ai")
    path.write_bytes(Path(certifi.where()).read_bytes())

    make_client("https://example.genauth.ai")


@on_httpx
def test_a_client_of_the_users_own_reads_no_certificates(
    make_client: ClientFactory, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    http_client = make_client.http_client()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))

    send(make_client(mock_server.url, http_client=http_client))

    assert len(mock_server.received) == 1


def test_the_certificates_of_the_environment_are_trusted(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with RawServer(tls=tls) as server:
        client = make_client(server.url)
        assert send(client).message == "Sent."


# TLS and plain HTTP, mixed up.


def test_plain_http_to_a_tls_port_says_so(make_client: ClientFactory, log: pytest.LogCaptureFixture) -> None:
    # Many servers respond so to what is not TLS. Python's own server only hangs up.
    alert = b"\x15\x03\x01\x00\x02\x02\x46"
    with RawServer(Step(alert, then="close")) as server:
        error = error_of(make_client(server.url))

    assert "the server speaks TLS where plain HTTP was sent: use https://" in str(error)
    assert error.delivery == "unknown"
    assert "retrying" not in log.text
    assert server.connections == 1


def test_tls_to_a_port_of_plain_http_says_so(make_client: ClientFactory, log: pytest.LogCaptureFixture) -> None:
    with RawServer(Step(http(400), reading="nothing", then="close")) as server:
        error = error_of(make_client(server.url.replace("http://", "https://")))

    assert "the server does not speak TLS: it may need http:// in place of https://" in str(error)
    assert error.delivery == "not_sent"
    assert "retrying" not in log.text
    assert server.connections == 1


# A client of the user's own that has the trouble says it as httpx does; what is safe is the same.
@on_httpx
def test_tls_to_a_port_of_plain_http_through_the_users_own_client_says_so(make_client: ClientFactory) -> None:
    with RawServer(Step(http(400), reading="nothing", then="close")) as server:
        http_client = make_client.http_client(transport=None)
        error = error_of(make_client(server.url.replace("http://", "https://"), http_client=http_client))

    assert "the server does not speak TLS: it may need http:// in place of https://" in str(error)
    assert error.delivery == "not_sent"
    assert isinstance(error.__cause__, httpx.ConnectError)
    assert server.connections == 1
