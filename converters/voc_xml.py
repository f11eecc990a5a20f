"""The XML files of Pascal VOC: text to objects and back. No entity is ever looked up.

A corner is the number of a pixel, counted from 1, and the last one is inside: a box of the first pixel alone is
1 1 1 1 there and 0 0 1 1 here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from converters.model import Box, Object, Polygon, Sample
from converters.numerals import is_number
from tltpipe.errors import DataError, Location

_LARGEST = 16 << 20  # bytes; no picture has so many annotations
_DEEPEST = 32
_MOST = 250_000  # elements, and characters in one: some ten thousand objects
_FAR = 1e6  # pixels; no picture is that large
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Page:
    """``size`` is None where the file gives none; ``picture`` is the name of the picture, without folders."""

    picture: str | None
    size: tuple[int, int] | None
    source: str | None
    objects: tuple[Object, ...]


@dataclass(slots=True)
class _Node:
    """An element: its text, and those in it."""

    name: str
    line: int
    column: int
    text: str = ""
    inner: list[_Node] = field(default_factory=list)

    def one(self, name: str) -> _Node | None:
        return next((node for node in self.inner if node.name == name), None)

    def word(self, name: str) -> str | None:
        node = self.one(name)
        return node.text.strip() or None if node is not None else None


def parse(path: Path) -> Page:
    """The annotations in ``path``. Raises DataError with line and column."""
    root = _tree(path)
    if root.name != "annotation":
        raise _error(path, root, f"the file begins with <{root.name[:40]}>, not <annotation>")
    objects = tuple(_object(path, node) for node in root.inner if node.name == "object")
    source = root.one("source")
    picture = (root.word("filename") or "").replace("\\", "/").rpartition("/")[2] or None
    return Page(picture, _size(path, root.one("size")), source.word("image") if source is not None else None, objects)


def encode(sample: Sample) -> str:
    """The text of the file of ``sample``. Raises DataError for names with characters that XML cannot hold."""
    text = "".join(_lines(sample))
    if (odd := _NOT_XML.search(text)) is not None:
        what = f"XML cannot hold the character {odd[0]!a}, which is in a name on this picture"
        raise DataError(what, where=sample.where(), hint="rename the class (--rename) or the picture")
    return text


_NO = ("", "0", "0.0", "false")  # as other formats' files say it, in texts too
_NOT_XML = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")  # a carriage return would come back as another


def _lines(sample: Sample) -> Iterator[str]:
    yield "<annotation>\n"
    yield f"  <filename>{escape(sample.file_name)}</filename>\n"
    yield f"  <size><width>{sample.width}</width><height>{sample.height}</height><depth>3</depth></size>\n"
    yield "  <segmented>0</segmented>\n"
    for thing in sample.objects:
        difficult = int(str(thing.extra.get("difficult", 0)).lower() not in _NO)
        yield f"  <object>\n    <name>{escape(thing.category)}</name>\n"
        yield f"    <pose>{escape(str(thing.extra.get('pose', 'Unspecified')))}</pose>\n"
        yield f"    <truncated>{int(thing.truncation > 0)}</truncated>\n"
        yield f"    <occluded>{int(0 < thing.occlusion < 3)}</occluded>\n    <difficult>{difficult}</difficult>\n"
        box = thing.box
        corners = zip(_CORNERS, (box.left + 1, box.top + 1, box.right, box.bottom), strict=True)
        yield f"    <bndbox>{''.join(f'<{name}>{_short(value)}</{name}>' for name, value in corners)}</bndbox>\n"
        yield "  </object>\n"
    yield "</annotation>\n"


def _short(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))


def _object(path: Path, node: _Node) -> Object:
    name, box = node.word("name"), node.one("bndbox")
    if name is None:
        raise _error(path, node, "an object has no name")
    if box is None:
        raise _error(path, node, f"{name[:40]} has no <bndbox>")
    left, top, right, bottom = (_number(path, box, corner) for corner in _CORNERS)
    extra: dict[str, int | float | str] = {}
    if _flag(path, node, "difficult"):
        extra["difficult"] = 1
    pose = node.word("pose")
    if pose is not None and pose != "Unspecified":
        extra["pose"] = pose
    return Object(
        name,
        Box(_from_zero(left), _from_zero(top), right, bottom),
        tuple(_ring(path, inner) for inner in node.inner if inner.name == "polygon"),
        occlusion=int(_flag(path, node, "occluded")),
        truncation=float(_flag(path, node, "truncated")),
        extra=extra,
        origin=node.line,
    )


def _from_zero(number: float) -> float:
    """Where pixel ``number`` begins, which is counted from 1; no more decimals than there were."""
    return round(number - 1, 6)


def _ring(path: Path, node: _Node) -> Polygon:
    """The points of a <polygon>: <x1>, <y1>, <x2>, ... as Roboflow writes them."""
    names = {inner.name for inner in node.inner}
    numbers = range(1, len(names) // 2 + 1)
    return tuple(_from_zero(_number(path, node, f"{axis}{number}")) for number in numbers for axis in "xy")


def _number(path: Path, node: _Node, name: str) -> float:
    inner = node.one(name)
    if inner is None:
        raise _error(path, node, f"<{node.name}> lacks <{name}>")
    word = inner.text.strip()
    if not is_number(word) or abs(float(word)) >= _FAR:
        raise _error(path, inner, f"<{name}> must be a number of pixels, not {word[:40]!a}")
    value = float(word)
    return int(value) if value.is_integer() else value


def _flag(path: Path, node: _Node, name: str) -> bool:
    inner = node.one(name)
    word = inner.text.strip() if inner is not None else ""
    if inner is not None and word not in ("", "0", "1", "Unspecified"):
        raise _error(path, inner, f"<{name}> must be 0 or 1, not {word[:40]!a}")
    return word == "1"


def _size(path: Path, node: _Node | None) -> tuple[int, int] | None:
    if node is None:
        return None
    if node.word("width") is None or node.word("height") is None:
        return None
    width, height = (_number(path, node, name) for name in ("width", "height"))
    if not width or not height:
        return None  # labelImg writes 0 where it does not know
    if width < 1 or height < 1 or width % 1 or height % 1:
        raise _error(path, node, f"a picture cannot be {width:g} x {height:g} pixels")
    return int(width), int(height)


def _tree(path: Path) -> _Node:
    content = _content(path)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    top = _Node("", 1, 1)
    open_nodes, elements = [top], 0

    def begin(name: str, attributes: dict[str, Any]) -> None:  # noqa: ARG001
        if len(open_nodes) > _DEEPEST:
            raise _error(path, open_nodes[-1], "elements are nested too deep")
        nonlocal elements
        elements += 1
        if elements > _MOST:
            raise _error(path, open_nodes[-1], "there are too many elements for one picture's annotations")
        node = _Node(name, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)
        open_nodes[-1].inner.append(node)
        open_nodes.append(node)

    def end(name: str) -> None:  # noqa: ARG001
        open_nodes.pop()

    def text(data: str) -> None:
        node = open_nodes[-1]
        if len(node.text) > _MOST:
            raise _error(path, node, "this element's text is too long")
        node.text += data

    def doctype(*told: Any) -> None:  # noqa: ARG001
        where = Location(path, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)
        raise DataError("a document type is not read, since it can define entities", where=where, hint="remove it")

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        where = Location(path, error.lineno, error.offset + 1)
        raise DataError(f"not valid XML: {expat.ErrorString(error.code)}", where=where) from None
    except (ValueError, LookupError) as error:  # an encoding that is none
        raise DataError(f"not valid XML: {str(error)[:80]}", where=path) from None
    return top.inner[0]


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        raise DataError("this file is missing", where=path) from None
    except OSError as problem:
        raise DataError(f"this file cannot be read: {problem.strerror}", where=path) from None
    if len(content) > _LARGEST:
        raise DataError("this file is too large to be one picture's annotations", where=path)
    return content


def _error(path: Path, node: _Node, what: str) -> DataError:
    return DataError(what, where=Location(path, node.line, node.column))
