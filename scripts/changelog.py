"""Check `CHANGELOG.md`, which follows Keep a Changelog."""

import re
from collections.abc import Iterator
from pathlib import Path

from .compatibility import current_version, last_release
from .document import ROOT

CHANGELOG = Path("CHANGELOG.md")
UNRELEASED = "## [Unreleased]"
_RELEASED = r"## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}"
_KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def main() -> int:
    issues = list(check_changelog(ROOT))
    print("\n".join(issues) or "The changelog is in order.")
    return int(bool(issues))


def check_changelog(root: Path, version: str | None = None) -> Iterator[str]:
    """Yield the changelog's mistakes. `version` is the next release, by default the one in the generator's config."""
    version = version or current_version(root)
    text = (root / CHANGELOG).read_text("utf-8")
    headings = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.startswith("#")]
    known = ("# Changelog", UNRELEASED, *(f"### {kind}" for kind in _KINDS))
    for number, line in headings:
        if line not in known and not re.fullmatch(_RELEASED, line):
            yield (
                f"{CHANGELOG}:{number}: {line!r} is not a valid heading: write `{UNRELEASED}`, "
                f"`## [1.4.0] - 2026-12-24`, or `### ` and one of {', '.join(_KINDS)}"
            )
    last = last_release(root)
    expected = last.version if last else "none"
    newest = next(iter(re.findall(f"^{_RELEASED}$", text, re.MULTILINE)), "none")
    if [line for _, line in headings[1:2]] != [UNRELEASED]:
        yield f"{CHANGELOG}:1: `{UNRELEASED}` must be the first heading below the title"
    elif newest != expected:
        yield f"{CHANGELOG}:1: its newest release is {newest}, but the last release was {expected}"
    elif version != expected and re.search(rf"^{re.escape(UNRELEASED)}\s*(## |\Z)", text, re.MULTILINE):
        place = f"{CHANGELOG}:{headings[1][0]}"
        yield f"{place}: there is nothing under `{UNRELEASED}`: tell users what changes for them in {version}"
