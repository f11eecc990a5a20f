"""MobileNet V2 up to block 12, as NVIDIA builds it for detectors: stride 16 in total, plain ReLU.

A unit that keeps its size and width adds a 1x1 projection of its input rather than the input itself.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from runtime.nn.backbones import Expansion
from runtime.nn.layers import BatchNorm, conv

DEPTHS: tuple[int, ...] = ()
BN_MOMENTUM = 0.001  # Keras 0.999
# Filters and stride of blocks 0 to 12.
UNITS = (
    *((16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (32, 1), (64, 2)),
    *((64, 1), (64, 1), (64, 1), (96, 1), (96, 1), (96, 1)),
)
FACTOR = 6
FIRST_MAP_BLOCK = 6


class Unit(nn.Module):
    """An inverted residual: 1x1 to six times the width (not in block 0), depthwise 3x3, 1x1 without activation."""

    def __init__(self, in_channels: int, filters: int, *, stride: int, factor: int) -> None:
        super().__init__()
        width = in_channels * factor
        if factor > 1:
            self.expand = conv(in_channels, width, kernel=1)
            self.expand_bn = BatchNorm(width, momentum=BN_MOMENTUM)
        self.depthwise = conv(width, width, kernel=3, stride=stride, groups=width)
        self.depthwise_bn = BatchNorm(width, momentum=BN_MOMENTUM)
        self.project = conv(width, filters, kernel=1)
        self.project_bn = BatchNorm(filters, momentum=BN_MOMENTUM)
        self.widens = factor > 1
        self.residual = stride == 1 and in_channels == filters
        if self.residual:
            self.projected_inputs = conv(in_channels, filters, kernel=1)

    def widen(self, x: Tensor) -> Tensor:
        """The input of the depthwise convolution, before any stride."""
        return functional.relu(self.expand_bn(self.expand(x)), inplace=True) if self.widens else x

    def narrow(self, x: Tensor, wide: Tensor) -> Tensor:
        """The unit's output from its input and ``widen`` of it."""
        y = functional.relu(self.depthwise_bn(self.depthwise(wide)), inplace=True)
        y = cast(Tensor, self.project_bn(self.project(y)))
        return y + self.projected_inputs(x) if self.residual else y

    def forward(self, x: Tensor) -> Tensor:
        return self.narrow(x, self.widen(x))


class MobileNetV2(nn.Module):
    """Maps: block 6 between its expansion and its stride (192 channels, stride 8), block 12 (96, stride 16)."""

    expansion: Expansion = "small"

    def __init__(self, *, in_channels: int) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, 32, kernel=3, stride=2)
        self.bn_conv1 = BatchNorm(32, momentum=BN_MOMENTUM)
        names = ("expanded_conv", *(f"block_{i}" for i in range(1, len(UNITS))))
        self.blocks: dict[int, tuple[str, ...]] = {0: ("conv1", "bn_conv1")}
        self.blocks |= {i: (name,) for i, name in enumerate(names, start=1)}
        self.units: list[str] = list(names)
        channels = 32
        for i, (name, (filters, stride)) in enumerate(zip(names, UNITS, strict=True)):
            self.add_module(name, Unit(channels, filters, stride=stride, factor=FACTOR if i else 1))
            channels = filters
        self.channels = (UNITS[FIRST_MAP_BLOCK - 1][0] * FACTOR, channels)

    def forward(self, images: Tensor) -> list[Tensor]:
        x = functional.relu(self.bn_conv1(self.conv1(images)), inplace=True)
        maps = []
        for i, name in enumerate(self.units):
            unit = self.get_submodule(name)
            assert isinstance(unit, Unit)
            wide = unit.widen(x)
            if i == FIRST_MAP_BLOCK:
                maps.append(wide)
            x = unit.narrow(x, wide)
        return [*maps, x]


def build(nlayers: int = 0, *, in_channels: int = 3) -> MobileNetV2:  # noqa: ARG001 (it comes in one size)
    return MobileNetV2(in_channels=in_channels)
