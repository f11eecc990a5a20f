"""Detection: boxes with a class and a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from runtime.data.fields import BOXES
from runtime.data.recipe import Recipe
from runtime.tasks import ImageInfo, Metrics, Prediction, ResultsWriter, Target

FIELDS = BOXES


def metrics(classes: Sequence[str], recipe: Recipe) -> Metrics:
    """NVIDIA's average precision and COCO's twelve figures."""
    from runtime.tasks.detection.evaluation.scoring import DetectionMetrics

    return DetectionMetrics(classes, recipe.evaluation, strict=recipe.strict)


def restore(prediction: Prediction, image: ImageInfo) -> Prediction:
    """Boxes float64 in pixels of the stored image, not clipped."""
    across, down, right, lower = image.to_stored
    boxes = prediction["boxes"].astype(np.float64) * (across, down, across, down) + (right, lower, right, lower)
    return {**prediction, "boxes": boxes}


def draw(
    image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
) -> Image.Image:
    """A frame around each object, and a chip with its name and, of a prediction, its score."""
    from runtime.tasks.detection import drawing

    return drawing.draw(image, items, classes, target=target)


def writers() -> Mapping[str, ResultsWriter]:
    """KITTI lines with a score, and COCO's results format."""
    from runtime.tasks.detection import results

    return {"labels": results.KittiWriter(), "coco": results.CocoWriter()}
