"""Check that each template that overrides one of the generator's was made from the original that is pinned.

Its first line says from which version. Where that is not the pinned one, this shows what has changed upstream since, so
that it can be taken over. The originals of the older version come from the package index, as a release of the generator
is all that has them.
"""

import difflib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import openapi_python_client

ROOT = Path(__file__).resolve().parent.parent
ORIGINALS = Path(openapi_python_client.__file__).with_name("templates")
_FIRST_LINE = r"\{# Overridden, from openapi-python-client (\d[\w.]*): "


def main() -> int:
    issues = list(check_originals(ROOT / "templates", ORIGINALS, version("openapi-python-client")))
    print("\n".join(issues) or "Each template is based on its original in the pinned generator.")
    return int(bool(issues))


def check_originals(templates: Path, originals: Path, pinned: str) -> Iterator[str]:
    """Yield what is to be done, and how an original has changed."""
    for original in sorted(originals.rglob("*.jinja")):
        name = original.relative_to(originals)
        template = templates / name
        if not template.exists():
            continue
        match = re.match(_FIRST_LINE, template.read_text("utf-8"))
        if match is None:
            yield (
                f"templates/{name}:1: the generator's version is missing: begin with "
                f"`{{# Overridden, from openapi-python-client {pinned}: ` and the reason"
            )
        elif match[1] != pinned:
            yield (
                f"templates/{name}:1: this was made from openapi-python-client {match[1]}, and {pinned} is pinned. "
                f"Below is what changed in the original. Adopt what is needed, and write {pinned} in the first line"
            )
            yield from _upstream_changes(name, match[1], pinned, original.read_text("utf-8"))


def _upstream_changes(name: Path, old: str, new: str, text: str) -> Iterator[str]:
    with TemporaryDirectory() as directory:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command = [*pip, "--dest", directory, f"openapi-python-client=={old}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(directory).glob("*.whl"))
        if done.returncode or not wheels:
            yield f"openapi-python-client {old} cannot be downloaded for the comparison: {done.stderr.strip()}"
            return
        with zipfile.ZipFile(wheels[0]) as archive:
            path = f"openapi_python_client/templates/{name.as_posix()}"
            before = archive.read(path).decode("utf-8") if path in archive.namelist() else ""
    diff = difflib.unified_diff(before.splitlines(), text.splitlines(), f"{old}/{name}", f"{new}/{name}", lineterm="")
    yield from list(diff) or ["The original has not changed."]


if __name__ == "__main__":
    sys.exit(main())
