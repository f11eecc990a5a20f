"""From scores and boxes to detections: threshold, suppression per class, the best of all classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import nms

from runtime.networks import Detection

CANDIDATES = 2
"""Candidates per class and picture before suppression, in units of ``top_k``: what NVIDIA's TensorRT plugin takes.
The suppression costs the square of them, and an untrained network has thousands above any low threshold."""


def detect(
    scores: Tensor, corners: Tensor, *, confidence_threshold: float, iou_threshold: float, top_k: int
) -> Detection:
    """The detections of one picture, best first.

    ``scores`` [A, C] are those of class 1 to C, ``corners`` [A, 4] in pixels. A score must be above
    ``confidence_threshold``; in each class a box goes that overlaps a better one by more than ``iou_threshold``;
    at most ``top_k`` boxes stay. Boxes are not clipped, neither before nor after.
    """
    best, anchors = scores.topk(min(CANDIDATES * top_k, len(scores)), dim=0)
    found = [
        _one_class(best[:, i], corners[anchors[:, i]], confidence_threshold, iou_threshold)
        for i in range(scores.shape[1])
    ]
    boxes = torch.cat([box for box, _ in found])
    values = torch.cat([value for _, value in found])
    labels = torch.cat(
        [torch.full((len(value),), i, device=scores.device) for i, (_, value) in enumerate(found, start=1)]
    )
    order = values.argsort(descending=True, stable=True)[:top_k]
    return {"boxes": boxes[order], "labels": labels[order], "scores": values[order]}


def _one_class(
    scores: Tensor, corners: Tensor, confidence_threshold: float, iou_threshold: float
) -> tuple[Tensor, Tensor]:
    # Class by class rather than torchvision's batched_nms: that one moves classes apart by adding to coordinates,
    # which goes wrong for boxes left of or above the picture, and these are not clipped.
    above = scores > confidence_threshold
    scores, corners = scores[above], corners[above]
    keep = nms(corners, scores, iou_threshold)
    return corners[keep], scores[keep]
