"""Network settings from environment variables: proxies and certificates."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Final
from urllib.request import getproxies

from ..http import httpcore, httpx

_PROXY_SCHEMES: Final = ("http", "https", "socks5", "socks5h")


class _Secret(bytes):
    """Bytes that no log shows. httpcore logs the user name and password for a SOCKS proxy."""

    def __repr__(self) -> str:
        return "b'***'"


def ssl_context() -> ssl.SSLContext:
    """Return the TLS settings: the certificates of `SSL_CERT_FILE` or `SSL_CERT_DIR`, else those of certifi.

    Raises:
        ValueError: `SSL_CERT_FILE` cannot be read.
    """
    cert_file = os.environ.get("SSL_CERT_FILE")
    try:
        state = os.stat(cert_file) if cert_file else None
        # Reading the certificates takes most of the time of making a client, so it is done once for each state of them.
        version = None if state is None else (state.st_mtime_ns, state.st_size, state.st_ino)
        return _ssl_context(cert_file, os.environ.get("SSL_CERT_DIR"), version)
    except OSError as error:  # An ssl.SSLError is one too.
        if not cert_file:
            raise
        raise ValueError(f"SSL_CERT_FILE is {cert_file!r}, which cannot be read as certificates: {error}") from None


@lru_cache(maxsize=8)
def _ssl_context(*_: object) -> ssl.SSLContext:
    return httpx.create_ssl_context()


class Proxies:
    """The proxies that the environment names now, by the rules of httpx.

    Raises:
        ValueError: `NO_PROXY` has something that is not a host.
    """

    def __init__(self) -> None:
        settings = getproxies()
        proxies: dict[str, str | None] = {
            f"{scheme}://": settings[scheme] for scheme in ("http", "https", "all") if settings.get(scheme)
        }
        for host in map(str.strip, settings.get("no", "").split(",")):
            if host == "*":
                proxies = {}
                break
            if host:
                proxies[_as_pattern(host)] = None
        try:
            rules = [(httpx.URL(pattern), proxy) for pattern, proxy in proxies.items()]
        except httpx.InvalidURL as error:
            raise ValueError(f"NO_PROXY is {settings.get('no')!r}, which is not a list of hosts: {error}") from None
        # The most specific rule counts.
        self._rules = sorted(
            rules, key=lambda rule: (rule[0].port is None, -len(_any_as_empty(rule[0].host)), rule[0].scheme == "all")
        )

    def find(self, url: httpx.URL) -> httpx.URL | None:
        """Return the proxy for a URL, if there is one.

        Raises:
            httpx.ProxyError: It cannot be used. The text shows no password.
        """
        for pattern, proxy in self._rules:
            if (
                pattern.scheme in ("all", url.scheme)
                and _matches(_any_as_empty(pattern.host), url.host)
                and pattern.port in (None, url.port)
            ):
                return None if proxy is None else _parse_proxy(proxy, url.scheme)
        return None


def _as_pattern(host: str) -> str:
    if "://" in host:
        return host
    with suppress(ValueError):
        address = ip_address(host.partition("/")[0])
        return f"all://[{host}]" if address.version == 6 else f"all://{host}"
    return f"all://{host}" if host.lower() == "localhost" else f"all://*{host}"


def _any_as_empty(host: str) -> str:
    return "" if host == "*" else host


def _matches(pattern: str, host: str) -> bool:
    """Return True for a host that a pattern names: `*.example.com` its subdomains, `*example.com` itself too."""
    if not pattern.startswith("*"):
        return pattern in ("", host)
    domain = pattern[1:].removeprefix(".")
    return host.endswith(f".{domain}") or (host == domain and not pattern.startswith("*."))


def _parse_proxy(proxy: str, scheme: str) -> httpx.URL:
    try:
        url = httpx.URL(proxy if "://" in proxy else f"http://{proxy}")
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL()
    if not url.host or not (url.port is None or 0 < url.port < 65536):
        raise httpx.ProxyError(f"the environment's proxy for {scheme} is not a valid URL, such as http://host:3128")
    if url.scheme not in _PROXY_SCHEMES:
        raise httpx.ProxyError(
            f"the environment's proxy has the scheme {url.scheme!r}; allowed are {', '.join(_PROXY_SCHEMES)}"
        )
    return url


def httpcore_proxy(url: httpx.URL, context: ssl.SSLContext) -> httpcore.Proxy:
    """Return a proxy as httpcore takes it.

    Args:
        url: Its URL.
        context: The TLS settings of a connection to it.

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
        ssl_context=context if url.scheme == "https" else None,
    )
