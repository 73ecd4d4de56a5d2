"""Check that each template that overrides one of the generator's is based on the pinned version.

Its first line names the version.
"""

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
        first_line = f"{{# Overridden, from openapi-python-client {pinned}: "
        if template.exists() and not template.read_text("utf-8").startswith(first_line):
            yield (
                f"templates/{name}:1: this is not based on openapi-python-client {pinned}, which is pinned. Compare "
                f"openapi_python_client/templates/{name} in the two versions, adopt relevant changes, and begin with "
                f"`{first_line}` and the reason"
            )


if __name__ == "__main__":
    sys.exit(main())
