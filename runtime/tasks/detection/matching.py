"""Which detection found which object: greedy, best score first, for all pictures, classes and thresholds at once.

The greedy rule is sequential only within one picture and class. So the first detections of all pictures and classes
are served together, then all the second ones, and so on: as many rounds as the most crowded group has detections that
touch an object at all, each a handful of NumPy calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.imaging import boxes

Array = NDArray[Any]
Compare = Callable[[Array, Array], Array]
"""The overlap of detections [P] and objects [P], one with one, given by their places among all; pairs of a detection
stand together, and so do those of a group."""

CHUNK = 2_000_000
"""So many pairs of a detection and an object are compared at a time."""


@dataclass(frozen=True)
class Matches:
    """``found`` [S]: the detections that touch an object enough to find it, rising. ``truth`` [R, S]: which object
    each of them found, -1 for none, under each of R rules. All other detections found nothing."""

    found: NDArray[np.int64]
    truth: NDArray[np.int64]


def match(
    found_groups: Array,
    found_boxes: Array,
    truth_groups: Array,
    truth_boxes: Array,
    *,
    thresholds: Array,
    ignored: Array | None = None,
    ties: str = "first",
    crowd: Array | None = None,
    compare: Compare | None = None,
) -> Matches:
    """Match detections to objects of the same group (a picture and a class, as one number).

    ``found_groups`` [K] and ``truth_groups`` [N] rise, detections within a group come best first, boxes are [K, 4] and
    [N, 4] corners. A detection takes the free object that it overlaps most, if by ``thresholds`` [T] or more; of two
    that it overlaps alike, the "first" or the "last". ``ignored`` bool [A, N]: sets of objects that are taken only
    where no other can be. Any number of detections may take an object that is a ``crowd`` bool [N]; what counts there
    is the share of the detection that lies in it. ``compare`` gives another overlap than that of boxes. The result has
    R = A * T rules (T alone without ``ignored``), thresholds running fastest.
    """
    sets = np.zeros((1, len(truth_groups)), dtype=bool) if ignored is None else ignored
    rules = len(sets) * len(thresholds)
    crowds = np.zeros(len(truth_groups), dtype=bool) if crowd is None else crowd

    def of_boxes(detections: Array, truths: Array) -> Array:
        return overlaps(found_boxes[detections], truth_boxes[truths], crowds[truths])

    parts = [
        _match(detections, truths, overlap, found_groups, thresholds=thresholds, ignored=sets, ties=ties, crowd=crowds)
        for detections, truths, overlap in _pairs(
            found_groups, truth_groups, lowest=float(np.min(thresholds)), compare=compare or of_boxes
        )
    ]
    if not parts:
        return Matches(np.zeros(0, np.int64), np.zeros((rules, 0), np.int64))
    return Matches(np.concatenate([part.found for part in parts]), np.concatenate([part.truth for part in parts], 1))


def _pairs(
    found_groups: Array, truth_groups: Array, *, lowest: float, compare: Compare
) -> Iterator[tuple[Array, Array, Array]]:
    """Detection, object and overlap of every pair that overlaps by ``lowest`` or more; whole groups at a time."""
    first = np.searchsorted(truth_groups, found_groups, "left")
    counts = np.searchsorted(truth_groups, found_groups, "right") - first
    some = np.flatnonzero(counts)
    first, counts = first[some], counts[some]
    ends = np.cumsum(counts)
    start = 0
    while start < len(some):
        stop = int(np.searchsorted(ends, (ends[start - 1] if start else 0) + CHUNK, "right"))
        stop = max(stop, start + 1)
        if stop < len(some):  # up to the end of the group that this one is in
            stop = int(np.searchsorted(found_groups[some], found_groups[some[stop - 1]], "right"))
        many = counts[start:stop]
        detections = np.repeat(some[start:stop], many)
        ramp = np.arange(len(detections)) - np.repeat(np.cumsum(many) - many, many)
        truths = np.repeat(first[start:stop], many) + ramp
        overlap = compare(detections, truths)
        near = overlap >= min(lowest, 1 - 1e-10)
        yield detections[near], truths[near], overlap[near]
        start = stop


def overlaps(first: Array, second: Array, crowd: Array | bool = False) -> NDArray[np.float64]:
    """Intersection over union of boxes [P, 4] and [P, 4], one with one; where ``second`` is a ``crowd`` [P], over
    ``first`` alone."""
    return boxes.iou(np.asarray(first, np.float64), np.asarray(second, np.float64), crowd=crowd)


def _match(
    detections: Array, truths: Array, overlap: Array, groups: Array, *, thresholds: Array, ignored: Array, ties: str,
    crowd: Array,
) -> Matches:  # fmt: skip
    """The rounds, for the pairs of some whole groups. Pairs of a detection stand together, detections rise."""
    found, starts = np.unique(detections, return_index=True)
    rules = len(ignored) * len(thresholds)
    if not len(found):
        return Matches(found, np.zeros((rules, 0), np.int64))
    own = groups[found]
    place = np.arange(len(found)) - np.searchsorted(own, own, "left")  # 0: the best of its group
    counts = np.diff(starts, append=len(detections))
    base = int(truths.min())
    free = np.ones((rules, int(truths.max()) - base + 1), dtype=bool)
    least = np.tile(np.minimum(thresholds, 1 - 1e-10), len(ignored))[:, None]
    taken = np.full((rules, len(found)), -1, np.int64)
    alone = counts == 1
    order = np.lexsort((alone, place))
    steps = np.flatnonzero(np.diff(2 * place[order] + alone[order], prepend=-1, append=-1))
    for first, last in pairwise(steps.tolist()):
        members = order[first:last]
        many = counts[members]
        if alone[members[0]]:  # most are: there is nothing to choose from
            objects, least_ = truths[starts[members]], overlap[starts[members]] >= least
            before = free[:, objects - base]
            taken[:, members] = np.where(before & least_, objects, -1)
            free[:, objects - base] = before & (~least_ | crowd[objects])
            continue
        heads = np.cumsum(many) - many
        pairs = np.repeat(starts[members] - heads, many) + np.arange(int(many.sum()))
        objects = truths[pairs]
        # An object that counts is worth more than any that is ignored, whatever the overlap.
        worth = overlap[pairs] + 2.0 * ~np.repeat(ignored[:, objects], len(thresholds), axis=0)
        usable = free[:, objects - base] & (overlap[pairs] >= least)
        worth[~usable] = -1.0
        best = np.maximum.reduceat(worth, heads, axis=1)
        places = np.arange(len(pairs))
        equal = worth == np.repeat(best, many, axis=1)
        if ties == "first":
            chosen = np.minimum.reduceat(np.where(equal, places, len(pairs)), heads, axis=1)
        else:
            chosen = np.maximum.reduceat(np.where(equal, places, -1), heads, axis=1)
        rule, member = np.nonzero(best > 0)
        object_ = objects[chosen[rule, member]]
        free[rule, object_ - base] = crowd[object_]
        taken[rule, members[member]] = object_
    return Matches(found, taken)
