"""What the network is built of, with YOLOX's names of weights."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.nn.layers import BatchNorm

EPSILON = 1e-3
MOMENTUM = 0.03
WINDOW = 5
"""Side of the maximum whose one-, two- and threefold use sees 5, 9 and 13 cells."""


def block(in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, normalisation, SiLU."""
    conv = nn.Conv2d(
        in_channels, out_channels, kernel, stride=stride, padding=(kernel - 1) // 2, groups=groups, bias=False
    )
    norm = BatchNorm(out_channels, momentum=MOMENTUM, epsilon=EPSILON)
    return nn.Sequential(OrderedDict([("conv", conv), ("bn", norm), ("act", nn.SiLU())]))


def wide(in_channels: int, out_channels: int, *, stride: int = 1, depthwise: bool) -> nn.Sequential:
    """A 3x3 block; ``depthwise``: one channel at a time, and then a 1x1 block over them."""
    if not depthwise:
        return block(in_channels, out_channels, 3, stride=stride)
    across = block(in_channels, in_channels, 3, stride=stride, groups=in_channels)
    return nn.Sequential(OrderedDict([("dconv", across), ("pconv", block(in_channels, out_channels, 1))]))


class Focus(nn.Module):
    """Half the resolution without loss: the four pixels of a square become channels."""

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.conv = block(12, out_channels, 3)

    def forward(self, pixels: Tensor) -> Tensor:
        """[B, 3, H, W] to [B, out_channels, H / 2, W / 2]; upper left, lower left, upper right, lower right."""
        upper, lower = pixels[..., ::2, :], pixels[..., 1::2, :]
        phases = [upper[..., ::2], lower[..., ::2], upper[..., 1::2], lower[..., 1::2]]
        joined: Tensor = self.conv(torch.cat(phases, dim=1).contiguous(memory_format=torch.channels_last))
        return joined


class Bottleneck(nn.Module):
    """1x1 and 3x3; with ``shortcut`` added to what comes in."""

    def __init__(self, channels: int, *, shortcut: bool, depthwise: bool) -> None:
        super().__init__()
        self.conv1 = block(channels, channels, 1)
        self.conv2 = wide(channels, channels, depthwise=depthwise)
        self.shortcut = shortcut

    def forward(self, features: Tensor) -> Tensor:
        seen: Tensor = self.conv2(self.conv1(features))
        return seen + features if self.shortcut else seen


class CrossStage(nn.Module):
    """Half of the channels goes through bottlenecks, half past them (a CSP layer)."""

    def __init__(
        self, in_channels: int, out_channels: int, count: int, *, shortcut: bool = True, depthwise: bool
    ) -> None:
        super().__init__()
        half = out_channels // 2
        self.conv1 = block(in_channels, half, 1)
        self.conv2 = block(in_channels, half, 1)
        self.conv3 = block(2 * half, out_channels, 1)
        self.m = nn.Sequential(*(Bottleneck(half, shortcut=shortcut, depthwise=depthwise) for _ in range(count)))

    def forward(self, features: Tensor) -> Tensor:
        joined: Tensor = self.conv3(torch.cat([self.m(self.conv1(features)), self.conv2(features)], dim=1))
        return joined


class PyramidPooling(nn.Module):
    """Maxima over windows of 5, 9 and 13 cells beside the cells themselves (SPP)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = block(channels, half, 1)
        self.conv2 = block(4 * half, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        maps = [self.conv1(features)]
        for _ in range(3):
            maps.append(functional.max_pool2d(maps[-1], WINDOW, stride=1, padding=WINDOW // 2))
        joined: Tensor = self.conv2(torch.cat(maps, dim=1))
        return joined
