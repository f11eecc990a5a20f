"""What quantisation costs and gains: scores and time of two models, side by side."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from runtime.data.frames import Split
    from runtime.data.recipe import Recipe
    from runtime.imaging.pixels import PixelBatch
    from runtime.inference.backends import Model
    from runtime.tasks import Scores
    from tltpipe.progress import Progress

REPEATS = 15
SIZES = ((256, 320), (320, 256), (288, 288))
"""Heights and widths of images for models that take any."""


def scores(
    models: Sequence[Model], recipe: Recipe[Any], split: Split, *, limit: int, progress: Progress
) -> list[Scores]:
    """The scores of each of ``models`` on about ``limit`` images of ``split``, evenly spaced; on all of them where the
    task is judged on a whole split.

    Every image is decoded once, whatever the number of models.
    """
    from runtime import networks, tasks
    from runtime.data import batches as data
    from runtime.evaluation.validation import image_infos
    from runtime.tasks import JudgesSplit

    task = tasks.load(networks.load(recipe.network).TASK)
    metrics = [task.metrics(each.classes, recipe) for each in models]
    order, images = data.for_validation(recipe, split)
    draws = list(order)
    for each in metrics:
        if isinstance(each, JudgesSplit):
            limit = 0
            each.judge(split)
    chosen = draws[:: max(1, len(split) // limit) if limit else 1]
    with (
        progress.bar("compare", total=sum(len(draw.indices) for draw in chosen)) as bar,
        closing(data.batches(images, chosen, workers=data.workers(recipe))) as batches,
    ):
        for batch in batches:
            for model, each in zip(models, metrics, strict=True):
                predictions = tasks.completed(task, model(batch.images), batch.targets, model.classes)
                each.update(predictions, batch.targets, image_infos(batch, split))
            bar.advance(len(batch.images))
    return [each.scores() for each in metrics]


def milliseconds(model: Model) -> float:
    """The median time that ``model`` takes for one picture, once it is warm."""
    picture = samples(model.input_size, 1)
    taken = []
    for _ in range(REPEATS + 3):
        start = time.perf_counter()
        model(picture)
        taken.append(time.perf_counter() - start)
    return 1000 * median(taken[3:])


def samples(size: tuple[int, int] | None, count: int) -> PixelBatch:
    """``count`` images of ``size``; None: of several, for a model that takes any."""
    if size is not None:
        return sample(size, count)
    return [sample(SIZES[number % len(SIZES)], 1)[0] for number in range(count)]


def sample(size: tuple[int, int], count: int) -> NDArray[np.uint8]:
    """``count`` pictures uint8 [count, H, W, 3] of soft noise with edges: something for every layer to answer to."""
    import cv2

    height, width = size
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
        yield np.stack([model.load_image(path)[0] for path in part])
