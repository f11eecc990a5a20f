"""XML as a tree of elements, from files that anybody may have written: bounded, without document types or entities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

from converters.files import contents
from tltpipe.errors import DataError, Location

_LARGEST = 16 << 20  # bytes; no picture has so many annotations
_DEEPEST = 32
_MOST = 250_000  # elements, and characters in one: some ten thousand objects


_PLAIN = 1 << 16  # bytes, of files that are read in the quick way
_HEAD = re.compile(rb"(?:<\?xml version=[\"']1\.0[\"'](?: encoding=[\"'][Uu][Tt][Ff]-8[\"'])? ?\?>\s*)?<[a-z]")
_SPECIAL = (b"<!", b"<?", b"xmlns", b"\r")
_TAIL = re.compile(rb"/[^<>/]*>\s*[^<\s]")  # text behind an element


class Node(Element):
    """An element that knows where it begins; its text is all that is in it and in no inner one."""

    def __init__(self, name: str, line: int, column: int, attributes: dict[str, str]) -> None:
        super().__init__(name, attributes)
        self.text, self.line, self.column = "", line, column


class Unplaced(Exception):
    """Something is wrong, or may be, with an element of which nobody knows where it begins."""


def word(node: Element, name: str) -> str | None:
    """The text of the first ``name`` in ``node``."""
    return (node.findtext(name) or "").strip() or None


def quick(content: bytes, name: str) -> tuple[Element, list[int]]:
    """The root element of ``content``, and in which lines those of its elements begin that are called ``name``.

    Raises Unplaced for all but plain, small and well-formed XML in UTF-8: ``parse`` judges that.
    """
    head = _HEAD.match(content)
    if head is None or len(content) > _PLAIN or _TAIL.search(content):
        raise Unplaced
    if any(content.find(mark, head.end()) >= 0 for mark in _SPECIAL):
        raise Unplaced
    try:
        parser = ElementTree.XMLParser()
        parser.feed(content)
        root: Element = parser.close()
    except ElementTree.ParseError:
        raise Unplaced from None
    before = re.split(rb"<%s(?=[\s/>])" % name.encode(), content)[:-1]
    if len(before) != len(root.findall(name)) or (content.count(b"</") >= _DEEPEST and _is_deep(root)):
        raise Unplaced
    return root, list(accumulate((text.count(b"\n") for text in before), initial=1))[1:]


def _is_deep(root: Element) -> bool:
    level = [root]
    for _ in range(_DEEPEST):
        level = [inner for node in level for inner in node]
    return bool(level)


def read(path: Path | str) -> bytes:
    """The content of ``path``. Raises DataError."""
    content = contents.whole(path, _LARGEST + 1)
    if len(content) > _LARGEST:
        raise DataError("this file is too large to be one picture's annotations", where=path)
    return content


def parse(content: bytes, path: Path | str, *, line: int = 1, encoding: str | None = None) -> Node:
    """The root element of ``content``, which begins in ``line`` of ``path``; raises DataError with line and column.

    ``encoding`` is that of a piece of a file, which does not say it.
    """
    builder = _Builder(path, line, encoding)
    if len(content) > _LARGEST:
        raise DataError("there are too many annotations for one picture", where=Location(Path(path), line))
    with reporting(builder.parser, path, line):
        builder.parser.Parse(content, True)
    return builder.root


@contextmanager
def reporting(parser: expat.XMLParserType, path: Path | str, line: int = 1) -> Iterator[None]:
    """Turn what ``parser`` says of ``path`` into a DataError; ``line`` is that of its first byte.

    A document type is refused, too, since it can define entities.
    """

    def doctype(*told: Any) -> None:  # noqa: ARG001
        where = Location(Path(path), parser.CurrentLineNumber + line - 1, parser.CurrentColumnNumber + 1)
        raise DataError("a document type is not read, since it can define entities", where=where, hint="remove it")

    parser.StartDoctypeDeclHandler = doctype
    try:
        yield
    except expat.ExpatError as problem:
        where = Location(Path(path), problem.lineno + line - 1, problem.offset + 1)
        raise DataError(f"not valid XML: {expat.ErrorString(problem.code)}", where=where) from None
    except (ValueError, LookupError) as problem:  # an encoding that is none
        raise DataError(f"not valid XML: {str(problem)[:80]}", where=path) from None


class _Builder:
    """Builds the tree below ``root``."""

    root: Node

    def __init__(self, path: Path | str, line: int, encoding: str | None) -> None:
        self.path, self.line, self.elements = path, line, 0
        self.open: list[Node] = []
        self.parser = expat.ParserCreate(encoding)
        self.parser.buffer_text = True
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._begin, self._end
        self.parser.CharacterDataHandler = self._text

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.open) >= _DEEPEST:
            raise error(self.path, self.open[-1], "elements are nested too deep")
        self.elements += 1
        if self.elements > _MOST:
            raise error(self.path, self.open[-1], "there are too many elements for one picture's annotations")
        parser = self.parser
        node = Node(name, parser.CurrentLineNumber + self.line - 1, parser.CurrentColumnNumber + 1, attributes)
        if self.open:
            self.open[-1].append(node)
        else:
            self.root = node
        self.open.append(node)

    def _end(self, name: str) -> None:  # noqa: ARG002
        self.open.pop()

    def _text(self, data: str) -> None:
        node = self.open[-1]
        before = node.text or ""
        if len(before) > _MOST:
            raise error(self.path, node, "this element's text is too long")
        node.text = before + data


def line(node: Element) -> int:
    """In which line ``node`` begins. Raises Unplaced where it does not know."""
    if not isinstance(node, Node):
        raise Unplaced
    return node.line


def error(path: Path | str, node: Element, what: str) -> DataError:
    """``what`` is wrong with ``node``. Raises Unplaced where that does not know its place."""
    if not isinstance(node, Node):
        raise Unplaced
    return DataError(what, where=Location(Path(path), node.line, node.column))
