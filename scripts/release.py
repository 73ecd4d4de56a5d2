"""Make a release: `make release VERSION=1.4.0`.

It sets the version, moves what is unreleased in the changelog to it, regenerates, records what is shipped, runs the
checks and the tests, and leaves one commit with a tag. If anything fails, the tree is left as it was.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from .changelog import CHANGELOG, move_unreleased, unreleased
from .compatibility import CONFIG, RECORD, Version, current_version, last_release, needed_version, write_record
from .document import Document, InputError
from .generate import generate

ROOT = Path(__file__).resolve().parent.parent
# What a release changes.
OUTPUTS = (str(CONFIG), str(CHANGELOG), str(RECORD), "generated")


class ReleaseError(Exception):
    """There can be no release. The text says why, and what to do."""


def main(version: str, root: Path = ROOT) -> int:
    try:
        release(root, version)
    except (ReleaseError, InputError) as error:
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
    if last is None and version != (1, 0, 0):
        raise ReleaseError("the first release is 1.0.0: make release VERSION=1.0.0")
    if last is not None and version <= Version.parse(last.version):
        raise ReleaseError(f"VERSION must be higher than {last.version}, the last release")
    check_tree(root)
    if git(root, "tag", "--list", f"v{version}"):
        raise ReleaseError(f"the tag v{version} already exists")
    if not unreleased(root):
        raise ReleaseError(f"{CHANGELOG} has nothing under Unreleased: tell users what changes for them there")

    with undone_on_failure(root):
        set_version(root, version)
        move_unreleased(root, str(version), date.today())
        generate(root)
        contract = Document(root / "openapi.yaml")
        needed, changes = needed_version(root, contract, str(version))
        if version < needed:
            raise ReleaseError("\n".join([f"{version} is too low: make release VERSION={needed}", *changes]))
        write_record(root, contract, str(version))
        for target in ("check", "test", "test-lowest"):
            if subprocess.run(["make", "--no-print-directory", target], cwd=root).returncode:
                raise ReleaseError(f"`make {target}` failed")
        git(root, "add", *OUTPUTS)
        git(root, "commit", "--quiet", "--message", f"Release {version}")
    git(root, "tag", "--annotate", "--message", f"Release {version}", f"v{version}")
    print(f"Released {version}, as a commit with the tag v{version}. To ship it: git push --follow-tags, make publish")


def check_release(root: Path) -> None:
    """Check that a release is checked out.

    Raises:
        ReleaseError: None is.
    """
    check_tree(root)
    version = current_version(root)
    if f"v{version}" not in git(root, "tag", "--points-at", "HEAD").split():
        raise ReleaseError(
            f"this commit has no tag v{version}; only releases can be published. Make one with `make release "
            "VERSION=…`, or check one out with `git checkout v…` (`git fetch --tags` brings the tags of others)"
        )


def check_tree(root: Path) -> None:
    """Check that everything is committed.

    Raises:
        ReleaseError: Something is not.
    """
    if changed := git(root, "status", "--porcelain"):
        raise ReleaseError(f"there are uncommitted changes:\n{changed}\nCommit them, or stash them with `git stash -u`")


def set_version(root: Path, version: Version) -> None:
    lines = (root / CONFIG).read_text("utf-8").splitlines()
    old = next(line for line in lines if line.startswith("package_version_override:"))
    lines[lines.index(old)] = f"package_version_override: {version}"
    (root / CONFIG).write_text("\n".join(lines) + "\n", "utf-8")


@contextmanager
def undone_on_failure(root: Path) -> Iterator[None]:
    """Put everything that a release changes back to the last commit if there is an error, or Ctrl-C."""
    try:
        yield
    except BaseException:
        tracked = git(root, "ls-tree", "--name-only", "HEAD", *OUTPUTS).splitlines()
        (root / RECORD).unlink(missing_ok=True)
        git(root, "reset", "--quiet", "--", *OUTPUTS)
        git(root, "checkout", "--quiet", "HEAD", "--", *tracked)
        print("Nothing was changed.", file=sys.stderr)
        raise


def git(root: Path, *arguments: str) -> str:
    """Return what git prints.

    Raises:
        ReleaseError: It has failed, or is not installed.
    """
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ReleaseError("git is not installed") from error
    if done.returncode:
        raise ReleaseError(f"`git {arguments[0]}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip("\n")


if __name__ == "__main__":
    sys.exit(main(os.environ.get("VERSION", "")))
