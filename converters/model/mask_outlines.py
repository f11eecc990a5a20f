"""The outline of a mask as rings along the edges of its pixels: exact, and with the box of the mask.

And that of several rings that overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from converters.model import Box, Mask, Polygon, geometry, rings

if TYPE_CHECKING:
    from numpy.typing import NDArray

Edge = tuple[int, int, int, int]
"""Row and column of a corner, and the step to the next one; the pixel lies to the right of it."""


def outline(mask: Mask) -> Polygon:
    """One ring around all parts of ``mask``, joined by bridges of no width; holes are cut out the same way.

    Empty where the mask is. Raises ValueError for damaged run lengths.
    """
    from converters.model import run_lengths

    box = run_lengths.box(mask)
    if box is None:
        return ()
    left, top, right, bottom = (int(side) for side in (box.left, box.top, box.right, box.bottom))
    loops = _loops(_edges(run_lengths.decode(mask)[top:bottom, left:right]))
    parts: list[Polygon] = [tuple(value for y, x in loop for value in (x + left, y + top)) for loop in loops]
    outer = [part for part in parts if geometry.signed_area(part) > 0]
    return rings.joined(outer, holes=[part for part in parts if geometry.signed_area(part) < 0])


def united(polygons: Sequence[Polygon], width: int, height: int) -> Polygon:
    """One ring around all that ``polygons`` cover together on an image of ``width`` x ``height``.

    Where two of them overlap, the outline goes around their pixels: joined by a bridge, what both cover would count as
    outside, since a point is inside a ring that winds around it an odd number of times.
    """
    parts = rings.outer(polygons)
    boxes = [geometry.extent([part]) for part in parts]
    if any(_meet(one, other) for one, other in combinations(boxes, 2)):
        import numpy as np

        from converters.model import run_lengths

        covers = np.zeros((height, width), np.int32)
        for part in parts:
            covers += filled(part, width, height)
        if (covers > 1).any():
            return outline(run_lengths.encode(covers))
    return rings.joined(polygons)


def _meet(one: Box, other: Box) -> bool:
    across = min(one.right, other.right) - max(one.left, other.left)
    return across > 0 and min(one.bottom, other.bottom) > max(one.top, other.top)


def filled(ring: Polygon, width: int, height: int) -> NDArray[Any]:
    """Which pixels [height, width] have their middle inside ``ring``."""
    import numpy as np

    turns = np.zeros((height, width + 1), bool)
    points = np.array(ring, float).reshape(-1, 2) - 0.5
    for (x, y), (u, v) in zip(points, np.roll(points, -1, axis=0), strict=True):
        first, last = np.ceil(sorted((y, v))).astype(int).clip(0, height)
        rows = np.arange(first, last)
        columns = np.ceil(x + (rows - y) * (u - x) / (v - y)) if len(rows) else rows
        turns[rows, columns.astype(int).clip(0, width)] ^= True
    return np.logical_xor.accumulate(turns, axis=1)[:, :width]


def _edges(pixels: NDArray[Any]) -> dict[Edge, None]:
    """The sides of all pixels that have none on the other side."""
    import numpy as np

    around = np.pad(pixels.astype(bool), 1)
    inner = around[1:-1, 1:-1]
    sides = (
        (around[:-2, 1:-1], (0, 0), (0, 1)),  # above it, from left to right
        (around[1:-1, 2:], (0, 1), (1, 0)),
        (around[2:, 1:-1], (1, 1), (0, -1)),
        (around[1:-1, :-2], (1, 0), (-1, 0)),
    )
    found: dict[Edge, None] = {}
    for other, (down, across), step in sides:
        rows, columns = np.nonzero(inner & ~other)
        places = zip((rows + down).tolist(), (columns + across).tolist(), strict=True)
        found |= dict.fromkeys((row, column, *step) for row, column in places)
    return found


def _loops(edges: dict[Edge, None]) -> list[list[tuple[int, int]]]:
    """The closed ways that ``edges`` make, each by the corners at which it turns."""
    found = []
    for first in list(edges):
        edge, way = first, []
        while edge in edges:
            del edges[edge]
            way.append(edge)
            row, column, down, across = edge
            row, column = row + down, column + across
            # Where two pixels touch by a corner only, the way turns right and stays with its own pixel.
            turns = ((across, -down), (down, across), (-across, down))
            edge = next((each for turn in turns if (each := (row, column, *turn)) in edges), first)
        before = [*way[-1:], *way[:-1]]
        loop = [each[:2] for each, last in zip(way, before, strict=True) if each[2:] != last[2:]]
        found += [loop] if loop else []
    return found
