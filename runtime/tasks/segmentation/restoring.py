"""Predictions in pixels of the image as it is stored."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.tasks import ImageInfo, Prediction


def restore(prediction: Prediction, image: ImageInfo) -> Prediction:
    """ "map" uint8 [h, w] at the size of the stored image: each of its pixels has the value of the nearest one on the
    input that shows the image; what lies beside it there has no say."""
    height, width = image.input_size
    across, down, left, top = image.to_stored
    columns = _nearest(image.size[0], width, across, left)
    rows = _nearest(image.size[1], height, down, top)
    return {**prediction, "map": prediction["map"].take(rows, axis=0).take(columns, axis=1)}


def _nearest(stored: int, length: int, scale: float, offset: float) -> NDArray[np.intp]:
    """The pixel of ``length`` on the input for each of ``stored`` pixels; ``x * scale + offset`` leads back."""
    places = np.floor((np.arange(stored) + 0.5 - offset) / scale)
    first, last = (ceil((edge - offset) / scale - 0.5) for edge in (0, stored))
    return _within(places, max(first, 0), min(last, length) - 1)


def _within(places: NDArray[Any], first: int, last: int) -> NDArray[np.intp]:
    """``places`` as indices from ``first`` to ``last``."""
    return places.clip(first, max(first, last)).astype(np.intp)
