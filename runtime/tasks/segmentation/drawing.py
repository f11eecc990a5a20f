"""Label maps on images: translucent areas with outlines, and the names of the classes; and each class cut out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converters.pictures.drawing import Colour, Framed, colour_of, copied, frames, stroke_of
from converters.pictures.index_maps import image_of
from runtime.tasks import Prediction, Target, class_names
from runtime.tasks.detection.drawing import PREDICTION, TARGET
from runtime.tasks.segmentation.counts import Map

FILL, LINE = 115, 230
"""How opaque the colour is inside an area and on its outline, of 255."""
OPACITY = np.array([0, *[FILL] * 254, 0], np.uint8)
"""Of each value of a map: the background and ignored pixels stay as they are."""
_UNSAFE = re.compile(r"[^\w.-]+")
"""What a file's name had better not have."""
NAMED = 8
"""Classes whose names are shown, those with the most pixels."""
CORNER = (0.0, 0.0, 0.0, 0.0)
"""The box of a chip without a frame."""


def draw(
    image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
) -> Image.Image:
    """``runtime.tasks.Task.draw``: with ``target`` the outlines of its areas are green, those of ``items`` blue and on
    top of them."""
    stroke = max(1, stroke_of(image) // 2)
    own = items["map"]
    opacity = OPACITY[own]
    if target is None:
        opacity[edges(own, stroke) & (opacity > 0)] = LINE
    shown = Image.composite(image_of(own).convert("RGB"), copied(image), Image.fromarray(opacity))
    if target is not None:
        pixels = np.array(shown)
        outline(pixels, target["map"], TARGET, stroke)
        outline(pixels, own, PREDICTION, stroke)
        shown = Image.fromarray(pixels)
    pixels_of = Image.fromarray(own).histogram()
    labels = [label for label in range(1, 1 + len(classes)) if pixels_of[label]]
    labels.sort(key=lambda label: -pixels_of[label])
    chips = [Framed(CORNER, colour_of(label), classes[label - 1].replace("_", " ")) for label in labels[:NAMED]]
    return frames(shown, chips[::-1])  # chips find their places from the last to the first


def cutouts(image: Image.Image, prediction: Prediction, classes: Sequence[str]) -> Mapping[str, Image.Image]:
    """Of each class that occurs ``image`` with nothing but its pixels, all others transparent, by a name for a file:
    its value and its name."""
    pixels, own = np.asarray(image.convert("RGB")), prediction["map"]
    found = {}
    for name in class_names(prediction, classes):
        value = classes.index(name) + 1
        inside = own == value
        cut = np.zeros((*inside.shape, 4), np.uint8)
        cut[inside, :3], cut[inside, 3] = pixels[inside], 255
        found[f"{value}_{_UNSAFE.sub('_', name)}"] = Image.fromarray(cut)
    return found


def outline(pixels: NDArray[np.uint8], values: Map, colour: Colour, stroke: int) -> None:
    """Draw the edges of the areas of ``values`` on ``pixels``, in place."""
    pixels[edges(values, stroke)] = colour


def edges(values: Map, stroke: int) -> NDArray[np.bool_]:
    """The pixels within ``stroke`` of one with another value, on either side; the border of the image is none."""
    edge = np.zeros(values.shape, bool)
    for own, others in ((edge, values), (edge.T, values.T)):
        for step in range(1, stroke + 1):
            differs = others[step:] != others[:-step]
            own[step:] |= differs
            own[:-step] |= differs
    return edge
