"""The table of the page on failure behaviour. Faults of a group with the same outcome share a row."""

from collections import defaultdict
from collections.abc import Callable

from .faults import FAULTS, Fault, Outcome


def markdown(outcome_of: Callable[[Fault], Outcome]) -> str:
    tables: list[str] = []
    for group, faults in FAULTS.items():
        names: defaultdict[Outcome, list[str]] = defaultdict(list)
        for fault in faults:
            names[outcome_of(fault)].append(fault.name)
            if fault.with_aiohttp is not None:
                names[fault.with_aiohttp].append(f"{fault.name} (on aiohttp)")
        header = f"| {group} | what you get | `delivery` | requests | connections | kept |\n{'| --- ' * 6}|\n"
        tables.append(header + "".join(_row("; ".join(names[outcome]), outcome) for outcome in names))
    return "\n".join(tables)


def _row(names: str, outcome: Outcome) -> str:
    delivery = f"`{outcome.delivery}`" if outcome.delivery else ""
    numbers = f"{outcome.requests} | {outcome.connections} | {outcome.kept}"
    return f"| {names} | `{outcome.result.__name__}` | {delivery} | {numbers} |\n"
