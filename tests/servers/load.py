"""A server for many calls, which responds to each as its email asks, and counts the calls that it carried out.

It runs in a separate process, so a test's memory, threads and file descriptors belong only to the client.
"""

import asyncio
import base64
import json
import re
import socket
import struct
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from random import Random
from typing import Any, Literal, Self

from tests.contract.facts import SENT
from tests.processes import CONTEXT

from .raw import http


@dataclass(frozen=True)
class Reaction:
    """The server's reaction to a request.

    Attributes:
        content: The bytes to send.
        then: What happens to the connection afterwards. "hold": nothing more is sent on it.
        carries_out: Whether the call was carried out, as far as the client can know.
    """

    content: bytes
    then: Literal["keep", "close", "reset", "hold"] = "keep"
    carries_out: bool = True


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
    """The server's process. The first request for `1@bomb.example.com` gets the reaction "bomb", others a success.

    Args:
        reactions: The reactions by their names.
        dropped: The share of connections that it resets at once.
        lost: The share of responses that one of the reactions takes the place of, after the request was carried out. If
            it is not 0, the server enforces the limit of one email per minute.
        seed: Determines these connections and responses.
    """

    def __init__(
        self, reactions: Mapping[str, Reaction] | None = None, *, dropped: float = 0, lost: float = 0, seed: int = 0
    ) -> None:
        self._pipe, end = CONTEXT.Pipe()
        CONTEXT.Process(target=_run, args=(end, reactions or {}, dropped, lost, seed), daemon=True).start()
        end.close()
        self.url: str = self._pipe.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pipe.close()

    def finish(self) -> Seen:
        """Wait a little until the clients have hung up, stop, and return the observations."""
        self._pipe.send("finish")
        seen: Seen = self._pipe.recv()
        return seen


class _Reactions:
    """Chooses the reactions, and counts the requests."""

    def __init__(self, reactions: Mapping[str, Reaction], lost: float, chance: Random) -> None:
        self.seen = Seen()
        self._reactions = reactions
        self._lost = lost
        self._chance = chance

    def to(self, email: str) -> Reaction:
        self.seen.received[email] += 1
        reaction = self._named_in(email)
        if self._lost and self.seen.accepted[email]:
            reaction = self._response(email, 429)
        self.seen.accepted[email] += reaction.carries_out
        if self._chance.random() < self._lost:
            reaction = self._chance.choice(list(self._reactions.values()))
        return reaction

    def _named_in(self, email: str) -> Reaction:
        what, _, name = email.removesuffix(".example.com").rpartition("@")
        if name in ("as-told", "as-told-and-close"):
            return Reaction(base64.b64decode(what), "close" if name == "as-told-and-close" else "keep")
        if name in self._reactions and self.seen.received[email] == 1:
            return self._reactions[name]
        return self._response(email)

    def _response(self, email: str, status_code: int = 200) -> Reaction:
        number = self.seen.received.total()
        body = {**SENT, "statusCode": status_code, "message": email, "requestId": f"{number}"}
        return Reaction(http(200, json.dumps(body).encode()), carries_out=status_code == 200)


class _Connection(asyncio.Protocol):
    def __init__(self, reactions: _Reactions, *, dropped: bool) -> None:
        self._reactions = reactions
        self._dropped = dropped
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._reactions.seen.connections += 1
        self._reactions.seen.open += 1
        if self._dropped:
            self._reset()

    def connection_lost(self, exc: Exception | None) -> None:
        self._reactions.seen.open -= 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, _, body = self._buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if length and len(body) == int(length[1]):
            self._buffer = b""
            reaction = self._reactions.to(json.loads(body)["email"])
            self._transport.write(reaction.content)
            if reaction.then == "close":
                self._transport.close()
            elif reaction.then == "reset":
                self._reset()

    def _reset(self) -> None:
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


def _run(pipe: Connection, *arguments: Any) -> None:
    asyncio.run(_serve(pipe, *arguments))


async def _serve(pipe: Connection, named: Mapping[str, Reaction], dropped: float, lost: float, seed: int) -> None:
    """Send the URL, serve until the other end sends something or hangs up, and send the observations."""
    chance = Random(seed)
    reactions = _Reactions(named, lost, chance)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(reactions, dropped=chance.random() < dropped), "127.0.0.1", 0, backlog=1000
    )
    pipe.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with suppress(EOFError):
        await asyncio.to_thread(pipe.recv)
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                while reactions.seen.open:
                    await asyncio.sleep(0.01)
        pipe.send(reactions.seen)
    server.close()
