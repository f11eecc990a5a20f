"""What others call the layers of our backbones: one file per family, named as in ``runtime/nn/backbones``.

``registry.load("runtime.weights.pretrained.families", "resnet").namings(ours, file)`` tells every way in which the
file may spell this family, as a list of ``Naming``; the one of which the file has most is taken.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Layer:
    """A convolution of ours with its batch norm (None: it has a bias), and what a file calls them.

    ``theirs`` None: the file has nothing here, and what passes through shall be as if nothing were. ``centred``: their
    kernel may be smaller than ours, whose rim is then zero.
    """

    conv: str
    norm: str | None
    theirs: str | None
    their_norm: str | None = None
    centred: bool = False


@dataclass(frozen=True)
class Naming:
    """One way to spell a family: its layers, the first of which sees the picture.

    ``epsilon`` is that of their batch norms; they saw RGB pictures as (x / 255 - mean) / deviation.
    """

    name: str
    layers: tuple[Layer, ...]
    epsilon: float = 1e-5
    mean: tuple[float, ...] = IMAGENET[0]
    deviation: tuple[float, ...] = IMAGENET[1]


class Family(Protocol):
    """The module-level function of a file in this folder."""

    def namings(self, ours: AbstractSet[str], file: AbstractSet[str]) -> list[Naming]:
        """``ours`` and ``file`` are names of modules that have weights: in the backbone, in the file."""
        ...
