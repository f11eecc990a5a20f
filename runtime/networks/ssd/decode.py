"""From scores and boxes to detections: threshold, suppression per class, the best of all classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import nms

from runtime.imaging.boxes import LARGEST_LOG_RATIO
from runtime.networks import Tensors

CANDIDATES = 2
"""Candidates per class and picture before suppression, in units of ``top_k``, that NVIDIA's TensorRT plugin takes, and
so do exported graphs. Here no candidate is left out."""

FIRST_LOOK = 4
"""Candidates of all classes together, in units of ``top_k``, that are looked at first; four times as many, and so on,
where suppression leaves too few of them."""


def detect(
    scores: Tensor, corners: Tensor, *, confidence_threshold: float, iou_threshold: float, top_k: int
) -> Tensors:
    """The detections of one picture, best first.

    ``scores`` [A, C] are those of class 1 to C, ``corners`` [A, 4] in pixels. A score must be above
    ``confidence_threshold``; in each class a box goes that overlaps a better one by more than ``iou_threshold``;
    at most ``top_k`` boxes stay. Boxes are not clipped, neither before nor after.
    """
    (found,) = detect_batch(
        scores[None],
        corners[None],
        confidence_threshold=confidence_threshold,
        iou_threshold=iou_threshold,
        top_k=top_k,
    )
    return found


def detect_batch(
    scores: Tensor, corners: Tensor, *, confidence_threshold: float, iou_threshold: float, top_k: int
) -> list[Tensors]:
    """``detect`` for [B, A, C] and [B, A, 4]: one list entry for each picture.

    Whether a box stays depends on better boxes only. So the best few of all classes are suppressed first, and if
    ``top_k`` of them stay, no other can come in. Suppression is short and full of decisions, hence work for a CPU:
    the candidates of the whole batch go there in one piece.
    """
    flat, device = scores.flatten(start_dim=1), scores.device
    first = min(FIRST_LOOK * top_k, flat.shape[1])
    best, places = flat.topk(first, dim=1)
    classes = scores.shape[2]
    boxes = corners.gather(1, (places // classes)[..., None].expand(-1, -1, 4)).cpu()
    best, labels = best.cpu(), (places % classes + 1).cpu()
    detections: list[Tensors] = []
    for picture in range(len(scores)):
        looked, count = _above(best[picture], boxes[picture], labels[picture], confidence_threshold), first
        found = _suppress(*looked, iou_threshold, top_k)
        while len(found["scores"]) < top_k and len(looked[0]) == count < flat.shape[1]:
            count = min(4 * count, flat.shape[1])
            values, where = flat[picture].topk(count)
            wanted = corners[picture, where // classes].cpu()
            looked = _above(values.cpu(), wanted, (where % classes + 1).cpu(), confidence_threshold)
            found = _suppress(*looked, iou_threshold, top_k)
        detections.append(
            {
                "boxes": found["boxes"].to(device),
                "labels": found["labels"].to(device),
                "scores": found["scores"].to(device),
            }
        )
    return detections


def _above(scores: Tensor, corners: Tensor, labels: Tensor, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """What of the candidates is above the threshold; what is not a number never is."""
    above = scores > threshold
    return scores[above], corners[above], labels[above]


def _suppress(scores: Tensor, corners: Tensor, labels: Tensor, iou_threshold: float, top_k: int) -> Tensors:
    # Class by class rather than torchvision's batched_nms: that one moves classes apart by adding to coordinates,
    # which goes wrong for boxes left of or above the picture, and these are not clipped.
    kept = torch.zeros(len(scores), dtype=torch.bool)
    for label in set(labels.tolist()):
        members = (labels == label).nonzero().squeeze(1)
        kept[members[nms(corners[members], scores[members], iou_threshold)]] = True
    stay = kept.nonzero().squeeze(1)[:top_k]
    return {"boxes": corners[stay], "labels": labels[stay], "scores": scores[stay]}


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
