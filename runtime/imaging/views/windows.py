"""Windows on a picture: what of the boxes can be seen through them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BOUNDS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
"""Least IoU that a crop may have to have with a box: one of them is drawn for every fifty tries."""
TRIES = 50
THINNEST = 1e-3
"""Pixels of the network; boxes without that much width and height are left out."""


class Window(NamedTuple):
    """A part of a picture, in its pixels; it may reach beyond."""

    left: float
    top: float
    width: float
    height: float


def overlaps(boxes: Floats, windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU [w, n] of ``boxes`` [n, 4] with ``windows`` [w, 4], both left, top, right, bottom."""
    low = np.maximum(windows[:, None, :2], boxes[None, :, :2])
    high = np.minimum(windows[:, None, 2:], boxes[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = (windows[:, 2:] - windows[:, :2]).prod(axis=1)[:, None] + (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)[None]
    return np.asarray(shared / np.maximum(areas - shared, 1e-12))


def centres(boxes: Floats) -> Floats:
    """[n, 2]"""
    return (boxes[:, :2] + boxes[:, 2:]) / np.float32(2)


def mirrored(boxes: Floats, width: float) -> Floats:
    """``boxes`` of a picture ``width`` wide that is flipped."""
    flipped = boxes.copy()
    flipped[:, 0], flipped[:, 2] = width - boxes[:, 2], width - boxes[:, 0]
    return flipped


def thick(boxes: Floats) -> NDArray[np.bool_]:
    """Which of ``boxes`` [n, 4] have any width and height."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2] > THINNEST).all(axis=1))
