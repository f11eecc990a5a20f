"""Instance segmentation: boxes with a class and a score, and a mask for each.

A prediction has, beside what a detection has, "mask_grids" float32 [n, S, S]: the probability that a point of the box
belongs to the object, as a grid over the box, from 0 to 1. A network that predicts whole masks has "masks" uint8
[n, H, W] in place of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image

from runtime.data.fields import BOXES, Fields
from runtime.data.masks import Outlines, Segmentations
from runtime.data.recipe import Recipe
from runtime.tasks import Metrics, Prediction, ResultsWriter, Target
from runtime.tasks.instance_segmentation.restoring import restore

__all__ = ["FIELDS", "draw", "metrics", "restore", "writers"]

FIELDS: Fields = {**BOXES, "masks": Outlines(), "segmentations": Segmentations()}


def metrics(classes: Sequence[str], recipe: Recipe) -> Metrics:
    """COCO's figures of masks, and all that is measured of boxes."""
    from runtime.tasks.instance_segmentation.measuring import SegmentationMetrics

    return SegmentationMetrics(classes, recipe)


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
