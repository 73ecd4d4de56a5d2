"""Write `generated/` from `openapi.yaml`, `generator-config.yml` and `templates/`.

The generator is openapi-python-client, called as its command line calls it with `--meta uv` and
`--fail-on-warning`. Five things are added:

- templates see the whole contract as `contract`: the generator keeps servers, security schemes and the
  descriptions of enum values from them;
- the package has two modules that the generator knows nothing of, those of the connections;
- whatever is wrong is told as `file:line: reason`, and what would be no working Python counts as wrong;
- the package is made aside and moved into place when it is whole, so that `generated/` is always a complete
  package, with nothing in it that the inputs no longer give;
- what changed is printed. With `--check` nothing is written, and a difference is a failure.
"""

import argparse
import contextlib
import difflib
import fcntl
import io
import os
import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from attrs import evolve
from jinja2 import StrictUndefined, TemplateNotFound, TemplateSyntaxError
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import safe_for_docstring
from pydantic import ValidationError

from .contract import judge, read_contract, understand
from .document import Document, InputError, short
from .modules import examine

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(
        description="Write generated/ from the contract, the config and the templates."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if generated/ would change")
    check: bool = parser.parse_args(arguments).check
    try:
        changes = generate(root, check=check)
    except InputError as error:
        print(f"{error}\ngenerated/ is as it was.", file=sys.stderr)
        return 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130

    print("\n".join(changes) or "generated/ is what the inputs give.")
    if changes and check:
        print("generated/ is not what the inputs give: run `make generate` and commit it.", file=sys.stderr)
    return int(bool(changes and check))


def generate(root: Path, *, check: bool = False) -> list[str]:
    """Write `root/generated`, unless this is a check, and return what changed.

    Raises:
        InputError: The contract, the config or a template is wrong.
    """
    generated = root / "generated"
    with alone_in(root):
        if not check:
            clear_up(root)
        with TemporaryDirectory(dir=None if check else root, prefix=".generated-") as scratch:
            new = Path(scratch, "new")
            make(root, new)
            changes = list(compare(generated, new, with_diff=check))
            if changes and not check:
                replace(generated, new, aside=Path(scratch, "old"))
    return changes


@contextlib.contextmanager
def alone_in(root: Path) -> Iterator[None]:
    """Wait for anybody else who generates here."""
    directory = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def clear_up(root: Path) -> None:
    """Remove what those left behind who were killed."""
    for leftover in list(root.glob(".generated-*")):
        # Its way of removing copes with what may not be written to.
        with TemporaryDirectory(dir=root, prefix=".generated-") as rubbish:
            leftover.rename(Path(rubbish, "leftover"))


def replace(old: Path, new: Path, *, aside: Path) -> None:
    """Put the directory `new` in the place of `old`, which goes `aside`."""
    # It takes two steps, and nobody can stop this between them.
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.signal(each, signal.SIG_IGN) for each in signals]
    try:
        if old.exists():
            old.rename(aside)
        new.rename(old)
    finally:
        if aside.exists() and not old.exists():
            aside.rename(old)
        for each, handler in zip(signals, handlers, strict=True):
            signal.signal(each, handler)


def make(root: Path, target: Path) -> None:
    """Generate the package into `target`, which must not exist.

    Raises:
        InputError: The contract, the config or a template is wrong.
    """
    contract = read_contract(root / "openapi.yaml")
    settings = Document(root / "generator-config.yml")
    config = Config.from_sources(
        read_config(settings),
        MetaType.UV,
        document_source=root / contract.name,
        file_encoding="utf-8",
        overwrite=False,
        output_path=target,
    )
    with failures_of_the_generator(root):
        data = GeneratorData.from_dict(contract.plain(), config=config)
        if isinstance(data, GeneratorError):
            contract.refuse([understand(data, contract)])
        assert isinstance(data, GeneratorData)
        judge(data, contract)

        # The hooks run when what they work on is known to be Python.
        project = Project(
            openapi=data, config=evolve(config, post_hooks=[]), custom_template_path=root / "templates"
        )
        project.env.undefined = Missing
        project.env.globals["contract"] = contract.plain()
        project.env.filters["safe_for_docstring"] = in_docstring
        project.env.filters["in_markdown"] = in_markdown
        with contextlib.redirect_stdout(io.StringIO()):
            project.build()
            for name in ("connections.py", "aiohttp_connections.py"):
                text = project.env.get_template(f"{name}.jinja").render(project_name=project.project_name)
                Path(project.package_dir, name).write_text(text, encoding="utf-8")

    for module in sorted(target.rglob("*.py")):
        examine(module, target, contract)
    for index, hook in enumerate(config.post_hooks):
        if failure := run(hook, target):
            settings.refuse([(("post_hooks", index), failure)])


def read_config(document: Document) -> ConfigFile:
    try:
        return ConfigFile.model_validate(document.plain(), extra="forbid")
    except ValidationError as error:
        document.refuse((fault["loc"], fault["msg"]) for fault in error.errors())
        raise


@contextlib.contextmanager
def failures_of_the_generator(root: Path) -> Iterator[None]:
    """Tell where in a template something failed, and else that it was the generator that could not go on."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise InputError(f"templates/{error.name}:{error.lineno}: {short(str(error.message))}") from error
    except Exception as error:
        # A template that is not found is an OSError too.
        if isinstance(error, InputError | OSError) and not isinstance(error, TemplateNotFound):
            raise
        what = short(f"{type(error).__name__}: {error}")
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if Path(frame.filename).parent == root / "templates":
                raise InputError(f"templates/{Path(frame.filename).name}:{frame.lineno}: {what}") from error
        raise InputError(f"openapi.yaml:1: the generator cannot cope with this: {what}") from error


class Missing(StrictUndefined):
    """What is not there: a template may ask for it, and fails if it writes it."""

    def __bool__(self) -> Literal[False]:  # type: ignore[override]
        return False


def in_docstring(value: object) -> str:
    """The generator's filter, but for a quote at the end, which would end the docstring too early."""
    text = str(value.get_untrusted_value() if isinstance(value, UntrustedString) else value).strip()
    return safe_for_docstring(text[:-1]) + '\\"' if text.endswith('"') else safe_for_docstring(text)


def in_markdown(text: str) -> str:
    """On one line that begins no block of code, as another could; and with no bar, which would end a cell."""
    return re.sub(r"^(?=```|~~~)", r"\\", " ".join(text.split()).replace("|", r"\|"))


def run(hook: str, directory: Path) -> str | None:
    """Run a command of the config, as the generator would, and return what it says if it fails."""
    # The tools are in the environment that this Python is of.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        hook,
        shell=True,
        cwd=directory,
        env={**os.environ, "PATH": path},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return f"{hook!r} failed: {done.stderr or done.stdout}" if done.returncode else None


def compare(old: Path, new: Path, *, with_diff: bool) -> Iterator[str]:
    """A line for each file that differs, with the diff of those that are text, if wanted."""
    before, after = read_tree(old), read_tree(new)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        diff = list(difflib.unified_diff(lines(was), lines(now), f"a/{name}", f"b/{name}", lineterm="", n=1))
        added = sum(line.startswith("+") for line in diff[2:])
        removed = sum(line.startswith("-") for line in diff[2:])
        verb = "new" if was is None else "gone" if now is None else "changed"
        yield f"{verb:8}generated/{name} (+{added} -{removed})"
        if with_diff:
            yield from diff


def read_tree(top: Path) -> Mapping[str, bytes]:
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in top.rglob("*")
        # What Python leaves beside a module that is imported from here is no output of the generator.
        if path.is_file() and path.parent.name != "__pycache__"
    }


def lines(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "replace").splitlines()


if __name__ == "__main__":
    # Neither a reader that leaves (`| head`) nor a terminal that lacks a character is worth a traceback.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
