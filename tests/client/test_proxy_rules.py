"""What the environment says means what it means for an `httpx.Client` that is made at the same moment."""

import os
import ssl
import subprocess
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import trustme
from genauth_email import APIConnectionError
from genauth_email._runtime.transport.environment import Proxies
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.clients import BlockingClient, ClientFactory
from tests.contract.facts import CHANNEL
from tests.servers.raw import RawServer

drawing = settings(max_examples=500, derandomize=True, deadline=None)

HOSTS = (
    "example.com",
    "api.example.com",
    "a.b.example.com",
    "notexample.com",
    "EXAMPLE.com",
    "localhost",
    "sub.localhost",
    "intranet",
    "127.0.0.1",
    "10.0.0.1",
    "192.168.1.20",
    "[::1]",
    "[fe80::1]",
    "bücher.example",
)
PORTS = ("", ":80", ":443", ":8080")
PROXIES = (
    "http://proxy.example:3128",
    "https://proxy.example",
    "http://user:s3cret@proxy.example:8080",
    "proxy.example:3128",
    "http://[::1]:3128",
    "HTTP://PROXY.example:80",
    "",
)
EXEMPT = (
    st.sampled_from(
        [
            "*",
            "*.example.com",
            "*example.com",
            ".example.com",
            "example.com.",
            "http://example.com",
            "https://api.example.com:443",
            "all://intranet",
            "10.0.0.0/8",
            "127.0.0.1/32",
            "::1",
            "[::1]",
            "fe80::/10",
            "[::1]:8080",
            "127.0.0.1:8080",
            "example",
            "com",
            "localhost:8080",
            "LOCALHOST",
            "",
            " ",
        ]
    )
    | st.builds("{}{}{}".format, st.sampled_from(["", ".", "*", "*."]), st.sampled_from(HOSTS), st.sampled_from(PORTS))
    | st.ip_addresses().map(str)
    | st.text("abc.*:/[]1 -@%_", max_size=8)
)
ENVIRONMENTS = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.sampled_from(PROXIES) for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")},
        **{name: st.sampled_from(PROXIES) for name in ("ALL_PROXY", "all_proxy")},
        **{
            name: st.builds(str.join, st.sampled_from([",", ", "]), st.lists(EXEMPT, max_size=4))
            for name in ("NO_PROXY", "no_proxy")
        },
        "REQUEST_METHOD": st.just("GET"),  # Of CGI, where HTTP_PROXY is a header of whoever asks.
    },
)
URLS = st.builds(
    "{}://{}{}/api".format, st.sampled_from(["http", "https"]), st.sampled_from(HOSTS), st.sampled_from(PORTS)
)


Route = tuple[bytes, bytes, int | None]


def route_of_httpx(url: str) -> Route | None:
    """The proxy that an `httpx.Client` uses. Its certificates make no difference."""
    with httpx.Client(verify=False) as client:
        transport: Any = client._transport_for_url(httpx.URL(url))
        if transport is client._transport:
            return None
        proxy = transport._pool._proxy_url
        return proxy.scheme, proxy.host, proxy.port


def our_route(url: str) -> Route | None:
    proxy = Proxies().find(httpx.URL(url))
    return None if proxy is None else (proxy.raw_scheme, proxy.raw_host, proxy.port)


@drawing
@given(environment=ENVIRONMENTS, url=URLS)
@example({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "::1"}, "https://[::1]:8080/api")
@example({"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": "10.0.0.0/8"}, "http://10.0.0.1/api")
@example({"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": "example.com:8080"}, "http://example.com/api")
@example({"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": "https://example.com"}, "http://example.com/api")
@example({"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": ".example.com"}, "http://example.com/api")
def test_a_request_takes_the_way_that_it_takes_with_httpx(environment: dict[str, str], url: str) -> None:
    with patch.dict(os.environ, environment, clear=True):
        try:
            expected = route_of_httpx(url)
        except (httpx.InvalidURL, ValueError):
            # httpx makes no client then, and neither do we, or that says so when it is used.
            with pytest.raises((ValueError, httpx.ProxyError)):
                our_route(url)
            return
        assert our_route(url) == expected


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_a_client_keeps_the_proxies_of_the_moment_when_it_was_made(
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


# Certificates.


def send(client: BlockingClient) -> None:
    assert client.send_email(CHANNEL, "test@example.com").status_code == 200


def server_of(authority: trustme.CA) -> RawServer:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    return RawServer(tls=tls)


def write_to_directory(authority: trustme.CA, directory: Path) -> None:
    """Write its certificate under the name that OpenSSL looks for."""
    directory.mkdir()
    path = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    command = ["openssl", "x509", "-hash", "-noout", "-in", f"{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    path.rename(directory / f"{done.stdout.strip()}.0")


@pytest.fixture(scope="module")
def authorities() -> list[trustme.CA]:
    return [trustme.CA(), trustme.CA()]


def test_each_directory_of_a_list_of_certificates_is_trusted(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authorities: list[trustme.CA]
) -> None:
    directories = [tmp_path / "a", tmp_path / "b"]
    for authority, directory in zip(authorities, directories, strict=True):
        write_to_directory(authority, directory)
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join(map(str, directories)))
    for authority in authorities:
        with server_of(authority) as server:
            send(make_client(server.url))


def test_a_certificate_file_that_is_replaced_counts_for_the_next_client(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authorities: list[trustme.CA]
) -> None:
    path = tmp_path / "ca.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    for authority, other in (authorities, authorities[::-1]):
        # As tools do it that renew certificates: the new file takes the place of the old one.
        authority.cert_pem.write_to_path(str(tmp_path / "new.pem"))
        (tmp_path / "new.pem").replace(path)
        with server_of(authority) as trusted, server_of(other) as untrusted:
            send(make_client(trusted.url))
            with pytest.raises(
                APIConnectionError, match=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"
            ) as caught:
                make_client(untrusted.url).send_email(CHANNEL, "test@example.com")
            assert (caught.value.delivery, caught.value.retryable) == ("not_sent", False)
