"""DarkNet with 19 or 53 layers, as NVIDIA builds it for detectors: ReLU for leaky ReLU, stride 32 in total."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from runtime.nn.backbones import Expansion
from runtime.nn.layers import FlatBackbone, conv

DEPTHS = (19, 53)
WIDTHS = (64, 128, 256, 512, 1024)
CONVOLUTIONS_19 = (1, 3, 3, 5, 5)
RESIDUALS_53 = (1, 2, 8, 8, 4)
FIRST_MAP_BLOCK = 3


class DarkNet(FlatBackbone):
    """Maps: the ends of block 3 (256 channels, stride 8), 4 (512, stride 16) and 5 (1024, stride 32)."""

    channels = WIDTHS[FIRST_MAP_BLOCK - 1 :]

    def __init__(self, nlayers: int, *, in_channels: int) -> None:
        super().__init__()
        self.expansion: Expansion = "medium" if nlayers == 19 else "large"
        self.residual = nlayers == 53
        self.add("conv1", conv(in_channels, 32, kernel=3))
        self.blocks: dict[int, tuple[str, ...]] = {0: ("conv1",)}
        for block, width in enumerate(WIDTHS, start=1):
            self.blocks[block] = self._residuals(block, width) if self.residual else self._convolutions(block, width)

    def _convolutions(self, block: int, width: int) -> tuple[str, ...]:
        """3x3 to the full width and 1x1 to half of it in turn; a pooling comes before."""
        names = tuple(f"b{block}_conv{i + 1}" for i in range(CONVOLUTIONS_19[block - 1]))
        for i, name in enumerate(names):
            widen = i % 2 == 0
            full, half = (width // 2 if i == 0 else width), width // 2
            self.add(name, conv(half if widen else full, width if widen else half, kernel=3 if widen else 1))
        return names

    def _residuals(self, block: int, width: int) -> tuple[str, ...]:
        """A strided 3x3, then pairs of 1x1 to half the width and 3x3, each added to its input."""
        names = [f"conv{block + 1}"]
        self.add(names[0], conv(width // 2, width, kernel=3, stride=2))
        for i in range(1, RESIDUALS_53[block - 1] + 1):
            names += [f"b{block}_conv{i}_1", f"b{block}_conv{i}_2"]
            self.add(names[-2], conv(width, width // 2, kernel=1))
            self.add(names[-1], conv(width // 2, width, kernel=3))
        return tuple(names)

    def forward(self, images: Tensor) -> list[Tensor]:
        x, maps = self.run("conv1", images), []
        for block in range(1, len(WIDTHS) + 1):
            x = self._residual_block(block, x) if self.residual else self._plain_block(block, x)
            if block >= FIRST_MAP_BLOCK:
                maps.append(x)
        return maps

    def _plain_block(self, block: int, x: Tensor) -> Tensor:
        x = functional.max_pool2d(x, 2)
        for name in self.blocks[block]:
            x = self.run(name, x)
        return x

    def _residual_block(self, block: int, x: Tensor) -> Tensor:
        strided, *rest = self.blocks[block]
        x = self.run(strided, x)
        for narrow, wide in zip(rest[::2], rest[1::2], strict=True):
            x = x + self.run(wide, self.run(narrow, x))
        return x


def build(nlayers: int, *, in_channels: int = 3) -> DarkNet:
    return DarkNet(nlayers, in_channels=in_channels)
