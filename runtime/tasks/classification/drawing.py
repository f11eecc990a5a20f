"""Annotated images: a frame around the object with its category, and in the corner the other values and attributes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from converters.pictures.drawing import Colour, Framed, colour_of, frames
from runtime.tasks import Prediction, Target
from runtime.tasks.classification.names import Likely, Names
from runtime.tasks.detection.drawing import PREDICTION, TARGET

ATTRIBUTES = 5
"""So many attributes are shown, the likeliest."""
CORNER = (0.0, 0.0, 0.0, 0.0)
"""The box of a chip without a frame."""


def draw(
    image: Image.Image, items: Target | Prediction, names: Names, *, target: Target | None = None, threshold: float = 0
) -> Image.Image:
    """``runtime.tasks.Task.draw``: with ``target`` its box and names are green, those of ``items`` blue; less probable
    attributes than ``threshold`` are left out."""
    shown = [] if target is None else list(_framed(target, names, TARGET, threshold))
    shown += _framed(items, names, None if target is None else PREDICTION, threshold)
    return frames(image, shown[::-1])  # chips find their places from the last to the first


def readable(name: str) -> str:
    """``name`` for people."""
    return name.replace("_", " ")


def _framed(items: Target | Prediction, names: Names, colour: Colour | None, threshold: float) -> Iterator[Framed]:
    """The category at the box, or in the corner without one; the rest in the corner."""
    category, *others = names.likeliest(items["choices"], 1)
    if category:
        label = names.values[0].index(category[0].name) + 1
        colour = colour or colour_of(label)
    plain = colour or PREDICTION
    box = items.get("box")
    left, top, right, bottom = CORNER if box is None or not np.isfinite(box).all() else box.tolist()
    if category or right > left:
        yield Framed((left, top, right, bottom), plain, _text(items, *category))
    for task, values in zip(names.tasks[1:], others, strict=True):
        for value in values:
            yield Framed(CORNER, plain, f"{readable(task)}: {_text(items, value)}")
    if "attributes" in items:
        for attribute in names.likeliest_attributes(items["attributes"], ATTRIBUTES):
            if attribute.probability >= threshold:
                yield Framed(CORNER, plain, _text(items, attribute))


def _text(items: Target | Prediction, *values: Likely) -> str:
    """The name, and of a prediction its probability."""
    said = not np.issubdtype(items["choices"].dtype, np.integer)
    return ", ".join(f"{readable(name)} {probability:.2f}" if said else readable(name) for name, probability in values)
