"""Outlines and masks where a matrix carries them, cut off at the border of the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.model import Object, run_lengths
from runtime.imaging import transforms
from runtime.imaging.transforms import Matrix, Points, Size

Corners = tuple[float, float, float, float]

_DECIMALS = 3


@dataclass(frozen=True)
class Shape:
    """``segmentation`` as COCO has it; ``area`` in pixels; ``box`` around it, None where nothing is left of it."""

    segmentation: Any
    area: float
    box: Corners | None


def moved(thing: Object, matrix: Matrix, size: Size) -> Shape | None:
    """The outline of ``thing`` on a canvas of ``size``; None when it has none."""
    if thing.polygons:
        return _polygons(thing, matrix, size)
    if thing.mask is not None:
        return _mask(thing, matrix, size)
    return None


def clip(ring: Points, size: Size) -> Points:
    """The part of a polygon [N, 2] on the canvas, as one polygon; empty where there is none.

    Sutherland and Hodgman, Reentrant polygon clipping (1974): an outline that leaves the canvas and comes back is
    joined along the border.
    """
    for axis, limit, sign in ((0, 0.0, 1), (0, float(size[0]), -1), (1, 0.0, 1), (1, float(size[1]), -1)):
        if not len(ring):
            return ring
        distance = sign * (ring[:, axis] - limit)
        if (distance >= 0).all():
            continue
        following, beyond = np.roll(ring, -1, axis=0), np.roll(distance, -1)
        corners = []
        for here, there, inside, then in zip(ring, following, distance, beyond, strict=True):
            if inside >= 0:
                corners.append(here)
            if (inside >= 0) != (then >= 0):
                corners.append(here + (there - here) * (inside / (inside - then)))
        ring = np.array(corners).reshape(-1, 2)
    return ring


def _polygons(thing: Object, matrix: Matrix, size: Size) -> Shape:
    rings = [
        clip(transforms.move_points(np.array(ring, np.float64).reshape(-1, 2), matrix), size) for ring in thing.polygons
    ]
    kept = [ring for ring in rings if len(ring) >= 3]
    if not kept:
        return Shape([], 0.0, None)
    points = np.concatenate(kept)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    segmentation = [[round(number, _DECIMALS) for number in ring.ravel().tolist()] for ring in kept]
    return Shape(segmentation, sum(map(_area, kept)), (left, top, right, bottom))


def _mask(thing: Object, matrix: Matrix, size: Size) -> Shape:
    assert thing.mask is not None
    pixels = run_lengths.decode(thing.mask)
    carried = transforms.warp(pixels, matrix, size, nearest=True)
    mask = run_lengths.encode(carried)
    box = run_lengths.box(mask)
    counts = {"size": [mask.height, mask.width], "counts": mask.counts.decode("ascii")}
    return Shape(counts, float(carried.sum()), (box.left, box.top, box.right, box.bottom) if box else None)


def _area(ring: Points) -> float:
    """Gauss's: half the sum of cross products."""
    x, y = ring[:, 0], ring[:, 1]
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
