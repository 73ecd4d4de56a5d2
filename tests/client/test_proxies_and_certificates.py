"""Proxies and certificates from the environment, and a client's TLS settings."""

import logging
import os
import ssl
import subprocess
import traceback
from base64 import b64encode
from pathlib import Path
from typing import Any

import certifi
import pytest
import trustme
from genauth_email import APIConnectionError, GenAuthError

from tests.clients import ClientFactory, on_httpx
from tests.servers import MockServer
from tests.servers.raw import SUCCESS, RawServer, Step, http

from .helpers import AT_ONCE, PATH, error_of, requests_to, send

SECRET = "s3cret"
CREDENTIALS = b64encode(f"user:{SECRET}".encode()).decode()
HOST = "http://example.genauth.ai"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def check_no_secret(log: pytest.LogCaptureFixture, error: GenAuthError | None = None) -> None:
    if error is not None:
        shown = "".join(traceback.TracebackException.from_exception(error).format())
        assert SECRET not in f"{error.args!r} {shown} {error.__cause__!r} {error.__context__!r}"
    for secret in (SECRET, CREDENTIALS):
        assert [record for record in log.records if secret in f"{record.getMessage()} {vars(record)!r}"] == []


def check_refused(error: APIConnectionError, text: str, log: pytest.LogCaptureFixture) -> None:
    assert text in str(error)
    assert str(error).startswith("ProxyError: ")
    assert (error.delivery, error.retryable) == ("not_sent", False)
    assert "retrying" not in log.text
    check_no_secret(log, error)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (f"socks4://{SECRET}@127.0.0.1:9", "has the scheme 'socks4'; allowed are http, https, socks5, socks5h"),
        (f"http://user:{SECRET}@127.0.0.1:99999", "is not a valid URL, such as http://host:3128"),
    ],
)
def test_an_unusable_proxy_is_refused_before_anything_is_sent(
    make_client: ClientFactory,
    mock_server: MockServer,
    monkeypatch: pytest.MonkeyPatch,
    log: pytest.LogCaptureFixture,
    url: str,
    text: str,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", url)
    error = error_of(make_client(mock_server.url))
    check_refused(error, text, log)
    assert str(error).startswith("ProxyError: the environment's proxy ")
    assert mock_server.received == []


def test_a_socks_proxy_says_what_to_install(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("genauth_email._runtime.transport.environment.find_spec", lambda name: None)
    monkeypatch.setenv("ALL_PROXY", f"socks5h://user:{SECRET}@127.0.0.1:9")

    error = error_of(make_client(HOST))

    reason = "which aiohttp does not speak" if make_client.kind == "aiohttp" else "which needs another package"
    check_refused(error, f"has the scheme 'socks5h', {reason}", log)
    assert 'pip install "httpx[socks]"' in str(error)


def with_password(server: RawServer) -> str:
    return server.url.replace("http://", f"http://user:{SECRET}@")


# `test_proxy_rules.py` tests which proxy is used.
def test_a_proxy_of_the_environment_gets_the_request_and_its_password_and_nothing_shows_it(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    with RawServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", with_password(proxy))
        client = make_client(HOST)
        send(client)
        (request,) = requests_to(proxy, client)

    assert request.startswith(f"POST {HOST}{PATH} HTTP/1.1\r\n".encode())
    assert f"\nproxy-authorization: basic {CREDENTIALS}\r\n".lower().encode() in request.lower()
    check_no_secret(log)


@on_httpx
def test_the_proxy_of_an_http_client_is_used(make_client: ClientFactory) -> None:
    with RawServer() as proxy:
        client = make_client(HOST, http_client=make_client.http_client(proxy=proxy.url))
        send(client)
        send(client.with_options(lang="en-US"))
    assert [request.split(b" ")[1] for request in proxy.received] == [f"{HOST}{PATH}".encode()] * 2


def test_an_exempt_host_ignores_an_unusable_proxy(
    make_client: ClientFactory, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "ftp://127.0.0.1:21")
    monkeypatch.setenv("NO_PROXY", "example.com, 127.0.0.1")

    send(make_client(mock_server.url))

    assert len(mock_server.received) == 1


def test_a_client_keeps_the_proxies_from_when_it_was_made(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer() as server, RawServer() as proxy:
        direct = make_client(server.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        through_proxy = make_client(server.url)
        monkeypatch.delenv("HTTP_PROXY")
        for client in (direct, through_proxy):
            send(client)
        assert (len(server.received), len(proxy.received)) == (1, 1)


# `tests/faults/` has more failures of a proxy, without a password.
def test_a_proxy_with_a_password_that_refuses_a_tunnel_is_never_retried(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    with RawServer(Step(http(503, headers=AT_ONCE), then="close")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", with_password(proxy))
        check_refused(error_of(make_client("https://example.genauth.ai")), "503", log)
        (request,) = proxy.finish()
    assert request.startswith(b"CONNECT example.genauth.ai:443 ")


@on_httpx
def test_a_proxy_of_an_http_client_that_refuses_a_tunnel_is_never_retried(
    make_client: ClientFactory, log: pytest.LogCaptureFixture
) -> None:
    with RawServer(Step(http(503, headers=AT_ONCE), then="close")) as proxy:
        own = make_client.http_client(proxy=with_password(proxy))
        check_refused(error_of(make_client("https://example.genauth.ai", http_client=own)), "503", log)
        assert len(proxy.finish()) == 1


def test_a_proxy_with_a_password_that_cannot_be_reached_is_retried(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    with RawServer(listening=False) as proxy:
        monkeypatch.setenv("ALL_PROXY", with_password(proxy))
        error = error_of(make_client(HOST))

    assert str(error).startswith("ConnectError: ")
    assert error.delivery == "not_sent"
    assert log.text.count("retrying after: ConnectError") == 2
    check_no_secret(log, error)


# Certificates. The first client reads them for all.


@pytest.mark.parametrize("content", ["missing", "folder", "something else"])
def test_an_unreadable_certificate_file_is_named_when_a_client_is_made_until_it_is_repaired(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "ca.pem"
    if content == "folder":
        path.mkdir()
    elif content == "something else":
        path.write_bytes(bytes(range(256)))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))

    with pytest.raises(ValueError, match=f"^SSL_CERT_FILE is {str(path)!r}, which cannot be read as certificates"):
        make_client("https://example.genauth.ai")

    if path.is_file():
        path.write_bytes(Path(certifi.where()).read_bytes())
        make_client("https://example.genauth.ai")


@on_httpx
def test_a_client_on_an_http_client_reads_no_certificates(
    make_client: ClientFactory, mock_server: MockServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    http_client = make_client.http_client()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))

    send(make_client(mock_server.url, http_client=http_client))

    assert len(mock_server.received) == 1


@pytest.fixture(scope="module")
def authorities() -> list[trustme.CA]:
    return [trustme.CA(), trustme.CA()]


def tls_of(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS settings of a server with a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_each_directory_of_a_list_of_certificates_is_trusted(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authorities: list[trustme.CA]
) -> None:
    directories = [tmp_path / "a", tmp_path / "b"]
    for authority, directory in zip(authorities, directories, strict=True):
        directory.mkdir()
        authority.cert_pem.write_to_path(str(directory / "ca.pem"))
        # OpenSSL looks for a file with this name.
        command = ["openssl", "x509", "-hash", "-noout", "-in", str(directory / "ca.pem")]
        name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        (directory / "ca.pem").rename(directory / f"{name}.0")
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join(map(str, directories)))
    for authority in authorities:
        with RawServer(tls=tls_of(authority)) as server:
            send(make_client(server.url))


def test_the_next_client_uses_a_replaced_certificate_file(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authorities: list[trustme.CA]
) -> None:
    path = tmp_path / "ca.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    for authority, other in (authorities, authorities[::-1]):
        # Tools that renew certificates replace the file like this.
        authority.cert_pem.write_to_path(str(tmp_path / "new.pem"))
        (tmp_path / "new.pem").replace(path)
        with RawServer(tls=tls_of(authority)) as trusted, RawServer(tls=tls_of(other)) as untrusted:
            send(make_client(trusted.url))
            error = error_of(make_client(untrusted.url), APIConnectionError)
            assert "certificate verify failed" in str(error).lower().replace("_", " ")
            assert (error.delivery, error.retryable) == ("not_sent", False)
            assert untrusted.connections == 1


# A user's own context, for a private CA or a client certificate.


def mutual_tls(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS settings of a server that requires a client certificate, too."""
    context = tls_of(authority)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    # In TLS 1.3, a client without a certificate gets the error only after its handshake.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.mark.parametrize(("trusts", "has_certificate"), [(True, True), (True, False), (False, False)])
def test_an_ssl_context_is_used_and_an_unsuitable_one_sends_nothing(
    make_client: ClientFactory, authorities: list[trustme.CA], trusts: bool, has_certificate: bool
) -> None:
    authority, context = authorities[0], ssl.create_default_context()
    if trusts:
        authority.configure_trust(context)
    if has_certificate:
        authority.issue_cert("client@example.com").configure_cert(context)
    # Over TLS, the server would not notice the client hanging up while it waits for the next request.
    step = Step(SUCCESS.replace(b"content-type", b"connection: close\r\ncontent-type", 1), then="close")
    with RawServer(step, step, tls=mutual_tls(authority)) as server:
        client = make_client(server.url, ssl_context=context)
        if has_certificate:
            send(client)
            send(client.with_options(lang="en-US"))
        else:
            error = error_of(client, APIConnectionError)
            assert (error.delivery, error.retryable) == ("not_sent", False)
        assert len(server.finish()) == (2 if has_certificate else 0)


# TLS and plain HTTP confused


def test_plain_http_to_a_tls_port_says_so(make_client: ClientFactory) -> None:
    # Many servers respond like this to plain HTTP. Python's own TLS only hangs up.
    alert = b"\x15\x03\x01\x00\x02\x02\x46"
    with RawServer(Step(alert, then="close")) as server:
        error = error_of(make_client(server.url))

    assert "the server speaks TLS where plain HTTP was sent: use https://" in str(error)
    assert error.delivery == "unknown"
    assert server.connections == 1


def check_tls_to_plain_http(make_client: ClientFactory, **options: Any) -> None:
    with RawServer(Step(http(400), reading="nothing", then="close")) as server:
        client = make_client(server.url.replace("http://", "https://"), **options)
        error = error_of(client, APIConnectionError)
    assert "the server does not speak TLS: it may need http:// in place of https://" in str(error)
    assert error.delivery == "not_sent"
    assert server.connections == 1


def test_tls_to_a_plain_http_port_says_so(make_client: ClientFactory) -> None:
    check_tls_to_plain_http(make_client)


@on_httpx
def test_tls_to_a_plain_http_port_through_an_http_client_says_so(make_client: ClientFactory) -> None:
    check_tls_to_plain_http(make_client, http_client=make_client.http_client())
