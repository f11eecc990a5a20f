"""Detections on an image, and how they are picked out of what every anchor says. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from runtime.imaging import boxes as geometry
from runtime.tasks import Prediction


def detections(boxes: Any, labels: Any, scores: Any) -> Prediction:
    """A prediction from anything NumPy can read, best first: "boxes" float32 [n, 4] left, top, right, bottom in pixels
    of the model's input, not clipped; "labels" int64 [n] from 1; "scores" float32 [n], 0 to 1."""
    return {
        "boxes": np.asarray(boxes, np.float32).reshape(-1, 4),
        "labels": np.asarray(labels, np.int64),
        "scores": np.asarray(scores, np.float32),
    }


@dataclass(frozen=True)
class Thresholds:
    """A score must be above ``confidence``; in each class a box goes that overlaps a better one by more than ``iou``;
    the best ``top_k`` of all classes stay."""

    confidence: float
    iou: float
    top_k: int

    @classmethod
    def including(cls, confidence: float, iou: float, top_k: int) -> Thresholds:
        """The same, but a score of just ``confidence`` will do."""
        return cls(float(np.nextafter(np.float32(confidence), np.float32(0))), iou, top_k)


@runtime_checkable
class HasThresholds(Protocol):
    """Settings of a network that suppresses by these."""

    @property
    def thresholds(self) -> Thresholds: ...


def suppress(
    scores: NDArray[np.float32],
    corners: NDArray[np.float32],
    thresholds: Thresholds,
    *,
    candidates: int | None = None,
) -> Prediction:
    """The detections of one picture from ``scores`` [A, N] of classes 1 to N and ``corners`` [A, 4].

    ``candidates``: of each class only so many are looked at, as TensorRT's plugin does; None for all.
    """
    kept: list[tuple[NDArray[np.intp], NDArray[np.float32]]] = []
    for column in scores.T:
        above = np.flatnonzero(column > thresholds.confidence)
        order = above[np.argsort(-column[above], kind="stable")][:candidates]
        order = order[geometry.nms(corners[order], limit=thresholds.iou, most=thresholds.top_k)]
        kept.append((order, column[order]))
    labels = np.repeat(np.arange(1, scores.shape[1] + 1), [len(order) for order, _ in kept])
    places, values = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    order = np.argsort(-values, kind="stable")[: thresholds.top_k]
    return detections(corners[places[order]], labels[order], values[order])
