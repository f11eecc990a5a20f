"""From maps to boxes and scores: cells one after the other, those of the fine map first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from runtime.imaging.boxes import LARGEST_LOG_SIDE
from runtime.networks.yolox.pyramid import STRIDES


@dataclass(frozen=True)
class Cells:
    """What the maps say, float32: ``offsets`` [B, A, 4], ``objects`` [B, A] and ``classes`` [B, A, C] are logits;
    ``corners`` [A, 2] (column, row) counts cells, ``strides`` [A] are the pixels between them. ``shapes``: height and
    width of each map."""

    offsets: Tensor
    objects: Tensor
    classes: Tensor
    corners: Tensor
    strides: Tensor
    shapes: tuple[tuple[int, int], ...]


def cells(maps: Sequence[Tensor]) -> Cells:
    """Of the maps [B, 5 + C, h, w]."""
    flat = torch.cat([each.permute(0, 2, 3, 1).flatten(start_dim=1, end_dim=2) for each in maps], dim=1).float()
    corners, strides = list[Tensor](), list[Tensor]()
    for each, stride in zip(maps, STRIDES, strict=True):
        rows, columns = (torch.arange(side, dtype=torch.float32, device=each.device) for side in each.shape[-2:])
        corners.append(torch.cartesian_prod(rows, columns).flip(1))
        strides.append(corners[-1].new_full((len(corners[-1]),), stride))
    shapes = tuple((each.shape[-2], each.shape[-1]) for each in maps)
    return Cells(flat[..., :4], flat[..., 4], flat[..., 5:], torch.cat(corners), torch.cat(strides), shapes)


def boxes(offsets: Tensor, corners: Tensor, strides: Tensor) -> Tensor:
    """Centre and size in pixels [..., 4] of ``offsets`` [..., 4] at ``corners`` [..., 2] and ``strides`` [...]."""
    centres = (offsets[..., :2] + corners) * strides[..., None]
    sides = offsets[..., 2:].clamp(max=LARGEST_LOG_SIDE).exp() * strides[..., None]
    return torch.cat([centres, sides], dim=-1)


def detections(
    maps: Sequence[Tensor], *, score_threshold: float, iou_threshold: float, most: int
) -> list[dict[str, Tensor]]:
    """The ``most`` best of each image: cells with a score of ``score_threshold`` or more, each of its likeliest class;
    of two of a class that overlap by more than ``iou_threshold`` the weaker goes. Boxes are not clipped."""
    said = cells(maps)
    likeliest, labels = said.classes.max(dim=2)
    scores = said.objects.sigmoid() * likeliest.sigmoid()
    corners = to_corners(boxes(said.offsets, said.corners, said.strides))
    found = []
    for score, label, box in zip(scores, labels, corners, strict=True):
        above = (score >= score_threshold).nonzero()[:, 0]
        score, label, box = score[above], label[above], box[above]
        kept = batched_nms(box, score, label, iou_threshold)[:most]
        found.append({"boxes": box[kept], "labels": label[kept] + 1, "scores": score[kept]})
    return found


def to_corners(centred: Tensor) -> Tensor:
    """Left, top, right, bottom of centres and sizes."""
    half = centred[..., 2:] / 2
    return torch.cat([centred[..., :2] - half, centred[..., :2] + half], dim=-1)
