"""Classification of an image as a whole: its category and other tasks with a single choice, attributes, one box.

A target has "choices" int64 [T], the place of each task's value from 1 (0: not known), "attributes" int8 [A] (1 yes, 0
no, -1 not known) and "box" float32 [4] in pixels of the input (zeros: none). A prediction has "label" int64 [], the
likeliest value of the first task from 1, "choices" float32 [sum of values], the probabilities of all values, task
after task, "attributes" float32 [A], and "box". What the places mean is said by ``Recipe.names``: "tasks",
"values/<task>", "attributes", "attribute_groups" (the group of each), "category_types" (the type of each category).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from runtime.data.fields import Field, Fields, Value
from runtime.data.recipe import Recipe
from runtime.tasks import ImageInfo, Metrics, Prediction, Presents, ResultsWriter, Target
from runtime.tasks.classification.names import CATEGORY, Names
from runtime.tasks.classification.restoring import restore
from runtime.tasks.classification.targets import Attributes, Choices, ObjectBox, category

__all__ = ["CATEGORY", "FIELDS", "averaged", "draw", "fields", "metrics", "presented", "restore", "writers"]

AVERAGED = ("choices", "attributes")
"""Probabilities in a prediction."""


def fields(tasks: Mapping[str, tuple[str, ...]], attributes: tuple[str, ...], box: bool) -> Fields:
    """Those for ``tasks`` (name -> values; the first is the category), the names of ``attributes``, and a ``box``."""
    chosen: dict[str, Field] = {
        "label": Value(np.int64, category, per="image", to_model=False),
        "choices": Choices(tasks),
    }
    if attributes:
        chosen["attributes"] = Attributes(attributes)
    if box:
        chosen["box"] = ObjectBox()
    return chosen


FIELDS: Fields = fields({CATEGORY: ()}, (), box=True)


def metrics(classes: Sequence[str], recipe: Recipe) -> Metrics:
    """Top-k of categories, recalls of attributes by the paper's definition and mmfashion's, overlaps of boxes."""
    from runtime.tasks.classification.measuring import ClassificationMetrics

    boxes = "box" in (FIELDS if recipe.fields is None else recipe.fields)
    return ClassificationMetrics(Names.read(recipe.names, classes), primary=recipe.evaluation.primary, boxes=boxes)


def draw(
    image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
) -> Image.Image:
    """A frame around the object with its category, and the likeliest attributes in the corner."""
    return Named({}).draw(image, items, classes, target=target)


def writers() -> Mapping[str, ResultsWriter]:
    """A JSON for each image, with a CSV of all beside them."""
    return Named({}).writers()


@dataclass(frozen=True)
class Named:
    """The task for a model with these ``names`` (``Recipe.names``); less probable attributes than ``threshold`` are not
    drawn."""

    names: Mapping[str, tuple[str, ...]]
    threshold: float = 0.0
    FIELDS: Fields = field(default_factory=lambda: FIELDS)

    def restore(self, prediction: Prediction, image: ImageInfo) -> Prediction:
        return restore(prediction, image)

    def draw(
        self, image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
    ) -> Image.Image:
        from runtime.tasks.classification import drawing

        return drawing.draw(image, items, Names.read(self.names, classes), target=target, threshold=self.threshold)

    def writers(self) -> Mapping[str, ResultsWriter]:
        from runtime.tasks.classification.results import ImageWriter

        return {"labels": ImageWriter(self.names)}


def presented(names: Mapping[str, tuple[str, ...]], threshold: float = 0.0) -> Presents:
    """``runtime.tasks.NamesPlaces``."""
    return Named(names, threshold)


def averaged(views: Sequence[Prediction], corner: tuple[int, int], classes: Sequence[str]) -> Prediction:
    """``runtime.tasks.AveragesViews``: means of the probabilities; the box is that of the first view."""
    found = {name: np.mean([each[name] for each in views], axis=0) for name in AVERAGED if name in views[0]}
    if "box" in views[0]:
        found["box"] = views[0]["box"] + np.array(corner * 2, np.float32)
    return {"label": np.asarray(found["choices"][: len(classes)].argmax() + 1, np.int64), **found}
