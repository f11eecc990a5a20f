"""Predictions in pixels of the image as it is stored."""

from __future__ import annotations

import numpy as np

from runtime.imaging.placement import Placement
from runtime.tasks import ImageInfo, Prediction, detection


def restore(prediction: Prediction, image: ImageInfo) -> Prediction:
    """Boxes float64 in pixels of the stored image, not clipped, as are "masks". "image_size" int32 [n, 2] is added:
    width and height of the image that they are on. Grids are not pasted: they stay as they are."""
    restored = {**detection.restore(prediction, image)}
    if "masks" in prediction:
        restored["masks"] = _moved(prediction["masks"], image)
    restored["image_size"] = np.tile(np.array(image.size, np.int32), (len(prediction["labels"]), 1))
    return restored


def _moved(masks: np.ndarray, image: ImageInfo) -> np.ndarray:
    height, width = image.input_size
    placement = image.placement or Placement.resize(image.size, (width, height))
    moved = np.zeros((len(masks), image.size[1], image.size[0]), np.uint8)
    for number, mask in enumerate(masks):
        moved[number] = placement.back().mask(mask)
    return moved
