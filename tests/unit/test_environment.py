"""What tests/client/ cannot see of the environment's proxies and certificates, or not as precisely."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from runtime.http import httpx
from runtime.transport import environment
from runtime.transport.environment import Proxies, httpcore_proxy, ssl_context

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture(autouse=True)
def no_certificates_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    environment._ssl_context.cache_clear()
    yield
    environment._ssl_context.cache_clear()


def test_no_proxy_that_is_not_a_list_of_hosts_is_a_value_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "getproxies", lambda: {"no": "example.com, [::1"})
    with pytest.raises(ValueError, match=r"^NO_PROXY is 'example.com, \[::1', which is not a list of hosts: "):
        Proxies()


@pytest.mark.parametrize(
    "address", ["user:s3cret@proxy:0", "user:s3cret@proxy:65536", "s3cret@pro\x7fxy", "\udc80.com"]
)
def test_invalid_proxy_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    # Python's own `getproxies` would refuse a lone surrogate.
    monkeypatch.setattr(environment, "getproxies", lambda: {"https": f"http://user:s3cret@{address}"})
    with pytest.raises(httpx.ProxyError) as caught:
        Proxies().find(httpx.URL("https://example.com"))
    assert str(caught.value) == "the environment's proxy for https is not a valid URL, such as http://host:3128"
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_httpcore_gets_the_address_and_certificates_only_for_a_proxy_with_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "getproxies", lambda: {"http": "proxy:65535"})
    proxy = httpcore_proxy(Proxies().find(httpx.URL("http://example.com")) or httpx.URL(), CONTEXT)
    assert (proxy.url.host, proxy.url.port, proxy.auth, proxy.ssl_context) == (b"proxy", 65535, None, None)
    assert httpcore_proxy(httpx.URL("https://proxy"), CONTEXT).ssl_context is CONTEXT


def test_proxy_has_a_name_and_password_but_shows_neither() -> None:
    proxy = httpcore_proxy(httpx.URL("http://us%40er:s3%3Acret@proxy:3128"), CONTEXT)
    assert proxy.auth == (b"us@er", b"s3:cret")
    assert repr(proxy.auth) == "(b'***', b'***')"
    assert "cret" not in f"{proxy!r} {proxy.url!r}"
    assert httpcore_proxy(httpx.URL("http://user@p"), CONTEXT).auth == (b"user", b"")
    assert httpcore_proxy(httpx.URL("http://:s3cret@p"), CONTEXT).auth == (b"", b"s3cret")


def test_certificates_are_certifis_without_variables_and_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl_context()
    assert len(context.get_ca_certs()) > 50
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert ssl_context() is context
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("SSL_CERT_DIR", "")
    assert len(ssl_context().get_ca_certs()) > 50


def test_certificate_file_takes_precedence_and_is_read_again_once_it_was_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    for name in ("one", "another"):
        trustme.CA(organization_name=name).cert_pem.write_to_path(str(tmp_path / "new.pem"))
        (tmp_path / "new.pem").replace(path)
        assert f"'{name}'" in str(ssl_context().get_ca_certs())
        assert ssl_context() is ssl_context()
    monkeypatch.delenv("SSL_CERT_FILE")
    # OpenSSL reads a directory's certificates when it needs them.
    assert ssl_context().get_ca_certs() == []
