"""A server that treats each call as its email asks, and counts the calls that it carried out.

It runs in a separate process, so a test's memory, threads and file descriptors belong only to the client.
"""

import asyncio
import base64
import gzip
import json
import re
import socket
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from random import Random
from types import TracebackType
from typing import Any, Literal, Self

from genauth_email import (
    APIConnectionError,
    APITimeoutError,
    GenAuthError,
    InvalidArgumentError,
    InvalidResponseError,
    SendEmailRespDto,
    ServerError,
    ServiceUnavailableError,
    ThrottleError,
)

from tests.contract.facts import SENT
from tests.processes import CONTEXT

from .raw import http

LOGIN_PAGE = b"<h1>Log in</h1>"
BOMB = gzip.compress(bytes(8 << 20))
GZIP = {"content-encoding": "gzip"}


@dataclass(frozen=True)
class Asked:
    """A request: its number, its first line and headers, and the email in its body."""

    number: int
    head: bytes
    email: str


@dataclass(frozen=True)
class Behaviour:
    """The server's reaction to a request.

    Attributes:
        outcome: How the call ends.
        response: Makes the bytes to send.
        then: What happens to the connection afterwards. "hold": nothing more is sent on it.
        accepted: Whether the call was carried out, as far as the client can know.
        weight: The frequency of this reaction, in proportion to the others.
    """

    outcome: type[SendEmailRespDto] | type[GenAuthError]
    response: Callable[[Asked], bytes]
    then: Literal["keep", "close", "reset", "hold"] = "keep"
    accepted: bool = True
    weight: int = 10


def dto(asked: Asked, status_code: int = 200) -> bytes:
    return json.dumps(
        {**SENT, "statusCode": status_code, "message": asked.email, "requestId": f"{asked.number}"}
    ).encode()


def sent(asked: Asked) -> bytes:
    return http(200, dto(asked))


def chunked(asked: Asked) -> bytes:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in dto(asked))
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def failing(status_code: int) -> Callable[[Asked], bytes]:
    return lambda asked: http(200, dto(asked, status_code))


def page(status: int, body: bytes = LOGIN_PAGE, **headers: str) -> Callable[[Asked], bytes]:
    content = http(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
    return lambda asked: content


def mirror(asked: Asked) -> bytes:
    return http(200, json.dumps({**SENT, "message": asked.head.decode()}).encode())


def as_told(asked: Asked) -> bytes:
    return base64.b64decode(asked.email.partition("@")[0])


BEHAVIOURS: dict[str, Behaviour] = {
    "success": Behaviour(SendEmailRespDto, sent, weight=770),
    "gzip": Behaviour(SendEmailRespDto, lambda asked: http(200, gzip.compress(dto(asked)), GZIP)),
    "chunked": Behaviour(SendEmailRespDto, chunked),
    "success-and-close": Behaviour(SendEmailRespDto, sent, then="close"),
    "busy-at-first": Behaviour(SendEmailRespDto, sent),
    "refusal": Behaviour(InvalidArgumentError, failing(400), accepted=False),
    "throttle": Behaviour(ThrottleError, failing(429), accepted=False),
    "failure": Behaviour(ServerError, failing(500)),
    "maintenance": Behaviour(ServiceUnavailableError, page(503)),
    # This looks like the API's own 503, but follows a request that the API carried out.
    "gateway": Behaviour(ServiceUnavailableError, lambda asked: http(503, dto(asked, 503), {"retry-after": "0"})),
    "error-page": Behaviour(ServerError, page(500), then="close"),
    "login-page": Behaviour(InvalidResponseError, page(200)),
    "redirect": Behaviour(InvalidResponseError, page(307, location="/elsewhere")),
    "no-gzip": Behaviour(InvalidResponseError, page(200, content_encoding="gzip")),
    "bomb": Behaviour(InvalidResponseError, page(200, BOMB, content_encoding="gzip")),
    "half-body": Behaviour(InvalidResponseError, lambda asked: sent(asked)[:-5], then="close"),
    "half-body-and-reset": Behaviour(InvalidResponseError, lambda asked: sent(asked)[:-5], then="reset"),
    "half-head": Behaviour(APIConnectionError, lambda asked: sent(asked)[:40], then="close"),
    "garbage": Behaviour(APIConnectionError, lambda asked: b"220 mail.example.com ESMTP\r\n", then="close"),
    "close": Behaviour(APIConnectionError, lambda asked: b"", then="close"),
    "reset": Behaviour(APIConnectionError, lambda asked: b"", then="reset"),
    "silence": Behaviour(APITimeoutError, lambda asked: b"", then="hold"),
    "silence-in-body": Behaviour(APITimeoutError, lambda asked: sent(asked)[:-5], then="hold"),
    # Never drawn at random.
    "mirror": Behaviour(SendEmailRespDto, mirror, weight=0),
    "as-told": Behaviour(GenAuthError, as_told, weight=0),
    "as-told-and-close": Behaviour(GenAuthError, as_told, then="close", weight=0),
}


# Ways to lose a response.
LOSSES = [
    *(BEHAVIOURS[name] for name in ("close", "reset", "half-head", "half-body", "half-body-and-reset", "error-page")),
    *(Behaviour(GenAuthError, page(status)) for status in (502, 503, 504)),
]


def told(response: bytes, *, close: bool) -> str:
    """Return the email that asks for exactly these bytes as the response."""
    return f"{base64.b64encode(response).decode()}@as-told{'-and-close' * close}.example.com"


@dataclass
class Seen:
    """The server's observations.

    Attributes:
        connections: How many connections were opened.
        open: How many of them the clients have not closed.
        received: How often each email was received.
        accepted: How often each was carried out, as far as the client can know.
    """

    connections: int = 0
    open: int = 0
    received: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)


class LoadServer:
    """The server's process. The email `1@bomb.example.com` asks for the behaviour "bomb", others for success.

    Args:
        dropped: The share of connections that it resets at once.
        lost: The share of responses that are lost after the request was carried out or refused. If it is not 0, the
            server enforces the limit of one email per minute.
        seed: Determines these connections and responses.
    """

    def __init__(self, dropped: float = 0, lost: float = 0, seed: int = 0) -> None:
        self._pipe, end = CONTEXT.Pipe()
        CONTEXT.Process(target=_run, args=(end, dropped, lost, seed), daemon=True).start()
        end.close()
        self.url: str = self._pipe.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pipe.close()

    def finish(self) -> Seen:
        """Wait a little until the clients have hung up, stop, and return the observations."""
        self._pipe.send("finish")
        seen: Seen = self._pipe.recv()
        return seen


class _Connection(asyncio.Protocol):
    def __init__(self, seen: Seen, drop: bool, lose: Callable[[], Behaviour | None] | None) -> None:
        self._seen = seen
        self._drop = drop
        self._lose = lose
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._seen.connections += 1
        self._seen.open += 1
        if self._drop:
            self._reset()

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.open -= 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, _, body = self._buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if length and len(body) == int(length[1]):
            self._buffer = b""
            email = json.loads(body)["email"]
            self._seen.received[email] += 1
            self._respond(Asked(self._seen.received.total(), head, email))

    def _respond(self, asked: Asked) -> None:
        name = re.search(r"@([a-z-]+)\.example\.com$", asked.email)
        behaviour = BEHAVIOURS[name[1] if name else "success"]
        if self._lose is not None and self._seen.accepted[asked.email]:
            behaviour = BEHAVIOURS["throttle"]  # The limit of one email per minute.
        if behaviour is BEHAVIOURS["busy-at-first"] and self._seen.received[asked.email] == 1:
            self._transport.write(http(200, dto(asked, 503), {"retry-after": "0"}))
            return
        self._seen.accepted[asked.email] += behaviour.accepted
        if self._lose is not None:
            behaviour = self._lose() or behaviour
        self._transport.write(behaviour.response(asked))
        if behaviour.then == "close":
            self._transport.close()
        elif behaviour.then == "reset":
            self._reset()

    def _reset(self) -> None:
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


def _run(pipe: Connection, *arguments: Any) -> None:
    asyncio.run(_serve(pipe, *arguments))


async def _serve(pipe: Connection, dropped: float, lost: float, seed: int) -> None:
    """Send the URL, serve until the other end sends something or hangs up, and send the observations."""
    seen = Seen()
    chance = Random(seed)

    def lose() -> Behaviour | None:
        return chance.choice(LOSSES) if chance.random() < lost else None

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(seen, chance.random() < dropped, lose if lost else None), "127.0.0.1", 0, backlog=1000
    )
    pipe.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with suppress(EOFError):
        await asyncio.to_thread(pipe.recv)
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                while seen.open:
                    await asyncio.sleep(0.01)
        pipe.send(seen)
    server.close()
