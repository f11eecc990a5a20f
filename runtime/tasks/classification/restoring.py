"""Predictions in pixels of the image as it is stored."""

from __future__ import annotations

import numpy as np

from runtime.tasks import ImageInfo, Prediction, detection


def restore(prediction: Prediction, image: ImageInfo) -> Prediction:
    """The box float64 in pixels of the stored image, not clipped; one of zeros, which is none, stays so."""
    if "box" not in prediction or not prediction["box"].any():
        return prediction
    (box,) = detection.restore({"boxes": prediction["box"][None]}, image)["boxes"]
    return {**prediction, "box": np.asarray(box)}
