"""The only places where this package uses private attributes of aiohttp.

They are as here in aiohttp 3.12 to 3.14. `tests/runtime/test_internals.py` fails if they change.
"""

from __future__ import annotations

import math
from time import monotonic
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp import ClientRequest, ClientTimeout
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from .network import is_readable
from .pool import keepalive_of

# When the server closes a connection that is idle, by its last response.
_kept_until: WeakKeyDictionary[ResponseHandler, float] = WeakKeyDictionary()


class Response(aiohttp.ClientResponse):
    """Notes for how long the server keeps the connection."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        protocol = connection.protocol
        await super().start(connection)
        if protocol is not None:
            _kept_until[protocol] = monotonic() + keepalive_of(self.raw_headers)
        return self


class Connector(aiohttp.TCPConnector):
    """Keeps a limited number of idle connections.

    It never reuses one on which something has arrived, as that would be read as the next response, nor one that the
    server is about to close.
    """

    max_keepalive_connections: int

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout
    ) -> ResponseHandler:
        self._evict()
        return await super()._create_connection(req, traces, timeout)

    def _release(self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        super()._release(key, protocol, should_close=should_close)
        self._evict()

    def _evict(self) -> None:
        """Close the oldest idle connections where they, or they and the used ones, are too many."""
        idle = sum(map(len, self._conns.values()))
        excess = max(idle - self.max_keepalive_connections, idle + len(self._acquired) - self.limit)
        if excess > 0:
            items = [(since, key, protocol) for key, kept in self._conns.items() for protocol, since in kept]
            for since, key, protocol in sorted(items, key=lambda item: item[0])[:excess]:
                self._conns[key].remove((protocol, since))
                protocol.close()

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) and not _is_reusable(connection):
            connection.close()
        return connection


def _is_reusable(connection: Connection) -> bool:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or protocol.should_close:
        return False
    if monotonic() > _kept_until.get(protocol, math.inf):
        return False
    # The protocol does not know yet what arrived while the loop was not running.
    return not is_readable(transport.get_extra_info("socket").fileno())


def switch_off_retries(session: aiohttp.ClientSession) -> None:
    """Have a session send a PUT or DELETE only once. It has no public setting for that."""
    session._retry_connection = False  # pyright: ignore[reportPrivateUsage]
