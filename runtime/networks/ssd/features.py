"""From pictures to the six maps that the heads look at."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.networks.ssd.config import Settings
from runtime.nn.backbones import Backbone, Expansion
from runtime.nn.layers import BatchNorm, conv
from specs.ssd.anchors import MAPS
from tltpipe import registry
from tltpipe.errors import SpecError

# Channels of the 1x1 and the 3x3 convolution of each block behind the backbone. Only the first keeps the size; None:
# no such block, the backbone's end itself is a map.
Widths = tuple[int, int] | None
EXPANSIONS: dict[Expansion, tuple[Widths, ...]] = {
    "large": ((512, 512), (256, 512), (128, 256), (128, 256), (128, 256)),
    "medium": ((256, 256), (128, 256), (64, 128), (64, 128), (64, 128)),
    "small": (None, (64, 128), (64, 128), (64, 128), (64, 128)),
}


class ExpansionBlock(nn.Sequential):
    """1x1 convolution and ReLU, then 3x3 convolution, batch norm and ReLU."""

    def __init__(self, in_channels: int, widths: tuple[int, int], *, stride: int) -> None:
        narrow, wide = widths
        super().__init__()
        self.add_module("conv_0", conv(in_channels, narrow, kernel=1, bias=True))
        self.add_module("relu_0", nn.ReLU(inplace=True))
        self.add_module("conv_1", conv(narrow, wide, kernel=3, stride=stride))
        self.add_module("bn_1", BatchNorm(wide))
        self.add_module("relu_1", nn.ReLU(inplace=True))


class PredictionModule(nn.Module):
    """A residual bottleneck between a map and its heads: 1x1 down to a quarter, 1x1, 1x1 to the full width."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        narrow = channels // 4
        for i, (before, after) in enumerate(((in_channels, narrow), (narrow, narrow), (narrow, channels))):
            self.add_module(f"conv_{i}", conv(before, after, kernel=1))
            self.add_module(f"bn_{i}", BatchNorm(after))
        self.conv_shortcut = conv(in_channels, channels, kernel=1)
        self.bn_shortcut = BatchNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for i in range(3):
            y = self.get_submodule(f"bn_{i}")(self.get_submodule(f"conv_{i}")(y))
            if i < 2:
                y = functional.relu(y, inplace=True)
        return functional.relu(y + self.bn_shortcut(self.conv_shortcut(x)), inplace=True)


class Features(nn.Module):
    """Backbone and expansion blocks: pictures to six maps, finest first."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        family = registry.load("runtime.nn.backbones", settings.arch)
        self.backbone = family.build(settings.nlayers, in_channels=settings.input_channels)
        backbone = cast(Backbone, self.backbone)
        self.channels = [*backbone.channels[:-1]]
        self.expansion: list[str] = []
        channels = backbone.channels[-1]
        for i, widths in enumerate(EXPANSIONS[backbone.expansion]):
            if len(self.channels) == MAPS:
                break  # a backbone that gives three maps itself needs one block less
            if widths is not None:
                block = ExpansionBlock(channels, widths, stride=2 if i else 1)
                self.expansion.append(f"expand_block_{i}")
                self.add_module(self.expansion[-1], block)
                channels = widths[1]
            self.channels.append(channels)
        self.end_is_map = EXPANSIONS[backbone.expansion][0] is None

    def forward(self, images: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.backbone(images)
        x = maps[-1]
        if not self.end_is_map:
            maps = maps[:-1]
        for name in self.expansion:
            x = self.get_submodule(name)(x)
            maps.append(x)
        return maps


def map_sizes(settings: Settings) -> list[tuple[int, int]]:
    """Rows and columns of the six maps, found by a run without numbers.

    Raises SpecError when the input is so small that a map vanishes.
    """
    try:
        with torch.device("meta"):
            features = Features(settings).eval()
            maps = features(torch.empty(1, settings.input_channels, *settings.input_size))
    except RuntimeError:  # torch refuses a pooling or a convolution with nothing left to see
        maps = []
    sizes = [(x.shape[-2], x.shape[-1]) for x in maps]
    if not sizes or min(min(size) for size in sizes) < 1:
        height, width = settings.input_size
        what = f"a picture of {width} x {height} is too small for the six feature maps of {settings.arch}"
        raise SpecError(f"{settings.size_field}: {what}", hint="use a larger width and height")
    return sizes
