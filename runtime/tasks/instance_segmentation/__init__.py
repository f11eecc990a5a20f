"""Instance segmentation: boxes with a class and a score, and a mask for each.

A prediction has, beside what a detection has, "mask_grids" float32 [n, S, S]: the probability that a point of the box
belongs to the object, as a grid over the box, from 0 to 1. A network that predicts whole masks has "masks" uint8
[n, H, W] in place of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from runtime.data.fields import BOXES, Fields
from runtime.data.masks import Outlines, Segmentations
from runtime.data.recipe import Recipe
from runtime.tasks import ImageInfo, Metrics, Prediction, ResultsWriter, Target, detection

FIELDS: Fields = {**BOXES, "masks": Outlines(), "segmentations": Segmentations()}


def metrics(classes: Sequence[str], recipe: Recipe) -> Metrics:
    """COCO's figures of masks, and all that is measured of boxes."""
    from runtime.tasks.instance_segmentation.measuring import SegmentationMetrics

    return SegmentationMetrics(classes, recipe)


def restore(prediction: Prediction, image: ImageInfo) -> Prediction:
    """Boxes float64 in pixels of the stored image, not clipped, as are "masks". "image_size" int32 [n, 2] is added:
    width and height of the image that they are on. Grids are not pasted: they stay as they are."""
    restored = {**detection.restore(prediction, image)}
    if "masks" in prediction:
        restored["masks"] = _moved(prediction["masks"], image)
    restored["image_size"] = np.tile(np.array(image.size, np.int32), (len(prediction["labels"]), 1))
    return restored


def _moved(masks: np.ndarray, image: ImageInfo) -> np.ndarray:
    from runtime.imaging.placement import Placement

    height, width = image.input_size
    placement = image.placement or Placement.resize(image.size, (width, height))
    moved = np.zeros((len(masks), image.size[1], image.size[0]), np.uint8)
    for number, mask in enumerate(masks):
        moved[number] = placement.back().mask(mask)
    return moved


def draw(
    image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
) -> Image.Image:
    """A translucent mask with its outline, a frame around it, and a chip with its name and score."""
    from runtime.tasks.instance_segmentation import drawing

    return drawing.draw(image, items, classes, target=target)


def writers() -> Mapping[str, ResultsWriter]:
    """KITTI lines with a score and a PNG for each mask, and COCO's results format with run lengths."""
    from runtime.tasks.instance_segmentation import results

    return {"labels": results.MaskWriter(), "coco": results.SegmentationWriter()}
