"""The outline of a mask as rings along the edges of its pixels: exact, and with the box of the mask."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from converters.model import Mask, Polygon, geometry, rings, run_lengths

Edge = tuple[int, int, int, int]
"""Row and column of a corner, and the step to the next one; the pixel lies to the right of it."""


def outline(mask: Mask) -> Polygon:
    """One ring around all parts of ``mask``, joined by bridges of no width; holes are cut out the same way.

    Empty where the mask is. Raises ValueError for damaged run lengths.
    """
    box = run_lengths.box(mask)
    if box is None:
        return ()
    left, top, right, bottom = (int(side) for side in (box.left, box.top, box.right, box.bottom))
    loops = _loops(_edges(run_lengths.decode(mask)[top:bottom, left:right]))
    parts: list[Polygon] = [tuple(value for y, x in loop for value in (x + left, y + top)) for loop in loops]
    outer = [part for part in parts if geometry.signed_area(part) > 0]
    return rings.joined(outer, holes=[part for part in parts if geometry.signed_area(part) < 0])


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
