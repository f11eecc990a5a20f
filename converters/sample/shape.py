"""What a drawn garment is made of, and the few curves it is cut with.

Garments are cut in a body frame that all of an outfit share: the neck's base at (0, 0), x to the viewer's right,
y down, shoulders near (±0.42, 0.11), waist at y = 0.92, crotch at 1.5, ankles at 3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
"""Shape (n, 2): x, y."""

MIRROR = np.array([-1.0, 1.0])


@dataclass(frozen=True)
class Part:
    """A piece of cloth: its closed outline, what it is made of, and how it lies.

    ``cloth`` is "fabric", "inside" (the fabric's dull back), "rib", "trim" or "lining". ``grain`` turns the pattern
    (radians), ``tone`` brightens, ``lift`` is how dark a shadow it throws on the cloth below (0 for a flush seam),
    ``full`` says that it rounds like something filled rather than lies flat.
    """

    outline: Points
    cloth: str = "fabric"
    grain: float = 0.0
    tone: float = 1.0
    lift: float = 0.0
    full: bool = False


@dataclass(frozen=True)
class Line:
    """A seam, hem or edge. ``tone`` below 0 darkens, above 0 lightens; ``dash`` is a stitch's length, 0 for solid."""

    points: Points
    width: float = 0.008
    tone: float = -0.5
    dash: float = 0.0


@dataclass(frozen=True)
class Fold:
    """A crease that begins and ends thin: ``depth`` above 0 is a ridge, below 0 a furrow (about -1 to 1)."""

    points: Points
    width: float
    depth: float


@dataclass(frozen=True)
class Figure:
    """A garment as cut: ``behind`` is what a wearer's neck or an inner garment would hide, ``front`` the rest.

    ``landmarks`` has shape (n, 2) in the order of the garment's category; all widths share the points' unit.
    """

    category: int
    landmarks: Points
    behind: tuple[Part, ...]
    front: tuple[Part, ...]
    lines: tuple[Line, ...] = ()
    folds: tuple[Fold, ...] = ()
    buttons: tuple[tuple[float, float], ...] = ()
    button_radius: float = 0.016

    def moved(self, place: Callable[[Points], Points], scale: float) -> Figure:
        """The same garment with every point sent through ``place`` and every width multiplied by ``scale``."""
        return Figure(
            category=self.category,
            landmarks=place(self.landmarks),
            behind=tuple(replace(part, outline=place(part.outline)) for part in self.behind),
            front=tuple(replace(part, outline=place(part.outline)) for part in self.front),
            lines=tuple(
                replace(line, points=place(line.points), width=line.width * scale, dash=line.dash * scale)
                for line in self.lines
            ),
            folds=tuple(replace(fold, points=place(fold.points), width=fold.width * scale) for fold in self.folds),
            buttons=tuple((float(x), float(y)) for x, y in place(points(self.buttons))) if self.buttons else (),
            button_radius=self.button_radius * scale,
        )

    def outlines(self) -> list[Points]:
        return [part.outline for part in (*self.behind, *self.front)]


def points(values: ArrayLike) -> Points:
    return np.asarray(values, dtype=np.float64).reshape(-1, 2)


def join(*pieces: ArrayLike) -> Points:
    """One run of points out of several."""
    return np.concatenate([points(piece) for piece in pieces])


def mirrored(run: Points) -> Points:
    """The other side's run, in reverse so that an outline goes on around."""
    other: Points = points(run)[::-1] * MIRROR
    return other


def spline(run: ArrayLike, corners: Collection[int] = (), *, closed: bool = False, steps: int = 7) -> Points:
    """A smooth curve through every point of ``run``; the places in ``corners`` (and an open curve's ends) stay sharp.

    Cubic Hermite pieces whose tangents point along the neighbours' chord, scaled to each piece's own length.
    Returns ``steps`` points a piece (and the last point of an open curve).
    """
    knots = points(run)
    count = len(knots)
    before, after = knots[np.arange(-1, count - 1)], knots[np.arange(1, count + 1) % count]
    tangent = after - before
    tangent /= np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-9)[:, None]
    sharp = np.zeros(count, dtype=bool)
    sharp[list(corners)] = True
    if not closed:
        sharp[[0, -1]] = True
    chord = after - knots
    length = np.hypot(chord[:, 0], chord[:, 1])[:, None]
    start = np.where(sharp[:, None], chord, tangent * length)
    following = np.arange(1, count + 1) % count
    end = np.where(sharp[following, None], chord, tangent[following] * length)
    t = np.linspace(0, 1, steps, endpoint=False)
    basis = np.stack([2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, -2 * t**3 + 3 * t**2, t**3 - t**2], axis=1)
    curve = np.einsum("sb,bkx->ksx", basis, np.stack([knots, start, after, end]))
    if closed:
        return points(curve)
    return join(curve[:-1], knots[-1])


def along(run: Points, fractions: ArrayLike) -> Points:
    """Points at these fractions (0 to 1) of the run's length."""
    steps = np.hypot(*np.diff(run, axis=0).T)
    reach = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.asarray(fractions) * reach[-1]
    return np.stack([np.interp(wanted, reach, run[:, 0]), np.interp(wanted, reach, run[:, 1])], axis=1)


def clipped(ring: Points, size: tuple[int, int]) -> Points:
    """The part of a closed outline inside a picture of this (width, height), closed along its borders.

    Sutherland and Hodgman's way, a border at a time; an outline wholly outside leaves nothing.
    """
    for axis, bound, sign in ((0, 0, 1), (0, size[0], -1), (1, 0, 1), (1, size[1], -1)):
        kept: list[Points] = []
        for one, other in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            depth, next_depth = sign * (one[axis] - bound), sign * (other[axis] - bound)
            if depth >= 0:
                kept.append(one)
            if (depth < 0) != (next_depth < 0):
                kept.append(one + (other - one) * depth / (depth - next_depth))
        ring = points(kept)
    return ring


def normals(run: Points) -> Points:
    """Unit vectors square to the run, to its right as seen walking along it with y down; of a single point, 0."""
    if len(run) < 2:  # so little of a small garment's seam is left
        return np.zeros_like(run)
    direction = np.gradient(run, axis=0)
    direction /= np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-9)[:, None]
    return np.stack([-direction[:, 1], direction[:, 0]], axis=1)


def band(run: Points, width: ArrayLike) -> Points:
    """The outline of a strip of this full width (one number, or one a point) centred on the run."""
    half = normals(run) * np.broadcast_to(np.asarray(width, dtype=np.float64) / 2, len(run))[:, None]
    return join(run + half, (run - half)[::-1])


def beside(run: Points, offset: float) -> Points:
    """The run moved sideways, to its right for an offset above 0."""
    moved: Points = run + normals(run) * offset
    return moved


def circle(centre: Sequence[float], radius: float, count: int = 16) -> Points:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return points(np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)], axis=1))
