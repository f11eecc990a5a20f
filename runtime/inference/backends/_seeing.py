"""From a picture to the pixels a model takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.imaging.decoding import InMemory, Preprocess, stored_size
from runtime.imaging.placement import Placement, View

NO_BOXES = np.zeros((0, 4), np.float32)


@dataclass(frozen=True)
class BySpec:
    """As a training spec asks for it."""

    view: View

    def __call__(self, place: Path | InMemory) -> tuple[NDArray[np.uint8], Placement]:
        seen = self.view(place, NO_BOXES, stored_size(place))
        return seen.pixels, seen.placement


@dataclass(frozen=True)
class BySize:
    """All of the picture at the input's size (height, width)."""

    size: tuple[int, int]
    grey: bool = False

    def __call__(self, place: Path | InMemory) -> tuple[NDArray[np.uint8], Placement]:
        height, width = self.size
        pixels = np.asarray(Preprocess(width, height, None, self.grey).picture(place))
        return pixels, Placement.resize(stored_size(place), (width, height))
