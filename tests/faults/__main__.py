"""Play all faults to all kinds of clients, and print the table for templates/docs/failure-behaviour.md.jinja:

python -m tests.faults
"""

import logging
from contextlib import ExitStack

from tests.clients import KINDS, ClientFactory

from .faults import Fault, Outcome
from .markdown import markdown
from .play import play


def outcome_of(fault: Fault) -> Outcome:
    outcomes: dict[str, Outcome] = {}
    for kind in KINDS:
        with ExitStack() as stack:
            outcomes[kind], _ = play(fault, ClientFactory(kind, stack))
    on_aiohttp = outcomes.pop("aiohttp")
    if len(set(outcomes.values())) > 1 or (fault.with_aiohttp or outcomes["sync"]) != on_aiohttp:
        raise SystemExit(f"The kinds of clients differ in {fault.name!r}: {outcomes}, on aiohttp {on_aiohttp}")
    return outcomes["sync"]


logging.disable()  # Retries would be logged.
print(markdown(outcome_of), end="")
