"""Outlines: rings of points [N, 2] in pixels, cut off at a border, and filled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runtime.imaging.transforms import Points, Size


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


def area(ring: Points) -> float:
    """Gauss's: half the sum of cross products."""
    x, y = ring[:, 0], ring[:, 1]
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def filled(rings: Sequence[Points], size: Size) -> NDArray[np.uint8]:
    """The mask [height, width] of ``rings`` together, 1 inside, by COCO's rule: as pycocotools has it, bit for bit."""
    from faster_coco_eval.core import mask

    if not rings:
        return np.zeros((size[1], size[0]), np.uint8)
    return np.asarray(mask.decode({"size": size[::-1], "counts": runs(rings, size)}), np.uint8)


def runs(rings: Sequence[Points], size: Size) -> bytes:
    """The same, of one ring or more, as COCO's compressed run lengths (``converters.model.Mask.counts``)."""
    from faster_coco_eval.core import mask

    parts = mask.frPyObjects([ring.ravel().tolist() for ring in rings], size[1], size[0])
    united: bytes = mask.merge(parts)["counts"]
    return united
