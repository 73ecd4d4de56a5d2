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
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import packaging.version

from .changes import Fact, Part, changes, fold
from .document import ROOT, Document
from .interface import interface
from .walk import locate_names
from .wire import wire

CONFIG = Path("generator-config.yml")
RECORD = Path("docs", "last-release.json")


class Version(packaging.version.Version):
    """A release such as 1.4.0, or a candidate that precedes it, such as 1.4.0rc1."""

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read a version, or raise a `ValueError` if the text is neither a release nor a release candidate."""
        if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(rc[1-9]\d*)?", text, re.ASCII):
            raise ValueError(
                f"{text!r} is not a version: three numbers are needed, such as 1.4.0, "
                "or 1.4.0rc1 for a release candidate"
            )
        return cls(text)

    def after(self, part: Part) -> "Version":
        """Return the lowest release with a higher `part`."""
        numbers = [*self.release[:part], self.release[part] + 1, 0, 0]
        return Version(".".join(map(str, numbers[:3])))

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
        f"{parent} > {name}".removeprefix(" > "): text
        for parent, group in record["facts"].items()
        for name, text in group.items()
    }
    return Record(record["version"], record["hashes"], facts)


def write_record(root: Path) -> None:
    """Record `generated/` as the last release, or as a candidate for the next one."""
    version, record = current_version(root), last_release(root)
    if record is None or not Version.parse(version).pre:
        record = Record(version, {}, {key: fact.text for key, fact in facts_of(root).items()})
    groups: dict[str, dict[str, str]] = {}
    for key, text in record.facts.items():
        parent, _, name = key.rpartition(" > ")
        groups.setdefault(parent, {})[name] = text
    hashes = {**record.hashes, version: hash_of(root / "generated")}
    text = json.dumps({"version": record.version, "hashes": hashes, "facts": groups}, indent=1, ensure_ascii=False)
    # One line for each group, whose names are indented by three spaces, keeps diffs readable.
    (root / RECORD).write_text(re.sub(r"\n   |\n  (?=})", " ", text) + "\n", "utf-8")


def needed_version(root: Path) -> tuple[Version, list[str]]:
    """Return the lowest version that `generated/` can have, and the changes that its version does not allow.

    There is one line for each edit since the last release.
    """
    version, last = current_version(root), last_release(root)
    given = Version.parse(version)
    if last is None:
        return given, []
    # A candidate is as high as its release.
    higher = {part: Version.parse(last.version).after(part) for part in Part}
    found = [each for each in fold([*changes(last.facts, facts_of(root))]) if given.release < higher[each.part].release]
    needed = higher[min((each.part for each in found), default=Part.PATCH)]
    if not found and version in last.hashes:
        needed = given if last.hashes[version] == hash_of(root / "generated") else given.next()
    elif given.release >= needed.release:
        needed = given
    return needed, [f"{each} (needs {higher[each.part]})" for each in found]


def main(root: Path = ROOT) -> int:
    """Print the changes that the version does not allow and, at the end, what to write where."""
    version = current_version(root)
    needed, lines = needed_version(root)
    if Version.parse(version) >= needed:
        print(f"Version {version} is high enough for what changed since the last release.")
        return 0
    place = Document(root / CONFIG).place(("package_version_override",))
    print(*lines, f"{place}: {version} is too low. Write this line there, and run `make` again:", sep="\n")
    print(f"package_version_override: {needed}")
    return 1


def facts_of(root: Path) -> dict[str, Fact]:
    """Return everything that users can rely on, by name."""
    contract = Document(root / "openapi.yaml")
    facts = {name: Fact(text, contract.place(location)) for name, location, text in wire(contract)}
    config = Document(root / CONFIG)
    for name in ("project_name_override", "package_name_override"):
        facts[name.removesuffix("_override")] = Fact(str(config.get((name,))), config.place((name,)))
    places = locate_names(contract)
    (marker,) = root.glob("generated/*/py.typed")
    for name, place, text in interface(marker.parent):
        # Prefer the place in the contract, where the maintainer can change it.
        parts = [] if text == "module" else reversed(name.replace("'", "").split(" > "))
        location = next((places[part] for part in parts if part in places), None)
        facts[name] = Fact(text, contract.place(location) if location else f"generated/{place}")
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
    files = [f"{name} {len(content)}\n".encode() + content for name, content in read_tree(generated).items()]
    return hashlib.sha256(b"".join(files)).hexdigest()
