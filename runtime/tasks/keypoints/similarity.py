"""Object key-point similarity (OKS) and COCO's ten figures by it, as pycocotools' COCOeval counts them (keypoints).

    OKS = mean over the labelled points of an object of exp(-d² / (2 · area · (2 · sigma)²))

Source: https://cocodataset.org/#keypoints-eval and cocoeval.py of pycocotools.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.model import landmarks
from converters.model.landmarks import Layout
from runtime.tasks.detection.evaluation.coco import Coco, Rules, mean
from runtime.tasks.keypoints.poses import Poses, labelled

Floats = NDArray[np.float64]

RULES = Rules({"all": (0.0, 1e10), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}, (20,))
NAMES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")
TOGETHER = 20_000
"""So many pairs of a prediction and an object are compared at a time."""


@dataclass(frozen=True)
class Similarity:
    """``runtime.tasks.detection.matching.Compare`` of ``found`` and ``truth``, whose classes have ``layouts``."""

    found: Poses
    truth: Poses
    layouts: Sequence[Layout]

    def __call__(self, detections: NDArray[Any], objects: NDArray[Any]) -> Floats:
        values = np.empty(len(detections))
        for start in range(0, len(detections), TOGETHER):
            part = slice(start, start + TOGETHER)
            values[part] = self._pairs(detections[part], objects[part])
        return values

    def _pairs(self, detections: NDArray[Any], objects: NDArray[Any]) -> Floats:
        values, labels = np.empty(len(detections)), self.truth.label[objects]
        unlabelled = ~self.labelled[objects]
        for label in np.unique(labels).tolist():
            for compare, chosen in ((self._points, ~unlabelled), (self._around, unlabelled)):
                pairs = np.flatnonzero((labels == label) & chosen)
                if len(pairs):
                    values[pairs] = compare(detections[pairs], objects[pairs], self.layouts[label - 1])
        return values

    @cached_property
    def labelled(self) -> NDArray[np.bool_]:
        """Which objects have a point that counts [N]."""
        return labelled(self.truth, self.layouts)

    def _points(self, detections: NDArray[Any], objects: NDArray[Any], layout: Layout) -> Floats:
        """Of pairs of a class with objects that have labelled points."""
        own = self.truth.own(objects, layout.count)
        away = self.found.points[self.found.own(detections, layout.count)] - self.truth.points[own]
        counts = self.truth.marks[own] > 0
        near = np.exp(-_errors((away**2).sum(axis=2), np.array(layout.sigmas), self._area(objects)))
        similarity: Floats = (near * counts).sum(axis=1) / counts.sum(axis=1)
        return similarity

    def _around(self, detections: NDArray[Any], objects: NDArray[Any], layout: Layout) -> Floats:
        """Of pairs with objects without any: how far points lie outside of twice the box, all of the vector."""
        points = np.stack([self.found.whole[first] for first in self.found.first[detections].tolist()])
        boxes = self.truth.box[objects]
        size = boxes[:, 2:] - boxes[:, :2]
        low, high = boxes[:, None, :2] - size[:, None], boxes[:, None, :2] + 2 * size[:, None]
        away = np.maximum(0, low - points) + np.maximum(0, points - high)
        near = np.exp(-_errors((away**2).sum(axis=2), whole_sigmas(layout), self._area(objects)))
        similarity: Floats = near.mean(axis=1)
        return similarity

    def _area(self, objects: NDArray[Any]) -> Floats:
        return self.truth.area[objects, None]


@cache
def whole_sigmas(layout: Layout) -> Floats:
    """Those of the vector of all points that ``layout`` is a part of [K]."""
    sigmas = np.ones(layout.total)
    for name in landmarks.names():
        other = landmarks.layout(name)
        if other is not None and other.total == layout.total:
            sigmas[other.offset : other.offset + other.count] = other.sigmas
    return sigmas


def _errors(squares: Floats, sigmas: Floats, area: Floats) -> Floats:
    errors: Floats = squares / (2 * sigmas) ** 2 / (area + np.spacing(1)) / 2
    return errors


def figures(measured: Coco) -> dict[str, float]:
    """The ten by name, 0 to 1; NaN where COCOeval says -1: there is nothing to measure."""
    return dict(zip(NAMES, map(mean, _values(measured.precision, measured.recall)), strict=True))


def per_class(measured: Coco) -> list[dict[str, float]]:
    """The same of each class."""
    return [
        figures(Coco(measured.precision[..., k : k + 1], measured.recall[..., k : k + 1]))
        for k in range(measured.precision.shape[-1])
    ]


def _values(precision: Floats, recall: Floats) -> list[Floats]:
    both = (precision, recall[:, :, 0])
    return [value for each in both for value in (each[0], each[0, 0], each[0, 5], each[1], each[2])]
