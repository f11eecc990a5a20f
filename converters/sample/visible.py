"""What can be seen of a garment in an arranged scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from converters.sample.scene import Scene
from converters.sample.shape import Points


def box(scene: Scene, place: int) -> list[int]:
    """The least box around the pixels that show ``scene.garments[place]``: left, top, right, bottom."""
    rows, columns = np.nonzero(scene.owners == place + 1)
    return [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]


def visibility(scene: Scene, place: int, marks: Points) -> NDArray[np.int64]:
    """For whole pixels ``marks`` (n, 2), shape (n,): 2 where the garment's own cloth shows within two pixels, 1 where
    another garment covers it, 0 outside the picture."""
    width, height = scene.size
    inside = (marks >= 0).all(axis=1) & (marks[:, 0] < width) & (marks[:, 1] < height)
    own = np.pad(scene.owners == place + 1, 2)
    seen = np.zeros(len(marks), dtype=np.int64)
    for i in np.flatnonzero(inside):
        x, y = int(marks[i, 0]), int(marks[i, 1])
        seen[i] = 2 if own[y : y + 5, x : x + 5].any() else 1
    return seen


def rate(value: float, low: float, high: float) -> int:
    """1 below ``low``, 2 up to ``high``, 3 above."""
    return 1 if value < low else 2 if value <= high else 3
