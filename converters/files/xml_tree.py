"""XML as a tree of elements, from files that anybody may have written: bounded, without document types or entities."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from tltpipe import inputs
from tltpipe.errors import DataError, Location

_LARGEST = 16 << 20  # bytes; no picture has so many annotations
_DEEPEST = 32
_MOST = 250_000  # elements, and characters in one: some ten thousand objects


@dataclass(slots=True)
class Node:
    """An element: its attributes, its text, and the elements in it."""

    name: str
    line: int
    column: int
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    inner: list[Node] = field(default_factory=list)

    def one(self, name: str) -> Node | None:
        return next((node for node in self.inner if node.name == name), None)

    def word(self, name: str) -> str | None:
        node = self.one(name)
        return node.text.strip() or None if node is not None else None


def read(path: Path) -> Node:
    """The root element of ``path``. Raises DataError with line and column, as ``parse`` does."""
    try:
        with inputs.opened(path) as stream:
            content = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        raise DataError("this file is missing", where=path) from None
    except OSError as problem:
        raise DataError(f"this file cannot be read: {problem.strerror}", where=path) from None
    if len(content) > _LARGEST:
        raise DataError("this file is too large to be one picture's annotations", where=path)
    return parse(content, path)


def parse(content: bytes, path: Path, *, line: int = 1, encoding: str | None = None) -> Node:
    """The root element of ``content``, which begins in ``line`` of ``path``; raises DataError with line and column.

    ``encoding`` is that of a piece of a file, which does not say it.
    """
    builder = _Builder(path, line, encoding)
    if len(content) > _LARGEST:
        raise DataError("there are too many annotations for one picture", where=Location(path, line))
    with reporting(builder.parser, path, line):
        builder.parser.Parse(content, True)
    return builder.top.inner[0]


@contextmanager
def reporting(parser: expat.XMLParserType, path: Path, line: int = 1) -> Iterator[None]:
    """Turn what ``parser`` says of ``path`` into a DataError; ``line`` is that of its first byte.

    A document type is refused, too, since it can define entities.
    """

    def doctype(*told: Any) -> None:  # noqa: ARG001
        where = Location(path, parser.CurrentLineNumber + line - 1, parser.CurrentColumnNumber + 1)
        raise DataError("a document type is not read, since it can define entities", where=where, hint="remove it")

    parser.StartDoctypeDeclHandler = doctype
    try:
        yield
    except expat.ExpatError as problem:
        where = Location(path, problem.lineno + line - 1, problem.offset + 1)
        raise DataError(f"not valid XML: {expat.ErrorString(problem.code)}", where=where) from None
    except (ValueError, LookupError) as problem:  # an encoding that is none
        raise DataError(f"not valid XML: {str(problem)[:80]}", where=path) from None


class _Builder:
    """Builds the tree below ``top``."""

    def __init__(self, path: Path, line: int, encoding: str | None) -> None:
        self.path, self.line, self.elements = path, line, 0
        self.top = Node("", line, 1)
        self.open = [self.top]
        self.parser = expat.ParserCreate(encoding)
        self.parser.buffer_text = True
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._begin, self._end
        self.parser.CharacterDataHandler = self._text

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.open) > _DEEPEST:
            raise error(self.path, self.open[-1], "elements are nested too deep")
        self.elements += 1
        if self.elements > _MOST:
            raise error(self.path, self.open[-1], "there are too many elements for one picture's annotations")
        parser = self.parser
        node = Node(name, parser.CurrentLineNumber + self.line - 1, parser.CurrentColumnNumber + 1, attributes)
        self.open[-1].inner.append(node)
        self.open.append(node)

    def _end(self, name: str) -> None:  # noqa: ARG002
        self.open.pop()

    def _text(self, data: str) -> None:
        node = self.open[-1]
        if len(node.text) > _MOST:
            raise error(self.path, node, "this element's text is too long")
        node.text += data


def error(path: Path, node: Node, what: str) -> DataError:
    """``what`` is wrong with ``node``."""
    return DataError(what, where=Location(path, node.line, node.column))
