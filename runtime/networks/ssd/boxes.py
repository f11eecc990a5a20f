"""Boxes against anchors: overlap, and the offsets a box head learns. All in shares of the input's width and height."""

from __future__ import annotations

import torch
from torch import Tensor

from runtime.imaging.boxes import LARGEST_LOG_RATIO


def to_centres(corners: Tensor) -> Tensor:
    """[..., 4] left, top, right, bottom to centre x, centre y, width, height."""
    low, high = corners[..., :2], corners[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def overlaps(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of every pair: [N, 4] and [A, 4] corners to [N, A]; 0 where both are empty."""
    left, top, right, bottom = first.T[:, :, None].unbind()
    shared = (torch.minimum(right, second[:, 2]) - torch.maximum(left, second[:, 0])).clamp_(min=0)
    shared *= (torch.minimum(bottom, second[:, 3]) - torch.maximum(top, second[:, 1])).clamp_(min=0)
    areas = [(corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]) for corners in (first, second)]
    union = (areas[0][:, None] + areas[1]).sub_(shared)
    return shared.div_(union.clamp_(min=torch.finfo(union.dtype).tiny))


def encode(corners: Tensor, anchors: Tensor, variances: Tensor) -> Tensor:
    """Offsets [P, 4] of boxes from anchors of the same count, both as corners.

    tx = (cx - cx_a) / (w_a v0), tw = ln(w / w_a) / v2, y and h alike (SSD, https://arxiv.org/abs/1512.02325, 2.2).
    """
    box, anchor = to_centres(corners), to_centres(anchors)
    centre = (box[:, :2] - anchor[:, :2]) / anchor[:, 2:]
    size = (box[:, 2:] / anchor[:, 2:]).log()
    return torch.cat([centre, size], dim=-1) / variances


def decode(offsets: Tensor, anchors: Tensor, variances: Tensor) -> Tensor:
    """The inverse of ``encode``: offsets [..., A, 4] and anchors [A, 4] to corners [..., A, 4], not clipped."""
    anchor = to_centres(anchors)
    scaled = offsets * variances
    centre = scaled[..., :2] * anchor[:, 2:] + anchor[:, :2]
    half = scaled[..., 2:].clamp(max=LARGEST_LOG_RATIO).exp() * anchor[:, 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)
