"""How well pixels are classified: intersection over union of each class, from one confusion matrix over all images."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from converters.model.painting import Order
from runtime.tasks import ImageInfo, Images, Prediction, ReportOptions, Scores, Target
from runtime.tasks.classification.counts import Counted, mean
from runtime.tasks.detection.evaluation.sheet import TILE
from runtime.tasks.segmentation.boundaries import Boundaries
from runtime.tasks.segmentation.counts import Map, PixelCounts, confusion
from runtime.tasks.segmentation.report import PixelReport
from runtime.tasks.segmentation.restoring import restore

BACKGROUND = "background"
"""The name of value 0."""
SHOWN = 12
"""Images that are kept for a sheet."""
PRIMARY = "mIoU"
TITLES = {
    "mIoU": "mean intersection over union, with background",
    "mIoU_without_background": "mean intersection over union of the classes",
    "pixel_accuracy": "share of right pixels",
    "boundary_F1": "mean F1 of boundaries",
}


@dataclass(frozen=True, order=True)
class ShownImage:
    """Image ``number`` with its mean intersection over union, and both of its maps, no larger than a tile of a sheet.
    Compared are its ``rank``, how bad it is or how good, and of equals ``earlier``, which falls from image to image."""

    rank: float
    earlier: int
    number: int = field(compare=False)
    counts: PixelCounts = field(compare=False)
    truth: Map = field(compare=False)
    said: Map = field(compare=False)

    @property
    def iou(self) -> float:
        return self.counts.mean_iou


class PixelMetrics:
    """``runtime.tasks.Metrics``. Maps are compared in pixels of the stored image; of them stay the counts, and small
    copies of the worst and the best."""

    def __init__(self, classes: Sequence[str], *, primary: str, painting: Order, boundaries: bool) -> None:
        self.names = (BACKGROUND, *classes)
        self.primary, self.painting = primary, painting
        self.matrix: Counted = np.zeros((len(self.names), len(self.names)), np.int64)
        self.has: Counted = np.zeros(len(self.names), np.int64)
        self.boundaries = Boundaries(len(self.names)) if boundaries else None
        self.worst: list[ShownImage] = []
        self.best: list[ShownImage] = []
        self.images = 0

    def update(self, predictions: Sequence[Prediction], targets: Sequence[Target], images: Sequence[ImageInfo]) -> None:
        for prediction, target, image in zip(predictions, targets, images, strict=True):
            truth, said = target["stored_map"], restore(prediction, image)["map"]
            own = confusion(truth, said, len(self.names))
            self.matrix += own
            self.has += own.any(axis=1)
            if self.boundaries is not None:
                self.boundaries.add(truth, said)
            self._keep(PixelCounts(own), truth, said)
            self.images += 1

    def scores(self) -> Scores:
        return self._measured().scores

    def report(self, images: Images, options: ReportOptions) -> PixelReport:
        return PixelReport(self._measured(), *self._sheets(), images, options)

    def _measured(self) -> MeasuredPixels:
        return MeasuredPixels(
            self.names, self.primary, self.painting, self.images, self.has, PixelCounts(self.matrix), self.boundaries
        )

    def _sheets(self) -> tuple[list[ShownImage], list[ShownImage]]:
        """The worst, worst first, and the best, best first."""
        return sorted(self.worst, reverse=True), sorted(self.best, reverse=True)

    def _keep(self, counts: PixelCounts, truth: Map, said: Map) -> None:
        """Where it is one of the worst so far, none that is all right, or of the best, none of background alone; and
        none without a pixel that counts."""
        self._rank(self.worst, 1 - counts.mean_iou, counts, truth, said)
        if counts.truth[1:].any():
            self._rank(self.best, counts.mean_iou, counts, truth, said)

    def _rank(self, kept: list[ShownImage], rank: float, counts: PixelCounts, truth: Map, said: Map) -> None:
        least = kept[0].rank if len(kept) == SHOWN else 0
        if rank > least:  # NaN is not
            small = (_small(each) for each in (truth, said))
            keep = heapq.heappush if len(kept) < SHOWN else heapq.heappushpop
            keep(kept, ShownImage(rank, -self.images, self.images, counts, *small))


@dataclass(frozen=True)
class MeasuredPixels:
    """All that was counted on ``images`` images, of which ``has`` [V] have each value; ``names`` are those of value 0
    to N, ``painting`` the order in which objects were painted; ``boundaries`` None where they were not asked for."""

    names: Sequence[str]
    primary: str
    painting: Order
    images: int
    has: Counted
    counts: PixelCounts
    boundaries: Boundaries | None

    @property
    def absent(self) -> list[str]:
        """The values that occur neither in truth nor in predictions."""
        return [name for name, occurs in zip(self.names, self.counts.occurs, strict=True) if not occurs]

    @cached_property
    def figures(self) -> dict[str, float]:
        """NaN where there is nothing to measure."""
        counts = self.counts
        figures = {
            "mIoU": counts.mean_iou,
            "mIoU_without_background": counts.mean_iou_of_classes,
            "pixel_accuracy": counts.accuracy,
        }
        return figures if self.boundaries is None else figures | {"boundary_F1": mean(self.boundaries.f1)}

    @cached_property
    def scores(self) -> Scores:
        known = {name: 0.0 if math.isnan(value) else value for name, value in self.figures.items()}
        per_class = {"IoU": dict(zip(self.names, self.counts.iou.tolist(), strict=True))}
        if self.boundaries is not None:
            per_class["boundary_F1"] = dict(zip(self.names, self.boundaries.f1.tolist(), strict=True))
        return Scores(
            primary=self.primary if self.primary in known else PRIMARY,
            figures=known,
            per_class=per_class,
            titles={name: title for name, title in TITLES.items() if name in known},
            lines=tuple(self._lines()),
        )

    def _lines(self) -> Iterator[str]:
        yield "  ".join(f"{name} {value:.3f}" for name, value in self.figures.items())
        if self.absent:
            yield f"without a pixel, and left out: {', '.join(self.absent)}"


def _small(pixels: Map) -> Map:
    """A copy no larger than a tile."""
    height, width = pixels.shape
    scale = min(1.0, TILE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.array(cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
