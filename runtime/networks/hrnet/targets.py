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
    height, width = size
    cells = (points[..., :2] / STRIDE + 0.5).floor()
    across = torch.arange(width, device=points.device)[:, None] - cells[:, None, :, 0]
    down = torch.arange(height, device=points.device)[:, None] - cells[:, None, :, 1]
    near_across, near_down = across.abs() <= reach, down.abs() <= reach
    counts = (points[..., 2] > 0) & near_across.any(1) & near_down.any(1)
    columns = torch.exp(across.square() / (-2 * sigma**2)) * (near_across & counts[:, None])
    rows = torch.exp(down.square() / (-2 * sigma**2)) * near_down
    # The channels of a cell side by side, as the network gives them: half the time of any other order.
    return (rows[:, :, None] * columns[:, None]).permute(0, 3, 1, 2), counts.to(points.dtype)
