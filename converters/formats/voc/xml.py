"""The XML files of Pascal VOC: text to objects and back. No entity is ever looked up.

A corner is the number of a pixel, counted from 1, and the last one is inside: a box of the first pixel alone is
1 1 1 1 there and 0 0 1 1 here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from converters.files import xml_tree
from converters.files.numerals import FAR, is_number
from converters.files.xml_tree import Node, error
from converters.model import Box, Object, Polygon, Sample
from tltpipe.errors import DataError

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Page:
    """``size`` is None where the file gives none; ``picture`` is the name of the picture, without folders."""

    picture: str | None
    size: tuple[int, int] | None
    source: str | None
    objects: tuple[Object, ...]


def parse(path: Path) -> Page:
    """The annotations in ``path``. Raises DataError with line and column."""
    root = xml_tree.read(path)
    if root.name != "annotation":
        raise error(path, root, f"the file begins with <{root.name[:40]}>, not <annotation>")
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
    from xml.sax.saxutils import escape  # which brings an HTTP client along

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


def _object(path: Path, node: Node) -> Object:
    name, box = node.word("name"), node.one("bndbox")
    if name is None:
        raise error(path, node, "an object has no name")
    if box is None:
        raise error(path, node, f"{name[:40]} has no <bndbox>")
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


def _ring(path: Path, node: Node) -> Polygon:
    """The points of a <polygon>: <x1>, <y1>, <x2>, ... as Roboflow writes them."""
    names = {inner.name for inner in node.inner}
    numbers = range(1, len(names) // 2 + 1)
    return tuple(_from_zero(_number(path, node, f"{axis}{number}")) for number in numbers for axis in "xy")


def _number(path: Path, node: Node, name: str) -> float:
    inner = node.one(name)
    if inner is None:
        raise error(path, node, f"<{node.name}> lacks <{name}>")
    word = inner.text.strip()
    if not is_number(word) or abs(float(word)) >= FAR:
        raise error(path, inner, f"<{name}> must be a number of pixels, not {word[:40]!a}")
    value = float(word)
    return int(value) if value.is_integer() else value


def _flag(path: Path, node: Node, name: str) -> bool:
    inner = node.one(name)
    word = inner.text.strip() if inner is not None else ""
    if inner is not None and word not in ("", "0", "1", "Unspecified"):
        raise error(path, inner, f"<{name}> must be 0 or 1, not {word[:40]!a}")
    return word == "1"


def _size(path: Path, node: Node | None) -> tuple[int, int] | None:
    if node is None:
        return None
    if node.word("width") is None or node.word("height") is None:
        return None
    width, height = (_number(path, node, name) for name in ("width", "height"))
    if not width or not height:
        return None  # labelImg writes 0 where it does not know
    if width < 1 or height < 1 or width % 1 or height % 1:
        raise error(path, node, f"a picture cannot be {width:g} x {height:g} pixels")
    return int(width), int(height)
