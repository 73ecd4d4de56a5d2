"""A signal handler can use or close the client, or raise an error, at any moment of a call in its own thread."""

import threading
from functools import partial
from itertools import product

import pytest

from tests import processes
from tests.servers.load import LoadServer
from tests.servers.raw import SUCCESS, RawServer, Step

from . import programs

pytestmark = pytest.mark.usefixtures("unwatched")

PACKAGE = "genauth_email._runtime"
SHARED = tuple(f"{PACKAGE}.transport.{name}" for name in ("cap", "httpx_transport", "idle", "pools"))
"""The modules with the state that a client's calls share."""


CASES = [
    (moment, action, connections)
    for moment, action, connections in product(
        ("each line", "random moments"), ("call", "close", "raise"), (None, 1, 2)
    )
    # Tracing also raises where no signal handler runs: between the body and the end of a `with`, and at a `try`.
    if (moment, action) != ("each line", "raise") or connections is None
]


@pytest.mark.parametrize(("moment", "action", "connections"), CASES)
def test_a_signal_handler_at_any_moment_harms_no_call_and_loses_no_connection(
    moment: str, action: str, connections: int | None, thorough: bool
) -> None:
    when: int | tuple[str, ...] = 1500 if thorough else 100
    if moment == "each line":
        when = (PACKAGE,) if thorough or action == "raise" else SHARED
    together = connections or 2
    held = Step(SUCCESS, before=partial(threading.Barrier(together).wait, 30))
    with LoadServer() as one, LoadServer() as other, RawServer(*[held] * together) as last:
        urls = one.url, other.url, last.url
        processes.run(programs.call_while_signals_come, *urls, action, connections, when)
        received = one.finish().received, other.finish().received
    assert {number for each in received for number in each.values()} == {1}
