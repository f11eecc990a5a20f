"""Landmarks of objects that are given: a box and a class go in, the points of that class come out.

A prediction has "keypoints" float32 [n, K, 3] in the vector of all classes (``converters.model.landmarks``): x, y and
the confidence, above 0 for the points of the object's own class and 0 for all others, whose places are 0 as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image

from converters.model import garments
from runtime.data.fields import BOXES, Fields
from runtime.data.keypoints import Keypoints
from runtime.data.recipe import Recipe
from runtime.tasks import Metrics, Prediction, ResultsWriter, Target
from runtime.tasks.keypoints.completing import complete, restore

__all__ = ["FIELDS", "complete", "draw", "metrics", "restore", "writers"]

FIELDS: Fields = {**BOXES, "keypoints": Keypoints(garments.LANDMARKS, beyond=True)}


def metrics(classes: Sequence[str], recipe: Recipe) -> Metrics:
    """COCO's figures of key points by the official sigmas; PCK, AUC and EPE beside them."""
    from runtime.tasks.keypoints.measuring import KeypointMetrics

    return KeypointMetrics(classes, recipe)


def draw(
    image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
) -> Image.Image:
    """A skeleton of each object, a frame around it, and a chip with its name and score."""
    from runtime.tasks.keypoints import drawing

    return drawing.draw(image, items, classes, target=target)


def writers() -> Mapping[str, ResultsWriter]:
    """A JSON file an image, and COCO's results format with the vector of all points."""
    from runtime.tasks.keypoints import results

    return {"labels": results.LandmarkWriter(), "coco": results.KeypointWriter()}
