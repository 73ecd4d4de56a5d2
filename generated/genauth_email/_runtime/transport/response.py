"""Reading a response: as many bytes as are allowed, within the time that is left."""

from __future__ import annotations

import zlib
from time import monotonic
from typing import Final

from ..http import httpx

MAX_RESPONSE_SIZE: Final = 1024 * 1024
"""Bytes, decompressed. A response of the API has a few hundred. A longer one is not the API's."""

_GZIP: Final = 16 + zlib.MAX_WBITS  # The module gzip would take a tenth of the time to import the package.
_MAX_MEMBERS: Final = 16


class ResponseReader:
    """A response, as far as it has come.

    Attributes:
        started: Whether there is a response at all. Before that it has neither a status nor headers.
        body_error: What is wrong with the body, if it is not whole.
        timed_out: Whether the deadline passed while there was more to come.
    """

    status: int
    headers: httpx.Headers

    def __init__(self, deadline: float) -> None:
        self.started = False
        self.body_error = ""
        self.timed_out = False
        self._deadline = deadline
        self._late = False
        self._decompressed = False
        self._content = bytearray()

    def start(self, status: int, headers: httpx.Headers) -> None:
        self.started = True
        self.status = status
        self.headers = headers

    def feed(self, chunk: bytes) -> bool:
        """Take a part of the body, and tell whether to go on reading.

        The part that comes at the deadline may be the last one, so that only a further one is too late.
        """
        self.timed_out = self._late
        self._late = monotonic() > self._deadline
        if len(self._content) <= MAX_RESPONSE_SIZE:
            self._content += chunk
        return not self.timed_out and len(self._content) <= MAX_RESPONSE_SIZE

    def feed_consumed(self, response: httpx.Response) -> None:
        """Take a body that a user's hook has read, and that httpx has decompressed."""
        self._decompressed = True
        try:
            self._content += response.content
        except httpx.ResponseNotRead:
            self.body_error = "a hook has read the body and not kept it"

    def body(self) -> bytes:
        """Return the body, decompressed if that can be done."""
        content = bytes(self._content)
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity") and not self._decompressed and not self.body_error:
            try:
                content = decompress(content, encoding)
            except ValueError as error:
                self.body_error = str(error)
        if len(content) > MAX_RESPONSE_SIZE:
            self.body_error = f"it is longer than {MAX_RESPONSE_SIZE:,} bytes"
        return content[:MAX_RESPONSE_SIZE]


def decompress(content: bytes, encoding: str) -> bytes:
    """Decompress a body to at most one byte more than is allowed.

    The clients ask for no encoding. Some gateways compress all the same, with gzip.

    Raises:
        ValueError: It is not gzip, or it is broken.
    """
    if encoding not in ("gzip", "x-gzip"):
        raise ValueError("its Content-Encoding is not gzip")
    decompressed = bytearray()
    # There can be several members, and zeros after the last one. Each member copies what follows it.
    for _ in range(_MAX_MEMBERS):
        member = zlib.decompressobj(wbits=_GZIP)
        try:
            decompressed += member.decompress(content, MAX_RESPONSE_SIZE + 1 - len(decompressed))
        except zlib.error:  # Its text can quote the body.
            break
        content = member.unused_data.lstrip(b"\0")
        if len(decompressed) > MAX_RESPONSE_SIZE or (member.eof and not content):
            return bytes(decompressed)
        if not member.eof:
            break
    raise ValueError("its gzip is broken")
