"""Annotated images: a frame around each object, and a chip with its name and score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from converters.pictures.drawing import Colour, Framed, colour_of, frames
from runtime.tasks import Prediction, Target

TARGET: Colour = (46, 160, 67)
PREDICTION: Colour = (29, 120, 216)


def draw(
    image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
) -> Image.Image:
    """``runtime.tasks.Task.draw``: with ``target`` its objects are green, ``items`` blue and on top of them."""
    if target is None:
        return frames(image, _framed(items, classes))
    return frames(image, [*_framed(target, classes, TARGET), *_framed(items, classes, PREDICTION)])


def readable(classes: Sequence[str], label: Any) -> str:
    """The name of class ``label`` (from 1) for people."""
    return classes[int(label) - 1].replace("_", " ")


def _framed(items: Target | Prediction, classes: Sequence[str], colour: Colour | None = None) -> list[Framed]:
    """The objects, surer ones last."""
    boxes, labels, scores = items["boxes"].tolist(), items["labels"].tolist(), items.get("scores")
    order = range(len(labels)) if scores is None else np.argsort(scores, kind="stable").tolist()
    return [
        Framed(
            (boxes[at][0], boxes[at][1], boxes[at][2], boxes[at][3]),
            colour or colour_of(labels[at]),
            readable(classes, labels[at]) + ("" if scores is None else f" {scores[at]:.2f}"),
        )
        for at in order
    ]
