"""What the maps are to learn: boxes by their overlap, objects and classes by cross entropy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from runtime.networks import Tensors
from runtime.networks.yolox import assignment, decode
from runtime.networks.yolox.assignment import SMALLEST, Assigned, Objects
from runtime.networks.yolox.decode import Cells

IOU_WEIGHT = 5.0


def losses(maps: Sequence[Tensor], targets: Sequence[Tensors], *, l1: bool) -> dict[str, Tensor]:
    """ "iou", "objectness" and "classification" of the maps [B, 5 + C, h, w], and where wanted "l1": sums over the
    batch by the number of cells that learn an object, in float32."""
    said = decode.cells(maps)
    wanted = assignment.objects(targets, said.offsets.device)
    assigned = assignment.assign(said, wanted)
    count = max(1, len(assigned.cells))
    truth = wanted.boxes[assigned.objects]
    offsets = said.offsets[assigned.images, assigned.cells]
    corners, strides = said.corners[assigned.cells], said.strides[assigned.cells]
    overlaps = assignment.overlaps(decode.boxes(offsets, corners, strides), truth)
    found = {
        "iou": IOU_WEIGHT * (1 - overlaps.square()).sum(),
        "objectness": _objectness(said, assigned),
        "classification": _classification(said, assigned, wanted),
    }
    if l1:
        found["l1"] = (offsets - _offsets(truth, corners, strides)).abs().sum()
    return {name: loss / count for name, loss in found.items()}


def _objectness(said: Cells, assigned: Assigned) -> Tensor:
    truth = torch.zeros_like(said.objects)
    truth[assigned.images, assigned.cells] = 1
    return functional.binary_cross_entropy_with_logits(said.objects, truth, reduction="sum")


def _classification(said: Cells, assigned: Assigned, wanted: Objects) -> Tensor:
    logits = said.classes[assigned.images, assigned.cells]
    truth = functional.one_hot(wanted.classes[assigned.objects], logits.shape[1]) * assigned.overlaps[:, None]
    return functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum")


def _offsets(boxes: Tensor, corners: Tensor, strides: Tensor) -> Tensor:
    """What the network should say, so that ``decode.boxes`` gives ``boxes`` [K, 4]."""
    centres = boxes[:, :2] / strides[:, None] - corners
    return torch.cat([centres, (boxes[:, 2:] / strides[:, None] + SMALLEST).log()], dim=1)
