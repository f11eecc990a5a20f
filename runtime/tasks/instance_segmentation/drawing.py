"""Masks on images: translucent, with an outline, below the frames and chips of a detection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converters.pictures.drawing import Colour, colour_of, copied, stroke_of
from runtime.tasks import Prediction, Target
from runtime.tasks.detection import drawing
from runtime.tasks.instance_segmentation import pasting
from runtime.tasks.instance_segmentation.pasting import Window

FILL, LINE = 0.38, 0.9
"""Shares of the colour inside a mask and on its outline."""


def draw(
    image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
) -> Image.Image:
    """``runtime.tasks.Task.draw``: with ``target`` its objects are green, ``items`` blue and on top of them."""
    pixels = np.array(copied(image))
    stroke = stroke_of(image)
    if target is not None:
        _tint(pixels, target, stroke, drawing.TARGET)
    _tint(pixels, items, stroke, None if target is None else drawing.PREDICTION)
    return drawing.draw(Image.fromarray(pixels), items, classes, target=target)


def _tint(pixels: NDArray[np.uint8], items: Target | Prediction, stroke: int, colour: Colour | None) -> None:
    """Large objects first, so that none is hidden behind another; of a prediction surer ones on top."""
    boxes = np.asarray(items["boxes"], np.float64)
    scores = items.get("scores")
    order = np.argsort(-(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) if scores is None else scores, kind="stable")
    masks = pasting.masks({**items, "image_size": np.tile(pixels.shape[1::-1], (len(boxes), 1))})
    for at in order.tolist():
        window = pasting.window(masks[at], len(pixels))
        _blend(pixels, window, colour or colour_of(int(items["labels"][at])), stroke)


def _blend(pixels: NDArray[np.uint8], window: Window, colour: Colour, stroke: int) -> None:
    inside = window.inside
    height, width = inside.shape
    part = pixels[window.top : window.top + height, window.left : window.left + width]
    line = inside & ~_eroded(inside, stroke)
    share = np.where(line, LINE, np.where(inside, FILL, 0.0))[..., None]
    part[...] = np.rint(part * (1 - share) + np.array(colour) * share)


def _eroded(inside: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """Without the pixels that are within ``steps`` of the outside; beyond the image is outside, too."""
    for _ in range(steps):
        around = np.pad(inside, 1)
        inside = inside & around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    return inside
