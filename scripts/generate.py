"""Write `generated/` from `openapi.yaml`, `generator-config.yml`, `templates/` and `runtime/`.

The generator is openapi-python-client, called as its command line does with `--meta uv` and `--fail-on-warning`. This
module adds the rest: templates see the whole contract, more modules and pages are rendered, and other files are copied.
Every issue is reported as `file:line: reason`. The package is written to a temporary directory and moved into place
when it is complete, so `generated/` is always a whole package that comes only from the inputs.
"""

import argparse
import contextlib
import difflib
import fcntl
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from keyword import kwlist
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve
from jinja2 import StrictUndefined, TemplateNotFound, TemplateSyntaxError
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import safe_for_docstring

from .compatibility import Version, read_tree
from .contract import read_contract
from .document import ROOT, Document, InputError, shorten
from .examples import response_examples
from .modules import check_module
from .openapi import Schema, allow, explain
from .parsed_contract import check_parsed, check_whole
from .reshape import Facts, reshape
from .walk import default_host, locate_operations

# Packages that the client needs. A package of the same name would hide them.
NEEDED = ("aiohttp", "anyio", "attr", "attrs", "certifi", "h11", "httpcore", "httpx", "idna", "typing_extensions")
# The supported settings of generator-config.yml. Templates and checks rely on the generator's defaults for the others.
SETTINGS: dict[str, Schema] = {
    "project_name_override": {
        "type": "string",
        "pattern": r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\Z",
        "reason": "'{}' is not a valid name for a package index, such as genauth-email",
    },
    "package_name_override": {
        "type": "string",
        "pattern": r"^[a-z_][a-z0-9_]*\Z",
        "not": {"enum": [*kwlist, *NEEDED, *sys.stdlib_module_names]},
        "reason": "'{}' is not a name that Python can import, such as genauth_email, or would hide a module",
    },
    "package_version_override": {"type": ["string", "number"]},
    "post_hooks": {"type": "array", "items": {"type": "string"}},
}


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description="Write generated/ from the contract, the config and the templates.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if generated/ would change")
    check: bool = parser.parse_args(arguments).check
    try:
        changes = generate(root, check=check)
    except (InputError, OSError) as error:
        print(f"{error}\ngenerated/ was not changed.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130

    print("\n".join(changes) or "generated/ is up to date.")
    if changes and check:
        print("generated/ is not up to date: run `make generate` and commit it.", file=sys.stderr)
        return 1
    return 0


def generate(root: Path, *, check: bool = False) -> list[str]:
    """Write `root/generated`, unless this is a check, and return what changed.

    Raises:
        InputError: The contract, the config or a template is wrong.
    """
    generated = root / "generated"
    with exclusive_lock(root):
        for leftover in root.glob(".generated-*") if not check else ():
            shutil.rmtree(leftover)  # A run was killed.
        with TemporaryDirectory(dir=None if check else root, prefix=".generated-") as scratch:
            new = Path(scratch, "new")
            make(root, new)
            changes = list(compare(generated, new, with_diff=check))
            if changes and not check:
                replace(generated, new, aside=Path(scratch, "old"))
    return changes


@contextlib.contextmanager
def exclusive_lock(root: Path) -> Iterator[None]:
    """Wait for any other run in this directory, and keep others waiting."""
    directory = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def replace(old: Path, new: Path, *, aside: Path) -> None:
    """Replace the directory `old` with `new`, and move the old one `aside`."""
    # No signal may come between the two steps.
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
    for name in ("CHANGELOG.md", "LICENSE"):
        if not (root / name).is_file():
            raise InputError(f"{name}: No such file or directory")
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
    with locating_failures(root):
        data = GeneratorData.from_dict(contract.to_dict(), config=config)
        contract.raise_issues(check_whole(data))
        assert isinstance(data, GeneratorData)
        facts = reshape(data, contract)
        contract.raise_issues(check_parsed(data, contract))

        project = new_project(root, contract, data, facts, config)
        with contextlib.redirect_stdout(io.StringIO()):
            project.build()
        render_more(project, root / "templates", target)

    for module in sorted(target.rglob("*.py")):
        contract.raise_issues(check_module(module, target, contract))
    run_hooks(config.post_hooks, target, settings)
    # After the hooks, which would reformat it.
    package = target / project.package_name
    leftovers = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "runtime", package / "_runtime", ignore=leftovers)
    shutil.copytree(root / "examples", target / "examples", ignore=leftovers)
    shutil.copyfile(root / "LICENSE", target / "LICENSE")
    # The pages are beside its copy.
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8").replace(f"](generated/{package.name}/docs/", "](")
    package.joinpath("docs", "changelog.md").write_text(changelog, encoding="utf-8")


def new_project(root: Path, contract: Document, data: GeneratorData, facts: Facts, config: Config) -> Project:
    """Return the generator's project, whose templates see the whole contract."""
    # The hooks run later, when the modules are known to be Python.
    project = Project(openapi=data, config=evolve(config, post_hooks=[]), custom_template_path=root / "templates")
    project.env.undefined = StrictUndefined
    project.env.globals["contract"] = contract.to_dict()
    project.env.globals["default_host"] = default_host(contract)
    project.env.globals["facts"] = facts
    project.env.globals["examples"] = response_examples(contract)
    project.env.globals["operations"] = {name: contract.get(each) for name, each in locate_operations(contract).items()}
    project.env.filters["safe_for_docstring"] = in_docstring
    project.env.filters["in_markdown"] = in_markdown
    return project


def render_more(project: Project, templates: Path, target: Path) -> None:
    """Render the files that the generator does not know: two modules, and every page except the README."""
    files = {"testing.py.jinja": "testing.py", "main.py.jinja": "__main__.py"}
    files |= {f"docs/{page.name}": f"docs/{page.stem}" for page in sorted((templates / "docs").glob("*.jinja"))}
    package = target / project.package_name
    (package / "docs").mkdir()
    for template, name in files.items():
        (package / name).write_text(project.env.get_template(template).render(), encoding="utf-8")


def read_config(document: Document) -> ConfigFile:
    """Return the settings of generator-config.yml, if they are right."""
    allowed = allow(SETTINGS, f"this setting is not supported; allowed are {', '.join(SETTINGS)}")
    schema = {**allowed, "properties": SETTINGS, "required": ["package_version_override"]}
    if error := best_match(Draft202012Validator(schema).iter_errors(document.get(()))):
        document.raise_issues([explain(error)])
    try:
        Version.parse(str(document.get(("package_version_override",))))
    except ValueError as error:
        document.raise_issues([(("package_version_override",), str(error))])
    return ConfigFile.model_validate(document.to_dict())


@contextlib.contextmanager
def locating_failures(root: Path) -> Iterator[None]:
    """Turn a failure of a template or of the generator into an `InputError` with its location."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise InputError(f"templates/{error.name}:{error.lineno}: {shorten(str(error.message))}") from error
    except Exception as error:
        # A template that is not found is an OSError too.
        if isinstance(error, InputError | OSError) and not isinstance(error, TemplateNotFound):
            raise
        what = shorten(f"{type(error).__name__}: {error}")
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if (file := Path(frame.filename)).is_relative_to(root / "templates"):
                raise InputError(f"{file.relative_to(root).as_posix()}:{frame.lineno}: {what}") from error
        raise InputError(f"openapi.yaml:1: the generator cannot handle this: {what}") from error


def in_docstring(value: object) -> str:
    """Escape a text for a docstring, as the generator does, and also a final quote, which would end the docstring."""
    text = as_text(value).strip()
    return safe_for_docstring(text[:-1]) + '\\"' if text.endswith('"') else safe_for_docstring(text)


def in_markdown(value: object) -> str:
    """Put a text on one line that cannot start a code block or, without bars, end a table cell."""
    return re.sub(r"^(?=```|~~~)", r"\\", " ".join(as_text(value).split()).replace("|", r"\|"))


def as_text(value: object) -> str:
    """Return a plain text of the contract, which the generator may have marked as untrusted."""
    return str(value.get_untrusted_value() if isinstance(value, UntrustedString) else value)


def run_hooks(hooks: Sequence[str], directory: Path, settings: Document) -> None:
    """Run the config's commands as the generator would.

    Raises:
        InputError: A command failed.
    """
    # The tools are in this Python's environment.
    env = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}
    for index, hook in enumerate(hooks):
        done = subprocess.run(
            hook, shell=True, cwd=directory, env=env, capture_output=True, text=True, errors="replace"
        )
        if done.returncode:
            settings.raise_issues([(("post_hooks", index), f"{hook!r} failed: {done.stderr or done.stdout}")])


def compare(old: Path, new: Path, *, with_diff: bool) -> Iterator[str]:
    """Yield a line for each file that differs, optionally followed by its diff."""
    before, after = read_tree(old), read_tree(new)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        old_lines, new_lines = ((content or b"").decode("utf-8", "replace").splitlines() for content in (was, now))
        diff = list(difflib.unified_diff(old_lines, new_lines, f"a/{name}", f"b/{name}", lineterm="", n=1))
        added = sum(line.startswith("+") for line in diff[2:])
        removed = sum(line.startswith("-") for line in diff[2:])
        verb = "new" if was is None else "gone" if now is None else "changed"
        yield f"{verb:8}generated/{name} (+{added} -{removed})"
        if with_diff:
            yield from diff
