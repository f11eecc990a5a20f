"""A detector judged on a validation split: average precision by class and, if wanted, the validation loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from runtime import data
from runtime.metrics import AveragePrecision, Result, to_network_pixels

if TYPE_CHECKING:
    import torch

    from runtime.frames import Split
    from runtime.networks import Detection, Detector
    from runtime.recipe import Recipe
    from tltpipe.progress import Progress

STARS = "*" * 31


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
    is of the same scale.
    """
    import torch

    precision = AveragePrecision(classes, mode=recipe.evaluation.mode, iou=recipe.evaluation.iou)
    order, pictures = data.for_validation(recipe, split)
    total = 0.0
    detector.eval()
    with (
        torch.inference_mode(),
        progress.bar("validate", total=len(split)) as bar,
        closing(data.batches(pictures, order, workers=data.workers(recipe))) as batches,
    ):
        for batch in batches:
            images, truths = data.tensors(batch, device)
            found = cast("list[Detection]", detector(images))
            for detections, boxes, labels in zip(found, batch.boxes, batch.labels, strict=True):
                precision.add(
                    _on_cpu(detections, detector.input_size),
                    {"boxes": to_network_pixels(boxes, size=detector.input_size, truth=True), "labels": labels},
                )
            if with_loss:
                losses = cast("dict[str, torch.Tensor]", detector(images, truths))
                total += len(truths) * sum(value.item() for value in losses.values())
            bar.advance(len(truths))
    return Score(precision.result(), total / len(split) if with_loss else None)


def table(result: Result, *, decimals: int) -> Iterator[str]:
    """NVIDIA's block: a line for each class and the mean; names are never cut and never touch ``AP``."""
    width = max(14, *(len(name) + 2 for name in result.per_class))
    yield STARS
    for name, value in result.per_class.items():
        yield f"{name:<{width}}{'AP':<6}{value:.{decimals}f}"
    yield f"{'':<{width}}{'mAP':<6}{result.mean:.{decimals}f}"
    yield STARS


def _on_cpu(detections: Detection, size: tuple[int, int]) -> dict[str, Any]:
    arrays = {name: cast("torch.Tensor", value).cpu().numpy() for name, value in detections.items()}
    return {**arrays, "boxes": to_network_pixels(arrays["boxes"], size=size)}
