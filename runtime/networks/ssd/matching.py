"""Targets: which anchor is to find which object."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from runtime.networks.ssd import decode

BACKGROUND = -1
NEUTRAL = -2


def match(
    anchors: Tensor, truths: Sequence[Tensor], *, positive_iou: float, negative_iou: float
) -> tuple[Tensor, Tensor]:
    """Assign the anchors of a whole batch.

    ``anchors`` [A, 4] and each of the B ``truths`` [N_b, 4] are corners in one unit and of one dtype; float64 decides
    as NVIDIA's encoder does where an overlap is within rounding of a threshold. Returns int64 [B, A], where an
    object counts through the batch (those of picture b after all of the pictures before it), BACKGROUND or NEUTRAL;
    and all boxes in that order, [sum N_b, 4].

    First every object gets the anchor that overlaps it best, the best pair of the picture first, so that no object
    stays without, however little they overlap. Then every other anchor takes the object it overlaps best, if by
    ``positive_iou`` or more; of the rest, those at ``negative_iou`` or more are neutral. A box without area has no
    anchor: there is nothing to learn from it.
    """
    everything = torch.cat([anchors.new_zeros((0, 4)), *truths])
    wide, high = (everything[:, 2:] - everything[:, :2]).unbind(dim=1)
    sound = (wide > 0) & (high > 0)
    assigned = assign(
        decode.overlaps(everything, anchors).masked_fill_(~sound[:, None], 0),
        [len(corners) for corners in truths],
        positive_iou=positive_iou,
        negative_iou=negative_iou,
        sound=sound,
    )
    return assigned, everything


def assign(
    overlap: Tensor,
    counts: Sequence[int],
    *,
    positive_iou: float,
    negative_iou: float,
    sound: Tensor | None = None,
) -> Tensor:
    """The first result of ``match`` from the IoU of all objects with all anchors, [sum N_b, A].

    ``counts`` are the objects of each picture; ``sound`` bool [sum N_b] says which have an area, by default all.
    """
    best = overlap.new_zeros((len(counts), overlap.shape[1]))
    nearest = torch.zeros(best.shape, dtype=torch.int64, device=best.device)
    ends = list(accumulate(counts))
    for picture, (count, end) in enumerate(zip(counts, ends, strict=True)):
        if count:
            torch.max(overlap[end - count : end], dim=0, out=(best[picture], nearest[picture]))
            nearest[picture] += end - count
    unmatched = (best >= negative_iou).to(torch.int64).mul_(NEUTRAL - BACKGROUND).add_(BACKGROUND)
    assigned = torch.where(best >= positive_iou, nearest, unmatched)
    if len(overlap):
        pictures, chosen, owners = _one_anchor_each(overlap, counts, sound)
        assigned[pictures, chosen] = owners
    return assigned


def _one_anchor_each(overlap: Tensor, counts: Sequence[int], sound: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, anchors and objects of the pairs that are fixed before any threshold: three int64 of one length."""
    best, wanted = overlap.max(dim=1)
    rows = [best.double(), wanted.double(), torch.ones_like(best).double() if sound is None else sound.double()]
    # One transfer for the whole batch: reading from a device waits for it.
    table = torch.stack(rows).cpu()
    values, anchors, usable = table[0].tolist(), table[1].long().tolist(), table[2].tolist()
    fixed: list[tuple[int, int, int]] = []
    start = 0
    for picture, count in enumerate(counts):
        objects = [each for each in range(start, start + count) if usable[each]]
        taken = _greedy(overlap, values, anchors, objects)
        fixed += [(picture, anchor, owner) for anchor, owner in taken.items()]
        start += count
    found = torch.tensor(fixed, dtype=torch.int64).reshape(-1, 3).to(overlap.device)
    return found[:, 0], found[:, 1], found[:, 2]


def _greedy(overlap: Tensor, best: list[float], wanted: list[int], objects: Sequence[int]) -> dict[int, int]:
    """Greedy bipartite matching of these rows of ``overlap``: {anchor: object}, by falling IoU, the first on ties.

    ``best`` and ``wanted`` are each row's maximum and where it is; they change. Two objects seldom want the same
    anchor, so a row is looked at again only after losing it.
    """
    waiting: dict[int, None] = dict.fromkeys(objects)
    taken: dict[int, int] = {}
    while waiting and len(taken) < overlap.shape[1]:
        winner = max(waiting, key=best.__getitem__)
        if wanted[winner] not in taken:
            taken[wanted[winner]] = winner
            del waiting[winner]
            continue
        row = overlap[winner].clone()
        row[list(taken)] = -1
        value, index = row.max(dim=0)
        best[winner], wanted[winner] = value.item(), int(index)
    return taken


def labels(assigned: Tensor, classes: Tensor) -> Tensor:
    """The class each anchor is to say: int64 of ``assigned``'s shape, 0 for background, NEUTRAL where it may say
    anything. ``classes`` int64 are those of all objects in the order of ``match``."""
    # BACKGROUND and NEUTRAL are places from the end.
    table = torch.cat([classes, classes.new_tensor([NEUTRAL, 0])])
    return table[assigned]
