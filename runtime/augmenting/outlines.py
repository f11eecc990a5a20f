"""Outlines and masks of COCO where a placement puts them, cut off at the border of the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.model import Object, run_lengths
from runtime.imaging import outlines
from runtime.imaging.placement import Placement

Corners = tuple[float, float, float, float]

_DECIMALS = 3


@dataclass(frozen=True)
class Shape:
    """``segmentation`` as COCO has it; ``area`` in pixels; ``box`` around it, None where nothing is left of it."""

    segmentation: Any
    area: float
    box: Corners | None


def moved(thing: Object, placement: Placement) -> Shape | None:
    """The outline of ``thing`` where ``placement`` puts it; None when it has none."""
    if thing.polygons:
        return _polygons(thing, placement)
    if thing.mask is not None:
        return _mask(thing, placement)
    return None


def _polygons(thing: Object, placement: Placement) -> Shape:
    kept = placement.polygons([np.array(ring, np.float64).reshape(-1, 2) for ring in thing.polygons])
    if not kept:
        return Shape([], 0.0, None)
    points = np.concatenate(kept)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    segmentation = [[round(number, _DECIMALS) for number in ring.ravel().tolist()] for ring in kept]
    return Shape(segmentation, sum(map(outlines.area, kept)), (left, top, right, bottom))


def _mask(thing: Object, placement: Placement) -> Shape:
    assert thing.mask is not None
    pixels = run_lengths.decode(thing.mask)
    carried = placement.mask(pixels)
    mask = run_lengths.encode(carried)
    box = run_lengths.box(mask)
    counts = {"size": [mask.height, mask.width], "counts": mask.counts.decode("ascii")}
    return Shape(counts, float(carried.sum()), (box.left, box.top, box.right, box.bottom) if box else None)
