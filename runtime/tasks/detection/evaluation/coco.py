"""COCO's figures, as pycocotools' COCOeval counts them (bbox, segm, keypoints), for all pictures at once.

Source of the rules: https://cocodataset.org/#detection-eval and cocoeval.py of pycocotools. Boxes are compared in
pixels of the stored pictures: that is what the areas of "small" and "large" mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.tasks.detection.findings import Findings
from runtime.tasks.detection.matching import Compare, match

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
MOST = (1, 10, 100)

NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


@dataclass(frozen=True)
class Rules:
    """What differs from kind to kind: ranges of ``areas`` by name, in stored pixels, and the limits ``most``: so many
    detections of a class on a picture count, best first, rising."""

    areas: Mapping[str, tuple[float, float]]
    most: tuple[int, ...]


BOXES = Rules(AREAS, MOST)
"""Also those of masks."""


@dataclass(frozen=True)
class Coco:
    """``precision`` [areas A, thresholds 10, recalls 101, classes C] and ``recall`` [A, 10, limits M, C], as COCOeval's
    ``eval``; -1 where a class has no object of that area. Of boxes and masks there are 4 areas and 3 limits."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @property
    def figures(self) -> dict[str, float]:
        """The twelve by name, 0 to 1; NaN where COCOeval says -1: there is nothing to measure."""
        precision, recall = self.precision, self.recall
        values = [precision[0], precision[0, 0], precision[0, 5], precision[1], precision[2], precision[3]]
        values += [recall[0, :, 0], recall[0, :, 1], recall[0, :, 2], recall[1, :, 2], recall[2, :, 2], recall[3, :, 2]]
        return {name: mean(value) for name, value in zip(NAMES, values, strict=True)}

    def per_class(self, threshold: int | None = None) -> list[float]:
        """AP of each class over all thresholds, or at number ``threshold``; NaN for a class without objects."""
        chosen = self.precision[0] if threshold is None else self.precision[0, threshold : threshold + 1]
        return [mean(chosen[..., k]) for k in range(chosen.shape[-1])]


def measure(
    findings: Findings, compare: Compare | None = None, *, rules: Rules = BOXES, silent: NDArray[np.bool_] | None = None
) -> Coco:
    """COCO's precisions and recalls of ``findings``; ``compare`` gives another overlap than that of boxes.

    Objects that are ``silent`` [N] or crowds do not count, nor does what finds them; a crowd is found any number of
    times.
    """
    found, truth = findings.found, findings.truth
    groups, wanted = findings.groups(found), findings.groups(truth)
    place = np.arange(len(groups)) - np.searchsorted(groups, groups, "left")
    counted = np.flatnonzero(place < rules.most[-1])
    found, groups, place = found.take(counted), groups[counted], place[counted]
    findings = replace(findings, found=found)
    given = None if compare is None else lambda detections, objects: compare(counted[detections], objects)
    boxes, true_boxes = findings.stored(found), findings.stored(truth)
    low, high = np.array(list(rules.areas.values())).T[:, :, None]
    area, true_area = findings.areas(found), findings.areas(truth)
    outside, ignored = (area < low) | (area > high), (true_area < low) | (true_area > high) | truth.crowd
    ignored |= False if silent is None else silent
    matches = match(
        groups, boxes, wanted, true_boxes, thresholds=THRESHOLDS, ignored=ignored, ties="last", crowd=truth.crowd,
        compare=given,
    )  # fmt: skip
    shape = (len(rules.areas), len(THRESHOLDS), len(matches.found))
    taken = matches.truth.reshape(shape)
    # Of what found an object that does not count, or found none and does not count itself, nothing is said.
    right = np.stack([np.append(~ignored[a], False)[taken[a]] for a in range(len(rules.areas))])
    told = right | ~((taken >= 0) | outside[:, None, matches.found])

    classes = len(findings.classes)
    precision = np.full((len(rules.areas), len(THRESHOLDS), len(RECALLS), classes), -1.0)
    recall = np.full((len(rules.areas), len(THRESHOLDS), len(rules.most), classes), -1.0)
    column = np.full(len(found), -1)
    column[matches.found] = np.arange(len(matches.found))
    for label, order in enumerate(findings.ranked, start=1):
        objects = np.count_nonzero(~ignored[:, truth.label == label], axis=1)
        ranks = np.flatnonzero(column[order] >= 0)  # places of those that may be right, all else is wrong or silent
        own = column[order[ranks]]
        wrong = np.cumsum(~outside[:, order] & (column[order] < 0), axis=1)[:, ranks]
        among = [place[order[ranks]] < most for most in rules.most]
        for a in np.flatnonzero(objects):
            good = right[a][:, own]
            total = np.cumsum(told[a][:, own], axis=1) + wrong[a]
            for t in range(len(THRESHOLDS)):
                recall[a, t, :, label - 1] = [np.count_nonzero(good[t] & each) / objects[a] for each in among]
                at = np.flatnonzero(good[t])
                precision[a, t, :, label - 1] = _sampled(total[t, at], int(objects[a]))
    return Coco(precision, recall)


def _sampled(total: Any, objects: int) -> NDArray[np.float64]:
    """The best precision at each recall or more, where of the ``total`` best detections one is right, then two, ...

    Only places where a detection is right are given: between them precision falls, and recall stays.
    """
    true = np.arange(1, len(total) + 1)
    envelope = np.maximum.accumulate((true / (total + np.spacing(1)))[::-1])[::-1]
    at = np.searchsorted(true / objects, RECALLS, side="left")
    sampled: NDArray[np.float64] = np.append(envelope, 0.0)[at]
    return sampled


def mean(values: NDArray[np.float64]) -> float:
    """That of what could be measured; NaN for none."""
    known = values[values > -1]
    return float(known.mean()) if known.size else float("nan")
