"""Compare what would be shipped with the last release: what changed for users, and which version that needs.

`docs/last-release.json` is the record of the last release. `make release` writes it: the public interface of the
package, what goes over the wire, and a hash of `generated/`. A fresh clone has it, without tags.

The rules are those of Semantic Versioning. What can break the code of a user needs a major version. What is new needs a
minor version. Any other change of what is shipped needs a new version.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from .contract import locate_names
from .document import Document, Fact
from .interface import interface
from .wire import wire

CONFIG = Path("generator-config.yml")
RECORD = Path("docs", "last-release.json")


class Part(IntEnum):
    """A part of a version."""

    MAJOR = 0
    MINOR = 1
    PATCH = 2


class Version(NamedTuple):
    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read a version.

        Raises:
            ValueError: It is not three numbers.
        """
        if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", text, re.ASCII):
            raise ValueError(f"{text!r} is not a version: three numbers are needed, such as 1.4.0")
        return cls(*map(int, text.split(".")))

    def __str__(self) -> str:
        return ".".join(map(str, self))

    def after(self, part: Part) -> "Version":
        """Return the next version that is higher in `part`."""
        numbers = (*self[:part], self[part] + 1, 0, 0)
        return Version(*numbers[:3])


class Release(NamedTuple):
    """What is shipped as a version. `facts` has the texts of the interface and of the wire, by name."""

    version: str
    hash: str
    facts: Mapping[str, str]


def current_version(root: Path) -> str:
    """Return the version that the generator's config gives the package."""
    return str(Document(root / CONFIG).get(("package_version_override",)))


def last_release(root: Path) -> Release | None:
    """Return the record of the last release, or None before the first."""
    record = root / RECORD
    return Release(**json.loads(record.read_text("utf-8"))) if record.exists() else None


def write_record(root: Path, contract: Document, version: str) -> None:
    """Record what is in `generated/` as a release."""
    facts = {key: fact.text for key, fact in facts_of(root / "generated", contract).items()}
    release = Release(version, _hash_of(root / "generated"), facts)
    (root / RECORD).write_text(json.dumps(release._asdict(), indent=1, ensure_ascii=False) + "\n", "utf-8")


def check_version(root: Path, contract: Document, version: str) -> Iterator[str]:
    """Yield a line for each change since the last release that `version` does not allow, and what to do."""
    last = last_release(root)
    if last is None:
        return
    given, before = Version.parse(version), Version.parse(last.version)
    if given < before:
        yield f"{CONFIG}: the version {given} is lower than that of the last release, {before}"
        return
    needed = before
    if given == before and _hash_of(root / "generated") != last.hash:
        needed = before.after(Part.PATCH)
    for part, line in changes(last.facts, facts_of(root / "generated", contract), contract.place(("paths",))):
        if given < (needs := before.after(part)):
            yield f"{line}. That needs version {needs}"
            needed = max(needed, needs)
    if given < needed:
        yield (
            f"{CONFIG}: generated/ differs from release {before}, but the version is {given}. Undo the change, "
            f"or set package_version_override to {needed} and run `make generate`"
        )


def facts_of(generated: Path, contract: Document) -> dict[str, Fact]:
    """Return what users can rely on, by name."""
    (marker,) = generated.glob("*/py.typed")
    facts, places = wire(contract), locate_names(contract)
    for key, fact in interface(marker.parent).items():
        # What the contract names is in the contract. The rest is in the package.
        names = [] if fact.text == "module" else reversed(key.replace("'", "").split(" > "))
        location = next((places[name] for name in names if name in places), None)
        facts[key] = Fact(fact.text, contract.place(location) if location else f"generated/{fact.place}")
    return facts


def read_tree(top: Path) -> dict[str, bytes]:
    """Return the contents of all files by name, without what Python leaves beside a module that it has imported."""
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in sorted(top.rglob("*"))
        if path.is_file() and path.parent.name != "__pycache__"
    }


def _hash_of(generated: Path) -> str:
    """Return a hash of the names and the contents of all files."""
    total = hashlib.sha256()
    for name, content in read_tree(generated).items():
        total.update(f"{name} {len(content)}\n".encode() + content)
    return total.hexdigest()


def changes(before: Mapping[str, str], after: Mapping[str, Fact], paths: str) -> Iterator[tuple[Part, str]]:
    """Yield which part of the version each change raises, and a line. What is gone or new as a whole is one change.

    `paths` is the place of an operation that is gone.
    """
    for key, text in before.items():
        parents = _parents(key)
        if key not in after and all(each in after for each in parents):
            place = after[parents[0]].place if parents else paths
            yield Part.MAJOR, f"{place}: {key} was removed, which breaks users' code"
        elif key in after and text != after[key].text:
            part = Part.MINOR if _takes_more(text, after[key].text, in_response=" > response" in key) else Part.MAJOR
            breaks = "" if part == Part.MINOR else ", which breaks users' code"
            yield part, f"{after[key].place}: {key} changed from `{text}` to `{after[key].text}`{breaks}"
    for key, (text, place) in after.items():
        if key not in before and all(each in before for each in _parents(key)):
            if text.startswith("required ") and " > response" not in key:
                yield Part.MAJOR, f"{place}: {key} is new and required, which breaks users' code"
            else:
                yield Part.MINOR, f"{place}: {key} is new"


def _parents(key: str) -> list[str]:
    """Return the names of what a name is a part of, the nearest first."""
    parts = key.split(" > ")
    return [" > ".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def _takes_more(before: str, after: str, *, in_response: bool) -> bool:
    """Tell whether all that could be given before, or relied on in a response, still can."""
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
