"""From pictures to six maps, each refined by the coarser ones."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from runtime.networks.ssd.config import Settings
from runtime.networks.ssd.features import Features, map_sizes
from runtime.nn.backbones import Backbone, Expansion
from runtime.nn.layers import BatchNorm, conv

FINEST: dict[Expansion, int] = {"small": 256}
"""Channels that a 1x1 convolution gives the finest map, by the backbone's expansion; with others it keeps its own."""


class Refined(Features):
    """The maps of SSD, finest first. But for the coarsest each is multiplied with the refined map that is coarser by
    one, which a transposed convolution makes twice as large. NVIDIA's names: blocks are counted from the coarsest pair.

    Where a map has an odd number of rows or columns, twice the coarser one's are too many or too few by one: the kernel
    that follows, of 2 in place of 3, takes one away or, on padded rows, adds one. So shapes of these weights depend on
    the size of the input.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        finest = FINEST.get(cast(Backbone, self.backbone).expansion)
        self.shrink_block_0 = conv(self.channels[0], finest, kernel=1) if finest else nn.Identity()
        self.channels[0] = finest or self.channels[0]
        pairs = pairwise(zip(map_sizes(settings), self.channels, strict=True))
        for n, ((fine, channels), (coarse, channels_before)) in enumerate(reversed(list(pairs))):
            for i in range(2):
                self.add_module(f"large_conv_{i}_block_{n}", conv(channels, channels, kernel=3))
                self.add_module(f"large_bn_{i}_block_{n}", BatchNorm(channels))
            self.add_module(f"small_deconv_block_{n}", _doubling(channels_before, channels))
            self.add_module(f"small_conv_block_{n}", _fitting(channels, coarse, fine))
            self.add_module(f"small_bn_block_{n}", BatchNorm(channels))

    def forward(self, images: Tensor) -> list[Tensor]:
        *maps, refined = super().forward(images)
        maps[0] = self.shrink_block_0(maps[0])
        made = [refined]
        for n, finer in enumerate(reversed(maps)):
            refined = functional.relu(self._large(n, finer) * self._small(n, refined), inplace=True)
            made.append(refined)
        return made[::-1]

    def _large(self, n: int, x: Tensor) -> Tensor:
        x = functional.relu(self._run(f"large_{{}}_0_block_{n}", x), inplace=True)
        return self._run(f"large_{{}}_1_block_{n}", x)

    def _small(self, n: int, x: Tensor) -> Tensor:
        return self._run(f"small_{{}}_block_{n}", self.get_submodule(f"small_deconv_block_{n}")(x))

    def _run(self, name: str, x: Tensor) -> Tensor:
        """The convolution of this name, then its batch norm."""
        y: Tensor = self.get_submodule(name.format("bn"))(self.get_submodule(name.format("conv"))(x))
        return y


def _doubling(in_channels: int, channels: int) -> nn.ConvTranspose2d:
    layer = nn.ConvTranspose2d(in_channels, channels, 2, stride=2, bias=False)
    nn.init.xavier_uniform_(layer.weight)
    return layer


def _fitting(channels: int, coarse: tuple[int, int], fine: tuple[int, int]) -> nn.Conv2d:
    """A convolution that makes the rows and columns of ``fine`` of twice those of ``coarse``."""
    kernels = [3 if 2 * before == after else 2 for before, after in zip(coarse, fine, strict=True)]
    padding = [int(2 * before <= after) for before, after in zip(coarse, fine, strict=True)]
    layer = nn.Conv2d(channels, channels, (kernels[0], kernels[1]), padding=(padding[0], padding[1]), bias=False)
    nn.init.xavier_uniform_(layer.weight)
    return layer
