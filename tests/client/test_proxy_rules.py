"""The environment's proxy settings have the same meaning as for an `httpx.Client` made at the same moment."""

import os
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from genauth_email._runtime.transport.environment import Proxies
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .helpers import drawing

HOSTS = "example.com api.example.com notexample.com EXAMPLE.com localhost intranet 127.0.0.1 10.0.0.1 [::1] [fe80::1]"
HOST = st.sampled_from([*HOSTS.split(), "bücher.example"])
PORT = st.sampled_from(["", ":80", ":443", ":8080"])
PROXY = st.sampled_from(
    [
        "http://proxy.example:3128",
        "https://proxy.example",
        "http://user:s3cret@proxy.example:8080",
        "proxy.example:3128",
        "http://[::1]:3128",
        "HTTP://PROXY.example:80",
        "",
    ]
)
EXEMPT = (
    st.sampled_from(
        [
            "*",
            "example.com.",
            "http://example.com",
            "https://api.example.com:443",
            "all://intranet",
            "10.0.0.0/8",
            "127.0.0.1/32",
            "::1",
            "fe80::/10",
            "com",
            "",
            " ",
        ]
    )
    | st.builds("{}{}{}".format, st.sampled_from(["", ".", "*", "*."]), HOST, PORT)
    | st.ip_addresses().map(str)
    | st.text("abc.*:/[]1 -@%_", max_size=8)
)
PROXY_VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
LISTS = st.builds(str.join, st.sampled_from([",", ", "]), st.lists(EXEMPT, max_size=4))
ENVIRONMENTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(PROXY_VARIABLES, PROXY),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), LISTS),
        "REQUEST_METHOD": st.just("GET"),  # Under CGI, HTTP_PROXY can be a header of the request.
    },
)
URLS = st.builds("{}://{}{}/api".format, st.sampled_from(["http", "https"]), HOST, PORT)
Route = tuple[bytes, bytes, int | None]


def route_of_httpx(url: str) -> Route | None:
    """Return the proxy that an `httpx.Client` uses. Its certificates make no difference."""
    with httpx.Client(verify=False) as client:
        transport: Any = client._transport_for_url(httpx.URL(url))
        if transport is client._transport:
            return None
        proxy = transport._pool._proxy_url
        return proxy.scheme, proxy.host, proxy.port


def our_route(url: str) -> Route | None:
    proxy = Proxies().find(httpx.URL(url))
    return None if proxy is None else (proxy.raw_scheme, proxy.raw_host, proxy.port)


@settings(drawing, max_examples=200)
@given(environment=ENVIRONMENTS, url=URLS)
@example({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "::1"}, "https://[::1]:8080/api")
@example({"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": "10.0.0.0/8"}, "http://10.0.0.1/api")
@example({"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": "example.com:8080"}, "http://example.com/api")
@example({"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": "https://example.com"}, "http://example.com/api")
@example({"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": ".example.com"}, "http://example.com/api")
@example({"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": "localhost"}, "http://sub.localhost/api")
def test_a_request_takes_the_same_route_as_with_httpx(environment: dict[str, str], url: str) -> None:
    with patch.dict(os.environ, environment, clear=True):
        try:
            expected = route_of_httpx(url)
        except (httpx.InvalidURL, ValueError):
            # httpx makes no client then. Neither do we, or our client raises an error when it is used.
            with pytest.raises((ValueError, httpx.ProxyError)):
                our_route(url)
            return
        assert our_route(url) == expected
