"""One picture of any data set: decoded, augmented, written, and drawn on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.augmenting import Folders, pixels
from runtime.augmenting.recipe import Recipe
from runtime.augmenting.steps import steps as steps_of
from runtime.imaging.placement import Placement
from runtime.imaging.transforms import Image, Size
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
    steps = steps_of(recipe, name, size)
    placement = Placement(steps.warp.matrix, steps.warp.output, size)
    if (decoded.shape[1], decoded.shape[0]) != size:
        steps = steps_of(recipe, name, (decoded.shape[1], decoded.shape[0]))
    picture = steps.applied(decoded, antialias=recipe.antialias)
    pixels.encode(picture, f"{folders.images}/{pixels.written_name(name)}", grey=recipe.grey)
    return picture, placement


def enough(output: Size) -> Size:
    """How large a picture must be decoded so that it hardly shows in ``output`` that it was not decoded in full.

    With twice the pixels each way the two differ by 47 dB in the mean and 34 at worst, with no more than the output's
    by 41 and 30 (benchmarks/jpeg_scale.py).
    """
    return 2 * output[0], 2 * output[1]


def draw(picture: Image, boxes: Sequence[tuple[str, Sequence[float]]], path: str) -> None:
    """Write a copy of ``picture`` with ``boxes`` and their class names on it to ``path``."""
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
    pixels.encode(np.asarray(canvas), pixels.written_name(path))
