"""Errors of the HTTP library with their causes."""

import ssl

from runtime.http import httpx

BEFORE_SENDING: list[type[httpx.RequestError]] = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout]
REFUSALS: list[type[httpx.RequestError]] = [httpx.ProxyError, httpx.LocalProtocolError, httpx.UnsupportedProtocol]
LATER: list[type[httpx.RequestError]] = [
    httpx.ReadError,
    httpx.ReadTimeout,
    httpx.WriteError,
    httpx.WriteTimeout,
    httpx.CloseError,
    httpx.RemoteProtocolError,
    httpx.TooManyRedirects,
    httpx.DecodingError,
]


def because_of(error: httpx.RequestError, *causes: BaseException) -> httpx.RequestError:
    """Return `error` with its causes in a chain, as httpx and httpcore wrap them."""
    last: BaseException = error
    for cause in causes:
        last.__cause__ = last = cause
    return error


def tls_error(reason: str, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, f"[SSL: {reason}] it failed (_ssl.c:1000)")
    error.reason = reason
    return error


CERTIFICATE = tls_error("CERTIFICATE_VERIFY_FAILED", ssl.SSLCertVerificationError)
END = ssl.SSLEOFError(8, "EOF occurred in violation of protocol")
