"""SqueezeNet, as NVIDIA builds it for detectors: no batch norm, biases instead; stride 16 in total."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.nn.backbones import Expansion
from runtime.nn.layers import conv

DEPTHS: tuple[int, ...] = ()
# Squeeze and expand filters of fire modules 2 to 9.
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
POOLED = (4, 8)
MAPS = (8, 9)


class Fire(nn.Module):
    """1x1 down to ``squeeze``, then 1x1 and 3x3 side by side up to ``expand`` each (https://arxiv.org/abs/1602.07360)."""

    def __init__(self, in_channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze_conv = conv(in_channels, squeeze, kernel=1, bias=True)
        self.expand_conv1x1 = conv(squeeze, expand, kernel=1, bias=True)
        self.expand_conv3x3 = conv(squeeze, expand, kernel=3, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.squeeze_conv(x), inplace=True)
        return functional.relu(torch.cat([self.expand_conv1x1(x), self.expand_conv3x3(x)], dim=1), inplace=True)


class SqueezeNet(nn.Module):
    """Maps: fire8 before its pooling (512 channels, stride 8) and fire9 (512, stride 16). Nothing of it freezes."""

    expansion: Expansion = "small"
    channels = (FIRES[-2][1] * 2, FIRES[-1][1] * 2)

    def __init__(self, *, in_channels: int) -> None:
        super().__init__()
        self.blocks: dict[int, tuple[str, ...]] = {}
        self.conv1 = conv(in_channels, 96, kernel=7, stride=2, bias=True)
        channels = 96
        for number, (squeeze, expand) in enumerate(FIRES, start=2):
            self.add_module(f"fire{number}", Fire(channels, squeeze, expand))
            channels = expand * 2

    def forward(self, images: Tensor) -> list[Tensor]:
        x = _pool(functional.relu(self.conv1(images), inplace=True))
        maps = []
        for number in range(2, len(FIRES) + 2):
            x = self.get_submodule(f"fire{number}")(x)
            if number in MAPS:
                maps.append(x)
            if number in POOLED:
                x = _pool(x)
        return maps


def _pool(x: Tensor) -> Tensor:
    return functional.max_pool2d(x, 3, stride=2, padding=1)


def build(nlayers: int = 0, *, in_channels: int = 3) -> SqueezeNet:  # noqa: ARG001 (it comes in one size)
    return SqueezeNet(in_channels=in_channels)
