"""A YAML file that knows its lines, so that what is wrong in it can be told as `file:line: where: reason`."""

import math
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

Where = tuple[str | int, ...]
"""The keys that lead to a node of a document."""

Fault = tuple[Where, str]
"""Where something is wrong, and what."""


class InputError(Exception):
    """An input is wrong. Its text is `file:line: where: reason`, a line for each fault."""


class Document:
    """A YAML file that holds a mapping of what JSON can hold too."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise InputError(f"{self.name}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise self._error(error.object.count(b"\n", 0, error.start), "not UTF-8") from error
        try:
            root: object = YAML().load(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            reason = f"not valid YAML: {error.problem or error.context}"
            raise self._error(mark.line if mark else 0, reason) from error
        except YAMLError as error:  # The one without a mark has a position.
            line = text.count("\n", 0, getattr(error, "position", 0))
            raise self._error(line, "not valid YAML: a control character") from error
        except RecursionError as error:
            raise self._error(0, "nested too deeply") from error
        if not isinstance(root, CommentedMap):
            raise self._error(0, "a mapping is expected")
        self._root = root
        self.refuse(self._not_json())

    def plain(self) -> dict[str, Any]:
        """The document without its lines, to be changed at will."""
        return cast(dict[str, Any], _plain(self._root))

    def nodes(self) -> Iterator[tuple[Where, Any]]:
        """Every node of the document, with the keys that lead to it."""

        def descend(where: Where, node: Any) -> Iterator[tuple[Where, Any]]:
            yield where, node
            for key, item in _items(node):
                yield from descend((*where, key), item)

        return descend((), self._root)

    def get(self, where: Where) -> Any:
        """What `where` leads to, or None."""
        node: Any = self._root
        for key in where:
            node = dict(_items(node)).get(key)
        return node

    def refuse(self, faults: Iterable[Fault]) -> None:
        """Raise an `InputError` if there are any faults."""
        told = {
            (self._line(where), f"{' > '.join(map(str, where))}: " if where else "", reason)
            for where, reason in faults
        }
        if told:
            errors = [self._error(line, where + reason) for line, where, reason in sorted(told)]
            raise InputError("\n".join(map(str, errors)))

    def _line(self, where: Where) -> int:
        """The line of what `where` leads to, or of the last node on the way there that is in the document."""
        node: Any = self._root
        line = 0
        for key in where:
            if key not in dict(_items(node)):
                break
            # What an alias brings in (`<<: *anchor`) has no line here.
            line = (node.lc.data or {}).get(key, (line,))[0]
            node = node[key]
        return line

    def _error(self, line: int, reason: str) -> InputError:
        return InputError(f"{self.name}:{line + 1}: {short(reason)}")

    def _not_json(self) -> Iterator[Fault]:
        for where, node in self.nodes():
            if isinstance(node, CommentedMap):
                for key in cast(Iterable[Any], node):
                    if not isinstance(key, str):
                        yield (*where, key), "a key has to be a string: put it into quotes"
                    elif not key.isprintable():
                        yield (*where, key), f"the key {key!r} has a character in it that cannot be seen"
            elif not isinstance(node, str | int | float | CommentedSeq | None):
                yield where, f"{node} is neither a string nor a number: put it into quotes"
            elif isinstance(node, float) and not math.isfinite(node):
                yield where, f"{node} is no number in JSON"
            elif isinstance(node, str) and re.search("[\ud800-\udfff]", node):
                yield where, f"{node!r} has half a character in it"


def _items(node: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(node, CommentedMap):
        return cast(Iterable[tuple[Any, Any]], node.items())
    return enumerate(cast(Iterable[Any], node)) if isinstance(node, CommentedSeq) else ()


def _plain(node: Any) -> Any:
    if isinstance(node, CommentedMap):
        return {key: _plain(item) for key, item in _items(node)}
    return [_plain(item) for _, item in _items(node)] if isinstance(node, CommentedSeq) else node


def short(text: str) -> str:
    """`text` as one line that a person reads to its end."""
    return textwrap.shorten(text, 300, placeholder=" …")
