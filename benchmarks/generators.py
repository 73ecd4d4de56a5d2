"""The clients that other generators make of our contract."""

import compileall
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
GENERATED: Final = ROOT / ".venv/peers"


class UnavailableError(Exception):
    """A client cannot take part here. Why is its text."""


def generate_stock() -> str:
    """What openapi-python-client makes of our contract by itself, without our templates."""
    arguments = ["generate", "--meta", "none", "--path", "openapi.yaml", "--output-path", "{}/genauth_stock"]
    return generate("genauth_stock", "openapi-python-client", arguments)


def generate_with_java(library: str) -> ModuleType:
    """What OpenAPI Generator makes of our contract."""
    if not shutil.which("java"):
        raise UnavailableError("Java is not installed")
    name = f"genauth_{library}"
    properties = f"--additional-properties=packageName={name},library={library}"
    arguments = ["generate", "-g", "python", "-i", "openapi.yaml", "-o", "{}", properties]
    return import_module(generate(name, "openapi-generator-cli", arguments))


def generate(package: str, generator: str, arguments: list[str]) -> str:
    """Make a package, unless it is there already, and have it found.

    Args:
        package: Its name.
        generator: What makes it: a program, and the package that this is of.
        arguments: The program's. In them, `{}` is where to.
    """
    contract = (ROOT / "openapi.yaml").read_text()
    key = sha256("\n".join([contract, version(generator), *arguments]).encode()).hexdigest()
    home = GENERATED / f"{package}-{key[:12]}"
    if not home.exists():
        GENERATED.mkdir(exist_ok=True)
        # It looks for its formatters in the path.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        with TemporaryDirectory(dir=GENERATED) as scratch:
            new = Path(scratch, "new")
            new.mkdir()
            done = subprocess.run(
                [Path(sys.executable).with_name(generator), *(each.format(new) for each in arguments)],
                cwd=ROOT,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
            if not (new / package).is_dir():
                raise UnavailableError(f"{generator} failed: {done.stderr or done.stdout}")
            for old in GENERATED.glob(f"{package}-*"):
                shutil.rmtree(old)
            new.rename(home)
        compileall.compile_dir(home, quiet=2)
    if str(home) not in sys.path:
        sys.path.append(str(home))
    return package
