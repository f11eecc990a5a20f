"""The XML files of Pascal VOC: text to objects and back. No entity is ever looked up.

A corner is the number of a pixel, counted from 1, and the last one is inside: a box of the first pixel alone is
1 1 1 1 there and 0 0 1 1 here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from converters.files import xml_tree
from converters.files.numerals import FAR, is_number
from converters.files.xml_tree import Unplaced, error, word
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


def parse(path: Path | str) -> Page:
    """The annotations in ``path``. Raises DataError with line and column."""
    content = xml_tree.read(path)
    try:
        return _page(path, *xml_tree.quick(content, "object"))
    except Unplaced:
        root = xml_tree.parse(content, path)
        return _page(path, root, [xml_tree.line(node) for node in root.findall("object")])


def _page(path: Path | str, root: Element, lines: Sequence[int]) -> Page:
    """That of the tree ``root``; ``lines`` are those of its objects."""
    if root.tag != "annotation":
        raise error(path, root, f"the file begins with <{root.tag[:40]}>, not <annotation>")
    objects = tuple(_object(path, *each) for each in zip(root.findall("object"), lines, strict=True))
    source = root.find("source")
    picture = (word(root, "filename") or "").replace("\\", "/").rpartition("/")[2] or None
    return Page(picture, _size(path, root.find("size")), word(source, "image") if source is not None else None, objects)


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


def _object(path: Path | str, node: Element, line: int) -> Object:
    name, box = word(node, "name"), node.find("bndbox")
    if name is None:
        raise error(path, node, "an object has no name")
    if box is None:
        raise error(path, node, f"{name[:40]} has no <bndbox>")
    left, top, right, bottom = (_number(path, box, corner) for corner in _CORNERS)
    extra: dict[str, int | float | str] = {}
    if _flag(path, node, "difficult"):
        extra["difficult"] = 1
    pose = word(node, "pose")
    if pose is not None and pose != "Unspecified":
        extra["pose"] = pose
    return Object(
        name,
        Box(_from_zero(left), _from_zero(top), right, bottom),
        tuple(_ring(path, inner) for inner in node.findall("polygon")),
        occlusion=int(_flag(path, node, "occluded")),
        truncation=float(_flag(path, node, "truncated")),
        extra=extra,
        origin=line,
    )


def _from_zero(number: float) -> float:
    """Where pixel ``number`` begins, which is counted from 1; no more decimals than there were."""
    return round(number - 1, 6)


def _ring(path: Path | str, node: Element) -> Polygon:
    """The points of a <polygon>: <x1>, <y1>, <x2>, ... as Roboflow writes them."""
    names = {inner.tag for inner in node}
    numbers = range(1, len(names) // 2 + 1)
    return tuple(_from_zero(_number(path, node, f"{axis}{number}")) for number in numbers for axis in "xy")


def _number(path: Path | str, node: Element, name: str) -> float:
    inner = node.find(name)
    if inner is None:
        raise error(path, node, f"<{node.tag}> lacks <{name}>")
    text = (inner.text or "").strip()
    if len(text) < 7 and text.isascii() and text.isdecimal():
        return int(text)
    if not is_number(text) or abs(value := float(text)) >= FAR:
        raise error(path, inner, f"<{name}> must be a number of pixels, not {text[:40]!a}")
    return int(value) if value.is_integer() else value


def _flag(path: Path | str, node: Element, name: str) -> bool:
    inner = node.find(name)
    text = (inner.text or "").strip() if inner is not None else ""
    if inner is not None and text not in ("", "0", "1", "Unspecified"):
        raise error(path, inner, f"<{name}> must be 0 or 1, not {text[:40]!a}")
    return text == "1"


def _size(path: Path | str, node: Element | None) -> tuple[int, int] | None:
    if node is None or word(node, "width") is None or word(node, "height") is None:
        return None
    width, height = (_number(path, node, name) for name in ("width", "height"))
    if not width or not height:
        return None  # labelImg writes 0 where it does not know
    if width < 1 or height < 1 or width % 1 or height % 1:
        raise error(path, node, f"a picture cannot be {width:g} x {height:g} pixels")
    return int(width), int(height)
