"""What is counted of predictions beside targets: a few numbers for each value and attribute, however many images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.imaging.boxes import area, iou
from runtime.tasks.classification.names import Floats, Names, ranked

CATEGORY_TOP = (1, 3, 5)
ATTRIBUTE_TOP = (3, 5)
GOOD = 0.5
"""Overlap (IoU) above which a box is good."""
BEST = 50
"""Attributes whose recalls mmfashion averages: those with the best."""

Counted = NDArray[np.int64]


class Choice:
    """Of one task with V values: how often each was taken for which, and was among the k likeliest."""

    def __init__(self, values: int) -> None:
        self.confusion: Counted = np.zeros((values, values), np.int64)
        """What is there (rows) and what the model says (columns)."""
        self.within: dict[int, Counted] = {k: np.zeros(values, np.int64) for k in CATEGORY_TOP}

    def add(self, probabilities: Floats, truth: NDArray[np.int64]) -> list[int]:
        """``probabilities`` [B, V]; ``truth`` [B] from 1, 0 where it is not known: such images are left out. Returns
        the places of the others that the model is wrong about."""
        known = np.flatnonzero(truth > 0)
        order, true = ranked(probabilities[known]), truth[known] - 1
        np.add.at(self.confusion, (true, order[:, 0]), 1)
        rank = (order == true[:, None]).argmax(axis=1)
        for k, counts in self.within.items():
            counts += np.bincount(true[rank < k], minlength=len(counts))
        wrong: list[int] = known[rank > 0].tolist()
        return wrong

    @property
    def images(self) -> Counted:
        """Of each value [V]."""
        return np.asarray(self.confusion.sum(axis=1))

    def accuracy(self, k: int = 1) -> float:
        """The share of the images whose value is among the ``k`` likeliest; NaN without an image."""
        return float(share(self.within[k].sum(), self.images.sum()))

    def shares(self, k: int) -> Floats:
        """The same of the images of each value [V]; NaN where there are none."""
        return share(self.within[k], self.images)

    def mean_share(self, k: int) -> float:
        """mmfashion's: the mean over the values that occur."""
        return mean(self.shares(k))


class Recalls:
    """Of A attributes: how many images have each, and how often it was among the k likeliest, of all or of its group.

    An attribute that is not known on an image is neither right nor wrong there, but takes its place among the k.
    """

    def __init__(self, names: Names) -> None:
        count = len(names.attributes)
        self.members = names.members
        self.has: Counted = np.zeros(count, np.int64)
        self.known: Counted = np.zeros(count, np.int64)
        self.hits: dict[int, Counted] = {k: np.zeros(count, np.int64) for k in ATTRIBUTE_TOP}
        self.wrong: dict[int, Counted] = {k: np.zeros(count, np.int64) for k in ATTRIBUTE_TOP}
        self.group_hits: dict[int, Counted] = {k: np.zeros(count, np.int64) for k in ATTRIBUTE_TOP}

    def add(self, scores: Floats, truth: NDArray[np.int8]) -> None:
        """``scores`` [B, A]; ``truth`` [B, A] 1 yes, 0 no, -1 not known."""
        self.has += (truth == 1).sum(axis=0)
        self.known += (truth >= 0).sum(axis=0)
        everything = np.arange(len(self.has))
        self._count(scores, truth, everything, self.hits, yes=True)
        self._count(scores, truth, everything, self.wrong, yes=False)
        for places in self.members.values():
            self._count(scores, truth, places, self.group_hits, yes=True)

    def _count(
        self,
        scores: Floats,
        truth: NDArray[np.int8],
        places: NDArray[np.intp],
        counts: dict[int, Counted],
        *,
        yes: bool,
    ) -> None:
        """Add to ``counts`` the attributes among the k likeliest of those at ``places`` that are there, or not."""
        best = places[ranked(scores[:, places])[:, : max(ATTRIBUTE_TOP)]]
        right = np.take_along_axis(truth, best, axis=1) == int(yes)
        for k, total in counts.items():
            total += np.bincount(best[:, :k][right[:, :k]], minlength=len(total))

    def recalls(self, k: int) -> Floats:
        """Of each attribute [A], NaN where no image has it: among the ``k`` likeliest of all."""
        return share(self.hits[k], self.has)

    def group_recalls(self, k: int) -> Floats:
        """Of each attribute [A], NaN where no image has it: among the ``k`` likeliest of its group."""
        return share(self.group_hits[k], self.has)

    def mean_recall(self, k: int) -> float:
        """The paper's, over all attributes that an image has; NaN where there are none."""
        return mean(self.recalls(k))

    def group_recall(self, k: int, group: str) -> float:
        """The paper's, within one ``group``."""
        return mean(self.group_recalls(k)[self.members[group]])

    def best_recall(self, k: int) -> float:
        """mmfashion's recall: the mean over the BEST best."""
        recalls = self.recalls(k)
        return mean(np.sort(recalls[~np.isnan(recalls)])[::-1][:BEST])

    def accuracy(self, k: int) -> float:
        """mmfashion's accuracy: the share of rights, yes for the ``k`` likeliest and no for all others, mean over the
        attributes."""
        return mean(share(self.known - (self.has - self.hits[k]) - self.wrong[k], self.known))


@dataclass
class BoxCounts:
    """Overlaps of predicted with true boxes, where an image has one."""

    images: int = 0
    overlap: float = 0.0
    good: int = 0

    def add(self, boxes: Floats, truth: Floats) -> None:
        """Both [B, 4], in the same pixels."""
        there = area(truth) > 0
        found = np.nan_to_num(iou(boxes[there], truth[there]))
        self.images += len(found)
        self.overlap += float(found.sum())
        self.good += int((found > GOOD).sum())

    @property
    def mean_overlap(self) -> float:
        """Intersection over union; NaN without an image."""
        return float(share(self.overlap, self.images))

    @property
    def good_share(self) -> float:
        """Of the boxes that are good."""
        return float(share(self.good, self.images))


def share(part: Any, whole: Any) -> Floats:
    """NaN where ``whole`` is 0."""
    whole = np.asarray(whole)
    shares: Floats = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return shares


def mean(values: Floats) -> float:
    """Of those that are known; NaN where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
