"""The only places where this package uses private attributes of aiohttp.

They are as here in aiohttp 3.12 to 3.14. `tests/runtime/test_internals.py` fails if they change.
"""

from __future__ import annotations

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from .network import is_readable


class Connector(aiohttp.TCPConnector):
    """Never reuses an idle connection on which something has arrived: it would be read as the next response."""

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) and not _is_reusable(connection):
            connection.close()
        return connection


def _is_reusable(connection: Connection) -> bool:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or protocol.should_close:
        return False
    # The protocol does not know yet what arrived while the loop was not running.
    return not is_readable(transport.get_extra_info("socket").fileno())


def switch_off_retries(session: aiohttp.ClientSession) -> None:
    """Have a session send a PUT or DELETE only once. It has no public setting for that."""
    session._retry_connection = False  # pyright: ignore[reportPrivateUsage]
