"""What the heat maps are to learn: a Gaussian around each landmark that is labelled."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from runtime.networks.hrnet.settings import STRIDE


def loss(maps: Tensor, points: Tensor, sigma: float) -> Tensor:
    """Half the mean squared difference of the ``maps`` [B, C, h, w] from those of ``points`` [B, C, 3], of which those
    that do not count have none."""
    height, width = maps.shape[2:]
    wanted, counts = gaussians(points, (height, width), sigma)
    return functional.mse_loss(maps * counts[..., None, None], wanted) / 2


def gaussians(points: Tensor, size: tuple[int, int], sigma: float) -> tuple[Tensor, Tensor]:
    """Maps [B, C, h, w] of ``size`` (h, w) with a peak of 1 at each of ``points`` [B, C, 3] (x, y in pixels of the
    input, visibility), and which of these count [B, C]: labelled ones of whose Gaussian something is on the map.

    A Gaussian ends three ``sigma`` cells from the cell of its point, across and down; maps of points that do not count
    are zero.
    """
    reach = int(3 * sigma)
    cells = (points[..., :2] / STRIDE + 0.5).floor()
    across, down = (
        torch.arange(side, device=points.device) - cells[..., axis, None] for axis, side in ((0, size[1]), (1, size[0]))
    )
    labelled = points[..., 2] > 0
    near = [each.abs() <= reach for each in (across, down)]
    counts = labelled & near[0].any(2) & near[1].any(2)
    columns, rows = (
        torch.exp(distance.square() / (-2 * sigma**2)) * (close & counts[..., None])
        for distance, close in zip((across, down), near, strict=True)
    )
    return rows[..., :, None] * columns[..., None, :], counts.to(points.dtype)
