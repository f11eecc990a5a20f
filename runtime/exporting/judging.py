"""What quantisation costs and gains: average precision, time and size of two models, side by side."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runtime.tasks.detection.average_precision import AveragePrecision, to_network_pixels

if TYPE_CHECKING:
    from runtime.data.batches import Batch
    from runtime.data.frames import Split
    from runtime.data.recipe import Recipe
    from runtime.inference.backends import Model
    from tltpipe.progress import Progress

REPEATS = 15
ANY_SIZE = (512, 512)
"""Height and width of pictures for a model that takes them of any size."""


def precision(models: Sequence[Model], recipe: Recipe, split: Split, *, limit: int, progress: Progress) -> list[float]:
    """The mean average precision of each of ``models`` on about ``limit`` pictures of ``split``, evenly spaced.

    Every picture is decoded once, whatever the number of models.
    """
    from runtime.data import batches as data

    scores = [
        AveragePrecision(each.classes, mode=recipe.evaluation.mode, iou=recipe.evaluation.iou, strict=recipe.strict)
        for each in models
    ]
    order, pictures = data.for_validation(recipe, split)
    draws = list(order)
    step = max(1, len(split) // limit) if limit else 1
    chosen = draws[::step]
    with (
        progress.bar("compare", total=sum(len(draw.indices) for draw in chosen)) as bar,
        closing(data.batches(pictures, chosen, workers=data.workers(recipe))) as batches,
    ):
        for batch in batches:
            for model, score in zip(models, scores, strict=True):
                _add(score, model, batch)
            bar.advance(len(batch.images))
    return [score.result().mean for score in scores]


def _add(score: AveragePrecision, model: Model, batch: Batch) -> None:
    size = model.input_size
    for found, target in zip(model(batch.images), batch.targets, strict=True):
        score.add(
            {**found, "boxes": to_network_pixels(found["boxes"], size=size)},
            {**target, "boxes": to_network_pixels(target["boxes"], size=size, truth=True)},
        )


def milliseconds(model: Model) -> float:
    """The median time that ``model`` takes for one picture, once it is warm."""
    picture = sample(model.input_size, 1)
    taken = []
    for _ in range(REPEATS + 3):
        start = time.perf_counter()
        model(picture)
        taken.append(time.perf_counter() - start)
    return 1000 * median(taken[3:])


def sample(size: tuple[int, int] | None, count: int) -> NDArray[np.uint8]:
    """``count`` pictures uint8 [count, H, W, 3] of soft noise with edges: something for every layer to answer to."""
    import cv2

    height, width = size or ANY_SIZE
    random = np.random.default_rng(1)
    drawn = []
    for _ in range(count):
        coarse = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(4):
            x, y = int(random.integers(0, width)), int(random.integers(0, height))
            w, h = int(random.integers(width // 8, width // 2)), int(random.integers(height // 8, height // 2))
            colour = tuple(random.integers(0, 256, 3).tolist())
            cv2.rectangle(picture, (x, y), (x + w, y + h), colour, -1)
        drawn.append(picture)
    return np.stack(drawn)


def seen(model: Model, paths: Iterable[Path], *, batch: int) -> Iterator[NDArray[np.uint8]]:
    """``paths`` as ``model`` takes them, ``batch`` at a time."""
    rest = iter(paths)
    while part := list(islice(rest, batch)):
        yield np.stack([model.load_image(path) for path in part])
