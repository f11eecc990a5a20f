"""Pictures as the network sees them, with boxes on them: objects that are there, and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converters.pictures.drawing import Colour, Framed, colour_of, frames

TRUTH: Colour = (46, 160, 67)
FOUND: Colour = (29, 120, 216)
SIDE = 384
"""Pictures smaller than this are enlarged first: chips need room."""

Pixels = NDArray[np.uint8]


def truths(pixels: Pixels, boxes: Any, labels: Any, classes: Sequence[str]) -> Pixels:
    """``pixels`` uint8 [H, W, 3] with the objects ``boxes`` [n, 4] on it, each in the colour of its class."""
    picture, scale = _enlarged(pixels)
    framed = [
        Framed(_scaled(box, scale), colour_of(int(label)), named(classes, label))
        for box, label in zip(boxes, labels, strict=True)
    ]
    return np.asarray(frames(picture, framed))


def both(pixels: Pixels, truth: Any, found: Any, classes: Sequence[str], *, threshold: float = 0.3) -> Pixels:
    """The same with objects (``truth``: boxes, labels) in green and what scores ``threshold`` or more in blue.

    ``found`` has boxes, labels and scores, arrays all.
    """
    picture, scale = _enlarged(pixels)
    there = [
        Framed(_scaled(box, scale), TRUTH, named(classes, label))
        for box, label in zip(truth["boxes"], truth["labels"], strict=True)
    ]
    rising = sorted(zip(found["scores"], found["boxes"], found["labels"], strict=True), key=lambda each: each[0])
    seen = [
        Framed(_scaled(box, scale), FOUND, f"{named(classes, label)} {score:.2f}")
        for score, box, label in rising
        if score >= threshold
    ]
    return np.asarray(frames(picture, [*there, *seen]))


def named(classes: Sequence[str], label: Any) -> str:
    """The name of class ``label`` (from 1) for people."""
    return classes[int(label) - 1].replace("_", " ")


def _enlarged(pixels: Pixels) -> tuple[Image.Image, float]:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    scale = max(1.0, SIDE / max(picture.size))
    if scale > 1:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    return picture, scale


def _scaled(box: Any, scale: float) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(value) * scale for value in box)
    return left, top, right, bottom
