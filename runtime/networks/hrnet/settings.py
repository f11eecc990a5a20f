"""What a recipe says of the model. Without torch: a spec is read before that is needed."""

from __future__ import annotations

from dataclasses import dataclass

from specs.hrnet.settings import Model

STRIDE = 4
"""Pixels of the input, across and down, that a cell of a heat map stands for."""


@dataclass(frozen=True)
class Settings:
    """``input_size`` is (height, width), ``channels`` how many heat maps there are. ``slots`` are the channels of the
    points of a target and a prediction, from 0; points of different classes may share one. ``flip`` is the mirror of
    the channels as a permutation. ``flip_test``: predictions are those of the mean with the mirror image."""

    network: Model
    input_size: tuple[int, int]
    channels: int
    slots: tuple[int, ...]
    flip: tuple[int, ...]
    flip_test: bool = False

    @property
    def map_size(self) -> tuple[int, int]:
        """Height and width of the heat maps."""
        height, width = self.input_size
        return height // STRIDE, width // STRIDE
