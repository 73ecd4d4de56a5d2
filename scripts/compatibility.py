"""Compare what would be shipped with the last release: what changed for users, and which version that needs.

`docs/last-release.json` is the record of the last release. `make release` writes it: the public interface of the
package, what goes over the wire, and a hash of `generated/`. A fresh clone has it, without tags.

The rules are those of Semantic Versioning. What can break the code of a user needs a major version. What is new needs a
minor version. Any other change of what is shipped needs a new version.
"""

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from .changes import Change, Part, changes, fold
from .document import Document, Fact
from .interface import interface
from .walk import locate_names
from .wire import wire

ROOT = Path(__file__).resolve().parent.parent
CONFIG = Path("generator-config.yml")
RECORD = Path("docs", "last-release.json")


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


def needed_version(root: Path, contract: Document, version: str) -> tuple[Version, list[str]]:
    """Return the lowest version that what is in `generated/` can have, and what changed that `version` does not allow.

    There is a line for each change since the last release.
    """
    given, last = Version.parse(version), last_release(root)
    if last is None:
        return given, []
    before = Version.parse(last.version)
    is_other = _hash_of(root / "generated") != last.hash
    needed = before.after(Part.PATCH) if is_other and given <= before else before
    facts = facts_of(root / "generated", contract)
    found: list[Change] = []
    for change in changes(last.facts, facts, contract.place(("paths",))):
        if given < (needs := before.after(change.part)):
            needed = max(needed, needs)
            found.append(change)
    texts = {**last.facts, **{key: fact.text for key, fact in facts.items()}}
    return needed, [f"{change} (needs {before.after(change.part)})" for change in fold(found, texts)]


def main(root: Path = ROOT) -> int:
    """Print what the version does not allow and, last of all, what to write where."""
    config = Document(root / CONFIG)
    version = current_version(root)
    needed, lines = needed_version(root, Document(root / "openapi.yaml"), version)
    if Version.parse(version) >= needed:
        print(f"Version {version} is high enough for what changed since the last release.")
        return 0
    place = config.place(("package_version_override",))
    print(*lines, f"{place}: {version} is too low. Write this line there, and run `make` again:", sep="\n")
    print(f"package_version_override: {needed}")
    return 1


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


if __name__ == "__main__":
    sys.exit(main())
