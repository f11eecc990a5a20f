"""From a picture to the pixels a model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.data.recipe import Recipe
from runtime.imaging.decoding import Preprocess, Whole, stored_size
from runtime.imaging.placement import Placement, Seen, View
from runtime.inference.backends import needs_detector

NO_BOXES = np.zeros((0, 4), np.float32)


@dataclass(frozen=True)
class BySpec:
    """As a training spec asks for it."""

    view: View

    def __call__(self, place: Whole) -> tuple[NDArray[np.uint8], Placement]:
        seen = self.view(place, NO_BOXES, stored_size(place))
        return seen.pixels, seen.placement


@dataclass(frozen=True)
class ByObject:
    """One object at a time, as a training spec asks for it in validation."""

    view: View

    def __call__(self, place: Whole) -> tuple[NDArray[np.uint8], Placement]:
        raise needs_detector(str(place))

    def load_object(self, place: Whole, box: NDArray[np.float32]) -> Seen:
        return self.view(place, np.asarray(box, np.float32).reshape(1, 4), stored_size(place))


def by_recipe(recipe: Recipe[Any]) -> BySpec | ByObject:
    """As ``recipe`` has it."""
    return ByObject(recipe.plain_view) if recipe.data.per_object else BySpec(recipe.inference_view)


@dataclass(frozen=True)
class BySize:
    """All of the picture at the input's size (height, width)."""

    size: tuple[int, int]
    grey: bool = False

    def __call__(self, place: Whole) -> tuple[NDArray[np.uint8], Placement]:
        height, width = self.size
        pixels = np.asarray(Preprocess(width, height, None, self.grey).picture(place))
        return pixels, Placement.resize(stored_size(place), (width, height))
