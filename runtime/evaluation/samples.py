"""Images as the model sees them, with targets and predictions drawn on them: one by one, or many on a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from runtime.data.batches import Batch
from runtime.imaging.decoding import Pixels
from runtime.inference import drawn_images
from runtime.tasks import Example, ImageInfo, Prediction, Presents, confident

SIDE = 384
"""Images smaller than this are enlarged first: letters need room."""
THRESHOLD, MOST = 0.3, 30
"""Objects that score less are not drawn, nor are those after the best: a network that has not learned sees them
everywhere."""
COLUMNS, CELL = 4, 400
"""Of a sheet."""


def of_batch(batch: Batch, count: int, predictions: Sequence[Prediction] = ()) -> list[Example]:
    """The first ``count`` images of ``batch``, copied: the memory of a batch is used again."""
    examples = []
    for at in range(min(count, len(batch.targets))):
        target = {name: copy(values) for name, values in batch.targets[at].items()}
        examples.append(Example(np.array(batch.images[at]), target, predictions[at] if predictions else None))
    return examples


def drawn(example: Example, task: Presents, classes: Sequence[str]) -> Pixels:
    """``example`` with its target on it and, in another colour, its prediction."""
    height, width = example.pixels.shape[:2]
    image, info = _scaled(example, max(1.0, SIDE / max(height, width)))
    target = task.restore(example.target, info)
    if example.prediction is None:
        return np.asarray(task.draw(image, target, classes))
    return np.asarray(task.draw(image, _shown(example.prediction, task, info), classes, target=target))


def sheet(examples: Sequence[Example], task: Presents, classes: Sequence[str], *, title: str) -> Image.Image:
    """``examples`` in rows under ``title``: each with its target and, where there is one, beside it its prediction."""
    tiles = [tile for example in examples for tile in _tiles(example, task, classes)]
    return drawn_images.sheet(tiles, columns=COLUMNS, cell=CELL, title=title)


def _tiles(example: Example, task: Presents, classes: Sequence[str]) -> list[Image.Image]:
    image, info = _scaled(example, CELL / max(example.pixels.shape[:2]))
    tiles = [task.draw(image, task.restore(example.target, info), classes)]
    if example.prediction is not None:
        tiles.append(task.draw(image, _shown(example.prediction, task, info), classes))
    return tiles


def _shown(prediction: Prediction, task: Presents, info: ImageInfo) -> Prediction:
    """The objects to draw, in pixels of the drawn image; none that is infinite, as a network in its first steps may
    predict."""
    shown = confident(prediction, THRESHOLD)
    if "scores" in shown:
        finite = np.all([_finite(values) for values in shown.values()], axis=0)
        shown = {name: values[finite][:MOST] for name, values in shown.items()}
    return task.restore(shown, info)


def _finite(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the objects have no infinite value [n]."""
    if not np.issubdtype(values.dtype, np.floating):
        return np.ones(len(values), bool)
    return np.asarray(np.isfinite(values).all(axis=tuple(range(1, values.ndim))))


def _scaled(example: Example, scale: float) -> tuple[Image.Image, ImageInfo]:
    """The image ``scale`` times as large, and how to bring targets and predictions there."""
    image = Image.fromarray(np.ascontiguousarray(example.pixels))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    info = ImageInfo("", size, (image.height, image.width))
    return image if size == image.size else image.resize(size, Image.Resampling.BICUBIC), info
