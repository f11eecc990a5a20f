"""How well the edges of classes are met: F1 of boundary pixels that have one of the other map nearby.

After G. Csurka and others, *What is a good evaluation measure for semantic segmentation?* (BMVC 2013), but counted over
all images together, as the confusion matrix is, and not as a mean over images.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from converters.model.painting import VOID
from runtime.tasks.classification.counts import share
from runtime.tasks.classification.names import Floats
from runtime.tasks.segmentation.counts import Map

NEAR = 0.0075
"""Share of the diagonal of an image up to which a boundary pixel is near."""
AROUND = np.ones((3, 3), np.uint8)


class Boundaries:
    """Boundary pixels of each of V values: those there, those said, and how many of each have one nearby."""

    def __init__(self, values: int) -> None:
        self.truth, self.met, self.said, self.right = np.zeros((4, values), np.int64)

    def add(self, truth: Map, said: Map) -> None:
        """Maps of one image as stored. What is next to ignored pixels is no boundary."""
        ignored = (truth == VOID).astype(np.uint8)
        judged = cv2.dilate(ignored, AROUND) == 0
        near = NEAR * float(np.hypot(*truth.shape))
        for value in np.union1d(np.unique(truth), np.unique(said)).tolist():
            if value == VOID:
                continue
            shown = _window((truth == value) | (said == value), int(near) + 2)
            there, found = (_edge(each[shown] == value) & judged[shown] for each in (truth, said))
            for own, other, counts, hits in (
                (there, found, self.truth, self.met),
                (found, there, self.said, self.right),
            ):
                counts[value] += np.count_nonzero(own)
                hits[value] += np.count_nonzero(own & _near(other, near))

    @property
    def f1(self) -> Floats:
        """Of each value [V]; NaN where it has no boundary."""
        precision, recall = share(self.right, self.said), share(self.met, self.truth)
        precision, recall = (np.nan_to_num(each) for each in (precision, recall))
        f1 = np.nan_to_num(share(2 * precision * recall, precision + recall))
        return np.where(self.truth + self.said > 0, f1, np.nan)


def _window(inside: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """The rows and columns that ``inside`` takes, and ``margin`` more on every side."""
    left, top, width, height = cv2.boundingRect(inside.view(np.uint8))
    rows = slice(max(0, top - margin), top + height + margin)
    return rows, slice(max(0, left - margin), left + width + margin)


def _edge(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels with one of another value beside them; the border of the image is none."""
    eroded = cv2.erode(inside.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return np.asarray(inside & (eroded == 0))


def _near(edge: NDArray[np.bool_], distance: float) -> NDArray[np.bool_]:
    """The pixels that are not further than ``distance`` from one of ``edge``."""
    if not edge.any():
        return np.zeros_like(edge)
    return np.asarray(cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= distance)
