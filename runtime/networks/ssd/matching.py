"""Targets: which anchor is to find which object."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from runtime.networks.ssd import boxes

BACKGROUND = -1
NEUTRAL = -2


def assign(overlap: Tensor, *, positive_iou: float, negative_iou: float) -> Tensor:
    """For each anchor the object it is to find, or BACKGROUND, or NEUTRAL: int64 [A].

    ``overlap`` is the IoU of N objects with A anchors, [N, A]. First every object gets the anchor that overlaps it
    best, the best pair of all first, so that no object stays without. Then every other anchor takes the object it
    overlaps best, if by ``positive_iou`` or more; of the rest, those at ``negative_iou`` or more are neutral. An
    object that overlaps no anchor at all gets none: there is nothing to learn from it.
    """
    objects, anchors = overlap.shape
    if not objects:
        return torch.full((anchors,), BACKGROUND, device=overlap.device)
    best, nearest = overlap.max(dim=0)
    assigned = torch.where(best >= positive_iou, nearest, torch.where(best >= negative_iou, NEUTRAL, BACKGROUND))
    taken = _one_anchor_each(overlap)
    if taken:
        owner = torch.tensor(list(taken.values()), device=overlap.device)
        assigned[torch.tensor(list(taken), device=overlap.device)] = owner
    return assigned


def _one_anchor_each(overlap: Tensor) -> dict[int, int]:
    """Greedy bipartite matching of [N, A]: {anchor: object}, by falling IoU, the first on ties.

    Two objects seldom want the same anchor, so each row's maximum is taken once, and again only after losing it.
    """
    values, indices = overlap.max(dim=1)
    best, wanted = values.tolist(), indices.tolist()
    waiting = dict.fromkeys(i for i, value in enumerate(best) if value > 0)
    taken: dict[int, int] = {}
    while waiting:
        winner = max(waiting, key=best.__getitem__)
        if wanted[winner] not in taken:
            taken[wanted[winner]] = winner
            del waiting[winner]
            continue
        row = overlap[winner].clone()
        row[list(taken)] = 0
        value, index = row.max(dim=0)
        best[winner], wanted[winner] = value.item(), int(index)
        if best[winner] == 0:
            del waiting[winner]
    return taken


def match(
    anchors: Tensor, truths: Sequence[Tensor], *, positive_iou: float, negative_iou: float
) -> tuple[Tensor, Tensor]:
    """Assign the anchors of a whole batch.

    ``anchors`` [A, 4] and each of the B ``truths`` [N_b, 4] are corners in one unit. Returns int64 [B, A], where an
    object counts through the batch (those of picture b after all of the pictures before it), BACKGROUND or NEUTRAL;
    and all boxes in that order, [sum N_b, 4].
    """
    everything = torch.cat([anchors.new_zeros((0, 4)), *truths])
    overlap = boxes.overlaps(everything, anchors)
    rows, start = [], 0
    for corners in truths:
        end = start + len(corners)
        assigned = assign(overlap[start:end], positive_iou=positive_iou, negative_iou=negative_iou)
        rows.append(torch.where(assigned >= 0, assigned + start, assigned))
        start = end
    return torch.stack(rows), everything


def labels(assigned: Tensor, classes: Tensor) -> Tensor:
    """The class each anchor is to say: int64 of ``assigned``'s shape, 0 for background, NEUTRAL where it may say
    anything. ``classes`` int64 are those of all objects in the order of ``match``."""
    if not len(classes):
        return torch.where(assigned == BACKGROUND, 0, assigned)
    return torch.where(assigned >= 0, classes[assigned.clamp(min=0)], torch.where(assigned == BACKGROUND, 0, NEUTRAL))
