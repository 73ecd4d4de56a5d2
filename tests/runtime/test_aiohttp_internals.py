import asyncio
import socket
from typing import Any

import aiohttp
import pytest

from runtime.aiohttp_internals import Connector, _is_reusable


class Protocol:
    def __init__(self, should_close: bool = False) -> None:
        self.should_close = should_close


class Transport:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def get_extra_info(self, info: str) -> object:
        return {"socket": self._sock}[info]


class Idle:
    """An idle connection of aiohttp."""

    def __init__(self, sock: socket.socket, *, should_close: bool = False) -> None:
        self.protocol: Protocol | None = Protocol(should_close)
        self.transport: Transport | None = Transport(sock)
        self.closed = False

    def close(self) -> None:
        self.closed = True


def reusable(connection: Any) -> bool:
    return _is_reusable(connection)


def test_quiet_connection_is_reusable(pair: tuple[socket.socket, socket.socket]) -> None:
    assert reusable(Idle(pair[0]))


@pytest.mark.parametrize("end", [False, True])
def test_connection_on_which_something_came_is_not_reusable(
    pair: tuple[socket.socket, socket.socket], end: bool
) -> None:
    if end:
        pair[1].close()
    else:
        pair[1].send(b"HTTP/1.1 200 OK\r\n\r\n")
    assert not reusable(Idle(pair[0]))


def test_connection_that_aiohttp_wants_to_close_is_not_reusable(pair: tuple[socket.socket, socket.socket]) -> None:
    assert not reusable(Idle(pair[0], should_close=True))


@pytest.mark.parametrize("name", ["protocol", "transport"])
def test_connection_that_is_closed_already_is_not_reusable(
    pair: tuple[socket.socket, socket.socket], name: str
) -> None:
    connection = Idle(pair[0])
    setattr(connection, name, None)
    assert not reusable(connection)


def test_connector_closes_what_is_not_reusable_and_gives_the_next(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[socket.socket, socket.socket]
) -> None:
    bad, good = Idle(pair[0], should_close=True), Idle(pair[0])
    idle: list[Idle | None] = [bad, good]

    async def get(connector: object, key: object, traces: object) -> Idle | None:
        return idle.pop(0) if idle else None

    monkeypatch.setattr(aiohttp.TCPConnector, "_get", get)

    async def check() -> None:
        key: Any = None
        async with Connector() as connector:
            assert await connector._get(key, []) is good  # type: ignore[comparison-overlap]
            assert await connector._get(key, []) is None

    asyncio.run(check())
    assert bad.closed
    assert not good.closed
