"""The shapes of a LabelMe file, as objects."""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from converters.files.numerals import FAR
from converters.model import Box, Mask, Object, Polygon, outlines

_NO_BOX = frozenset(("line", "linestrip", "point", "points"))
Size = tuple[int, int]


def objects(shapes: Sequence[Any], size: Size) -> tuple[list[Object], int]:
    """The objects that ``shapes`` draw on an image of ``size``, and how many shapes are no boxes.

    Polygons with one label and one group_id are parts of one thing, as LabelMe's own converters have it. Raises
    ValueError that says which shape is wrong, and how.
    """
    found: list[Object] = []
    groups: dict[tuple[str, Any], int] = {}
    without = 0
    for number, shape in enumerate(shapes, start=1):
        try:
            thing = _object(shape, number, size)
        except ValueError as problem:
            raise ValueError(f"shape {number}: {problem}") from None
        if thing is None:
            without += 1
            continue
        group = thing.extra.get("group_id")
        if group is None or not thing.polygons:
            found.append(thing)
        elif (thing.category, group) in groups:
            place = groups[thing.category, group]
            found[place] = _joined(found[place], thing)
        else:
            groups[thing.category, group] = len(found)
            found.append(thing)
    return found, without


def classes(shapes: Sequence[Any]) -> list[str]:
    """The class of each object of ``shapes``, wherever those are drawn. Raises ValueError."""
    found: dict[Any, str] = {}
    for number, shape in enumerate(shapes):
        name = label(shape)
        if is_box(shape):
            kind, group = shape.get("shape_type") or "polygon", _extra(shape).get("group_id")
            joined = kind in ("polygon", "circle") and group is not None
            found[(name, group) if joined else number] = name
    return list(found.values())


def label(shape: Any) -> str:
    """What ``shape`` is called. Raises ValueError."""
    if not isinstance(shape, Mapping):
        raise ValueError("it must be an object")  # noqa: TRY004 - of the file, not of the caller
    name = shape.get("label")
    if type(name) is int:
        return str(name)
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"its label must be a text, not {str(name)[:40]!a}")
    return name.strip()


def is_box(shape: Any) -> bool:
    """Whether ``shape`` is of a kind that has an area."""
    return not isinstance(shape, Mapping) or shape.get("shape_type") not in _NO_BOX


def _object(shape: Any, number: int, size: Size) -> Object | None:
    name, kind = label(shape), shape.get("shape_type") or "polygon"
    if not is_box(shape):
        return None
    points = _points(shape.get("points"))
    mask: Mask | None = None
    polygons: tuple[Polygon, ...] = ()
    if kind == "rectangle" and len(points) in (4, 8):
        box = outlines.around(points)
    elif kind == "circle" and len(points) == 4:
        radius = math.dist(points[:2], points[2:])
        polygons = (outlines.clipped(outlines.ellipse((points[0], points[1]), (radius, radius)), *size),)
        box = outlines.around(polygons[0])
    elif kind == "mask" and len(points) == 4:
        box, mask = _mask(shape.get("mask"), points, size)
    elif kind in ("polygon", "rotation") and len(points) >= 6:
        polygons, box = (points,), outlines.around(points)
    else:
        raise ValueError(f"a {str(kind)[:20]} of {len(points) // 2} points is not known")
    return Object(name, box, polygons, extra=_extra(shape), mask=mask, origin=f"shape {number}")


def _joined(one: Object, other: Object) -> Object:
    a, b = one.box, other.box
    box = Box(min(a.left, b.left), min(a.top, b.top), max(a.right, b.right), max(a.bottom, b.bottom))
    return structs.replace(one, box=box, polygons=one.polygons + other.polygons)


def _points(points: Any) -> Polygon:
    """x1, y1, x2, y2, ... of [[x1, y1], [x2, y2], ...]"""
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise ValueError("its points must be a list of [x, y]")
    flat = tuple(value for point in points for value in point)
    if not all(type(value) in (int, float) and abs(value) < FAR for value in flat):
        raise ValueError("its points must be pixels")
    return flat


def _mask(text: Any, points: Polygon, size: Size) -> tuple[Box, Mask]:
    """The mask in a PNG, whose first pixel lies at the first point."""
    import numpy as np
    from PIL import Image

    from converters.model import run_lengths

    left, top = round(min(points[::2])), round(min(points[1::2]))
    try:
        with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"]) as image:
            width, height = image.size
            if min(left, top) < 0 or left + width > size[0] or top + height > size[1]:
                raise ValueError("its mask does not lie on the image")
            inner = np.asarray(image.convert("L"))
    except (TypeError, binascii.Error, OSError, SyntaxError, Image.DecompressionBombError):
        raise ValueError("its mask is not a PNG in base64") from None
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[top : top + height, left : left + width] = inner != 0
    mask = run_lengths.encode(pixels)
    box = run_lengths.box(mask)
    if box is None:
        raise ValueError("its mask is empty")
    return box, mask


def _extra(shape: Mapping[str, Any]) -> dict[str, int | float | str]:
    """The group, the flags that are set, and the attributes that some tools add."""
    extra: dict[str, int | float | str] = {}
    if type(shape.get("group_id")) in (int, str):
        extra["group_id"] = shape["group_id"]
    flags, attributes = shape.get("flags"), shape.get("attributes")
    if isinstance(flags, Mapping):
        extra |= {name: 1 for name, value in flags.items() if value is True}
    if isinstance(attributes, Mapping):
        extra |= {name: value for name, value in attributes.items() if type(value) in (int, float, str)}
    if shape.get("difficult") is True:
        extra["difficult"] = 1
    return extra
