"""What detections mean at a threshold: rights, wrongs and misses by class, confusions, the worst pictures.

All of it stands on one matching, NVIDIA's (``metrics.outcome``), in whole pixels of the network, so that the tables
tell the same story as the average precision. A detection counts at a threshold when its score is that or more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.tasks.detection.average_precision import Outcome, outcome
from runtime.tasks.detection.findings import Findings
from runtime.tasks.detection.matching import overlaps

GRID = np.linspace(0.0, 1.0, 1001)
"""Thresholds at which F1 is looked at."""
RECALLS = np.linspace(0.0, 1.0, 101)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Of one class with ``objects`` to find: after each detection, best first, ``scores``, ``true`` and how many of
    the detections so far were right (``true``, rising), all [K]."""

    objects: int
    scores: Floats
    true: NDArray[np.int64]

    def at(self, thresholds: Any) -> tuple[Floats, Floats, Floats]:
        """Precision, recall and F1 at each threshold; 0 where there is nothing to divide by."""
        found = np.searchsorted(-self.scores, -np.asarray(thresholds, np.float64), side="right")
        true = np.append(0, self.true)[found]
        return _share(true, found), _share(true, self.objects), _share(2 * true, found + self.objects)

    def values_over(self, thresholds: Any) -> Floats:
        """Precision, recall and F1 [3, T] as they are drawn over thresholds and averaged over classes: above the score
        of the best detection precision is 1, since nothing wrong is said there; without any detection it is 0."""
        values = np.stack(self.at(thresholds))
        if len(self.scores):
            values[0, np.asarray(thresholds) > self.scores[0]] = 1.0
        return values

    @property
    def precision_recall(self) -> tuple[Floats, Floats]:
        """The best precision at each of 101 recalls or more, and these recalls, from 1 down to 0."""
        precision = _share(self.true, np.arange(1, len(self.true) + 1))
        best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        recall = _share(self.true, self.objects)
        at = np.searchsorted(recall, RECALLS - 1e-12)
        return best[at][::-1], RECALLS[::-1]


@dataclass(frozen=True)
class Picture:
    """A picture at the threshold: how many objects were ``missed`` and how many ``found``, and the scores of detections
    that are ``wrong``."""

    number: int
    missed: int
    found: int
    wrong: tuple[float, ...]

    @property
    def badness(self) -> float:
        """A missed object weighs as much as a wrong detection that is quite sure of itself."""
        return self.missed + sum(self.wrong)


@dataclass(frozen=True)
class Analysis:
    """``findings`` in whole pixels of the network, matched from an overlap of ``iou`` on.

    ``wanted`` is a threshold for all classes; None: the one with the best mean F1.
    """

    findings: Findings
    iou: float
    wanted: float | None = None

    @cached_property
    def outcome(self) -> Outcome:
        return outcome(self.findings, iou=self.iou)

    @cached_property
    def objects(self) -> NDArray[np.int64]:
        """Objects of each class that are to be found [C]; difficult ones are not."""
        truth = self.findings.truth
        return np.bincount(truth.label[~truth.difficult], minlength=len(self.findings.classes) + 1)[1:]

    @cached_property
    def images(self) -> NDArray[np.int64]:
        """Images that have objects of each class to find [C]."""
        truth = self.findings.truth.take(~self.findings.truth.difficult)
        labels = truth.label[np.flatnonzero(np.diff(self.findings.groups(truth), prepend=-1))]
        return np.bincount(labels, minlength=len(self.findings.classes) + 1)[1:]

    @cached_property
    def curves(self) -> list[Curve]:
        found, became, made = self.findings.found, self.outcome, []
        for ranked, objects in zip(self.findings.ranked, self.objects.tolist(), strict=True):
            order = ranked[became.counts[ranked]]
            made.append(Curve(objects, found.score[order].astype(np.float64), np.cumsum(became.truth[order] >= 0)))
        return made

    @cached_property
    def over_grid(self) -> dict[int, Floats]:
        """Precision, recall and F1 [3, 1001] at each threshold of ``GRID``, of each class (from 0) that has objects."""
        return {k: curve.values_over(GRID) for k, curve in enumerate(self.curves) if curve.objects}

    @cached_property
    def mean_over_grid(self) -> Floats:
        """The mean of ``over_grid`` over the classes [3, 1001]; 0 without any."""
        return np.mean([*self.over_grid.values()], axis=0) if self.over_grid else np.zeros((3, len(GRID)))

    @property
    def means(self) -> tuple[float, float, float]:
        """Precision, recall and F1 at the threshold, the means over the classes that have objects."""
        known = [curve.values_over([self.threshold])[:, 0] for curve in self.curves if curve.objects]
        precision, recall, f1 = np.mean(known, axis=0).tolist() if known else (0.0, 0.0, 0.0)
        return precision, recall, f1

    @cached_property
    def threshold(self) -> float:
        """As wanted, else the middle of where the mean F1 is best."""
        if self.wanted is not None:
            return self.wanted
        return _best(self.mean_over_grid[2])

    def table(self) -> list[dict[str, Any]]:
        """Of each class its counts, precision, recall and F1 at the threshold, and the best F1 it could have."""
        rows = []
        for name, images, curve in zip(self.findings.classes, self.images.tolist(), self.curves, strict=True):
            precision, recall, f1 = (float(value[0]) for value in curve.at([self.threshold]))
            found = int(np.count_nonzero(curve.scores >= self.threshold))
            true = int(curve.true[found - 1]) if found else 0
            over = curve.at(GRID)[2]
            rows.append(
                {
                    "class": name,
                    "images": images,
                    "objects": curve.objects,
                    "detections": found,
                    "true_positives": true,
                    "false_positives": found - true,
                    "missed": curve.objects - true,
                    "precision": precision if found else None,
                    "recall": recall if curve.objects else None,
                    "f1": f1 if curve.objects else None,
                    "best_f1": float(over.max()) if curve.objects else None,
                    "best_f1_threshold": _best(over) if curve.objects and over.max() else None,
                }
            )
        return rows

    @cached_property
    def above(self) -> NDArray[np.bool_]:
        """Detections [K] with the threshold's score or more. Compared as float64, everywhere."""
        return np.asarray(self.findings.found.score.astype(np.float64) >= self.threshold)

    @cached_property
    def marks(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Detections that count at the threshold [K], and objects found by them [N]."""
        hit = np.zeros(len(self.findings.truth), dtype=bool)
        taken = self.outcome.truth[self.above]
        hit[taken[taken >= 0]] = True
        return self.outcome.counts & self.above, hit

    def confusion(self) -> NDArray[np.int64]:
        """Objects by class (rows) and what they were taken for (columns), int64 [C + 1, C + 1]; the last column counts
        objects that were missed, the last row detections where there is no object.

        What found an object of its own class is on the diagonal, as in the table. What is left on both sides is
        paired by falling overlap, from ``iou`` on, whatever the classes.
        """
        found, truth, classes = self.findings.found, self.findings.truth, len(self.findings.classes)
        shown, hit = self.marks
        wrong = np.flatnonzero(shown & (self.outcome.truth < 0))
        missed = np.flatnonzero(~hit & ~truth.difficult)
        right = truth.label[hit & ~truth.difficult] - 1
        pairs = np.array(self._confused(wrong, missed), np.int64).reshape(-1, 2)
        rows = [right, truth.label[pairs[:, 1]] - 1]
        columns = [right, found.label[pairs[:, 0]] - 1]
        wrong, missed = np.setdiff1d(wrong, pairs[:, 0]), np.setdiff1d(missed, pairs[:, 1])
        rows += [np.full(len(wrong), classes), truth.label[missed] - 1]
        columns += [found.label[wrong] - 1, np.full(len(missed), classes)]
        places = np.concatenate(rows).astype(np.int64) * (classes + 1) + np.concatenate(columns)
        return np.bincount(places, minlength=(classes + 1) ** 2).reshape(classes + 1, classes + 1)

    def _confused(self, wrong: NDArray[np.intp], missed: NDArray[np.intp]) -> list[tuple[int, int]]:
        """Pairs of a wrong detection and a missed object of the same picture, each at most once."""
        found, truth = self.findings.found, self.findings.truth
        first = np.searchsorted(truth.picture[missed], found.picture[wrong], "left")
        counts = np.searchsorted(truth.picture[missed], found.picture[wrong], "right") - first
        k = np.repeat(wrong, counts)
        ramp = np.arange(len(k)) - np.repeat(np.cumsum(counts) - counts, counts)
        n = missed[np.repeat(first, counts) + ramp]
        overlap = overlaps(found.box[k], truth.box[n])
        pairs, used, taken = [], set(), set()
        for at in np.argsort(-overlap, kind="stable")[: np.count_nonzero(overlap >= self.iou)].tolist():
            if k[at] not in used and n[at] not in taken:
                used.add(k[at])
                taken.add(n[at])
                pairs.append((int(k[at]), int(n[at])))
        return pairs

    def worst(self, count: int) -> list[Picture]:
        """The ``count`` worst pictures, worst first: objects missed, and wrong detections with their scores."""
        order = np.argsort(-self._badness, kind="stable")[:count]
        return [picture for picture in map(self._picture, order.tolist()) if picture.badness > 0]

    def best(self, count: int) -> list[Picture]:
        """The ``count`` best pictures, best first: of those with the least that is wrong or missed the ones with the
        most objects found, then with the surest detections; none without an object found."""
        right = self.marks[0] & (self.outcome.truth >= 0)
        sure = self._by_picture(self.findings.found.picture[right], self.findings.found.score[right])
        order = np.lexsort((-sure, -self._found, self._badness))
        return list(map(self._picture, order[self._found[order] > 0][:count].tolist()))

    @cached_property
    def _missed(self) -> NDArray[np.float64]:
        """Objects missed, by picture."""
        truth = self.findings.truth
        return self._by_picture(truth.picture[~self.marks[1] & ~truth.difficult])

    @cached_property
    def _found(self) -> NDArray[np.float64]:
        """Objects found, by picture."""
        truth = self.findings.truth
        return self._by_picture(truth.picture[self.marks[1] & ~truth.difficult])

    @cached_property
    def _wrong(self) -> NDArray[np.intp]:
        """The wrong detections."""
        return np.flatnonzero(self.marks[0] & (self.outcome.truth < 0))

    @cached_property
    def _badness(self) -> NDArray[np.float64]:
        """By picture."""
        found = self.findings.found
        return self._missed + self._by_picture(found.picture[self._wrong], found.score[self._wrong])

    def _by_picture(self, pictures: NDArray[Any], weights: NDArray[Any] | None = None) -> NDArray[np.float64]:
        return np.bincount(pictures, weights=weights, minlength=self.findings.pictures).astype(np.float64)

    def _picture(self, number: int) -> Picture:
        found = self.findings.found
        scores = np.sort(found.score[self._wrong[found.picture[self._wrong] == number]])[::-1]
        return Picture(number, int(self._missed[number]), int(self._found[number]), tuple(scores.tolist()))


def total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The row of all classes together: sums of the counts, and precision, recall and F1 of these sums."""
    names = ("objects", "detections", "true_positives", "false_positives", "missed")
    sums: dict[str, Any] = {name: sum(row[name] for row in rows) for name in names}
    true, found, objects = sums["true_positives"], sums["detections"], sums["objects"]
    sums["precision"] = true / found if found else None
    sums["recall"] = true / objects if objects else None
    sums["f1"] = 2 * true / (found + objects) if objects else None
    return {"class": "all", **sums}


def _best(f1: Floats) -> float:
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    # The first stretch of them: F1 may come to the same height twice.
    first = best[: int(np.flatnonzero(np.diff(best, append=best[-1] + 2) > 1)[0]) + 1]
    return float(GRID[first[len(first) // 2]])


def _share(part: Any, whole: Any) -> Floats:
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    result: Floats = np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
    return result
