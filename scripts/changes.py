"""Find what changed for users between two lists of facts, and which part of the version each change raises."""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from .document import Fact
from .interface import is_inherited


class Part(IntEnum):
    """A part of a version."""

    MAJOR = 0
    MINOR = 1
    PATCH = 2


class Change(NamedTuple):
    """A change in something that users can rely on. Its text is a line for a maintainer."""

    part: Part
    place: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.key} {self.what}"

    @property
    def name(self) -> str:
        return self.key.rpartition(" > ")[2]

    @property
    def is_on_the_wire(self) -> bool:
        return bool(re.match(r"[A-Z]+ /|server", self.key))


def changes(before: Mapping[str, str], after: Mapping[str, Fact], paths: str) -> Iterator[Change]:
    """Yield the changes. Something added or removed as a whole is one change.

    `paths` is the place to report for a removed operation.
    """
    for key, text in before.items():
        parents = _parents(key)
        if key not in after and all(each in after for each in parents):
            place = after[parents[0]].place if parents else paths
            yield Change(Part.MAJOR, place, key, "was removed, which breaks users' code")
        elif key in after and text != after[key].text:
            part = Part.MINOR if _takes_more(text, after[key].text, in_response=" > response" in key) else Part.MAJOR
            breaks = "" if part == Part.MINOR else ", which breaks users' code"
            yield Change(part, after[key].place, key, f"changed from `{text}` to `{after[key].text}`{breaks}")
    for key, (text, place) in after.items():
        if key not in before and all(each in before for each in _parents(key)):
            if text.startswith("required ") and " > response" not in key:
                yield Change(Part.MAJOR, place, key, "is new and required, which breaks users' code")
            elif is_inherited(key, before):
                yield Change(Part.MAJOR, place, key, "is no longer inherited, which breaks users' code")
            else:
                yield Change(Part.MINOR, place, key, "is new")


def fold(found: Iterable[Change]) -> Iterator[Change]:
    """Yield one change for each edit.

    A change on the wire changes the Python interface too, so a change there counts only if it needs a higher version.
    A schema that several operations share changes once.
    """
    all_changes = list(found)
    on_the_wire = [each for each in all_changes if each.is_on_the_wire]
    highest = min((each.part for each in on_the_wire), default=Part.PATCH + 1)
    in_python = [each for each in all_changes if not each.is_on_the_wire and each.part < highest]
    yield from {(each.name, each.place, each.what): each for each in [*in_python, *on_the_wire]}.values()


def _parents(key: str) -> list[str]:
    """Return the names of everything that contains a name, the nearest first."""
    parts = key.split(" > ")
    return [" > ".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def _takes_more(before: str, after: str, *, in_response: bool) -> bool:
    """Tell whether everything that users could pass, or rely on in a response, is still valid."""
    was, _, old = before.partition(" ")
    now, _, new = after.partition(" ")
    if in_response:
        return (was, now, old) == ("optional", "required", new)
    if (was, now) not in (("required", "required"), ("required", "optional"), ("optional", "optional")):
        return False
    old_types, _, old_default = old.partition(" = ")
    new_types, _, new_default = new.partition(" = ")
    same_default = was == "required" or old_default == new_default
    return same_default and set(re.split(r": | \| ", old_types)) <= set(re.split(r": | \| ", new_types))
