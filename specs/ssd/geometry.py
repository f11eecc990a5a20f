"""Anchors: the boxes an SSD starts from, the same for every image of one size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from specs.ssd.anchors import MAPS

Pair = tuple[float, float]


def maps(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Columns and rows of the feature maps for an input of ``size`` (width, height), as most backbones have them: the
    first an eighth of the input in size, each further one half of the one before, rounded up."""
    width, height = size
    sizes = []
    for halvings in range(1, MAPS + 3):
        width, height = (width + 1) // 2, (height + 1) // 2
        if halvings >= 3:
            sizes.append((width, height))
    return sizes


def sizes(
    ratios: Sequence[float], *, scale: float, next_scale: float, side: int, two_boxes_for_ar1: bool
) -> list[Pair]:
    """Widths and heights in pixels of the anchors of one cell, in the order of ``ratios`` (width over height).

    ``side`` is the shorter side of the input, so ratio 1 is square in pixels whatever the input's shape. With
    ``two_boxes_for_ar1`` a second, larger square follows the first.
    """
    shapes: list[Pair] = []
    for ratio in ratios:
        shapes.append((scale * side * math.sqrt(ratio), scale * side / math.sqrt(ratio)))
        if ratio == 1 and two_boxes_for_ar1:
            shapes.append((math.sqrt(scale * next_scale) * side,) * 2)
    return shapes


def per_cell(ratios: Sequence[float], *, two_boxes_for_ar1: bool) -> int:
    """How many anchors a cell has."""
    return len(ratios) + (list(ratios).count(1) if two_boxes_for_ar1 else 0)


def anchors(
    maps: Sequence[tuple[int, int]],
    *,
    input_size: tuple[int, int],
    scales: Sequence[float],
    aspect_ratios: Sequence[Sequence[float]],
    two_boxes_for_ar1: bool,
    clip_boxes: bool = False,
    steps: Sequence[Pair] | None = None,
    offsets: Sequence[Pair] | None = None,
) -> NDArray[np.float64]:
    """All anchors as left, top, right, bottom in shares of the input's width and height: float64 [A, 4].

    ``maps`` are the feature maps' (rows, columns); order is map, row, column, box. ``scales`` has one entry more than
    ``maps``; ``steps`` and ``offsets`` are (vertical, horizontal) pairs. ``clip_boxes`` moves what lies outside to
    0 or, one pixel short of the border as NVIDIA does it, to width - 1 or height - 1.
    """
    height, width = input_size
    boxes = []
    for i, ((rows, columns), (scale, next_scale)) in enumerate(zip(maps, pairwise(scales), strict=True)):
        step_y, step_x = steps[i] if steps else (height / rows, width / columns)
        offset_y, offset_x = offsets[i] if offsets else (0.5, 0.5)
        shapes = sizes(
            aspect_ratios[i],
            scale=scale,
            next_scale=next_scale,
            side=min(height, width),
            two_boxes_for_ar1=two_boxes_for_ar1,
        )
        y, x = np.meshgrid(
            (offset_y + np.arange(rows)) * step_y, (offset_x + np.arange(columns)) * step_x, indexing="ij"
        )
        centres = np.stack([x, y], axis=-1)[:, :, None, :]
        halves = np.asarray(shapes, dtype=np.float64) / 2
        boxes.append(np.concatenate([centres - halves, centres + halves], axis=-1).reshape(-1, 4))
    corners = np.concatenate(boxes)
    if clip_boxes:
        for axis, side in ((0, width), (1, height)):
            corners[:, axis::2] = np.where(corners[:, axis::2] >= side, side - 1, np.maximum(corners[:, axis::2], 0))
    return corners / np.array([width, height, width, height], dtype=np.float64)
