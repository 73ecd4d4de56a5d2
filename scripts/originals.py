"""Check that each template that overrides one of the generator's is based on the pinned version.

Its first line names the version.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import openapi_python_client

ROOT = Path(__file__).resolve().parent.parent
ORIGINALS = Path(openapi_python_client.__file__).with_name("templates")


def main() -> int:
    issues = list(check_originals(ROOT / "templates", ORIGINALS, version("openapi-python-client")))
    print("\n".join(issues) or "Each template is based on its original in the pinned generator.")
    return int(bool(issues))


def check_originals(templates: Path, originals: Path, pinned: str) -> Iterator[str]:
    """Yield a task for each template that must be updated."""
    for original in sorted(originals.rglob("*.jinja")):
        name = original.relative_to(originals).as_posix()
        template = templates / name
        if not template.exists():
            continue
        first_line = re.match(r"\{# Overridden, from openapi-python-client (\d[\w.]*): ", template.read_text("utf-8"))
        if first_line is None:
            yield (
                f"templates/{name}:1: the generator's version is missing: begin with "
                f"`{{# Overridden, from openapi-python-client {pinned}: ` and the reason"
            )
        elif (made_from := first_line[1]) != pinned:
            yield (
                f"templates/{name}:1: this is based on openapi-python-client {made_from}, but {pinned} is pinned. "
                f"Compare openapi_python_client/templates/{name} in the two versions, adopt relevant changes, and "
                f"write {pinned} in the first line"
            )


if __name__ == "__main__":
    sys.exit(main())
