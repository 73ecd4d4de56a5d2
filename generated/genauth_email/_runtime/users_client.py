"""How a call through a sync client of the user's keeps to its deadline.

httpcore asks for a timeout once, and then uses it for each address of a name and for each read of the headers. The
`trace` extension shows it what is left each time. An async call needs none of this: its deadline cancels it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

from .http import based_on, httpx, library_of
from .request import Attempt


class TimeLeft(float):
    """The seconds that a step may take. What is done later in the same step can ask for the seconds that are left."""

    renew: Callable[[], float | None]


class Timeouts(dict[str, Any]):
    """The `timeout` extension of a request. Its values are `TimeLeft`."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._attempt = attempt

    def get(self, step: str, default: Any = None) -> Any:
        seconds = self._attempt.get(step, default)
        if seconds is None:
            return None
        left = TimeLeft(seconds)
        left.renew = lambda: self._attempt.get(step, default)
        return left


def extensions_of(attempt: Attempt) -> dict[str, Any]:
    """Return the extensions that make httpcore keep to the deadline of an attempt."""

    def trace(event: str, info: dict[str, Any]) -> None:
        step = event.partition(".")[2]  # The first part is that of httpcore which does it, such as a proxy.
        if step == "connect_tcp.started":
            info["timeout"] = _share(attempt, info.get("host"), info.get("port"))
        elif step == "start_tls.started":
            info["timeout"] = attempt.get("connect")
        elif step == "retry.started":  # The transport connects again by itself.
            attempt.get("connect")
        elif step in ("connect_tcp.complete", "start_tls.complete"):
            _bound_reading(info["return_value"])

    return {"timeout": Timeouts(attempt), "trace": trace}


def _share(attempt: Attempt, host: Any, port: Any) -> float | None:
    """Return the seconds for each address of a host, which are tried one after the other."""
    number = 1
    # It says nothing of what is wrong with a name: httpcore will.
    with suppress(OSError, UnicodeError):
        number = len(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    seconds = attempt.get("connect")
    return None if seconds is None else seconds / number


def _bound_reading(stream: Any) -> None:
    """Make a stream ask what is left before each read. Headers that come byte by byte are many reads."""
    read: Callable[[int, float | None], bytes] = stream.read

    def bounded(max_bytes: int, timeout: float | None = None) -> bytes:
        return read(max_bytes, timeout.renew() if isinstance(timeout, TimeLeft) else timeout)

    with suppress(AttributeError):  # A network backend of the user's can have streams that cannot be changed.
        stream.read = bounded


def bound_auth(http_client: httpx.Client, attempt: Attempt) -> dict[str, Any]:
    """Return the argument `auth` of sending through a client, if it has an authentication."""
    auth = http_client.auth
    return {} if auth is None else {"auth": based_on(library_of(http_client), BoundAuth, "Auth")(auth, attempt)}


class BoundAuth:
    """An authentication of the user's whose own requests, such as those for a token, keep to the deadline too."""

    def __init__(self, auth: httpx.Auth, attempt: Attempt) -> None:
        self._auth = auth
        self._extensions = extensions_of(attempt)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        flow = self._auth.sync_auth_flow(request)
        try:
            sent = next(flow)
            while True:
                sent.extensions = {**self._extensions, **sent.extensions}
                sent = flow.send((yield sent))
        except StopIteration:
            pass
        finally:
            flow.close()
