"""EfficientNet B0, as NVIDIA builds it for detectors: swish, stride 32 in total."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.nn.backbones import Expansion
from runtime.nn.layers import BatchNorm, conv, normal_

DEPTHS: tuple[int, ...] = ()
# Kernel, repeats, filters, factor of the expansion, stride of the first (https://arxiv.org/abs/1905.11946, table 1).
STAGES = (
    *((3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2)),
    *((5, 3, 112, 6, 1), (5, 4, 192, 6, 2), (3, 1, 320, 6, 1)),
)
UNITS = sum(repeats for _, repeats, *_ in STAGES)
DROP_CONNECT = 0.2
SQUEEZE = 4
STEM, TOP = 32, 1280
# Units whose widened input, before its stride, is a map.
MAPS = ("block4a", "block6a")


class TensorFlowConv(nn.Conv2d):
    """A stride-2 convolution padded as TensorFlow does: for an even size one zero less on top and on the left."""

    def forward(self, input: Tensor) -> Tensor:
        half = self.kernel_size[0] // 2
        top, left = (half - 1 + size % 2 for size in input.shape[-2:])
        return super().forward(functional.pad(input, (left, half, top, half)))


def scaled_conv(
    in_channels: int, out_channels: int, *, kernel: int, stride: int = 1, groups: int = 1, bias: bool = False
) -> nn.Conv2d:
    """A convolution with weights from Keras' normal distribution of variance 2 / fan-out."""
    if stride == 2:
        layer: nn.Conv2d = TensorFlowConv(in_channels, out_channels, kernel, stride=2, groups=groups, bias=bias)
    else:
        layer = conv(in_channels, out_channels, kernel=kernel, groups=groups, bias=bias)
    normal_(layer.weight, variance=2 * groups / (kernel**2 * out_channels))
    return layer


class Unit(nn.Module):
    """1x1 to ``factor`` times the width, depthwise convolution, squeeze and excitation, 1x1 without activation."""

    def __init__(
        self, in_channels: int, filters: int, *, kernel: int, stride: int, factor: int, drop_rate: float
    ) -> None:
        super().__init__()
        width, squeezed = in_channels * factor, max(1, in_channels // SQUEEZE)
        self.widens = factor > 1
        if self.widens:
            self.expand_conv = scaled_conv(in_channels, width, kernel=1)
            self.expand_bn = BatchNorm(width)
        self.dwconv = scaled_conv(width, width, kernel=kernel, stride=stride, groups=width)
        self.bn = BatchNorm(width)
        self.se_reduce = scaled_conv(width, squeezed, kernel=1, bias=True)
        self.se_expand = scaled_conv(squeezed, width, kernel=1, bias=True)
        self.project_conv = scaled_conv(width, filters, kernel=1)
        self.project_bn = BatchNorm(filters)
        self.residual = stride == 1 and in_channels == filters
        self.drop_rate = drop_rate

    def widen(self, x: Tensor) -> Tensor:
        """The input of the depthwise convolution, before any stride."""
        return functional.silu(self.expand_bn(self.expand_conv(x))) if self.widens else x

    def narrow(self, x: Tensor, wide: Tensor) -> Tensor:
        """The unit's output from its input and ``widen`` of it."""
        y = functional.silu(self.bn(self.dwconv(wide)))
        excitation = functional.silu(self.se_reduce(y.mean(dim=(2, 3), keepdim=True)))
        y = self.project_bn(self.project_conv(y * self.se_expand(excitation).sigmoid()))
        return x + self._drop(y) if self.residual else y

    def _drop(self, y: Tensor) -> Tensor:
        """In training now and then all of a picture's contribution (drop connect), the rest made up for it."""
        if not self.training or not self.drop_rate:
            return y
        keep = torch.rand(len(y), 1, 1, 1, device=y.device) >= self.drop_rate
        return y * keep / (1 - self.drop_rate)


class EfficientNetB0(nn.Module):
    """Maps: block4a and block6a between expansion and stride (240, stride 8; 672, stride 16), top (1280, stride 32)."""

    expansion: Expansion = "large"
    channels = (240, 672, TOP)

    def __init__(self, *, in_channels: int) -> None:
        super().__init__()
        self.stem_conv = scaled_conv(in_channels, STEM, kernel=3, stride=2)
        self.stem_bn = BatchNorm(STEM)
        self.blocks: dict[int, tuple[str, ...]] = {0: ("stem_conv",)}
        channels, number = STEM, 0
        for stage, (kernel, repeats, filters, factor, stride) in enumerate(STAGES, start=1):
            self.blocks[stage] = tuple(f"block{stage}{letter}" for letter in "abcd"[:repeats])
            for i, name in enumerate(self.blocks[stage]):
                shape = {"kernel": kernel, "stride": 1 if i else stride, "factor": factor}
                self.add_module(name, Unit(channels, filters, drop_rate=DROP_CONNECT * number / UNITS, **shape))
                channels, number = filters, number + 1
        self.top_conv = scaled_conv(channels, TOP, kernel=1)
        self.top_bn = BatchNorm(TOP)
        self.blocks[len(STAGES) + 1] = ("top_conv",)

    def forward(self, images: Tensor) -> list[Tensor]:
        x = functional.silu(self.stem_bn(self.stem_conv(images)))
        maps = []
        for stage in range(1, len(STAGES) + 1):
            for name in self.blocks[stage]:
                unit = self.get_submodule(name)
                assert isinstance(unit, Unit)
                wide = unit.widen(x)
                if name in MAPS:
                    maps.append(wide)
                x = unit.narrow(x, wide)
        return [*maps, functional.silu(self.top_bn(self.top_conv(x)))]


def build(nlayers: int = 0, *, in_channels: int = 3) -> EfficientNetB0:  # noqa: ARG001 (it comes in one size)
    return EfficientNetB0(in_channels=in_channels)
