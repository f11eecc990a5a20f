"""From heat maps to landmarks."""

from __future__ import annotations

import torch
from torch import Tensor

from runtime.networks.hrnet.settings import STRIDE


def peaks(maps: Tensor) -> Tensor:
    """Of ``maps`` [B, C, h, w] the peaks [B, C, 3]: x, y in pixels of the input, and how high they are.

    A quarter of a cell towards the higher neighbour, unless the peak is at the rim; (0, 0) where nothing is above 0.
    """
    height, width = maps.shape[2:]
    flat = maps.flatten(2)
    highest, places = flat.max(dim=2)
    cells = torch.stack([places % width, places // width], dim=-1)
    inner = ((cells > 1) & (cells < cells.new_tensor([width - 1, height - 1]))).all(dim=-1)

    def beside(step: int) -> Tensor:
        return flat.gather(2, (places + step).clamp(0, height * width - 1)[..., None])[..., 0]

    slopes = torch.stack([beside(1) - beside(-1), beside(width) - beside(-width)], dim=-1)
    exact = (cells + 0.25 * slopes.sign() * inner[..., None]) * STRIDE
    return torch.cat([exact * (highest > 0)[..., None], highest[..., None]], dim=-1)
