"""GoogLeNet with batch norm, as NVIDIA builds it for detectors: 2x2 poolings, the last left out, stride 16 in total."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from runtime.nn.backbones import Expansion
from runtime.nn.layers import FlatBackbone, conv

DEPTHS: tuple[int, ...] = ()
# Filters of each module: 1x1, 3x3_reduce, 3x3, 5x5_reduce, 5x5, pool_proj (https://arxiv.org/abs/1409.4842, table 1).
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
# The stem's batch norms are called bn_<convolution>, all others <convolution>_bn.
STEM = ("conv1", "conv2_reduce", "conv2")
MAPS = ("3b", "5b")


class GoogLeNet(FlatBackbone):
    """Maps: the ends of modules 3b (480 channels, stride 8) and 5b (1024, stride 16)."""

    expansion: Expansion = "large"
    channels = (480, 1024)

    def __init__(self, *, in_channels: int) -> None:
        super().__init__()
        self.add("conv1", conv(in_channels, 64, kernel=7, stride=2), norm="bn_conv1")
        self.add("conv2_reduce", conv(64, 64, kernel=1), norm="bn_conv2_reduce")
        self.add("conv2", conv(64, 192, kernel=3), norm="bn_conv2")
        self.blocks: dict[int, tuple[str, ...]] = {0: STEM}
        channels = 192
        for block, (index, filters) in enumerate(MODULES.items(), start=1):
            self.blocks[block] = self._module(f"inception_{index}", channels, filters)
            channels = filters[0] + filters[2] + filters[4] + filters[5]

    def _module(self, name: str, channels: int, filters: tuple[int, ...]) -> tuple[str, ...]:
        one, reduce_3, three, reduce_5, five, pool = filters
        layers = {
            "1x1": conv(channels, one, kernel=1),
            "3x3_reduce": conv(channels, reduce_3, kernel=1),
            "3x3": conv(reduce_3, three, kernel=3),
            "5x5_reduce": conv(channels, reduce_5, kernel=1),
            "5x5": conv(reduce_5, five, kernel=5),
            "pool_proj": conv(channels, pool, kernel=1),
        }
        for suffix, layer in layers.items():
            self.add(f"{name}_{suffix}", layer)
        return tuple(f"{name}_{suffix}" for suffix in layers)

    def forward(self, images: Tensor) -> list[Tensor]:
        x = functional.max_pool2d(self.run("conv1", images, norm="bn_conv1"), 2)
        x = self.run("conv2_reduce", x, norm="bn_conv2_reduce")
        x = functional.max_pool2d(self.run("conv2", x, norm="bn_conv2"), 2)
        maps = []
        for index in MODULES:
            if index == "4a":
                x = functional.max_pool2d(x, 2)
            x = self._inception(f"inception_{index}", x)
            if index in MAPS:
                maps.append(x)
        return maps

    def _inception(self, name: str, x: Tensor) -> Tensor:
        branches = (
            self.run(f"{name}_1x1", x),
            self.run(f"{name}_3x3", self.run(f"{name}_3x3_reduce", x)),
            self.run(f"{name}_5x5", self.run(f"{name}_5x5_reduce", x)),
            self.run(f"{name}_pool_proj", functional.max_pool2d(x, 3, stride=1, padding=1)),
        )
        return torch.cat(branches, dim=1)


def build(nlayers: int = 0, *, in_channels: int = 3) -> GoogLeNet:  # noqa: ARG001 (it comes in one size)
    return GoogLeNet(in_channels=in_channels)
