"""Heat maps without torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def peaks(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of ``maps`` [C, h, w] the peaks [C, 3]: x, y in cells, and how high they are.

    A quarter of a cell towards the higher neighbour, unless the peak is at the rim; (0, 0) where nothing is above 0.
    """
    height, width = maps.shape[1:]
    flat = maps.reshape(len(maps), -1)
    places, lines = flat.argmax(axis=1), np.arange(len(maps))
    cells = np.stack([places % width, places // width], axis=1)
    inner = np.all((cells > 1) & (cells < (width - 1, height - 1)), axis=1, keepdims=True)

    right, left, below, above = (
        flat[lines, (places + step).clip(0, flat.shape[1] - 1)] for step in (1, -1, width, -width)
    )
    highest: NDArray[np.float32] = flat[lines, places]
    slopes = np.stack([right - left, below - above], axis=1)
    exact = (cells + 0.25 * np.sign(slopes) * inner) * (highest[:, None] > 0)
    return np.column_stack([exact, highest]).astype(np.float32)
