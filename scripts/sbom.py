"""Write a software bill of materials (CycloneDX) beside the wheel: the package and everything it installs.

A wheel allows ranges of versions. The bill lists the versions in `.venv`, with which the package is tested.
"""

import json
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution
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
    """Return a project's bill. It has no timestamp and no serial number, so two builds are identical."""
    package = component(project["name"], project["version"], project["license"])
    components: dict[str, dict[str, Any]] = {}
    dependencies: dict[str, list[str]] = {}

    def add(parent: dict[str, Any], requirements: Iterable[str]) -> None:
        """Add a component's requirements and, in turn, their own."""
        children = dependencies[parent["bom-ref"]] = []
        for requirement in map(Requirement, requirements):
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            name = canonicalize_name(requirement.name)
            if name not in components:
                found = distribution(name)
                # Older packages declare their license in another field.
                field = "License-Expression" if "License-Expression" in found.metadata else "License"
                components[name] = component(name, found.version, found.metadata[field])
                add(components[name], found.requires or ())
            children.append(components[name]["bom-ref"])

    add(package, project["dependencies"])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": package},
        "components": [components[name] for name in sorted(components)],
        "dependencies": [{"ref": ref, "dependsOn": sorted(dependencies[ref])} for ref in sorted(dependencies)],
    }


def component(name: str, version: str, license: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    licenses = [{"expression": license}]
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "licenses": licenses, "purl": purl}


if __name__ == "__main__":
    sys.exit(main())
