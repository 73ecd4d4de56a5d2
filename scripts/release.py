"""Make a release or a release candidate: `make release VERSION=1.4.0`, or `VERSION=1.4.0rc1`.

It sets the version, generates, records the package, runs the checks and the tests, and leaves one commit with a tag. A
release also moves the unreleased entries of the changelog to its version. If anything fails, the tree is restored.
"""

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

from .changelog import CHANGELOG, UNRELEASED, check_changelog
from .compatibility import CONFIG, RECORD, Version, last_release, needed_version, write_record
from .document import ROOT, InputError
from .generate import generate

OUTPUTS = (str(CONFIG), str(CHANGELOG), str(RECORD), "generated")
"""The files that a release changes."""

TARGETS = ("check", "test", "test-lowest", "test-release")


class ReleaseError(Exception):
    """A release cannot be made or published. The text says why, and what to do."""


def main(version: str | None = None, root: Path = ROOT) -> int:
    try:
        release(root, os.environ.get("VERSION", "") if version is None else version)
    except (ReleaseError, InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def release(root: Path, text: str) -> None:
    if not text:
        raise ReleaseError("VERSION is missing: make release VERSION=1.4.0")
    try:
        version = Version.parse(text)
    except ValueError as error:
        raise ReleaseError(f"VERSION: {error}") from error
    last = last_release(root)
    if last is None and text != "1.0.0":
        raise ReleaseError("the first release must be 1.0.0: make release VERSION=1.0.0")
    if last is not None and version <= Version.parse(last.version):
        raise ReleaseError(f"VERSION must be higher than {last.version}, the last release")
    if last is not None and text in last.hashes:
        raise ReleaseError(f"{text} was released already: make release VERSION={version.next()}")
    check_committed(root)
    if git(root, "tag", "--list", f"v{version}"):
        raise ReleaseError(f"the tag v{version} already exists")
    if issues := list(check_changelog(root, text)):
        raise ReleaseError("\n".join(issues))

    try:
        commit_release(root, version)
    except BaseException:  # Also Ctrl-C.
        tracked = git(root, "ls-tree", "--name-only", "HEAD", *OUTPUTS).splitlines()
        git(root, "reset", "--quiet", "--", *OUTPUTS)
        git(root, "checkout", "--quiet", "HEAD", "--", *tracked)
        git(root, "clean", "--quiet", "-d", "--force", "--", *OUTPUTS)
        print("Nothing was changed.", file=sys.stderr)
        raise
    git(root, "tag", "--annotate", "--message", f"Release {version}", f"v{version}")
    print(f"Released {version}, as a commit with the tag v{version}. To ship it: git push --follow-tags, make publish")


def commit_release(root: Path, version: Version) -> None:
    edit(root / CONFIG, "^package_version_override:.*", f"package_version_override: {version}")
    if not version.pre:
        edit(root / CHANGELOG, f"^{re.escape(UNRELEASED)}", f"{UNRELEASED}\n\n## [{version}] - {date.today()}")
    generate(root)
    needed, changes = needed_version(root)
    if version < needed:
        raise ReleaseError("\n".join([f"{version} is too low: make release VERSION={needed}", *changes]))
    write_record(root)
    for target in TARGETS:
        if subprocess.run(["make", "--no-print-directory", target], cwd=root).returncode:
            raise ReleaseError(f"`make {target}` failed")
    git(root, "add", *OUTPUTS)
    git(root, "commit", "--quiet", "--message", f"Release {version}")


def edit(path: Path, pattern: str, text: str) -> None:
    path.write_text(re.sub(pattern, text, path.read_text("utf-8"), count=1, flags=re.MULTILINE), "utf-8")


def check_committed(root: Path, *paths: str) -> None:
    """Raise a `ReleaseError` if anything in the paths, by default the whole tree, is not committed."""
    if changed := git(root, "status", "--porcelain", "--", *paths):
        raise ReleaseError(f"there are uncommitted changes:\n{changed}\nCommit them, or stash them with `git stash -u`")


def git(root: Path, *arguments: str) -> str:
    """Return git's output, or raise a `ReleaseError` with it."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"`git {arguments[0]}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip("\n")
