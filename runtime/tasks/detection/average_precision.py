"""Average precision as NVIDIA's SSD evaluation counts it. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from runtime.tasks.detection.findings import Findings
from runtime.tasks.detection.matching import match

Mode = Literal["SAMPLE", "INTEGRATE"]
Array = NDArray[Any]

RECALLS = np.linspace(0, 1, 11)
EPSILON = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Result:
    """Average precision, 0 to 1, by class name in label order; 0 for one of ``absent``, without an object in the data.

    ``strict``: absent classes count in the mean, as with NVIDIA, so that a class more makes a detector worse.
    """

    per_class: Mapping[str, float]
    absent: frozenset[str] = frozenset()
    strict: bool = True

    @property
    def mean(self) -> float:
        """The mean over the classes; 0 without any."""
        counted = [value for name, value in self.per_class.items() if self.strict or name not in self.absent]
        return float(np.mean(counted)) if counted else 0.0


@dataclass(frozen=True)
class Outcome:
    """What became of each detection: ``truth`` int64 [K] the object it found, -1 for none; ``counts`` bool [K]: False
    where it found an object that is difficult, which is neither right nor wrong."""

    truth: NDArray[np.int64]
    counts: NDArray[np.bool_]

    @property
    def right(self) -> NDArray[np.bool_]:
        return np.asarray((self.truth >= 0) & self.counts)


def outcome(findings: Findings, *, iou: float) -> Outcome:
    """Match as NVIDIA does: in each picture and class the best detection first, the free object it overlaps most.

    That object is found from an overlap of ``iou`` on, and then used up, difficult or not.
    """
    found, truth = findings.found, findings.truth
    matches = match(
        findings.groups(found), found.box, findings.groups(truth), truth.box, thresholds=np.array([iou]),
        crowd=truth.crowd,
    )  # fmt: skip
    taken = np.full(len(found), -1, np.int64)
    taken[matches.found] = matches.truth[0]
    counts = np.ones(len(found), dtype=bool)
    counts[taken >= 0] = ~truth.difficult[taken[taken >= 0]]
    return Outcome(taken, counts)


def precision(findings: Findings, *, mode: Mode, iou: float, strict: bool, became: Outcome | None = None) -> Result:
    """The average precision of every class. Boxes are compared as they are; see ``in_whole_pixels``. ``became``: their
    ``outcome``, where it is known."""
    if mode not in ("SAMPLE", "INTEGRATE"):
        raise ValueError(f"the mode is SAMPLE or INTEGRATE, not {mode}")
    became = became or outcome(findings, iou=iou)
    objects = np.bincount(findings.truth.label[~findings.truth.difficult], minlength=len(findings.classes) + 1)[1:]
    values = {}
    for name, ranked, count in zip(findings.classes, findings.ranked, objects.tolist(), strict=True):
        own = ranked[became.counts[ranked]]
        scores, hits = findings.found.score[own], became.truth[own] >= 0
        values[name] = average_precision(scores, hits, objects=count, mode=mode)
    absent = frozenset(name for name, count in zip(findings.classes, objects, strict=True) if not count)
    return Result(values, absent, strict)


def in_whole_pixels(findings: Findings) -> Findings:
    """``findings`` with the boxes that NVIDIA compares: ``to_network_pixels``."""
    found, truth = findings.found, findings.truth
    boxes = (
        to_network_pixels(found.box, size=findings.inputs[found.picture]),
        to_network_pixels(truth.box, size=findings.inputs[truth.picture], truth=True),
    )
    rounded = (np.asarray(each, np.float32) for each in boxes)
    return replace(findings, found=replace(found, box=next(rounded)), truth=replace(truth, box=next(rounded)))


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


def to_network_pixels(boxes: Any, *, size: Any, truth: bool = False) -> NDArray[np.floating[Any]]:
    """Boxes [N, 4] rounded to whole pixels of an input of ``size`` (height, width; or [N, 2], of each box) and clipped
    to it, as NVIDIA does before it compares: detections to [0, width], objects (``truth``) to [0, width - 1]; height
    alike."""
    limits = np.asarray(size)[..., [1, 0, 1, 0]] - (1 if truth else 0)
    rounded: NDArray[np.floating[Any]] = np.rint(np.asarray(boxes).reshape(-1, 4))
    return rounded.clip(0, limits.astype(rounded.dtype), out=rounded)
