"""Average precision as NVIDIA's SSD evaluation counts it. NumPy only; memory grows by five bytes a detection."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Mode = Literal["SAMPLE", "INTEGRATE"]
Array = NDArray[Any]
Size = tuple[int, int]

RECALLS = np.linspace(0, 1, 11)
EPSILON = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Result:
    """Average precision, 0 to 1, by class name in label order."""

    per_class: Mapping[str, float]

    @property
    def mean(self) -> float:
        """The mean over all classes. One without an object in the data has 0 and counts, as with NVIDIA."""
        return float(np.mean(list(self.per_class.values()))) if self.per_class else 0.0


class AveragePrecision:
    """Collects detections and truths picture by picture.

    ``classes`` are the names of label 1 to N. ``iou`` is the overlap from which a detection is right. SAMPLE is the
    mean of the best precision at eleven recalls (Pascal VOC 2007), INTEGRATE the area under the envelope of the
    precision-recall curve (VOC 2010 and later).
    """

    def __init__(self, classes: Sequence[str], *, mode: Mode = "SAMPLE", iou: float = 0.5) -> None:
        if mode not in ("SAMPLE", "INTEGRATE"):
            raise ValueError(f"the mode is SAMPLE or INTEGRATE, not {mode}")
        self.classes = tuple(classes)
        self.mode = mode
        self.iou = iou
        self._scores = [array("f") for _ in self.classes]
        self._hits = [array("b") for _ in self.classes]
        self._objects = [0] * len(self.classes)

    def add(self, detections: Mapping[str, Any], truths: Mapping[str, Any]) -> None:
        """Count one picture.

        ``detections`` has "boxes" [K, 4] left, top, right, bottom, "labels" [K] from 1 and "scores" [K]; ``truths``
        "boxes" [N, 4], "labels" [N] and, if any, "difficult" bool [N]: objects that need not be found, and whose
        first detection counts neither way. Arrays or tensors on the CPU, boxes of both in the same unit.
        Raises IndexError for a label outside 1 to the number of classes.
        """
        boxes, labels = _boxes(detections), np.asarray(detections["labels"])
        scores = np.asarray(detections["scores"], dtype=np.float32)
        true_boxes, true_labels = _boxes(truths), np.asarray(truths["labels"])
        difficult = np.asarray(truths.get("difficult", np.zeros(len(true_labels))), dtype=bool)
        for label in np.union1d(labels, true_labels).astype(int):
            if not 1 <= label <= len(self.classes):
                raise IndexError(f"label {label} is not one of the {len(self.classes)} classes")
            found, wanted = labels == label, true_labels == label
            order = np.argsort(-scores[found], kind="stable")
            ranked = scores[found][order]
            counts, hits = _hits(boxes[found][order], true_boxes[wanted], difficult[wanted], self.iou)
            self._objects[label - 1] += int(np.count_nonzero(~difficult[wanted]))
            self._scores[label - 1].extend(ranked[counts].tolist())
            self._hits[label - 1].extend(hits[counts].tolist())

    def result(self) -> Result:
        """The average precision of all pictures added so far."""
        values = (
            average_precision(np.asarray(scores), np.asarray(hits), objects=objects, mode=self.mode)
            for scores, hits, objects in zip(self._scores, self._hits, self._objects, strict=True)
        )
        return Result(dict(zip(self.classes, values, strict=True)))


def average_precision(scores: Array, hits: Array, *, objects: int, mode: Mode) -> float:
    """Of one class: ``scores`` [K] and whether each detection is right [K], in any order, for ``objects`` to find."""
    if not objects or not len(scores):
        return 0.0
    right = np.asarray(hits, dtype=np.float64)[np.argsort(-scores, kind="stable")].cumsum()
    precision = right / np.arange(1, len(right) + 1)
    recall = right / objects
    # From the right: the best precision at this recall or more.
    best = np.maximum.accumulate(precision[::-1])[::-1]
    if mode == "INTEGRATE":
        return float(np.sum(np.diff(recall, prepend=0.0) * best))
    at = np.searchsorted(recall, RECALLS - EPSILON)
    return float(np.append(best, 0.0)[at].mean())


def to_network_pixels(boxes: Any, *, size: Size, truth: bool = False) -> NDArray[np.float64]:
    """Boxes [N, 4] rounded to whole pixels of an input of ``size`` (height, width) and clipped to it, as NVIDIA does
    before it compares: detections to [0, width], objects (``truth``) to [0, width - 1]; height alike."""
    height, width = size
    limits = np.array([width, height, width, height]) - (1 if truth else 0)
    rounded = np.rint(np.asarray(boxes, dtype=np.float64).reshape(-1, 4))
    return np.asarray(rounded.clip(0, limits), dtype=np.float64)


def _boxes(items: Mapping[str, Any]) -> Array:
    return np.asarray(items["boxes"], dtype=np.float64).reshape(-1, 4)


def _hits(boxes: Array, truths: Array, difficult: Array, iou: float) -> tuple[Array, Array]:
    """Whether each detection of one class counts, and is right: bool [K] twice. Best detection first."""
    counts, hits = np.ones(len(boxes), dtype=bool), np.zeros(len(boxes), dtype=bool)
    if not len(truths):
        return counts, hits
    overlap = overlaps(boxes, truths)
    for k in range(len(boxes)):
        nearest = int(overlap[k].argmax())
        if overlap[k, nearest] >= iou:
            overlap[:, nearest] = 0  # used up: a second detection of it is wrong
            counts[k], hits[k] = not difficult[nearest], True
    return counts, hits


def overlaps(first: Array, second: Array) -> NDArray[np.float64]:
    """Intersection over union of every pair: [K, 4] and [N, 4] corners to [K, N]."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    intersection = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(corners[:, 2:] - corners[:, :2]).prod(axis=-1) for corners in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - intersection
    result: NDArray[np.float64] = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
    return result
