"""Images as the model sees them, with targets and predictions drawn on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from runtime.imaging.decoding import Pixels
from runtime.tasks import ImageInfo, Prediction, Target, Task, confident

SIDE = 384
"""Images smaller than this are enlarged first: letters need room."""
THRESHOLD = 0.3
"""Objects that score less are not drawn."""


def drawn(
    pixels: Pixels, target: Target, task: Task, classes: Sequence[str], *, prediction: Prediction | None = None
) -> Pixels:
    """``pixels`` uint8 [H, W, 3] with ``target`` on it and, in another colour, ``prediction``."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    scale = max(1.0, SIDE / max(image.size))
    size = round(image.width * scale), round(image.height * scale)
    info = ImageInfo("", size, (image.height, image.width))
    large = image if scale == 1 else image.resize(size, Image.Resampling.BICUBIC)
    target = task.restore(target, info)
    if prediction is None:
        return np.asarray(task.draw(large, target, classes))
    shown = confident(task.restore(prediction, info), THRESHOLD)
    return np.asarray(task.draw(large, shown, classes, target=target))
