"""Plays all faults to all kinds of clients, and prints what came of it, for templates/README.md.jinja:

python -m tests.faults
"""

import logging
from contextlib import ExitStack

from tests.twins import Connect

from .faults import Fault, Outcome
from .markdown import markdown
from .play import play


def outcome_of(fault: Fault) -> Outcome:
    outcomes: dict[str, Outcome] = {}
    for kind in fault.kinds:
        with ExitStack() as stack:
            outcomes[kind] = play(fault, Connect(kind, stack)).outcome
    if len(set(outcomes.values())) > 1:
        raise SystemExit(f"The kinds of clients differ in {fault.name!r}: {outcomes}")
    return outcomes.popitem()[1]


logging.disable()  # Retries are logged.
print(markdown(outcome_of), end="")
