"""Semantic segmentation: the class of each pixel.

A target has "map" uint8 [H, W] on the input, 0 for the background, 1 to N for the classes and 255 for pixels that
nobody judged or that lie outside of the image; "stored_map" uint8 [h, w] is the same in pixels of the stored image,
for evaluation alone. A prediction has "map" uint8 [H, W], 0 to N.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image

from runtime.data.fields import Fields
from runtime.data.label_maps import PixelClasses, StoredMap
from runtime.data.recipe import Recipe
from runtime.tasks import Metrics, Prediction, ResultsWriter, Target
from runtime.tasks.segmentation.restoring import restore

__all__ = ["FIELDS", "cutouts", "draw", "metrics", "restore", "writers"]

FIELDS: Fields = {"map": PixelClasses("larger_first"), "stored_map": StoredMap()}


def metrics(classes: Sequence[str], recipe: Recipe) -> Metrics:
    """Intersection over union of each class, from one confusion matrix over the pixels of all images."""
    from runtime.tasks.segmentation.measuring import PixelMetrics

    painted, evaluation = (FIELDS if recipe.fields is None else recipe.fields)["map"], recipe.evaluation
    assert isinstance(painted, PixelClasses)
    return PixelMetrics(classes, primary=evaluation.primary, painting=painted.order, boundaries=evaluation.boundary_f1)


def draw(
    image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
) -> Image.Image:
    """Each class as a translucent area with its outline, and the names of those that occur in a corner."""
    from runtime.tasks.segmentation import drawing

    return drawing.draw(image, items, classes, target=target)


def cutouts(image: Image.Image, prediction: Prediction, classes: Sequence[str]) -> Mapping[str, Image.Image]:
    """``runtime.tasks.CutsOut``: a picture of each class that occurs."""
    from runtime.tasks.segmentation import drawing

    return drawing.cutouts(image, prediction, classes)


def writers() -> Mapping[str, ResultsWriter]:
    """A PNG for each image, whose values are those of the map, with a palette."""
    from runtime.tasks.segmentation import results

    return {"labels": results.MapWriter()}
