"""What is counted of label maps beside true ones: pixels, in one matrix, however many images."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from converters.model.painting import VOID
from runtime.tasks.classification.counts import Counted, mean, share
from runtime.tasks.classification.names import Floats

Map = NDArray[np.uint8]

MOST = 1 << 24
"""Pixels that are counted at once: OpenCV's counts are float32, which are whole numbers up to here."""


def confusion(truth: Map, said: Map, values: int) -> Counted:
    """How many pixels of each value (rows) are said to have which (columns) [V, V]; those that are ignored in ``truth``
    are left out. Raises ValueError for a value that is none of ``values``."""
    counts = np.zeros((values, values), np.int64)
    rows = max(1, MOST // truth.shape[1])
    for top in range(0, len(truth), rows):
        pair = [np.ascontiguousarray(each[top : top + rows]) for each in (truth, said)]
        part = cv2.calcHist(pair, [0, 1], None, [values, values], [0, values, 0, values])
        counts += part.astype(np.int64)
    if counts.sum() != cv2.countNonZero(VOID - truth):
        raise ValueError(f"a label map has other values than 0 to {values - 1} and {VOID}")
    return counts


@dataclass(frozen=True)
class PixelCounts:
    """Figures of a ``matrix`` as ``confusion`` gives it, value 0 being the background. Those of a value [V] are NaN
    where it occurs neither in truth nor in predictions."""

    matrix: Counted

    @property
    def truth(self) -> Counted:
        return np.asarray(self.matrix.sum(axis=1))

    @property
    def said(self) -> Counted:
        return np.asarray(self.matrix.sum(axis=0))

    @property
    def right(self) -> Counted:
        return self.matrix.diagonal()

    @property
    def occurs(self) -> NDArray[np.bool_]:
        """Which values occur in truth or predictions."""
        return self.truth + self.said > 0

    @property
    def iou(self) -> Floats:
        """Intersection over union of each value."""
        return share(self.right, self.truth + self.said - self.right)

    @property
    def recall(self) -> Floats:
        """Share of the pixels of each value that are said to have it; NaN where there are none in truth."""
        return share(self.right, self.truth)

    @property
    def precision(self) -> Floats:
        """Share of the pixels said to have a value that have it; NaN where there are none."""
        return share(self.right, self.said)

    @property
    def f1(self) -> Floats:
        """Of precision and recall: Dice's coefficient."""
        return share(2 * self.right, self.truth + self.said)

    @property
    def mean_iou(self) -> float:
        """Over all values that occur; NaN where there are none."""
        return mean(self.iou)

    @property
    def mean_iou_of_classes(self) -> float:
        """The same without the background."""
        return mean(self.iou[1:])

    @property
    def accuracy(self) -> float:
        """Share of all pixels that are right."""
        return float(share(self.right.sum(), self.matrix.sum()))
