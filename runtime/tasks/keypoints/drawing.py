"""Skeletons on images: lines between landmarks, dots where they are visible and rings where they are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from converters.model import landmarks
from converters.pictures.drawing import DARK, Colour, colour_of, stroke_of
from runtime.tasks import Prediction, Target
from runtime.tasks.detection import drawing
from runtime.tasks.keypoints.completing import CONFIDENT

VISIBLE = 2


def draw(
    image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
) -> Image.Image:
    """``runtime.tasks.Task.draw``: with ``target`` its objects are green, ``items`` blue and on top of them.

    A dot is a landmark that is visible or, of a prediction, that the model is sure of; a ring one that is occluded, or
    that it is not sure of.
    """
    drawn = drawing.draw(image, items, classes, target=target)
    if target is not None:
        skeletons(drawn, target, classes, drawing.TARGET)
    skeletons(drawn, items, classes, None if target is None else drawing.PREDICTION)
    return drawn


def skeletons(
    image: Image.Image, items: Target | Prediction, classes: Sequence[str], colour: Colour | None = None
) -> None:
    """Draw those of ``items`` on ``image`` itself, surer ones last, in the colour of their class or in ``colour``."""
    if "keypoints" not in items:
        return
    scores = items.get("scores")
    order = range(len(items["labels"])) if scores is None else np.argsort(scores, kind="stable").tolist()
    pen, stroke = ImageDraw.Draw(image), stroke_of(image)
    for at in order:
        label = int(items["labels"][at])
        layout = landmarks.layout(classes[label - 1])
        if layout is None:
            continue
        points = np.asarray(items["keypoints"][at][layout.offset : layout.offset + layout.count], np.float64)
        solid = points[:, 2] >= VISIBLE if scores is None else points[:, 2] > CONFIDENT
        _skeleton(pen, points, solid, layout.edges, colour or colour_of(label), stroke)


def _skeleton(
    pen: ImageDraw.ImageDraw, points: NDArray[np.float64], solid: NDArray[np.bool_],
    edges: Sequence[tuple[int, int]], colour: Colour, stroke: int,
) -> None:  # fmt: skip
    """Lines below points; those that are not labelled are left out with their lines."""
    there, places = points[:, 2] > 0, points[:, :2].tolist()
    lines = [(*places[a - 1], *places[b - 1]) for a, b in edges if there[a - 1] and there[b - 1]]
    for width, ink in ((stroke + 2, DARK), (stroke, colour)):
        for line in lines:
            pen.line(line, fill=ink, width=width)
    radius = stroke + 2
    for at in np.flatnonzero(there).tolist():
        x, y = places[at]
        dot = (x - radius, y - radius, x + radius, y + radius)
        if solid[at]:
            pen.ellipse(dot, fill=colour, outline=DARK)
        else:
            pen.ellipse(dot, fill="white", outline=colour, width=stroke)
