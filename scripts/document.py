"""A YAML file that knows its lines, so that issues can be reported as `file:line: location: reason`."""

import json
import math
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode

ROOT = Path(__file__).resolve().parent.parent
Location = tuple[str | int, ...]
"""The keys that lead to a node of a document."""

Issue = tuple[Location, str]
"""The location of a mistake, and the reason."""

# Characters that show nothing, although Python calls them printable: fillers, joiners and variation selectors.
BLANK = "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"


class InputError(Exception):
    """An input is wrong. Its text is `file:line: location: reason`, with a line for each issue."""


class _Constructor(RoundTripConstructor):
    """Makes the values of a document."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        if isinstance(node, ScalarNode):
            # Join each pair of escapes such as `\\ud83d\\ude00` into one character, as JSON does and YAML does not.
            node.value = node.value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # A number of many digits, or a date that does not exist.
            raise ConstructorError(problem=str(error), problem_mark=node.start_mark) from error


class Document:
    """A YAML file that holds a mapping, and only values that JSON can represent."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            yaml = YAML()
            yaml.Constructor = _Constructor
            root: object = yaml.load(path.read_bytes().decode("utf-8-sig"))
        except OSError as error:
            raise InputError(f"{self.name}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise self._error(error.object.count(b"\n", 0, error.start), "not UTF-8") from error
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            reason = f"not valid YAML: {error.problem or error.context}"
            raise self._error(mark.line if mark else 0, reason) from error
        except YAMLError as error:
            raise self._error(0, f"not valid YAML: {error}") from error
        if not isinstance(root, CommentedMap):
            raise self._error(0, f"{self.name} is empty" if root is None else "the file must contain a mapping")
        self._root = root
        self.raise_issues(self._not_json())

    def to_dict(self) -> dict[str, Any]:
        """Return the document without its lines, as a copy."""
        return cast(dict[str, Any], plain(self._root))

    def nodes(self, location: Location = ()) -> Iterator[tuple[Location, Any]]:
        """Yield the node at `location` and all nodes in it, each with its location."""
        node = self.get(location)
        yield location, node
        for key in _keys(node):
            yield from self.nodes((*location, key))

    def get(self, location: Location) -> Any:
        """Return the node at `location`, or None."""
        return self._find(location)[0]

    def place(self, location: Location) -> str:
        """Return the file and the line of a location."""
        return f"{self.name}:{self._find(location)[1] + 1}"

    def raise_issues(self, issues: Iterable[Issue]) -> None:
        """Raise an `InputError` if there are any issues."""
        lines = {
            (self._find(location)[1], f"{' > '.join(map(str, location))}: {reason}".removeprefix(": "))
            for location, reason in issues
        }
        if lines:
            raise InputError("\n".join(str(self._error(*each)) for each in sorted(lines)))

    def _find(self, location: Location) -> tuple[Any, int]:
        """Return a node and its line or, if there is none, None and the line of the last node on the way to it."""
        node: Any = self._root
        line = 0
        for key in location:
            if key not in _keys(node):
                return None, line
            # Keys merged by an alias (`<<: *anchor`) have no line here.
            line = (node.lc.data or {}).get(key, (line,))[0]
            node = node[key]
        return node, line

    def _error(self, line: int, reason: str) -> InputError:
        return InputError(f"{self.name}:{line + 1}: {shorten(reason)}")

    def _not_json(self) -> Iterator[Issue]:
        for location, node in self.nodes():
            if isinstance(node, float) and not math.isfinite(node):
                yield location, f"{node} is not a number in JSON"
            if isinstance(node, str) and re.search("[\ud800-\udfff]", node):
                yield location, f"{node!a} contains half of a surrogate pair, which is not a character"
            if not isinstance(node, str | int | float | CommentedMap | CommentedSeq | None):
                yield location, f"{node} is neither a string nor a number: put it in quotes"
            for key in node if isinstance(node, CommentedMap) else ():
                if not isinstance(key, str):
                    yield (*location, key), "a key must be a string: put it in quotes"
                elif not is_visible(key):
                    yield (*location, key), f"the key {key!a} has an invisible character"


def _keys(node: Any) -> Collection[Any]:
    """Return the keys of a mapping, or the indexes of a sequence."""
    if isinstance(node, CommentedMap):
        return cast(Collection[Any], node)
    return range(len(node)) if isinstance(node, CommentedSeq) else ()


def plain(node: Any) -> Any:
    """Return a copy of a node in built-in types."""
    return json.loads(json.dumps(node))


def is_visible(text: str) -> bool:
    """Tell whether a text has no invisible character."""
    return text.isprintable() and not re.search(BLANK, text)


def shorten(text: str) -> str:
    """Return `text` as one short line."""
    return textwrap.shorten(text, 300, placeholder=" …")
