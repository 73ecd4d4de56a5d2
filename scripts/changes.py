"""Find what changed for users between two lists of facts, and which part of the version each change raises."""

import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from .interface import INHERITED
from .wire import DEPRECATED


class Fact(NamedTuple):
    """Something that users of the package can rely on."""

    text: str
    place: str
    """The file and the line that define it."""


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
        breaks = ", which breaks users' code" if self.part == Part.MAJOR else ""
        return f"{self.place}: {self.key} {self.what}{breaks}"


def changes(before: Mapping[str, str], after: Mapping[str, Fact]) -> Iterator[Change]:
    """Yield the changes. Something added or removed as a whole is one change."""
    # Only the parts of these are compared. What a class inherits is listed without its parts.
    compared = {key for key, text in before.items() if key in after and INHERITED not in (text, after[key].text)}
    for key, text in before.items():
        parent = key.rpartition(" > ")[0]
        if key in after and text != after[key].text:
            part = Part.MINOR if _takes_more(text, after[key].text, in_response=" > response" in key) else Part.MAJOR
            yield Change(part, after[key].place, key, f"changed from `{text}` to `{after[key].text}`")
        elif key not in after and text != INHERITED and parent in compared:
            yield Change(Part.MAJOR, after[parent].place, key, "was removed")
    for key, (text, place) in after.items():
        parent = key.rpartition(" > ")[0]
        if key not in before and text != INHERITED and parent in compared:
            if text.startswith("required ") and " > response" not in key:
                yield Change(Part.MAJOR, place, key, "is new and required")
            else:
                yield Change(Part.MINOR, place, key, "is new")


def fold(found: list[Change]) -> list[Change]:
    """Return one change for each edit.

    A change on the wire changes the Python interface too, so a change there counts only if it needs a higher version.
    A schema that several operations share changes once.
    """
    on_the_wire = [each for each in found if re.match(r"[A-Z]+ /|server", each.key)]
    highest = min((each.part for each in on_the_wire), default=Part.PATCH + 1)
    # Only changes of the Python interface can be above that.
    in_python = [each for each in found if each.part < highest]
    edits: dict[tuple[str, str, str], Change] = {}
    for each in [*in_python, *on_the_wire]:
        edit = (each.key.rpartition(" > ")[2], each.place, each.what)
        # The highest part comes first: what breaks a request may not break a response.
        edits[edit] = min(each, edits.get(edit, each))
    return list(edits.values())


def _takes_more(before: str, after: str, *, in_response: bool) -> bool:
    """Tell whether everything that users could pass, or rely on in a response, is still valid."""
    before, after = before.removesuffix(DEPRECATED), after.removesuffix(DEPRECATED)
    if before == after:
        return True
    was, _, old = before.partition(" ")
    now, _, new = after.partition(" ")
    if in_response:
        return (was, now, old) == ("optional", "required", new)
    old_types, _, old_default = old.partition(" = ")
    new_types, _, new_default = new.partition(" = ")
    return (
        (was, now) in (("required", "required"), ("required", "optional"), ("optional", "optional"))
        and (was == "required" or old_default == new_default)
        and set(re.split(r": | \| ", old_types)) <= set(re.split(r": | \| ", new_types))
    )
