"""Find what changed for users between two lists of facts, and which part of the version each change raises."""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from openapi_python_client.strings import snake_case

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
    def parent(self) -> str:
        return self.key.rpartition(" > ")[0]

    @property
    def is_operation(self) -> bool:
        return bool(re.fullmatch(r"[A-Z]+ /\S*", self.key))

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


def fold(found: Iterable[Change], texts: Mapping[str, str]) -> Iterator[Change]:
    """Yield the changes, except those that another change implies.

    A new operation brings methods, functions, models and enums, and a new request field is also an argument.

    Args:
        found: The changes.
        texts: The texts of all facts, including removed ones.
    """
    pending = sorted(found, key=lambda each: (not each.is_operation, not each.is_on_the_wire))
    while pending:
        first, *pending = pending
        group = [first]
        # An implied change can imply others.
        for each in group:
            names, words = _names(each, texts), _words(each, texts)
            for other in [other for other in pending if _comes_with(other, each, names, words, texts)]:
                pending.remove(other)
                group.append(other)
        # Code refers to an enum's value by its member's name.
        yield first if first.is_operation else min(group, key=lambda each: not texts[each.key].startswith("= "))


def _comes_with(other: Change, change: Change, names: set[str], words: set[str], texts: Mapping[str, str]) -> bool:
    if other.is_operation or other.part < change.part or other.what.split()[:2] != change.what.split()[:2]:
        return False
    others = _names(other, texts)
    if texts.get(other.parent, "module") == "module":
        # A class, a function or a module: the change's text names it if it needs it.
        is_named_alike = change.is_operation or texts[change.key].startswith("= ")
        needed = words | names if is_named_alike else words
        return bool(others & needed) or (texts[other.key] == "module" and bool(names & _words(other, texts)))
    if change.is_on_the_wire:
        return bool(names & others) and (not other.is_on_the_wire or other.place == change.place)
    return other.key.removeprefix("Async") == change.key.removeprefix("Async")


def _names(change: Change, texts: Mapping[str, str]) -> set[str]:
    """Return a change's names, in one spelling. An enum member also goes by its value."""
    text = texts[change.key]
    value = text.removeprefix("operation " if change.is_operation else "= ")
    names = {change.key.rpartition(" > ")[2], value if value != text else ""}
    return {_spelling(name.strip("'")) for name in names if name}


def _words(change: Change, texts: Mapping[str, str]) -> set[str]:
    """Return the names in the text of a change, except its own."""
    inside = {
        key.removeprefix(change.key): text for key, text in texts.items() if f"{key} > ".startswith(f"{change.key} > ")
    }
    return {_spelling(word) for word in set(re.findall(r"\w+", f"{[*inside, *inside.values()]}"))}


def _spelling(name: str) -> str:
    return snake_case(name.removesuffix("Literal").removesuffix("_response"))


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
