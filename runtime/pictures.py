"""From a picture file to pixels at the network's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converters import images
from tltpipe.errors import DataError

WHOLE = (1 << 16, 1 << 16)
"""Larger than any JPEG: ``decode`` then gives every pixel."""


def decode(path: Path, width: int, height: int) -> Image.Image:
    """The RGB picture in ``path``, decoded no larger than needed for ``width`` x ``height``.

    A large JPEG comes out scaled down by 2, 4 or 8, still at least of that size. Raises DataError, naming the file.
    """
    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (width, height))
            return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        images.size(path)  # says it better where the file is missing or no picture at all
        hint = "open it in a viewer to see, and copy or make it again"
        raise DataError(f"this picture is damaged: {problem}", where=path, hint=hint) from problem


@dataclass(frozen=True)
class Preprocess:
    """A stored picture to the network's size, without keeping its aspect ratio.

    ``crop`` is left, top, right, bottom in pixels of the stored picture, None for all of it: a crop of exactly
    ``width`` x ``height`` at the corner is how TLT 2.0 specs spell "no crop". ``grey``: luma in all three channels.
    """

    width: int
    height: int
    crop: tuple[int, int, int, int] | None = None
    grey: bool = False

    @classmethod
    def of(cls, experiment: Any) -> Preprocess:
        """Read ``augmentation_config.preprocessing`` of an ``Experiment`` message."""
        size = experiment.augmentation_config.preprocessing
        width, height = size.output_image_width, size.output_image_height
        crop = (size.crop_left, size.crop_top, size.crop_right, size.crop_bottom)
        cropped = crop[2] > crop[0] and crop[3] > crop[1] and crop != (0, 0, width, height)
        return cls(width, height, crop if cropped else None, size.output_image_channel == 1)

    def picture(self, path: Path) -> Image.Image:
        """The RGB picture in ``path`` at the network's size."""
        if self.crop is None:
            picture = decode(path, self.width, self.height)
        else:
            picture = decode(path, *WHOLE)
            right, bottom = min(self.crop[2], picture.width), min(self.crop[3], picture.height)
            picture = picture.crop((min(self.crop[0], right - 1), min(self.crop[1], bottom - 1), right, bottom))
        if picture.size != (self.width, self.height):
            picture = picture.resize((self.width, self.height), Image.Resampling.BILINEAR)
        return picture.convert("L").convert("RGB") if self.grey else picture

    def boxes(self, boxes: NDArray[np.float32], size: Sequence[int]) -> NDArray[np.float32]:
        """``boxes`` [n, 4] of a stored picture of ``size`` (width, height) in pixels of the network."""
        left, top, right, bottom = self.crop or (0, 0, *size)
        right, bottom = min(right, size[0]), min(bottom, size[1])
        left, top = min(left, right - 1), min(top, bottom - 1)
        scale = np.array([self.width / (right - left), self.height / (bottom - top)] * 2, np.float32)
        return (boxes - np.array([left, top, left, top], np.float32)) * scale
