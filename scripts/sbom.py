"""Write a software bill of materials (CycloneDX) beside the wheel: the package and everything it installs.

A wheel allows ranges of versions. The bill lists the versions in `.venv`, with which the package is tested.
"""

import json
import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    project = tomllib.loads((ROOT / "generated" / "pyproject.toml").read_text("utf-8"))["project"]
    file = ROOT / "dist" / f"{project['name'].replace('-', '_')}-{project['version']}.cdx.json"
    file.write_text(json.dumps(bill_of_materials(project), indent=2) + "\n", "utf-8")


def bill_of_materials(project: dict[str, Any]) -> dict[str, Any]:
    """Return a project's bill. It has no timestamp and no serial number, so two builds are identical."""
    components: dict[str, dict[str, Any]] = {}
    dependencies: dict[str, list[str]] = {}

    def add(name: str, version: str, license: str, requirements: Iterable[str]) -> str:
        """Add a component with everything that it requires, and return its reference."""
        purl = f"pkg:pypi/{name}@{version}"
        if purl in components:
            return purl
        about = {"name": name, "version": version, "licenses": [{"expression": license}]}
        components[purl] = {"type": "library", "bom-ref": purl, **about, "purl": purl}
        children = dependencies[purl] = []
        for requirement in map(Requirement, requirements):
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                found = distribution(requirement.name)
                # Older packages declare their license in another field.
                field = "License-Expression" if "License-Expression" in found.metadata else "License"
                child = canonicalize_name(requirement.name)
                children.append(add(child, found.version, found.metadata[field], found.requires or ()))
        return purl

    package = add(project["name"], project["version"], project["license"], project["dependencies"])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": components.pop(package)},
        "components": [components[ref] for ref in sorted(components)],
        "dependencies": [{"ref": ref, "dependsOn": sorted(dependencies[ref])} for ref in sorted(dependencies)],
    }
