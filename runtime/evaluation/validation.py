"""A detector judged on a validation split: what it finds there, average precision and, if wanted, validation loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from runtime.data import batches as data
from runtime.tasks.detection import average_precision
from runtime.tasks.detection.average_precision import Result
from runtime.tasks.detection.evaluation import coco, samples
from runtime.tasks.detection.evaluation.analysis import Analysis
from runtime.tasks.detection.evaluation.findings import Collector, Findings

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from runtime.data.batches import Batch
    from runtime.data.frames import Split
    from runtime.data.recipe import Recipe
    from runtime.networks import Detection, Detector
    from tltpipe.progress import Progress

STARS = "*" * 31
SHOWN = 8
"""So many validation pictures are drawn for TensorBoard: the same ones each time."""

Detections = Mapping[str, Any]
Finder = Callable[["Batch"], tuple[Sequence[Detections], float]]
"""What is found on each picture of a batch ("boxes" [K, 4] in pixels of the network, "labels" and "scores" [K]), and
the batch's loss, 0 where nobody asked for it."""


@dataclass(frozen=True)
class Score:
    """``loss`` is the mean over all images, without regularisation; None if it was not asked for.

    ``coco``: COCO's figures by name. ``curves``: for each class precision and recall, float [101] each, by falling
    recall. ``pictures``: a few pictures uint8 [H, W, 3] with objects and detections on them.
    """

    precision: Result
    loss: float | None = None
    coco: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    pictures: Sequence[Any] = ()


@dataclass(frozen=True)
class Looked:
    """What came of a look at all pictures: ``findings`` as the detector gave them, the mean ``loss``, some drawn
    ``pictures``."""

    findings: Findings
    loss: float
    pictures: Sequence[NDArray[np.uint8]]


def score(
    detector: Detector,
    recipe: Recipe,
    split: Split,
    classes: Sequence[str],
    *,
    device: torch.device,
    progress: Progress,
    with_loss: bool = False,
) -> Score:
    """Run ``detector`` over all of ``split``; leaves it in evaluation mode.

    NVIDIA multiplies the loss of each batch by its size, so that it cannot be compared with the training loss; here it
    is of the same scale, unless the recipe is strict.
    """
    detector.eval()
    finder = with_detector(detector, device, with_loss=with_loss)
    size = detector.input_size
    looked = look(finder, recipe, split, classes, size=size, progress=progress, shown=SHOWN if with_loss else 0)
    rounded = average_precision.in_whole_pixels(looked.findings)
    analysis = Analysis(rounded, recipe.evaluation.iou)
    return Score(
        precision(rounded, recipe),
        looked.loss if with_loss else None,
        coco.measure(looked.findings).figures,
        {
            name: curve.precision_recall
            for name, curve in zip(classes, analysis.curves, strict=True)
            if curve.objects
        },
        looked.pictures,
    )  # fmt: skip


def precision(rounded: Findings, recipe: Recipe) -> Result:
    """NVIDIA's average precision, as the spec asks for it."""
    return average_precision.precision(
        rounded, mode=recipe.evaluation.mode, iou=recipe.evaluation.iou, strict=recipe.strict
    )  # fmt: skip


def look(
    find: Finder,
    recipe: Recipe,
    split: Split,
    classes: Sequence[str],
    *,
    size: tuple[int, int],
    progress: Progress,
    shown: int = 0,
) -> Looked:
    """Show all of ``split`` to ``find``, a network of input ``size`` (height, width); the first ``shown`` are drawn.

    Objects marked as difficult are like all others, unless the recipe is strict. Raises DataError for pictures.
    """
    order, pictures = data.for_validation(recipe, split)
    collector, total, drawn = Collector(tuple(classes), size), 0.0, []
    with (
        progress.bar("validate", total=len(split)) as bar,
        closing(data.batches(pictures, order, workers=data.workers(recipe))) as batches,
    ):
        for batch in batches:
            found, loss = find(batch)
            total += loss * len(found) * (len(found) if recipe.strict else 1)
            for place, detections in enumerate(found):
                index = batch.indices[place]
                target = batch.targets[place]
                truth = target if recipe.strict else {name: target[name] for name in ("boxes", "labels")}
                width, height = split.sizes[index].tolist()
                collector.add(detections, truth, stored=(width, height))
                if index < shown:
                    drawn.append(samples.both(batch.images[place], truth, detections, classes))
            bar.advance(len(found))
    return Looked(collector.findings(), total / max(1, len(split)), drawn)


def with_detector(detector: Detector, device: torch.device, *, with_loss: bool) -> Finder:
    """``detector`` in torch, already in evaluation mode; detections and loss are of one pass through it."""
    return partial(_detect, detector, device, with_loss)


def _detect(
    detector: Detector, device: torch.device, with_loss: bool, batch: Batch
) -> tuple[list[dict[str, Any]], float]:
    import torch

    with torch.inference_mode():
        images, truths = data.tensors(batch, device)
        if with_loss:
            found, losses = detector.evaluate(images, truths)
        else:
            found, losses = cast("list[Detection]", detector(images)), {}
        return [_on_cpu(each) for each in found], sum(value.item() for value in losses.values())


def with_model(model: Any) -> Finder:
    """``model`` of any kind that takes pixels uint8 [B, H, W, 3] and gives boxes, labels and scores of each picture."""

    def find(batch: Batch) -> tuple[list[dict[str, Any]], float]:
        found = model(batch.images)
        return [{"boxes": each.boxes, "labels": each.labels, "scores": each.scores} for each in found], 0.0

    return find


def table(result: Result, *, decimals: int) -> Iterator[str]:
    """NVIDIA's block: a line for each class and the mean; names are never cut and never touch ``AP``.

    A class without an object in the data has a dash, but where the result is strict.
    """
    width = max(14, *(len(name) + 2 for name in result.per_class))
    yield STARS
    for name, value in result.per_class.items():
        shown = "-" if name in result.absent and not result.strict else f"{value:.{decimals}f}"
        yield f"{name:<{width}}{'AP':<6}{shown}"
    yield f"{'':<{width}}{'mAP':<6}{result.mean:.{decimals}f}"
    yield STARS


def _on_cpu(detections: Detection) -> dict[str, Any]:
    return {name: cast("torch.Tensor", value).float().cpu().numpy() for name, value in detections.items()}
