"""How far predicted points lie from annotated ones: PCK, AUC and EPE, and PCK over its threshold.

Of a class, ``PCK`` is the share of points that are less than 0.2 times the longer side of the box away, ``AUC`` the
mean share within 0, 1.5, 3 ... 28.5 pixels, ``EPE`` the mean distance; all in stored pixels. Shares are means over
landmarks, so that a rarely labelled one weighs as much as any, as in the pose toolbox that publishes such figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.model.landmarks import Layout
from runtime.tasks.keypoints.poses import Poses

Floats = NDArray[np.float64]

PCK = 0.2
STEPS, RANGE = 20, 30.0
"""Of AUC: so many thresholds below so many pixels."""
GRID = np.linspace(0.0, 0.5, 51)
"""Thresholds of the curves of PCK, as shares of the longer side of the box."""
NAMES = ("PCK", "AUC", "EPE")


@dataclass(frozen=True)
class Distances:
    """Of the labelled points of a class: ``landmark`` int64 [P], from 0, ``pixels`` float64 [P] from where it is, and
    ``shares`` float64 [P] of the longer side of the box; ``count`` is how many landmarks the class has."""

    landmark: NDArray[np.int64]
    pixels: Floats
    shares: Floats
    count: int

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def figures(self) -> dict[str, float]:
        """By name; NaN where no point is labelled."""
        if not len(self):
            return dict.fromkeys(NAMES, float("nan"))
        within = np.arange(STEPS)[:, None] / STEPS > self.pixels / RANGE
        return {
            "PCK": self._mean(self.shares < PCK),
            "AUC": float(np.mean([self._mean(each) for each in within])),
            "EPE": float(self.pixels.mean()),
        }

    @property
    def curve(self) -> Floats:
        """PCK at each threshold of ``GRID``."""
        return np.array([self._mean(self.shares < threshold) for threshold in GRID])

    def _mean(self, right: NDArray[np.bool_]) -> float:
        """The mean over landmarks of how many of their points are ``right`` [P]."""
        labelled = np.bincount(self.landmark, minlength=self.count)
        hits = np.bincount(self.landmark[right], minlength=self.count)
        return float((hits[labelled > 0] / labelled[labelled > 0]).mean()) if len(self) else float("nan")


def measure(
    found: Poses, truth: Poses, pairs: tuple[NDArray[np.int64], NDArray[np.int64]], layouts: Sequence[Layout]
) -> list[Distances]:
    """Of each class; ``pairs`` are places of predictions and of the objects that these are of."""
    detections, objects = pairs
    labels = truth.label[objects]
    return [
        _of_class(found, truth, detections[labels == label], objects[labels == label], layout.count)
        for label, layout in enumerate(layouts, start=1)
    ]


def _of_class(
    found: Poses, truth: Poses, detections: NDArray[np.int64], objects: NDArray[np.int64], count: int
) -> Distances:
    own, there = found.own(detections, count), truth.own(objects, count)
    pair, landmark = np.nonzero(truth.marks[there] > 0)
    away = found.points[own[pair, landmark]] - truth.points[there[pair, landmark]]
    pixels = np.hypot(away[:, 0], away[:, 1])
    box = truth.box[objects]
    longer = np.maximum((box[:, 2:] - box[:, :2]).max(axis=1), 1.0) if len(box) else np.zeros(0)
    return Distances(landmark, pixels, pixels / longer[pair], count)
