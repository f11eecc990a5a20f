"""VGG with 16 or 19 layers, as NVIDIA builds it for detectors: batch norm, strides for pooling, stride 16 in total."""

from __future__ import annotations

from torch import Tensor, nn

from runtime.nn.backbones import Expansion
from runtime.nn.layers import BatchNorm, conv

UNITS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
DEPTHS = tuple(UNITS)
WIDTHS = (64, 128, 256, 512, 512)
FIRST_MAP_BLOCK = 4


class Unit(nn.Sequential):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, in_channels: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.add_module("conv_1", conv(in_channels, width, kernel=3, stride=stride))
        self.add_module("bn_1", BatchNorm(width))
        self.add_module("relu", nn.ReLU(inplace=True))


class VGG(nn.Module):
    """Maps: the end of block 4 (stride 8) and of block 5 (stride 16), 512 channels each."""

    expansion: Expansion = "large"
    channels = (WIDTHS[FIRST_MAP_BLOCK - 1], WIDTHS[-1])

    def __init__(self, nlayers: int, *, in_channels: int) -> None:
        super().__init__()
        self.blocks: dict[int, tuple[str, ...]] = {}
        channels = in_channels
        for block, (units, width) in enumerate(zip(UNITS[nlayers], WIDTHS, strict=True), start=1):
            self.blocks[block] = tuple(f"block_{block}{letter}" for letter in "abcd"[:units])
            for i, name in enumerate(self.blocks[block]):
                self.add_module(name, Unit(channels, width, stride=2 if block > 1 and i == 0 else 1))
                channels = width

    def forward(self, images: Tensor) -> list[Tensor]:
        x, maps = images, []
        for block, names in self.blocks.items():
            for name in names:
                x = self.get_submodule(name)(x)
            if block >= FIRST_MAP_BLOCK:
                maps.append(x)
        return maps


def build(nlayers: int, *, in_channels: int = 3) -> VGG:
    return VGG(nlayers, in_channels=in_channels)
