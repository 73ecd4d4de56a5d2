"""Network settings from environment variables: proxies and certificates."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from importlib.util import find_spec
from typing import Final
from urllib.request import getproxies, proxy_bypass

from ..http import httpcore, httpx

_PROXY_SCHEMES: Final = ("http", "https", "socks5", "socks5h")


class _Secret(bytes):
    """Bytes that no log shows. httpcore logs the user name and password for a SOCKS proxy."""

    def __repr__(self) -> str:
        return "b'***'"


def ssl_context() -> ssl.SSLContext:
    """Return the TLS settings: the certificates of `SSL_CERT_FILE` or `SSL_CERT_DIR`, else those of certifi.

    Raises:
        ValueError: One of the two cannot be read.
    """
    return _ssl_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=8)
def _ssl_context(cert_file: str | None, cert_dir: str | None) -> ssl.SSLContext:
    if not cert_file and cert_dir and not os.path.isdir(cert_dir):
        raise ValueError(f"SSL_CERT_DIR is {cert_dir!r}, which is not a directory")
    # Reading the certificates takes most of the time of making a client, so it is done once.
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # An ssl.SSLError is one too.
        if not cert_file:
            raise
        raise ValueError(f"SSL_CERT_FILE is {cert_file!r}, which cannot be read as certificates: {error}") from None


def proxy_for(host: str, scheme: str) -> httpx.URL | None:
    """Return the proxy that the environment names for a host, as for every httpx client.

    Args:
        host: The host, with its port if it has one.
        scheme: "http" or "https".

    Raises:
        httpx.ProxyError: It cannot be used. The text shows no password.
    """
    proxies = getproxies()
    value = proxies.get(scheme) or proxies.get("all")
    if not value or proxy_bypass(host):
        return None
    try:
        url = httpx.URL(value if "://" in value else f"http://{value}")
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL()
    if not url.host or not (url.port is None or 0 < url.port < 65536):
        raise httpx.ProxyError(f"the environment's proxy for {scheme} is not a valid URL, such as http://host:3128")
    if url.scheme not in _PROXY_SCHEMES:
        raise httpx.ProxyError(
            f"the environment's proxy has the scheme {url.scheme!r}; allowed are {', '.join(_PROXY_SCHEMES)}"
        )
    return url


def httpcore_proxy(url: httpx.URL) -> httpcore.Proxy:
    """Return a proxy as httpcore takes it.

    Raises:
        httpx.ProxyError: What it needs is not installed.
    """
    if url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise httpx.ProxyError(
            f"the environment's proxy has the scheme {url.scheme!r}, which needs another package: "
            'pip install "httpx[socks]"'
        )
    auth = None
    if url.username or url.password:
        auth = (_Secret(url.username.encode()), _Secret(url.password.encode()))
    return httpcore.Proxy(
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/"),
        auth=auth,
        ssl_context=ssl_context() if url.scheme == "https" else None,
    )
