"""Write a software bill of materials (CycloneDX) beside the wheel: the package, and what installing it brings.

A wheel allows ranges of versions. Those in the bill are the ones of `.venv`, with which the package is tested.
"""

import json
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageMetadata, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    project = tomllib.loads((ROOT / "generated" / "pyproject.toml").read_text("utf-8"))["project"]
    file = ROOT / "dist" / f"{project['name'].replace('-', '_')}-{project['version']}.cdx.json"
    file.write_text(json.dumps(bill_of_materials(project), indent=2) + "\n", "utf-8")
    return 0


def bill_of_materials(project: dict[str, Any]) -> dict[str, Any]:
    """Return the bill of a project. It has no time and no serial number, so that two builds are the same."""
    package = component(project["name"], project["version"], project["license"])
    components: dict[str, dict[str, Any]] = {}
    dependencies: list[dict[str, Any]] = []

    def add(parent: dict[str, Any], requirements: Iterable[str]) -> None:
        """Add what a component requires, and what that requires in turn."""
        children: list[str] = []
        for requirement in map(Requirement, requirements):
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            name = canonicalize_name(requirement.name)
            if name not in components:
                found = distribution(name)
                components[name] = component(name, found.version, license_of(found.metadata))
                add(components[name], found.requires or ())
            children.append(components[name]["bom-ref"])
        dependencies.append({"ref": parent["bom-ref"], "dependsOn": sorted(children)})

    add(package, project["dependencies"])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": package},
        "components": [components[name] for name in sorted(components)],
        "dependencies": sorted(dependencies, key=lambda each: each["ref"]),
    }


def component(name: str, version: str, license: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "licenses": [{"expression": license}],
        "purl": purl,
    }


def license_of(metadata: PackageMetadata) -> str:
    """Return the license that a package declares, in the field of today or in the older one."""
    return metadata["License-Expression" if "License-Expression" in metadata else "License"]


if __name__ == "__main__":
    sys.exit(main())
