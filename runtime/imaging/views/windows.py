"""Windows on a picture: what of the boxes can be seen through them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.imaging.transforms import Matrix, Size

Floats = NDArray[np.float32]

BOUNDS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
"""Least IoU that a crop may have to have with a box: one of them is drawn for every fifty tries."""
TRIES = 50


class Window(NamedTuple):
    """A part of a picture, in its pixels; it may reach beyond."""

    left: float
    top: float
    width: float
    height: float


def centres(boxes: Floats) -> Floats:
    """[n, 2]"""
    return (boxes[:, :2] + boxes[:, 2:]) / np.float32(2)


def mirrored(boxes: Floats, width: float) -> Floats:
    """``boxes`` of a picture ``width`` wide that is flipped."""
    flipped = boxes.copy()
    flipped[:, 0], flipped[:, 2] = width - boxes[:, 2], width - boxes[:, 0]
    return flipped


def matrix(window: Window, size: Size, *, unit: Size = (1, 1), flip: bool) -> Matrix:
    """Pixels of the picture to those of an input of ``size`` that shows ``window``, flipped or not.

    ``unit``: what the window's sides are counted in, in pixels of the picture.
    """
    across, down = size[0] / (window.width * unit[0]), size[1] / (window.height * unit[1])
    left, top = window.left * unit[0] * across, window.top * down * unit[1]
    if flip:
        return np.array([[-across, 0, left + size[0]], [0, down, -top], [0, 0, 1]])
    return np.array([[across, 0, -left], [0, down, -top], [0, 0, 1]])
