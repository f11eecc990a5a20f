"""ResNet with 10, 18, 34, 50 or 101 layers, as NVIDIA builds it for detectors: stride 16 in total.

No max pooling (the first unit has stride 2 instead), and a 1x1 projection in every shortcut.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from runtime.nn.backbones import Expansion
from runtime.nn.layers import BatchNorm, conv

UNITS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
DEPTHS = tuple(UNITS)
WIDTHS = (64, 128, 256, 512)
STRIDES = (2, 2, 2, 1)
FIRST_MAP_STAGE = 2


class Unit(nn.Module):
    """A residual unit: two 3x3 convolutions, or 1x1, 3x3, 1x1 to four times the width; stride on the first."""

    def __init__(self, in_channels: int, width: int, *, stride: int, bottleneck: bool) -> None:
        super().__init__()
        self.out_channels = width * 4 if bottleneck else width
        shape = ((1, width), (3, width), (1, self.out_channels)) if bottleneck else ((3, width), (3, width))
        self.depth = len(shape)
        channels = in_channels
        for i, (kernel, filters) in enumerate(shape, start=1):
            self.add_module(f"conv_{i}", conv(channels, filters, kernel=kernel, stride=stride if i == 1 else 1))
            self.add_module(f"bn_{i}", BatchNorm(filters))
            channels = filters
        self.conv_shortcut = conv(in_channels, self.out_channels, kernel=1, stride=stride)
        self.bn_shortcut = BatchNorm(self.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for i in range(1, self.depth + 1):
            y = self.get_submodule(f"bn_{i}")(self.get_submodule(f"conv_{i}")(y))
            if i < self.depth:
                y = functional.relu(y, inplace=True)
        return functional.relu(y + self.bn_shortcut(self.conv_shortcut(x)), inplace=True)


class ResNet(nn.Module):
    """Maps: the end of stage 2 (stride 8) and of stage 4 (stride 16)."""

    def __init__(self, nlayers: int, *, in_channels: int) -> None:
        super().__init__()
        bottleneck = nlayers >= 50
        self.expansion: Expansion = "small" if nlayers == 10 else "large" if bottleneck else "medium"
        self.conv1 = conv(in_channels, WIDTHS[0], kernel=7, stride=2)
        self.bn_conv1 = BatchNorm(WIDTHS[0])
        self.blocks: dict[int, tuple[str, ...]] = {0: ("conv1", "bn_conv1")}
        channels = WIDTHS[0]
        for stage, (units, width, stride) in enumerate(zip(UNITS[nlayers], WIDTHS, STRIDES, strict=True), start=1):
            self.blocks[stage] = tuple(f"block_{stage}{_letter(i)}" for i in range(units))
            for i, name in enumerate(self.blocks[stage]):
                unit = Unit(channels, width, stride=stride if i == 0 else 1, bottleneck=bottleneck)
                self.add_module(name, unit)
                channels = unit.out_channels
        factor = 4 if bottleneck else 1
        self.channels = (WIDTHS[FIRST_MAP_STAGE - 1] * factor, WIDTHS[-1] * factor)

    def forward(self, images: Tensor) -> list[Tensor]:
        x = functional.relu(self.bn_conv1(self.conv1(images)), inplace=True)
        maps = []
        for stage in range(1, len(WIDTHS) + 1):
            for name in self.blocks[stage]:
                x = self.get_submodule(name)(x)
            if stage in (FIRST_MAP_STAGE, len(WIDTHS)):
                maps.append(x)
        return maps


def _letter(index: int) -> str:
    """a, b, c, ... as NVIDIA counts units; its 23 units of one stage stay within the alphabet."""
    return chr(ord("a") + index)


def build(nlayers: int, *, in_channels: int = 3) -> ResNet:
    return ResNet(nlayers, in_channels=in_channels)
