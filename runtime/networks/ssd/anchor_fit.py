"""Whether the anchors of a network can take the boxes of the data at all, and which ones would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.data.split import Split
from runtime.imaging.boxes import iou
from specs.ssd import anchor_search

Floats = NDArray[np.float32]

ENOUGH = 0.9
"""Recall below which a training is warned."""
POSITIVE = 0.5
"""IoU with a box from which on an anchor learns it, besides the one that fits best."""
_SLICE = 50_000
"""Boxes that are compared at a time."""
_MOST_PAIRS = 80_000_000
"""Boxes times anchors off their grid that are compared; of more, boxes are taken here and there."""
_WORST = 5
"""Classes named in a warning."""


@dataclass(frozen=True)
class Fit:
    """For each box: ``best``, float32 [N], the IoU with the anchor that fits best, and its ``labels`` [N] from 1."""

    best: Floats
    labels: NDArray[np.int64]

    def recall(self, iou: float = POSITIVE) -> float:
        """Share of the boxes with an anchor of at least that IoU; 1 where there are no boxes."""
        return float(np.mean(self.best >= iou)) if len(self.best) else 1.0

    def mean(self) -> float:
        return float(self.best.mean()) if len(self.best) else 1.0

    def of(self, label: int) -> Fit:
        chosen = self.labels == label
        return Fit(self.best[chosen], self.labels[chosen])


def report(
    split: Split,
    anchors: NDArray[np.floating],
    classes: Sequence[str],
    size: tuple[int, int],
    *,
    section: str = "ssd_config",
    positive_iou: float = POSITIVE,
) -> list[str]:
    """Lines of a warning when fewer than nine of ten boxes have an anchor of ``positive_iou``; else none.

    ``anchors`` [A, 4] left, top, right, bottom in shares of the network's input of ``size`` (height, width). The last
    lines can be copied into the ``section`` of the spec.
    """
    boxes, labels = shares(split)
    found = fit(boxes, labels, anchors)
    if found.recall(positive_iou) >= ENOUGH:
        return []
    proposed = _proposed(boxes, found, (size[1], size[0]), positive_iou, section)
    return [*_told(found, classes, positive_iou), *proposed]


def shares(split: Split) -> tuple[Floats, NDArray[np.int64]]:
    """All boxes [N, 4] of ``split`` in shares of their pictures, cut to them, and their labels [N]; no empty ones."""
    pictures = np.repeat(np.arange(len(split)), np.diff(split.starts))
    sizes = np.tile(split.sizes, 2)[pictures].astype(np.float32)
    boxes: Floats = np.clip(split.boxes / np.maximum(sizes, 1), 0, 1).astype(np.float32)
    some = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return boxes[some], split.labels[some]


def fit(boxes: Floats, labels: NDArray[np.int64], anchors: NDArray[np.floating]) -> Fit:
    """Compare ``boxes`` [N, 4] with ``anchors`` [A, 4], both left, top, right, bottom in shares of the input.

    Of anchors of one shape on a grid the nearest overlaps most: no other is looked at.
    """
    grids, others = _grids(anchors.astype(np.float64))
    most = max(1, _MOST_PAIRS // max(1, len(others)))
    if len(boxes) > most:
        chosen = np.linspace(0, len(boxes) - 1, most).astype(np.int64)
        boxes, labels = boxes[chosen], labels[chosen]
    best = np.zeros(len(boxes), np.float32)
    for start in range(0, len(boxes), _SLICE):
        part = boxes[start : start + _SLICE]
        own = best[start : start + _SLICE]
        for grid in grids:
            np.maximum(own, grid.overlap(part), out=own)
        rows = max(1, 20_000_000 // (8 * max(1, len(others))))
        for at in range(0, len(part) if len(others) else 0, rows):
            piece = own[at : at + rows]
            np.maximum(piece, iou(part[at : at + rows, None], others).max(axis=1), out=piece)
    return Fit(best, labels)


@dataclass(frozen=True)
class _Grid:
    """Anchors of ``width`` x ``height`` at all pairs of the centres ``across`` and ``down`` (rising)."""

    width: float
    height: float
    across: Floats
    down: Floats

    def overlap(self, boxes: Floats) -> Floats:
        """The best IoU with each of ``boxes`` [N, 4]."""
        shared = np.ones(len(boxes), np.float32)
        areas = np.full(len(boxes), self.width * self.height, np.float32)
        own = np.ones(len(boxes), np.float32)
        for axis, (side, centres) in enumerate(((self.width, self.across), (self.height, self.down))):
            sides = boxes[:, axis + 2] - boxes[:, axis]
            away = _nearest(centres, (boxes[:, axis + 2] + boxes[:, axis]) / np.float32(2))
            shared *= np.clip((sides + np.float32(side)) / 2 - away, 0, np.minimum(sides, np.float32(side)))
            own *= sides
        return np.asarray(shared / np.maximum(areas + own - shared, 1e-12), np.float32)


def _nearest(centres: Floats, points: Floats) -> Floats:
    """How far each of ``points`` is from the nearest of ``centres``."""
    if len(centres) == 1:
        return np.asarray(np.abs(points - centres[0]), np.float32)
    after = np.searchsorted(centres, points).clip(1, len(centres) - 1)
    return np.asarray(np.minimum(np.abs(points - centres[after - 1]), np.abs(points - centres[after])), np.float32)


def _grids(anchors: NDArray[np.float64]) -> tuple[list[_Grid], Floats]:
    """``anchors`` as grids of one shape each, and those that are on none: clipped ones, mostly."""
    sides = np.round(anchors[:, 2:] - anchors[:, :2], 6)
    centres = np.round((anchors[:, 2:] + anchors[:, :2]) / 2, 6)
    shapes, groups = np.unique(sides, axis=0, return_inverse=True)
    order = np.argsort(groups.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(groups.ravel(), minlength=len(shapes)))
    grids, others = [], []
    for shape, members in zip(shapes, np.split(order, ends[:-1]), strict=True):
        across, down = (np.unique(centres[members, axis]) for axis in (0, 1))
        if len(members) > 1 and len(across) * len(down) == len(np.unique(centres[members], axis=0)):
            width, height = shape.tolist()
            grids.append(_Grid(width, height, across.astype(np.float32), down.astype(np.float32)))
        else:
            others.append(members)
    left = anchors[np.concatenate(others)] if others else np.zeros((0, 4))
    return grids, left.astype(np.float32)


def _told(found: Fit, classes: Sequence[str], iou: float) -> Iterator[str]:
    yield (
        f"only {found.recall(iou):.1%} of the training boxes have an anchor that overlaps with IoU {iou:g} or more "
        f"(mean best IoU {found.mean():.2f}); the others will hardly be learnt"
    )
    each = [(found.of(label), name) for label, name in enumerate(classes, start=1)]
    worst = sorted((own.recall(iou), name, len(own.best)) for own, name in each if len(own.best))
    told = [f"{name} {recall:.1%} of {count:,}" for recall, name, count in worst[:_WORST] if recall < ENOUGH]
    if told and len(worst) > 1:
        yield f"worst off: {', '.join(told)}"


def _proposed(boxes: Floats, found: Fit, size: tuple[int, int], iou: float, section: str) -> Iterator[str]:
    cornered = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    proposal = anchor_search.suggest(cornered, size)
    recall = anchor_search.cover(proposal, cornered, size).recall(iou)
    if recall <= found.recall(iou):
        return
    yield f"these anchors would take {recall:.1%}; in {section}, in place of what it says of them:"
    yield f'  scales: "[{", ".join(f"{scale:g}" for scale in proposal.scales)}]"'
    yield f'  aspect_ratios_global: "[{", ".join(f"{ratio:g}" for ratio in proposal.ratios)}]"'
    yield "  two_boxes_for_ar1: true"
