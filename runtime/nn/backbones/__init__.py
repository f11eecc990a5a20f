"""Feature extractors, one file per family; the folder is the list, and a file's name is the spec's ``arch``.

``registry.load("runtime.nn.backbones", arch)`` gives a module that fulfils ``Family``. Layers bear NVIDIA's names with
a dot after the block (``block_1a.conv_1`` for ``block_1a_conv_1``), so its weights can be mapped by name.

They are ours, not torchvision's or timm's, because NVIDIA's differ where it shows in every map: no max pooling, a
projection in every shortcut, other strides, paddings, poolings and widths, and batch norms that those do not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

Expansion = Literal["small", "medium", "large"]


class Backbone(Protocol):
    """A ``torch.nn.Module`` from float32 [B, C, H, W] to feature maps, finest first; the last is its end."""

    channels: tuple[int, ...]
    """Channels of the maps it returns."""
    expansion: Expansion
    """How wide the layers are that a detector puts behind its end."""
    blocks: Mapping[int, tuple[str, ...]]
    """Names of the submodules in each block, by the number ``freeze_blocks`` knows it under; empty: nothing freezes."""

    def __call__(self, images: Tensor) -> list[Tensor]: ...

    def get_submodule(self, target: str) -> nn.Module: ...


class Family(Protocol):
    """The module-level names of a file in ``runtime/nn/backbones``."""

    DEPTHS: tuple[int, ...]
    """The values of ``nlayers`` it can build; empty when it comes in one size and ignores ``nlayers``."""

    def build(self, nlayers: int, *, in_channels: int = 3) -> nn.Module:
        """A backbone with random weights; ``nlayers`` is one of ``DEPTHS``."""
        ...
