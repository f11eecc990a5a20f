"""Backbone, neck and head, with YOLOX's names of weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.networks.yolox.blocks import CrossStage, Focus, PyramidPooling, block, wide

STRIDES = (8, 16, 32)
"""Pixels between the cells of the three maps."""
PRIOR = 0.01
"""Probability of an object, and of a class, that the head begins with."""


@dataclass(frozen=True)
class Size:
    """Factors of the number of layers and of channels."""

    depth: float
    width: float
    depthwise: bool = False

    def channels(self, count: int) -> int:
        return int(count * self.width)

    def layers(self, count: int) -> int:
        """``count`` is that of the size l."""
        return max(1, round(count * self.depth))


SIZES = {
    "nano": Size(0.33, 0.25, depthwise=True),
    "tiny": Size(0.33, 0.375),
    "s": Size(0.33, 0.5),
    "m": Size(0.67, 0.75),
    "l": Size(1.0, 1.0),
    "x": Size(1.33, 1.25),
}


class Darknet(nn.Module):
    """CSPDarknet: maps at the three strides."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.stem = Focus(size.channels(64))
        self.dark2 = _stage(size, 64, 3)
        self.dark3 = _stage(size, 128, 9)
        self.dark4 = _stage(size, 256, 9)
        self.dark5 = _stage(size, 512, 3, last=True)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.dark3(self.dark2(self.stem(pixels)))
        middle = self.dark4(fine)
        return fine, middle, self.dark5(middle)


def _stage(size: Size, channels: int, layers: int, *, last: bool = False) -> nn.Sequential:
    """Half the resolution, twice the ``channels``; the ``last`` one pools and has no shortcuts."""
    before, after = size.channels(channels), size.channels(2 * channels)
    pooling = [PyramidPooling(after)] if last else []
    return nn.Sequential(
        wide(before, after, stride=2, depthwise=size.depthwise),
        *pooling,
        CrossStage(after, after, size.layers(layers), shortcut=not last, depthwise=size.depthwise),
    )


class Pyramid(nn.Module):
    """The backbone and PAFPN: from the coarse map to the fine one, and back."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        fine, middle, coarse = (size.channels(count) for count in (256, 512, 1024))

        def join(in_channels: int, out_channels: int) -> CrossStage:
            return CrossStage(in_channels, out_channels, size.layers(3), shortcut=False, depthwise=size.depthwise)

        self.backbone = Darknet(size)
        self.lateral_conv0 = block(coarse, middle, 1)
        self.C3_p4 = join(2 * middle, middle)
        self.reduce_conv1 = block(middle, fine, 1)
        self.C3_p3 = join(2 * fine, fine)
        self.bu_conv2 = wide(fine, fine, stride=2, depthwise=size.depthwise)
        self.C3_n3 = join(2 * fine, middle)
        self.bu_conv1 = wide(middle, middle, stride=2, depthwise=size.depthwise)
        self.C3_n4 = join(2 * middle, coarse)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps at the three strides of pixels [B, 3, H, W] in BGR."""
        fine, middle, coarse = self.backbone(pixels)
        top = self.lateral_conv0(coarse)
        between = self.reduce_conv1(self.C3_p4(torch.cat([_twice(top), middle], dim=1)))
        first = self.C3_p3(torch.cat([_twice(between), fine], dim=1))
        second = self.C3_n3(torch.cat([self.bu_conv2(first), between], dim=1))
        third = self.C3_n4(torch.cat([self.bu_conv1(second), top], dim=1))
        return first, second, third


def _twice(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")


class Head(nn.Module):
    """On each map one branch for the class, and one for the box and whether there is an object."""

    def __init__(self, size: Size, classes: int) -> None:
        super().__init__()
        width, levels = size.channels(256), [size.channels(count) for count in (256, 512, 1024)]

        def branches() -> nn.ModuleList:
            pairs = ((wide(width, width, depthwise=size.depthwise) for _ in range(2)) for _ in levels)
            return nn.ModuleList(nn.Sequential(*pair) for pair in pairs)

        def outputs(channels: int) -> nn.ModuleList:
            return nn.ModuleList(nn.Conv2d(width, channels, 1) for _ in levels)

        self.stems = nn.ModuleList(block(channels, width, 1) for channels in levels)
        self.cls_convs, self.reg_convs = branches(), branches()
        self.cls_preds, self.reg_preds, self.obj_preds = outputs(classes), outputs(4), outputs(1)
        for layer in (*self.cls_preds, *self.obj_preds):
            nn.init.constant_(cast(Tensor, layer.bias), -math.log((1 - PRIOR) / PRIOR))

    def forward(self, maps: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """[B, 4 + 1 + classes, h, w] of each map: box, object, classes."""
        return tuple(self._level(level, features) for level, features in enumerate(maps))

    def _level(self, level: int, features: Tensor) -> Tensor:
        stem = self.stems[level](features)
        boxes, classes = self.reg_convs[level](stem), self.cls_convs[level](stem)
        parts = [self.reg_preds[level](boxes), self.obj_preds[level](boxes), self.cls_preds[level](classes)]
        return torch.cat(parts, dim=1)
