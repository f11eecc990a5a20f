"""From the values of a recipe to what is done to the pixels of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import cv2

from runtime.augmenting.recipe import BLUR, COLOUR, PARAMETERS, SPATIAL, Recipe
from runtime.imaging import tlt2_transforms, transforms
from runtime.imaging.transforms import Blur, Colour, Image, Size, Spatial, Warp

ARITHMETIC: Mapping[str, ModuleType] = {"tao5": transforms, "tlt2": tlt2_transforms}
"""Whose arithmetic, by name; each has ``matrix``, ``colour_matrix``, ``kernel`` and ``BORDER``."""


@dataclass(frozen=True, eq=False)
class Steps:
    """What is done to pictures of a size: ``warp`` to pixels and what is on them; then gain and bias of colours in one
    matrix, and a blur's weights, None where nothing changes; ``border`` is what the blur takes to lie beyond it."""

    warp: Warp
    colour: Any
    blur: Any
    border: int

    def applied(self, image: Image, *, antialias: bool = False) -> Image:
        """``image`` [height, width, 3] warped, recoloured and blurred."""
        image = self.warp.applied(image, antialias=antialias)
        if self.colour is not None:
            image = cv2.transform(image, self.colour)
        return image if self.blur is None else transforms.convolve(image, self.blur, border=self.border)


def steps(recipe: Recipe, name: str, size: Size) -> Steps:
    """What ``recipe`` does to the picture called ``name``, of ``size``."""
    values = recipe.drawn(name)
    make = _made if recipe.random else _kept
    flips = (recipe.flip_horizontal, recipe.flip_vertical)
    return make(recipe.arithmetic, tuple(map(values.__getitem__, PARAMETERS)), flips, size, recipe.output or size)


def _made(arithmetic: str, numbers: tuple[float, ...], flips: tuple[bool, bool], size: Size, output: Size) -> Steps:
    whose, values = ARITHMETIC[arithmetic], dict(zip(PARAMETERS, numbers, strict=True))
    spatial = Spatial(**_part(values, SPATIAL), flip_horizontal=flips[0], flip_vertical=flips[1])
    gain, bias = whose.colour_matrix(Colour(**_part(values, COLOUR)))
    blur = _part(values, BLUR)
    weights = whose.kernel(Blur(int(blur["size"]), blur["std"]))
    warp = Warp(whose.matrix(spatial, size=size, output=output), size, output)
    return Steps(warp, transforms.mixing(gain, bias), weights if weights.max() < 1 else None, whose.BORDER)


_kept = lru_cache(maxsize=256)(_made)
"""For recipes that do the same to all pictures of a size."""


def _part(values: Mapping[str, float], names: tuple[str, ...]) -> dict[str, float]:
    return {name: values[name] for name in names}
