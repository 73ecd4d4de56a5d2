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


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    environment._ssl_context.cache_clear()
    yield
    environment._ssl_context.cache_clear()


def proxy_for(url: str) -> httpx.URL | None:
    return Proxies().find(httpx.URL(url))


def test_there_is_no_proxy_where_none_is_named() -> None:
    assert proxy_for("https://example.com") is None


def test_proxies_are_those_that_the_environment_named_when_they_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Proxies()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    after = Proxies()
    monkeypatch.delenv("HTTPS_PROXY")
    url = httpx.URL("https://example.com")
    assert (before.find(url), after.find(url)) == (None, httpx.URL("http://proxy:3128"))


@pytest.mark.parametrize(
    ("variable", "schemes"),
    [
        ("HTTP_PROXY", {"http"}),
        ("http_proxy", {"http"}),
        ("HTTPS_PROXY", {"https"}),
        ("https_proxy", {"https"}),
        ("ALL_PROXY", {"http", "https"}),
        ("all_proxy", {"http", "https"}),
    ],
)
def test_each_variable_is_for_its_scheme(monkeypatch: pytest.MonkeyPatch, variable: str, schemes: set[str]) -> None:
    monkeypatch.setenv(variable, "http://proxy:3128")
    for scheme in ("http", "https"):
        expected = httpx.URL("http://proxy:3128") if scheme in schemes else None
        assert proxy_for(f"{scheme}://example.com") == expected


def test_variable_of_the_scheme_wins_over_the_one_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://all:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert proxy_for("https://example.com") == httpx.URL("http://proxy:3128")
    assert proxy_for("http://example.com") == httpx.URL("http://all:3128")


def test_empty_variable_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "")
    assert proxy_for("https://example.com") is None


@pytest.mark.parametrize(
    ("no_proxy", "url", "bypassed"),
    [
        ("example.com", "https://example.com", True),
        ("example.com", "https://api.example.com", True),
        ("other.com, example.com", "https://example.com", True),
        ("*", "https://example.com", True),
        ("other.com", "https://example.com", False),
        ("ample.com", "https://example.com", False),
        ("192.0.2.1", "http://192.0.2.1:8080", True),
        ("2001:db8::1", "http://[2001:db8::1]:8080", True),
        ("http://example.com", "https://example.com", False),
    ],
)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_hosts_in_no_proxy_are_reached_directly_by_the_rules_of_httpx(
    monkeypatch: pytest.MonkeyPatch, variable: str, no_proxy: str, url: str, bypassed: bool
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    monkeypatch.setenv(variable, no_proxy)
    assert (proxy_for(url) is None) is bypassed
    with httpx.Client(verify=False) as theirs:
        assert (theirs._transport_for_url(httpx.URL(url)) is theirs._transport) is bypassed


def test_no_proxy_that_is_not_a_list_of_hosts_is_a_value_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com, [::1")
    with pytest.raises(ValueError, match=r"^NO_PROXY is 'example.com, \[::1', which is not a list of hosts: "):
        Proxies()


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("proxy:3128", "http://proxy:3128"),
        ("proxy", "http://proxy"),
        ("https://proxy", "https://proxy"),
        ("socks5://proxy:1080", "socks5://proxy:1080"),
        ("socks5h://proxy:1080", "socks5h://proxy:1080"),
        ("http://user:s3cret@proxy:3128", "http://user:s3cret@proxy:3128"),
        ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
    ],
)
def test_proxy_is_a_url_with_a_scheme_or_without(monkeypatch: pytest.MonkeyPatch, value: str, url: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    assert proxy_for("https://example.com") == httpx.URL(url)


@pytest.mark.parametrize(
    "value",
    [
        "http://user:s3cret@",
        "http://user:s3cret@proxy:0",
        "http://user:s3cret@proxy:65536",
        "http://user:s3cret@proxy:port",
        "http://user:s3cret@[::1",
        "http://user:s3cret@pro\x7fxy",
    ],
)
def test_invalid_proxy_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(httpx.ProxyError) as caught:
        proxy_for("https://example.com")
    assert str(caught.value) == "the environment's proxy for https is not a valid URL, such as http://host:3128"
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_half_a_character_in_a_proxy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "getproxies", lambda: {"https": "http://\udc80.example"})
    with pytest.raises(httpx.ProxyError, match="not a valid URL"):
        proxy_for("https://example.com")


def test_proxy_of_another_scheme_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks4://user:s3cret@proxy:1080")
    with pytest.raises(httpx.ProxyError) as caught:
        proxy_for("https://example.com")
    assert str(caught.value) == (
        "the environment's proxy has the scheme 'socks4'; allowed are http, https, socks5, socks5h"
    )


def test_proxy_has_its_address_for_httpcore() -> None:
    proxy = httpcore_proxy(httpx.URL("http://proxy:3128"), CONTEXT)
    assert (proxy.url.scheme, proxy.url.host, proxy.url.port) == (b"http", b"proxy", 3128)
    assert proxy.auth is None
    assert proxy.ssl_context is None


def test_only_a_proxy_with_tls_has_certificates() -> None:
    assert httpcore_proxy(httpx.URL("https://proxy"), CONTEXT).ssl_context is CONTEXT


def test_proxy_has_the_name_and_password_and_shows_neither() -> None:
    proxy = httpcore_proxy(httpx.URL("http://us%40er:s3%3Acret@proxy:3128"), CONTEXT)
    assert proxy.auth == (b"us@er", b"s3:cret")
    assert repr(proxy.auth) == "(b'***', b'***')"
    assert "cret" not in f"{proxy!r} {proxy.url!r}"


@pytest.mark.parametrize(("url", "auth"), [("http://user@p", (b"user", b"")), ("http://:s3cret@p", (b"", b"s3cret"))])
def test_proxy_may_have_only_a_name_or_only_a_password(url: str, auth: tuple[bytes, bytes]) -> None:
    assert httpcore_proxy(httpx.URL(url), CONTEXT).auth == auth


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


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    trustme.CA(organization_name="ours").cert_pem.write_to_path(str(path))
    return path


def subjects(context: ssl.SSLContext) -> str:
    return str(context.get_ca_certs())


def test_certificates_are_those_of_certifi_where_nothing_else_is_said() -> None:
    assert len(ssl_context().get_ca_certs()) > 50
    assert ssl_context().verify_mode is ssl.CERT_REQUIRED


def test_certificates_are_read_once() -> None:
    assert ssl_context() is ssl_context()


def test_certificates_follow_the_variables(monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> None:
    before = ssl_context()
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    ours = ssl_context()
    assert "ours" in subjects(ours)
    assert len(ours.get_ca_certs()) == 1
    assert ssl_context() is ours
    monkeypatch.delenv("SSL_CERT_FILE")
    assert ssl_context() is before
    monkeypatch.setenv("SSL_CERT_DIR", str(ca_file.parent))
    assert ssl_context() is not before
    # Those of a directory are read when they are needed.
    assert ssl_context().get_ca_certs() == []


@pytest.mark.parametrize("directory", [".", "missing"])
def test_file_of_certificates_wins_over_a_directory(
    monkeypatch: pytest.MonkeyPatch, ca_file: Path, directory: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.setenv("SSL_CERT_DIR", str(ca_file.parent / directory))
    assert "ours" in subjects(ssl_context())


def test_file_that_was_replaced_is_read_anew(monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    before = ssl_context()
    trustme.CA(organization_name="another").cert_pem.write_to_path(str(ca_file.with_name("new.pem")))
    ca_file.with_name("new.pem").replace(ca_file)
    assert "another" in subjects(ssl_context())
    assert "ours" in subjects(before)


def test_directory_of_certificates_may_be_a_list(monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join([str(ca_file.with_name("missing")), str(ca_file.parent)]))
    # They are read when they are needed.
    assert ssl_context().get_ca_certs() == []


def test_empty_variables_name_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("SSL_CERT_DIR", "")
    assert len(ssl_context().get_ca_certs()) > 50


def test_error_of_the_certificates_that_httpx_brings_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    error = OSError("no certifi")

    def fail() -> None:
        raise error

    monkeypatch.setattr(httpx, "create_ssl_context", fail)
    with pytest.raises(OSError, match="no certifi") as caught:
        ssl_context()
    assert caught.value is error


@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["missing", "empty", "something else"])
def test_file_that_has_no_certificates_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ValueError, match="cannot be read as certificates") as caught:
        ssl_context()
    assert str(caught.value).startswith(f"SSL_CERT_FILE is {str(path)!r}, which cannot be read as certificates: ")
    assert caught.value.__cause__ is None


def test_error_is_not_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ca_file: Path) -> None:
    path = tmp_path / "later.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ValueError, match="SSL_CERT_FILE"):
        ssl_context()
    path.write_bytes(ca_file.read_bytes())
    assert "ours" in subjects(ssl_context())
