"""One picture of any data set: decoded, augmented, written, and drawn on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from runtime.augmenting import Folders, names, pixels
from runtime.augmenting.recipe import BLUR, COLOUR, PARAMETERS, SPATIAL, Recipe
from runtime.imaging import tlt2_transforms, transforms
from runtime.imaging.placement import Placement
from runtime.imaging.transforms import Blur, Colour, Image, Size, Spatial, Warp
from tltpipe.errors import DataError


def augmented(
    image: str, name: str, recipe: Recipe, folders: Folders, *, told: Size | None = None
) -> tuple[Image, Placement]:
    """Decode, augment and write one picture; returns the pixels written, and where they come from.

    Raises DataError for a picture that cannot be decoded, or is not of the size that it is ``told`` to be.
    """
    reduced = recipe.antialias and recipe.reduced and recipe.only_resizes
    decoded, size = pixels.decode(image, least=enough(recipe.output) if reduced and recipe.output else None)
    if told is not None and told != size:
        what = f"the picture has {size[0]} x {size[1]} pixels, its annotations are for {told[0]} x {told[1]}"
        raise DataError(what, where=image, hint="take the picture they were made on, or scale them")
    steps = steps_for(recipe, name, size)
    placement = Placement(steps.warp.matrix, steps.warp.output, size)
    if (decoded.shape[1], decoded.shape[0]) != size:
        steps = steps_for(recipe, name, (decoded.shape[1], decoded.shape[0]))
    picture = steps.applied(decoded, antialias=recipe.antialias)
    pixels.encode(picture, str(folders.images), names.written(name), grey=recipe.grey)
    return picture, placement


def enough(output: Size) -> Size:
    """How large a picture must be decoded so that it hardly shows in ``output`` that it was not decoded in full.

    With twice the pixels each way the two differ by 47 dB in the mean and 34 at worst, with no more than the output's
    by 41 and 30 (benchmarks/jpeg_scale.py).
    """
    return 2 * output[0], 2 * output[1]


def draw(picture: Image, boxes: Sequence[tuple[str, Sequence[float]]], folder: Path, name: str) -> None:
    """Write a copy of ``picture`` with ``boxes`` and their class names on it to the file ``name`` in ``folder``."""
    from zlib import crc32

    from PIL import Image, ImageDraw

    from converters.pictures.drawing import colour_of

    canvas = Image.fromarray(picture).copy()
    pen = ImageDraw.Draw(canvas)
    for category, box in boxes:
        # One colour a class, the same in every image and on every machine.
        colour = colour_of(crc32(category.encode()))
        pen.rectangle(tuple(box), outline=colour, width=2)
        pen.text((box[0] + 3, box[1] + 1), category, fill=colour)
    pixels.encode(np.asarray(canvas), str(folder), names.written(name))


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


def steps_for(recipe: Recipe, name: str, size: Size) -> Steps:
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
