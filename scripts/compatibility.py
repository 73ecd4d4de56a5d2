"""Compare the generated package with the last release: what changed for users, and which version that needs.

`make release` records the last release in `docs/last-release.json`: the hash of `generated/` for each version that can
be published, the package's public interface, and what goes over the wire. A release candidate only adds its hash, so
the next release is still compared with the last one.

The rules are those of Semantic Versioning. A change that can break users' code needs a major version, an addition needs
a minor version, and any other change of the package needs a new version.
"""

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import packaging.version

from .changes import Change, Part, changes, fold
from .document import Document, Fact
from .interface import interface
from .walk import locate_names
from .wire import wire

ROOT = Path(__file__).resolve().parent.parent
CONFIG = Path("generator-config.yml")
RECORD = Path("docs", "last-release.json")


class Version(packaging.version.Version):
    """A release such as 1.4.0, or a candidate that precedes it, such as 1.4.0rc1."""

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read a version.

        Raises:
            ValueError: It is neither a release nor a release candidate.
        """
        if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(rc[1-9]\d*)?", text, re.ASCII):
            raise ValueError(
                f"{text!r} is not a version: three numbers are needed, such as 1.4.0, "
                "or 1.4.0rc1 for a release candidate"
            )
        return cls(text)

    def __str__(self) -> str:
        return super().__str__().removesuffix("rc0")

    def after(self, part: Part) -> "Version":
        """Return a version with a higher `part`. It sorts before its candidates, which are high enough too."""
        numbers = [*self.release[:part], self.release[part] + 1, 0, 0]
        return Version(".".join(map(str, numbers[:3])) + "rc0")

    def next(self) -> "Version":
        """Return the lowest version that a different package can have."""
        return Version(f"{self.base_version}rc{self.pre[1] + 1}") if self.pre else self.after(Part.PATCH)


class Record(NamedTuple):
    """The last release: its version, and the texts of the interface and the wire, by name.

    `hashes` holds the hash of `generated/` for each version that can be published: the last release and candidates.
    """

    version: str
    hashes: Mapping[str, str]
    facts: Mapping[str, str]


def current_version(root: Path) -> str:
    """Return the version that the generator's config gives the package."""
    return str(Document(root / CONFIG).get(("package_version_override",)))


def last_release(root: Path) -> Record | None:
    """Return the record of the last release, or None before the first."""
    if not (root / RECORD).exists():
        return None
    record = json.loads((root / RECORD).read_text("utf-8"))
    facts = {
        f"{parent} > {name}" if parent else name: text
        for parent, group in record["facts"].items()
        for name, text in group.items()
    }
    return Record(record["version"], record["hashes"], facts)


def write_record(root: Path, contract: Document, version: str) -> None:
    """Record `generated/` as the last release, or as a candidate for the next one."""
    hashes = {version: hash_of(root / "generated")}
    if Version.parse(version).pre and (last := last_release(root)):
        record = last._replace(hashes={**last.hashes, **hashes})
    else:
        facts = {key: fact.text for key, fact in facts_of(root / "generated", contract).items()}
        record = Record(version, hashes, facts)
    groups: dict[str, dict[str, str]] = {}
    for key, text in record.facts.items():
        parent, _, name = key.rpartition(" > ")
        groups.setdefault(parent, {})[name] = text
    # One line for each group keeps diffs readable.
    lines = [f"  {json.dumps(parent)}: {json.dumps(group, ensure_ascii=False)}" for parent, group in groups.items()]
    head = json.dumps({"version": record.version, "hashes": record.hashes, "facts": {}}, indent=1)
    (root / RECORD).write_text(head.removesuffix("}\n}") + "\n" + ",\n".join(lines) + "\n }\n}\n", "utf-8")


def needed_version(root: Path, contract: Document, version: str) -> tuple[Version, list[str]]:
    """Return the lowest version that `generated/` can have, and the changes that `version` does not allow.

    There is one line for each edit since the last release.
    """
    given, last = Version.parse(version), last_release(root)
    if last is None:
        return given, []
    before, recorded = Version.parse(last.version), last.hashes.get(version)
    if recorded is None:
        needed = max(given, before.after(Part.PATCH))
    else:
        needed = given if recorded == hash_of(root / "generated") else given.next()
    facts = facts_of(root / "generated", contract)
    found: list[Change] = []
    for change in changes(last.facts, facts, contract.place(("paths",))):
        if given < (needs := before.after(change.part)):
            needed = max(needed, needs)
            found.append(change)
    return needed, [f"{change} (needs {before.after(change.part)})" for change in fold(found)]


def main(root: Path = ROOT) -> int:
    """Print the changes that the version does not allow and, at the end, what to write where."""
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
    """Return everything that users can rely on, by name."""
    (marker,) = generated.glob("*/py.typed")
    facts, places = wire(contract), locate_names(contract)
    for key, fact in interface(marker.parent).items():
        # Prefer the place in the contract, where the maintainer can change it.
        names = [] if fact.text == "module" else reversed(key.replace("'", "").split(" > "))
        location = next((places[name] for name in names if name in places), None)
        facts[key] = Fact(fact.text, contract.place(location) if location else f"generated/{fact.place}")
    return facts


def read_tree(top: Path) -> dict[str, bytes]:
    """Return the contents of all files by name, without Python's caches."""
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in sorted(top.rglob("*"))
        if path.is_file() and path.parent.name != "__pycache__"
    }


def hash_of(generated: Path) -> str:
    """Return a hash of the names and the contents of all files."""
    total = hashlib.sha256()
    for name, content in read_tree(generated).items():
        total.update(f"{name} {len(content)}\n".encode() + content)
    return total.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
