"""The only places where this package uses private attributes of httpx and httpcore.

They are as here in httpx 0.28 and httpcore 1.0. `tests/runtime/test_internals.py` fails if they change.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, cast

from .http import httpx

if TYPE_CHECKING:
    from .async_transport import AsyncPool
    from .sync_transport import SyncPool


class PoolTransport(httpx.HTTPTransport):
    """The transport of httpx, with another pool. What hooks `httpx.HTTPTransport` sees it."""

    def __init__(self, pool: SyncPool) -> None:
        # The base class would make a pool of its own, and read certificates for it.
        self._pool = cast(Any, pool)


class AsyncPoolTransport(httpx.AsyncHTTPTransport):
    """The async twin of `PoolTransport`."""

    def __init__(self, pool: AsyncPool) -> None:
        self._pool = cast(Any, pool)


def has_trailing_data(connection: Any) -> bool:
    """Tell whether more came than the response. httpcore would take it for the response to the next request."""
    # Connections through a proxy, and those that wait to be made, hold another one.
    while not hasattr(connection, "_h11_state"):
        connection = connection._connection
    if connection._h11_state.trailing_data[0]:
        return True
    # An async stream of TLS may have read from the socket what it has not decrypted yet.
    tls = connection._network_stream.get_extra_info("ssl_object")
    if not isinstance(tls, ssl.SSLObject):
        return False
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        pass  # It is the end, or broken.
    return True
