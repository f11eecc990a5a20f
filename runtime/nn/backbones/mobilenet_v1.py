"""MobileNet V1 up to block 11, as NVIDIA builds it for detectors: stride 16 in total, plain ReLU."""

from __future__ import annotations

from torch import Tensor

from runtime.nn.backbones import Expansion
from runtime.nn.layers import FlatBackbone, conv

DEPTHS: tuple[int, ...] = ()
# Filters and stride of blocks 1 to 11.
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5)
FIRST_MAP_BLOCK = 5


class MobileNetV1(FlatBackbone):
    """Maps: the end of block 5 (256 channels, stride 8) and of block 11 (512, stride 16)."""

    expansion: Expansion = "small"
    channels = (BLOCKS[FIRST_MAP_BLOCK - 1][0], BLOCKS[-1][0])

    def __init__(self, *, in_channels: int) -> None:
        super().__init__()
        self.add("conv1", conv(in_channels, 32, kernel=3, stride=2))
        self.blocks: dict[int, tuple[str, ...]] = {0: ("conv1",)}
        channels = 32
        for block, (filters, stride) in enumerate(BLOCKS, start=1):
            depthwise, pointwise = f"conv_dw_{block}", f"conv_pw_{block}"
            self.add(depthwise, conv(channels, channels, kernel=3, stride=stride, groups=channels))
            self.add(pointwise, conv(channels, filters, kernel=1))
            self.blocks[block] = (depthwise, pointwise)
            channels = filters

    def forward(self, images: Tensor) -> list[Tensor]:
        x, maps = images, []
        for block, names in self.blocks.items():
            for name in names:
                x = self.run(name, x)
            if block in (FIRST_MAP_BLOCK, len(BLOCKS)):
                maps.append(x)
        return maps


def build(nlayers: int = 0, *, in_channels: int = 3) -> MobileNetV1:  # noqa: ARG001 (it comes in one size)
    return MobileNetV1(in_channels=in_channels)
