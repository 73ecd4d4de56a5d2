"""Check `CHANGELOG.md`, which follows Keep a Changelog, and move its unreleased entries to a version."""

import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from .compatibility import Version, current_version, last_release

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = Path("CHANGELOG.md")
_UNRELEASED = "## [Unreleased]"
_RELEASED = r"## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}"
_KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def main() -> int:
    issues = list(check_changelog(ROOT))
    print("\n".join(issues) or "The changelog is in order.")
    return int(bool(issues))


def check_changelog(root: Path) -> Iterator[str]:
    """Yield the changelog's mistakes."""
    lines = (root / CHANGELOG).read_text("utf-8").splitlines()
    known = ("# Changelog", _UNRELEASED, *(f"### {kind}" for kind in _KINDS))
    for number, line in enumerate(lines, 1):
        if line.startswith("#") and line not in known and not re.fullmatch(_RELEASED, line):
            yield (
                f"{CHANGELOG}:{number}: {line!r} is not a valid heading: write `{_UNRELEASED}`, "
                f"`## [1.4.0] - 2026-12-24`, or `### ` and one of {', '.join(_KINDS)}"
            )
    last, version = last_release(root), current_version(root)
    releases = re.findall(f"^{_RELEASED}$", "\n".join(lines), re.MULTILINE)
    newest, expected = next(iter(releases), "none"), last.version if last else "none"
    if [line for line in lines if line.startswith("#")][1:2] != [_UNRELEASED]:
        yield f"{CHANGELOG}:1: `{_UNRELEASED}` must be the first heading below the title"
    elif newest != expected:
        yield f"{CHANGELOG}:1: its newest release is {newest}, but the last release was {expected}"
    elif (last is None or Version.parse(version) > Version.parse(last.version)) and not unreleased(root):
        place = f"{CHANGELOG}:{lines.index(_UNRELEASED) + 1}"
        yield f"{place}: there is nothing under `{_UNRELEASED}`: tell users what changes for them in {version}"


def unreleased(root: Path) -> str:
    """Return the entries for the next release."""
    _, _, rest = (root / CHANGELOG).read_text("utf-8").partition(f"{_UNRELEASED}\n")
    return rest.partition("\n## ")[0].strip()


def move_unreleased(root: Path, version: str, day: date) -> None:
    """Turn the unreleased entries into a release's section."""
    path = root / CHANGELOG
    text = path.read_text("utf-8")
    path.write_text(text.replace(_UNRELEASED, f"{_UNRELEASED}\n\n## [{version}] - {day.isoformat()}", 1), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
