"""Several rings as one: formats with a single polygon for each object join its parts by bridges of no width.

A bridge runs from a corner of one ring to the nearest corner of another and back the same way, so that neither the box
nor the area of the whole changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from converters.model import Box, Polygon, geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 1 << 22
"""Distances that are looked at together."""

_MANY = 256
"""From so many rings on, as in the mask of noise, each is joined to the next one and not to the nearest."""

_CORNERS = 512
"""Of a ring, at most, that a bridge may end at: of longer ones every second, third ... is looked at."""


def joined(rings: Sequence[Polygon], *, holes: Sequence[Polygon] | None = None) -> Polygon:
    """One ring that covers what ``rings`` cover together; those that lie inside another add nothing and are left out.

    ``rings`` have three different points at least. Parts that overlap stay as they are, each counted in the area. With
    ``holes``, which are cut out, ``rings`` do not overlap, and one inside another lies in a hole of it.
    """
    if len(rings) == 1 and not holes:
        return rings[0]
    import numpy as np

    parts = [_turned(np.array(ring, float).reshape(-1, 2)) for ring in (outer(rings) if holes is None else rings)]
    parts += [_turned(np.array(hole, float).reshape(-1, 2))[::-1] for hole in holes or ()]
    corners, owner = np.concatenate(parts), np.repeat(np.arange(len(parts)), list(map(len, parts)))
    walk = _walk(owner.tolist(), _bridges(corners, owner))
    return tuple(corners[walk].reshape(-1).tolist())


def outer(rings: Sequence[Polygon]) -> list[Polygon]:
    """``rings``, the largest first, without those inside a larger one."""
    found: list[tuple[Polygon, Box]] = []
    for ring in sorted(rings, key=geometry.area, reverse=True):
        box = geometry.extent([ring])
        if not any(_inside(ring, box, *other) for other in found):
            found.append((ring, box))
    return [ring for ring, _ in found]


def _inside(ring: Polygon, box: Box, other: Polygon, around: Box) -> bool:
    """Whether every corner of ``ring`` is inside ``other`` or on its edge; both with the boxes around them."""
    if box.left < around.left or box.top < around.top or box.right > around.right or box.bottom > around.bottom:
        return False
    return all(geometry.contains(other, x, y) for x, y in zip(ring[::2], ring[1::2], strict=True))


def _turned(points: NDArray[Any]) -> NDArray[Any]:
    """``points`` without a last one that repeats the first, all rings the same way round."""
    import numpy as np

    if len(points) > 3 and (points[0] == points[-1]).all():
        points = points[:-1]
    x, y = points.T
    return points if x @ np.roll(y, -1) >= y @ np.roll(x, -1) else points[::-1]


def _bridges(corners: NDArray[Any], owner: NDArray[Any]) -> dict[int, list[int]]:
    """From which corners bridges lead to which: the shortest that join all rings to the first, unless they are many."""
    import numpy as np

    if owner[-1] >= _MANY:
        firsts = np.flatnonzero(np.diff(owner, prepend=-1))
        firsts = firsts[np.lexsort(corners[firsts].T)].tolist()
        firsts = firsts[firsts.index(0) :] + firsts[: firsts.index(0)]
        return {start: [end] for start, end in pairwise(firsts)}
    nearest, origin = np.full(len(corners), np.inf), np.zeros(len(corners), int)
    sizes = np.bincount(owner)
    place = np.arange(len(corners)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    eligible = place % (-(-sizes // _CORNERS))[owner] == 0
    waiting = eligible.copy()
    found: dict[int, list[int]] = {}
    end = 0
    while True:
        ring = np.flatnonzero(eligible & (owner == owner[end]))
        waiting[ring] = False
        rest = np.flatnonzero(waiting)
        if not len(rest):
            return found
        for some in np.array_split(ring, -(-len(ring) * len(rest) // _BLOCK)):
            squares = ((corners[rest, None] - corners[some]) ** 2).sum(axis=2)
            closest = squares.argmin(axis=1)
            distances = squares[np.arange(len(rest)), closest]
            better = distances < nearest[rest]
            nearest[rest[better]], origin[rest[better]] = distances[better], some[closest[better]]
        end = int(rest[nearest[rest].argmin()])
        found.setdefault(int(origin[end]), []).append(end)


def _walk(owner: Sequence[int], bridges: dict[int, list[int]]) -> list[int]:
    """The corners on the way around the first ring, over each bridge, around the ring there, and back."""
    found: list[int] = []
    ways: list[tuple[Iterator[int], tuple[int, ...]]] = [(_around(owner, 0), ())]
    while ways:
        way, back = ways[-1]
        corner = next(way, None)
        if corner is None:
            found += back
            ways.pop()
            continue
        found.append(corner)
        ways += [(_around(owner, end), (end, corner)) for end in reversed(bridges.get(corner, ()))]
    return found


def _around(owner: Sequence[int], first: int) -> Iterator[int]:
    """The corners of a ring from ``first`` on."""
    start = stop = first
    while start > 0 and owner[start - 1] == owner[first]:
        start -= 1
    while stop < len(owner) and owner[stop] == owner[first]:
        stop += 1
    yield from range(first, stop)
    yield from range(start, first)
