"""SimOTA: which cells learn which object, chosen by what the network says of them already.

All images of a batch are worked on together: a row for each object, a column for each cell that lies near any object of
the same image, as many columns as the image with most of them needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from runtime.networks import Tensors
from runtime.networks.yolox import decode
from runtime.networks.yolox.decode import Cells
from runtime.networks.yolox.pyramid import STRIDES

RADIUS = 1.5
"""In strides: cells whose centre is nearer than that to the centre of an object are candidates for it."""
BEST = 10
"""Cells that vote on how many an object gets."""
IOU_WEIGHT = 3.0
OUTSIDE = 1e6
"""Cost of a cell that is no candidate for the object."""
SMALLEST = 1e-8
"""Added to overlaps, whose logarithm is taken."""


@dataclass(frozen=True)
class Objects:
    """Those of a batch one after the other: ``boxes`` [N, 4] centre and size in pixels, ``classes`` [N] from 0,
    ``images`` [N] which they are on."""

    boxes: Tensor
    classes: Tensor
    images: Tensor

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class Assigned:
    """Cell ``cells`` [K] of image ``images`` [K] learns object ``objects`` [K], which it overlaps by ``overlaps`` [K].
    Sorted by image and cell."""

    images: Tensor
    cells: Tensor
    objects: Tensor
    overlaps: Tensor


def objects(targets: Sequence[Tensors], device: torch.device) -> Objects:
    corners = torch.cat([target["boxes"] for target in targets]).to(device, torch.float32)
    classes = torch.cat([target["labels"] for target in targets]).to(device) - 1
    counts = torch.tensor([len(target["labels"]) for target in targets])
    images = torch.repeat_interleave(torch.arange(len(targets)), counts).to(device)
    sides = corners[:, 2:] - corners[:, :2]
    return Objects(torch.cat([(corners[:, :2] + corners[:, 2:]) / 2, sides], dim=1), classes, images)


@torch.no_grad()
def assign(said: Cells, wanted: Objects) -> Assigned:
    """The cells that learn an object of ``wanted``, given what they have ``said``."""
    images, cells = _near(said, wanted).nonzero(as_tuple=True)
    if not len(images):
        return Assigned(images, cells, images, said.offsets.new_zeros(0))
    columns, there = _columns(images, wanted, len(said.offsets))
    centred = decode.boxes(said.offsets[images, cells], said.corners[cells], said.strides[cells])
    common = overlaps(wanted.boxes[:, None], centred[columns]) * there
    cost = _class_cost(said, images, cells)[columns, wanted.classes[:, None]]
    cost = cost - IOU_WEIGHT * torch.log(common + SMALLEST)
    centres = (said.corners + 0.5) * said.strides[:, None]
    inside = _candidates(centres[cells][columns], said.strides[cells][columns], wanted.boxes[:, None])
    cost = (cost + OUTSIDE * ~inside).masked_fill(~there, torch.inf)
    row, column = _cheapest(cost, common, there)
    row, column = _once(cost, row, column, columns, (wanted.images, images))
    chosen = columns[row, column]
    order = chosen.argsort()
    row, column, chosen = row[order], column[order], chosen[order]
    return Assigned(images[chosen], cells[chosen], row, common[row, column])


def _near(said: Cells, wanted: Objects) -> Tensor:
    """Which cells [B, A] are candidates for any object of their image."""
    near = torch.zeros(said.objects.shape, dtype=torch.bool, device=said.objects.device)
    steps, start = torch.arange(-1, 2, device=near.device), 0
    for stride, (height, width) in zip(STRIDES, said.shapes, strict=True):
        middle = (wanted.boxes[:, :2] / stride).floor().long()[..., None, None]
        columns = (middle[:, 0] + steps).expand(-1, len(steps), -1)
        rows = (middle[:, 1] + steps[:, None]).expand(-1, -1, len(steps))
        centres = (torch.stack([columns, rows], dim=3) + 0.5) * stride
        there = _candidates(centres, centres.new_tensor(stride), wanted.boxes[:, None, None])
        there &= (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        images = wanted.images[:, None, None].expand_as(there)
        near[images[there], (start + rows * width + columns)[there]] = True
        start += height * width
    return near


def _candidates(centres: Tensor, strides: Tensor, boxes: Tensor) -> Tensor:
    """Whether cells with these ``centres`` [..., 2] are near the centres of ``boxes`` [..., 4]."""
    reach = strides[..., None] * RADIUS
    return ((centres > boxes[..., :2] - reach) & (centres < boxes[..., :2] + reach)).all(dim=-1)


def _columns(images: Tensor, wanted: Objects, count: int) -> tuple[Tensor, Tensor]:
    """For each object the places [N, F] of its image's cells in ``images`` (sorted), and which [N, F] there are."""
    cells = torch.bincount(images, minlength=count)
    starts = cells.cumsum(0) - cells
    place = torch.arange(int(cells.max()), device=images.device)
    there = place < cells[wanted.images, None]
    return (starts[wanted.images, None] + place).clamp(max=len(images) - 1), there


def overlaps(one: Tensor, other: Tensor) -> Tensor:
    """IoU of boxes [..., 4] given by centre and size; 0 where both are without area."""
    least = torch.maximum(one[..., :2] - one[..., 2:] / 2, other[..., :2] - other[..., 2:] / 2)
    most = torch.minimum(one[..., :2] + one[..., 2:] / 2, other[..., :2] + other[..., 2:] / 2)
    common = (most - least).clamp(min=0).prod(dim=-1)
    return common / (one[..., 2:].prod(dim=-1) + other[..., 2:].prod(dim=-1) - common).clamp(min=1e-16)


def _class_cost(said: Cells, images: Tensor, cells: Tensor) -> Tensor:
    """[M, C]: cross entropy of the geometric mean of class and object against each class, summed over all classes."""
    classes, objects = said.classes[images, cells].sigmoid(), said.objects[images, cells].sigmoid()
    likely = (classes * objects[:, None]).sqrt()
    right, wrong = -likely.log().clamp(min=-100), -torch.log1p(-likely).clamp(min=-100)
    return wrong.sum(dim=1, keepdim=True) - wrong + right


def _cheapest(cost: Tensor, common: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of the cheapest cells of each object: as many as its best overlaps come to, and at least one."""
    count = min(BEST, cost.shape[1])
    votes = common.topk(count, dim=1).values.sum(dim=1).int().clamp(min=1)
    places = cost.topk(count, dim=1, largest=False, sorted=True).indices
    within = torch.arange(count, device=cost.device) < votes[:, None]
    row, rank = (within & there.gather(1, places)).nonzero(as_tuple=True)
    return row, places[row, rank]


def _once(
    cost: Tensor, row: Tensor, column: Tensor, columns: Tensor, among: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Each cell once: one that several objects chose goes to the object for which it is cheapest of all on its image.

    ``among``: the images of the objects, and of the cells.
    """
    of_objects, of_cells = among
    chosen = columns[row, column]
    contested = torch.bincount(chosen, minlength=len(of_cells)) > 1
    if not contested.any():
        return row, column
    place = torch.zeros_like(of_cells)
    place[chosen] = column
    alone, place = ~contested[chosen], place[contested]
    elsewhere = of_objects[:, None] != of_cells[contested]
    cheapest = cost[:, place].masked_fill(elsewhere, torch.inf).argmin(dim=0)
    return torch.cat([row[alone], cheapest]), torch.cat([column[alone], place])
