"""A model validated on a split: its predictions are measured, and its loss if wanted."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from runtime.data import batches as data
from runtime.evaluation import samples
from runtime.networks import PredictsWithLoss
from runtime.tasks import Example, ImageInfo, JudgesSplit, Metrics, Prediction, Scores, Target, Task, completed

if TYPE_CHECKING:
    import torch

    from runtime.data.batches import Batch
    from runtime.data.frames import Split
    from runtime.data.recipe import Recipe
    from runtime.networks import Model, Tensors
    from tltpipe.progress import Progress

EXAMPLES = 8
"""Images that are drawn: the first ones, each time."""

Predict = Callable[["Batch"], tuple[Sequence[Prediction], float]]
"""The prediction for each image of a batch, in pixels of these, and the loss of the batch, 0 where it is not wanted."""


@dataclass(frozen=True)
class Seen:
    """A batch: the ``targets`` of its ``images``, what was predicted, and the images that are to be drawn."""

    predictions: Sequence[Prediction]
    targets: Sequence[Target]
    images: Sequence[ImageInfo]
    loss: float = 0.0
    examples: Sequence[Example] = ()


@dataclass(frozen=True)
class Validation:
    """The mean ``loss`` over all images of a split, and the first few of them with what was predicted. ``ran_on`` says
    where workers ran the model, where they did."""

    loss: float
    examples: Sequence[Example]
    ran_on: Sequence[str] = ()


def validate(
    model: Model, task: Task, recipe: Recipe, split: Split, classes: Sequence[str], *, device: torch.device,
    progress: Progress,
) -> Scores:  # fmt: skip
    """The scores of ``model`` on ``split``, and its loss; leaves it in evaluation mode.

    NVIDIA multiplies the loss of each batch by its size, so that it cannot be compared with the training loss; here it
    is of the same scale, unless the recipe is strict.
    """
    model.eval()
    metrics = task.metrics(classes, recipe)
    predict = partial(_predict_with_loss, model, device)
    validation = run_validation(
        predict, task, recipe, split, metrics, classes, progress=progress, examples=EXAMPLES
    )  # fmt: skip
    return replace(metrics.scores(), loss=validation.loss, examples=validation.examples)


def run_validation(
    predict: Predict, task: Task, recipe: Recipe, split: Split, metrics: Metrics, classes: Sequence[str], *,
    progress: Progress, examples: int = 0, truth: Split | None = None,
) -> Validation:  # fmt: skip
    """Add what ``predict`` makes of all of ``split`` to ``metrics``; the first ``examples`` images are kept.

    ``truth`` has the same images and what is true of them, where the samples of ``split`` are made of something else.
    Raises DataError for images that cannot be read.
    """
    with closing(
        predicted(predict, task, recipe, split, classes, workers=data.workers(recipe), examples=examples)
    ) as seen:
        return measure(seen, recipe, split, metrics, progress=progress, truth=truth)


def predicted(
    predict: Predict, task: Task, recipe: Recipe, split: Split, classes: Sequence[str], *, workers: int, examples: int
) -> Generator[Seen]:
    """What ``predict`` makes of each batch of ``split``, which ``workers`` processes decode."""
    order, pictures = data.for_validation(recipe, split)
    with closing(data.batches(pictures, order, workers=workers)) as batches:
        for batch in batches:
            predictions, loss = predict(batch)
            predictions = completed(task, predictions, batch.targets, classes)
            drawn = samples.of_batch(batch, examples, predictions)
            examples -= len(drawn)
            yield Seen(predictions, batch.targets, image_infos(batch, split), loss, drawn)


def measure(
    seen: Iterable[Seen],
    recipe: Recipe,
    split: Split,
    metrics: Metrics,
    *,
    progress: Progress,
    truth: Split | None = None,
) -> Validation:
    """Add all that was ``seen`` of ``split``, in order, to ``metrics``; ``truth`` as for ``run_validation``."""
    total, kept = 0.0, list[Example]()
    if isinstance(metrics, JudgesSplit):
        metrics.judge(split if truth is None else truth)
    with progress.bar("validate", total=split.samples) as bar:
        for batch in seen:
            count = len(batch.predictions)
            total += batch.loss * count * (count if recipe.strict else 1)
            metrics.update(batch.predictions, batch.targets, batch.images)
            kept += batch.examples
            bar.advance(count)
    return Validation(total / max(1, split.samples), kept)


def examples(
    model: Model, task: Task, recipe: Recipe, split: Split, classes: Sequence[str], *, device: torch.device
) -> list[Example]:
    """The images that a validation draws, with what ``model`` predicts; leaves it in evaluation mode."""
    model.eval()
    order, pictures = data.for_validation(recipe, split)
    made: list[Example] = []
    with closing(data.batches(pictures, order, workers=0)) as batches:
        for batch in batches:
            predictions = completed(task, _predict(model, device, batch), batch.targets, classes)
            made += samples.of_batch(batch, EXAMPLES - len(made), predictions)
            if len(made) >= EXAMPLES:
                break
    return made


def image_infos(batch: Batch, split: Split) -> list[ImageInfo]:
    """What ``Metrics`` is told of each image of ``batch``."""
    sizes = split.sizes[list(batch.indices)].tolist()
    return [
        ImageInfo(split.name(index), (width, height), (pixels.shape[0], pixels.shape[1]), placement, index)
        for index, (width, height), pixels, placement in zip(
            batch.indices, sizes, batch.images, batch.placements, strict=True
        )
    ]


def _predict(model: Model, device: torch.device, batch: Batch) -> list[Prediction]:
    import torch

    with torch.inference_mode():
        return [arrays(each) for each in model.predict(data.tensors(batch, device)[0])]


def _predict_with_loss(model: Model, device: torch.device, batch: Batch) -> tuple[list[Prediction], float]:
    """Both from one pass where the model can do that, else from two."""
    import torch

    with torch.inference_mode():
        images, targets = data.tensors(batch, device)
        if isinstance(model, PredictsWithLoss):
            predictions, losses = model.predict_with_loss(images, targets)
        else:
            predictions, losses = model.predict(images), model(images, targets)
        return [arrays(each) for each in predictions], sum(value.item() for value in losses.values())


def arrays(prediction: Tensors) -> Prediction:
    """``prediction`` on the CPU."""
    return {
        name: (values.float() if values.is_floating_point() else values).cpu().numpy()
        for name, values in prediction.items()
    }
