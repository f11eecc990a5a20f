"""Shapes that annotation tools draw, as boxes and polygons: turned rectangles, ellipses, points of a polygon."""

from __future__ import annotations

import math
from collections.abc import Sequence

from converters.model import Box, Polygon

_CORNERS = 64  # of a polygon that stands for an ellipse: within a thousandth of its area


def around(ring: Sequence[float]) -> Box:
    """The box around the points x1, y1, x2, y2, ..."""
    return Box(min(ring[::2]), min(ring[1::2]), max(ring[::2]), max(ring[1::2]))


def rectangle(box: Box, degrees: float = 0) -> Polygon:
    """The corners of ``box``, turned clockwise around its middle."""
    corners = ((box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom))
    middle = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return _turned([(x - middle[0], y - middle[1]) for x, y in corners], middle, degrees)


def ellipse(middle: tuple[float, float], radii: tuple[float, float], degrees: float = 0) -> Polygon:
    """A polygon in place of an ellipse; ``radii`` across and down before it is turned clockwise."""
    angles = [2 * math.pi * number / _CORNERS for number in range(_CORNERS)]
    return _turned([(radii[0] * math.cos(a), radii[1] * math.sin(a)) for a in angles], middle, degrees)


def _turned(points: Sequence[tuple[float, float]], middle: tuple[float, float], degrees: float) -> Polygon:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned = ((middle[0] + x * cosine - y * sine, middle[1] + x * sine + y * cosine) for x, y in points)
    return tuple(round(value, 4) for point in turned for value in point)


def clipped(ring: Polygon, width: int, height: int) -> Polygon:
    """``ring`` with its points moved onto the image: a drawn circle may reach beyond it."""
    return tuple(min(max(value, 0), height if place % 2 else width) for place, value in enumerate(ring))
