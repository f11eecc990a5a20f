"""Pure functions on boxes and polygons, in pixels."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from converters.model import Box, Keypoints, Object, Polygon, flat


def overhang(box: Box, width: float, height: float) -> float:
    """How far ``box`` reaches beyond an image of ``width`` x ``height``, at its worst side; 0 when it lies inside."""
    return max(0, -box.left, -box.top, box.right - width, box.bottom - height)


def clip(box: Box, width: float, height: float) -> Box:
    """The part of ``box`` inside an image of ``width`` x ``height``; of no area when it lies wholly outside."""
    return Box(
        min(max(box.left, 0), width),
        min(max(box.top, 0), height),
        min(max(box.right, 0), width),
        min(max(box.bottom, 0), height),
    )


def corners(ring: Polygon) -> int:
    """How many different points ``ring`` has; fewer than three enclose nothing."""
    return len(set(zip(ring[::2], ring[1::2], strict=True)))


def encloses(ring: Polygon) -> bool:
    """Whether ``ring`` has three different points at least."""
    if len(ring) >= 6:
        x, y, u, v, p, q = ring[:6]
        if (x != u or y != v) and (u != p or v != q) and (x != p or y != q):
            return True  # nearly always: the first three differ
    return corners(ring) >= 3


def scaled_box(box: Box, across: float, down: float) -> Box:
    """``box`` on the same image ``across`` times as wide and ``down`` times as high."""
    return Box(box.left * across, box.top * down, box.right * across, box.bottom * down)


def scaled(thing: Object, across: float, down: float) -> Object:
    """``thing`` as ``scaled_box`` has its box; a mask does not fit any more and goes."""
    numbers = flat(thing.keypoints)
    triplets = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    return structs.replace(
        thing,
        box=scaled_box(thing.box, across, down),
        polygons=tuple(
            tuple(value * (down if place % 2 else across) for place, value in enumerate(ring))
            for ring in thing.polygons
        ),
        keypoints=Keypoints([value for x, y, v in triplets for value in (x * across, y * down, v)]) if numbers else (),
        mask=None,
    )


def extent(rings: Sequence[Polygon]) -> Box:
    """The smallest box around ``rings``, of which there is one at least."""
    across, down = [x for ring in rings for x in ring[::2]], [y for ring in rings for y in ring[1::2]]
    return Box(min(across), min(down), max(across), max(down))


def area(ring: Polygon) -> float:
    """The area inside ``ring``."""
    return abs(signed_area(ring))


def signed_area(ring: Polygon) -> float:
    """The area inside ``ring``, negative where it runs against the clock, by the shoelace formula."""
    points = list(zip(ring[::2], ring[1::2], strict=True))
    turned = [*points[1:], points[0]]
    return sum(x * v - u * y for (x, y), (u, v) in zip(points, turned, strict=True)) / 2


def contains(ring: Polygon, x: float, y: float) -> bool:
    """Whether the point lies inside ``ring`` or on its edge."""
    inside = False
    points = list(zip(ring[::2], ring[1::2], strict=True))
    for (left, top), (right, bottom) in zip(points, [*points[1:], points[0]], strict=True):
        side = (right - left) * (y - top) - (bottom - top) * (x - left)
        if side == 0 and min(left, right) <= x <= max(left, right) and min(top, bottom) <= y <= max(top, bottom):
            return True
        if (top > y) != (bottom > y) and (side > 0) == (bottom > top):
            inside = not inside
    return inside
