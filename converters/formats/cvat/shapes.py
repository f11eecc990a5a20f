"""The shapes in an <image> of CVAT's XML, as objects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from converters.files import xml_tree
from converters.files.numerals import FAR, is_number
from converters.formats.cvat.index import SHAPES
from converters.model import Box, Mask, Object, Polygon, outlines

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_CUBOID = tuple(f"{axis}{side}{number}" for side in ("tl", "bl", "tr", "br") for number in (1, 2) for axis in "xy")
_NO_BOX = frozenset(("polyline", "points", "skeleton", "tag"))
Size = tuple[int, int]


def is_shape(node: Element) -> bool:
    return node.tag in SHAPES


def _is_box(node: Element) -> bool:
    return node.tag not in _NO_BOX


def size(path: Path, node: Element) -> Size | None:
    """Width and height as <image> has them; None where it has none. Raises DataError."""
    if not {"width", "height"} <= node.attrib.keys():
        return None
    width, height = (_number(path, node, name) for name in ("width", "height"))
    if width < 1 or height < 1 or width % 1 or height % 1:
        raise xml_tree.error(path, node, f"an image cannot be {width:g} x {height:g} pixels")
    return int(width), int(height)


def classes(node: Element) -> list[str]:
    """The class of each object that an <image> holds, wherever it is drawn."""
    return [each.attrib.get("label", "").strip() for each in node if is_shape(each) and _is_box(each)]


def thing(path: Path, node: Element, *, size: Size) -> Object | None:
    """The object that ``node`` draws on an image of ``size``; None for what is no box. Raises DataError."""
    if not is_shape(node) or not _is_box(node):
        return None
    label = node.attrib.get("label", "").strip()
    if not label:
        raise xml_tree.error(path, node, f"a <{node.tag}> has no label")
    box, polygons, mask = _geometry(path, node, size)
    occluded = node.attrib.get("occluded", "0").lower() in ("1", "true")
    extra = _extra(node)
    return Object(label, box, polygons, occlusion=int(occluded), extra=extra, mask=mask, origin=xml_tree.line(node))


def _geometry(path: Path, node: Element, size: Size) -> tuple[Box, tuple[Polygon, ...], Mask | None]:
    if node.tag == "mask":
        mask, box = _mask(path, node, size)
        return box, (), mask
    degrees = _number(path, node, "rotation", default=0)
    if node.tag == "box":
        box = Box(*(_number(path, node, corner) for corner in _CORNERS))
        if not degrees % 360:
            return box, (), None
        ring = outlines.rectangle(box, degrees)
    elif node.tag == "ellipse":
        cx, cy, rx, ry = (_number(path, node, name) for name in ("cx", "cy", "rx", "ry"))
        ring = outlines.ellipse((cx, cy), (rx, ry), degrees)
    elif node.tag == "cuboid":
        return outlines.around([_number(path, node, corner) for corner in _CUBOID]), (), None
    else:
        ring = _points(path, node)
        return outlines.around(ring), (ring,), None
    ring = outlines.clipped(ring, *size)  # what is turned may reach beyond the image
    return outlines.around(ring), (ring,), None


def _points(path: Path, node: Element) -> Polygon:
    """points="1,2;3,4;5,6" """
    words = [word for pair in node.attrib.get("points", "").split(";") for word in pair.split(",")]
    if len(words) < 6 or len(words) % 2 or not all(is_number(word.strip()) for word in words):
        raise xml_tree.error(path, node, "a <polygon> needs three points at least, written x,y;x,y;x,y")
    ring = tuple(float(word) for word in words)
    if max(map(abs, ring)) >= FAR:
        raise xml_tree.error(path, node, "a point of this <polygon> cannot be a pixel")
    return ring


def _mask(path: Path, node: Element, size: Size) -> tuple[Mask, Box]:
    """The mask and the box around it: runs of 0s and 1s, row by row, within left, top, width, height."""
    import numpy as np

    from converters.model import run_lengths

    left, top, width, height = (int(_number(path, node, name)) for name in ("left", "top", "width", "height"))
    words = [word.strip() for word in node.attrib.get("rle", "").split(",")]
    inside = min(left, top) >= 0 < min(width, height) and left + width <= size[0] and top + height <= size[1]
    if not inside or size[0] * size[1] > run_lengths.LARGEST:
        raise xml_tree.error(path, node, f"this mask does not lie on the image of {size[0]} x {size[1]} pixels")
    # Digits of other alphabets are decimal, too.
    if not all(word.isascii() and word.isdecimal() and len(word) < 10 for word in words):
        raise xml_tree.error(path, node, "rle must be numbers with commas between them")
    runs = np.array([int(word) for word in words], np.int64)
    if runs.sum() != width * height:
        raise xml_tree.error(path, node, f"the run lengths do not fill {width} x {height} pixels")
    pixels: NDArray[np.uint8] = np.zeros((size[1], size[0]), np.uint8)
    pixels[top : top + height, left : left + width] = np.repeat(np.arange(len(runs)) & 1, runs).reshape(height, width)
    mask = run_lengths.encode(pixels)
    box = run_lengths.box(mask)
    if box is None:
        raise xml_tree.error(path, node, "this mask is empty")
    return mask, box


def _extra(node: Element) -> dict[str, int | float | str]:
    """Attributes by name; z_order and group_id where they say something; the rotation of a box."""
    extra: dict[str, int | float | str] = {}
    for name in ("z_order", "group_id", "rotation"):
        word = node.attrib.get(name, "").strip()
        if is_number(word) and float(word):
            extra[name] = _value(word)
    for inner in node:
        if inner.tag == "attribute" and inner.attrib.get("name"):
            extra[inner.attrib["name"]] = _value((inner.text or "").strip())
    return extra


def _value(word: str) -> int | float | str:
    if not is_number(word):
        return word
    value = float(word)
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value


def _number(path: Path, node: Element, name: str, *, default: float | None = None) -> float:
    word = node.attrib.get(name, "").strip()
    if not word and default is not None:
        return default
    if not is_number(word) or abs(float(word)) >= FAR:
        raise xml_tree.error(path, node, f"{name} of <{node.tag}> must be a number of pixels, not {word[:40]!a}")
    value = float(word)
    return int(value) if value.is_integer() else value
