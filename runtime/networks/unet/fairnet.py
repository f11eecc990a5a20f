"""FairNet: a pyramid of the last three stages of a dilated ResNet, all levels side by side at stride 8."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 256
"""Channels of the pyramid, as published."""
FINEST = 8
"""Pixels of the input that a cell of the finest level stands for."""


def last_stage(encoder: nn.Module) -> Sequence[nn.Module] | None:
    """The blocks of the last stage of a ResNet, segmentation-models-pytorch's or timm's; None of another encoder."""
    return getattr(encoder, "layer4", None) or getattr(getattr(encoder, "model", None), "layer4", None)


def dilate(stage: Sequence[nn.Module], dilations: Sequence[int]) -> None:
    """Give the 3x3 convolutions of each block of ``stage`` its dilation; the stride stays."""
    for block, dilation in zip(stage, dilations, strict=True):
        for layer in block.modules():
            if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
                layer.dilation = layer.padding = (dilation, dilation)


class Decoder(nn.Module):
    """From the maps of an encoder to one [B, 3 x width, H / 8, W / 8]; ``channels`` are those of its last three."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in channels[:-1])
        self.levels = nn.ModuleList(nn.Sequential(*_block(width), *_block(width)) for _ in channels)
        initialise(self)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        sums = [layer(each) for layer, each in zip(self.lateral, maps[-len(self.lateral) :], strict=True)]
        for finer in reversed(range(len(sums) - 1)):
            sums[finer] = sums[finer] + _resized(sums[finer + 1], sums[finer])
        smooth = [layer(each) for layer, each in zip(self.smooth, sums, strict=False)]
        levels = [layer(each) for layer, each in zip(self.levels, [*smooth, sums[-1]], strict=True)]
        return torch.cat([levels[0], *(_resized(each, levels[0]) for each in levels[1:])], dim=1)


def head(width: int, channels: int) -> nn.Sequential:
    """From what the decoder gives to logits at the size of the input."""
    layer = nn.Conv2d(3 * width, channels, 3, padding=1)
    made = nn.Sequential(layer, nn.Upsample(scale_factor=FINEST, mode="bilinear", align_corners=False))
    initialise(made)
    return made


def initialise(module: nn.Module) -> None:
    """Kaiming's weights; those of norms are 1 already."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _block(width: int) -> list[nn.Module]:
    return [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]


def _resized(maps: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(maps, size=like.shape[-2:], mode="bilinear", align_corners=False)
