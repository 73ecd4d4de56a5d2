"""Lower bounds for a sync call: httpx's transport, the standard library, and a bare socket."""

import json
import socket
import ssl
import threading
from http.client import HTTPConnection, HTTPSConnection
from importlib import import_module
from urllib.parse import urlsplit

PATH = "/api/v3/send-email"
CONTENT = b'{"channel":"CHANNEL_LOGIN","email":"test@example.com"}'
HEADERS = {"content-type": "application/json", "x-genauth-app-id": "app123", "content-length": str(len(CONTENT))}


def request_to(url: str) -> bytes:
    """Return the bytes of a whole request."""
    parts = urlsplit(url)
    lines = [f"POST {parts.path}{PATH} HTTP/1.1", f"host: {parts.netloc}", *map(": ".join, HEADERS.items())]
    return "\r\n".join([*lines, "", ""]).encode() + CONTENT


class BareTransport:
    """httpx's transport without an `httpx.Client`, with a prepared request."""

    def __init__(self, url: str) -> None:
        self._httpx = import_module("httpx")
        self._url = self._httpx.URL(url + PATH)
        self._headers = self._httpx.Headers({"host": urlsplit(url).netloc, **HEADERS})
        self._transport = self._httpx.HTTPTransport()

    def send_email(self) -> object:
        stream = self._httpx.ByteStream(CONTENT)
        request = self._httpx.Request("POST", self._url, headers=self._headers, stream=stream)
        return json.loads(self._transport.handle_request(request).read())["statusCode"]


# Each thread that uses a subclass of `threading.local` runs its `__init__`.
class HttpClient(threading.local):
    """The standard library's client, with a connection for each thread."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._path = parts.path + PATH
        self._connection = kind(parts.netloc, timeout=60)

    def send_email(self) -> object:
        self._connection.request("POST", self._path, CONTENT, HEADERS)
        return json.loads(self._connection.getresponse().read())["statusCode"]


class RawSocket(threading.local):
    """A connection for each thread that sends prepared bytes and reads until the end of the response."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._request = request_to(url)
        self._socket = socket.create_connection((parts.hostname, parts.port or 80), timeout=60)
        if parts.scheme == "https":
            self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=parts.hostname)

    def send_email(self) -> int:
        self._socket.sendall(self._request)
        response = self._socket.recv(65536)
        while not response.endswith(b"}"):
            response += self._socket.recv(1 << 20)
        return int(response[9:12])
