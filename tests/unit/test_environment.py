import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from runtime.http import httpx
from runtime.transport import environment
from runtime.transport.environment import Proxies, httpcore_proxy, ssl_context

VARIABLES = [
    variable
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")
    for variable in (name, name.upper())
]

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
PROXY = "http://proxy:3128"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    environment._ssl_context.cache_clear()
    yield
    environment._ssl_context.cache_clear()


# Proxies. tests/client/ compares their rules with httpx's.


def test_proxies_keep_the_environment_as_it_was_when_they_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Proxies()
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    after = Proxies()
    monkeypatch.delenv("HTTPS_PROXY")
    url = httpx.URL("https://example.com")
    assert (before.find(url), after.find(url)) == (None, httpx.URL(PROXY))


def test_no_proxy_that_is_not_a_list_of_hosts_is_a_value_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com, [::1")
    with pytest.raises(ValueError, match=r"^NO_PROXY is 'example.com, \[::1', which is not a list of hosts: "):
        Proxies()


INVALID = "the environment's proxy for https is not a valid URL, such as http://host:3128"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("http://user:s3cret@", INVALID),
        ("http://user:s3cret@proxy:0", INVALID),
        ("http://user:s3cret@proxy:65536", INVALID),
        ("http://user:s3cret@proxy:port", INVALID),
        ("http://user:s3cret@[::1", INVALID),
        ("http://user:s3cret@pro\x7fxy", INVALID),
        ("http://\udc80.example", INVALID),
        (
            "socks4://user:s3cret@proxy:1080",
            "the environment's proxy has the scheme 'socks4'; allowed are http, https, socks5, socks5h",
        ),
    ],
)
def test_invalid_proxy_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, value: str, text: str) -> None:
    # Python's own `getproxies` would refuse a lone surrogate.
    monkeypatch.setattr(environment, "getproxies", lambda: {"https": value})
    with pytest.raises(httpx.ProxyError) as caught:
        Proxies().find(httpx.URL("https://example.com"))
    assert str(caught.value) == text
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_httpcore_gets_the_proxys_address() -> None:
    proxy = httpcore_proxy(httpx.URL(PROXY), CONTEXT)
    assert (proxy.url.scheme, proxy.url.host, proxy.url.port) == (b"http", b"proxy", 3128)
    assert (proxy.auth, proxy.ssl_context) == (None, None)
    # Only a proxy with TLS needs certificates.
    assert httpcore_proxy(httpx.URL("https://proxy"), CONTEXT).ssl_context is CONTEXT


def test_proxy_has_a_name_and_password_but_shows_neither() -> None:
    proxy = httpcore_proxy(httpx.URL("http://us%40er:s3%3Acret@proxy:3128"), CONTEXT)
    assert proxy.auth == (b"us@er", b"s3:cret")
    assert repr(proxy.auth) == "(b'***', b'***')"
    assert "cret" not in f"{proxy!r} {proxy.url!r}"
    assert httpcore_proxy(httpx.URL("http://user@p"), CONTEXT).auth == (b"user", b"")
    assert httpcore_proxy(httpx.URL("http://:s3cret@p"), CONTEXT).auth == (b"", b"s3cret")


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks_needs_another_package(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    url = httpx.URL(f"{scheme}://user:s3cret@proxy:1080")
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    with pytest.raises(httpx.ProxyError) as caught:
        httpcore_proxy(url, CONTEXT)
    assert str(caught.value) == (
        f"the environment's proxy has the scheme '{scheme}', which needs another package: pip install \"httpx[socks]\""
    )
    monkeypatch.setattr(environment, "find_spec", lambda name: object())
    assert httpcore_proxy(url, CONTEXT).url.scheme == scheme.encode()


# Certificates


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    trustme.CA(organization_name="ours").cert_pem.write_to_path(str(path))
    return path


def subjects(context: ssl.SSLContext) -> str:
    return str(context.get_ca_certs())


def test_certificates_are_certifis_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl_context()
    assert len(context.get_ca_certs()) > 50
    assert context.verify_mode is ssl.CERT_REQUIRED
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("SSL_CERT_DIR", "")
    assert len(ssl_context().get_ca_certs()) > 50


def test_certificates_follow_the_variables_and_are_read_once(monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> None:
    before = ssl_context()
    assert ssl_context() is before
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    ours = ssl_context()
    assert "ours" in subjects(ours)
    assert len(ours.get_ca_certs()) == 1
    assert ssl_context() is ours
    monkeypatch.delenv("SSL_CERT_FILE")
    assert ssl_context() is before
    # A directory, or a list of them. OpenSSL reads their certificates when it needs them.
    for directories in (str(ca_file.parent), os.pathsep.join([str(ca_file), str(ca_file.parent)])):
        monkeypatch.setenv("SSL_CERT_DIR", directories)
        assert ssl_context().get_ca_certs() == []
    # A file takes precedence.
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert "ours" in subjects(ssl_context())


def test_replaced_file_is_read_again(monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    before = ssl_context()
    trustme.CA(organization_name="another").cert_pem.write_to_path(str(ca_file.with_name("new.pem")))
    ca_file.with_name("new.pem").replace(ca_file)
    assert "another" in subjects(ssl_context())
    assert "ours" in subjects(before)


def test_error_in_httpxs_default_certificates_passes_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    error = OSError("no certifi")

    def fail() -> None:
        raise error

    monkeypatch.setattr(httpx, "create_ssl_context", fail)
    with pytest.raises(OSError, match="no certifi") as caught:
        ssl_context()
    assert caught.value is error


@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["missing", "empty", "something else"])
def test_file_without_certificates_is_an_error_that_names_the_variable_and_is_not_cached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ca_file: Path, content: bytes | None
) -> None:
    path = tmp_path / "later.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ValueError, match="cannot be read as certificates") as caught:
        ssl_context()
    assert str(caught.value).startswith(f"SSL_CERT_FILE is {str(path)!r}, which cannot be read as certificates: ")
    assert caught.value.__cause__ is None
    path.write_bytes(ca_file.read_bytes())
    assert "ours" in subjects(ssl_context())
