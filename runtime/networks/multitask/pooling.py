"""Features of a box as a grid of 3 x 3 cells; no gradient reaches the box through them."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import roi_align

CELLS = 3
"""Side of the grid."""


def aligned(maps: Tensor, boxes: Tensor) -> Tensor:
    """[B, 9 D] of ``maps`` [B, D, h, w] within ``boxes`` [B, 4], shares of their sides, by interpolation (RoIAlign)."""
    boxes = boxes.detach()
    numbers = (0 * boxes[:, :1] + 1).cumsum(0) - 1  # places in the batch: float16 has no Range
    sides = torch.tensor([maps.shape[3], maps.shape[2]] * 2, device=maps.device, dtype=boxes.dtype)
    regions = torch.cat([numbers, boxes * sides], dim=1).to(maps.dtype)
    cells: Tensor = roi_align(maps, regions, (CELLS, CELLS), 1.0, 2, True)
    return cells.flatten(1)


def largest(maps: Tensor, boxes: Tensor) -> Tensor:
    """[B, 9 D]: the largest values of each third of the cells that ``boxes`` touch, both ends included."""
    corners = (boxes.detach().clamp(max=1) * _last_cells(maps)).long()  # truncated, as the published network has it
    left, top, right, bottom = corners.unbind(1)
    lowest = torch.finfo(maps.dtype).min
    rows = [maps.masked_fill(~each[:, None, :, None], lowest).amax(2) for each in _thirds(top, bottom, maps.shape[2])]
    columns = _thirds(left, right, maps.shape[3])
    cells = [row.masked_fill(~each[:, None], lowest).amax(2) for row in rows for each in columns]
    return torch.stack(cells, dim=2).flatten(1)


def _last_cells(maps: Tensor) -> Tensor:
    return torch.tensor([maps.shape[3] - 1, maps.shape[2] - 1] * 2, device=maps.device)


def _thirds(first: Tensor, last: Tensor, count: int) -> list[Tensor]:
    """Which of ``count`` cells [B, count] are in each third of ``first`` to ``last`` [B], as adaptive pooling splits
    them: where they are few, thirds overlap."""
    number = torch.arange(count, device=first.device)
    length = (last - first + 1)[:, None]
    place = number - first[:, None]
    found = []
    for third in range(CELLS):
        begin = torch.div(third * length, CELLS, rounding_mode="floor")
        end = torch.div((third + 1) * length + CELLS - 1, CELLS, rounding_mode="floor")
        found.append((place >= begin) & (place < end))
    return found
