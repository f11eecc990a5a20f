"""Maps of classes as fields of targets: a class for each pixel, painted from the objects of an image.

Value 0 is the background, 1 to N are the classes, 255 is ignored. What a model is trained on follows the view; what an
evaluation compares with stays as large as the stored image.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from converters.model import painting
from runtime.data.columns import Annotated, Column, Ragged
from runtime.imaging.placement import Seen
from runtime.imaging.transforms import Size

LENGTH = np.dtype(np.uint32)
"""Of a run of pixels that have the same value."""


@dataclass(frozen=True)
class PixelClasses:
    """The class of each pixel, uint8 [H, W] of the input, 255 outside the image; ``order`` says which objects lie on
    top. Stored as compressed run lengths of the map of the stored image, painted once."""

    order: painting.Order = painting.DEFAULT
    per: Literal["image"] = "image"
    to_model: bool = True

    def column(self) -> Column:
        return Ragged()

    def read(self, annotated: Annotated) -> Sequence[bytes]:
        """Raises DataError for objects that have neither mask nor polygons."""
        sample = annotated.rich("masks")
        pixels = painting.painted(sample, annotated.labels, self.order, where=annotated.where)
        return [_packed(pixels)]

    def placed(self, values: Any, seen: Seen) -> NDArray[Any]:
        pixels = seen.placement.mask(_pixels(values, seen.placement.stored), painting.VOID)
        return pixels if seen.shown is None else np.where(seen.shown, pixels, np.uint8(painting.BACKGROUND))

    def cover(self, values: Any, stored: Size) -> NDArray[np.bool_]:
        """``runtime.data.fields.Covering``"""
        pixels = _pixels(values, stored)
        covered: NDArray[np.bool_] = (pixels != painting.BACKGROUND) & (pixels != painting.VOID)
        return covered

    def room(self, count: int, size: Size) -> int:  # noqa: ARG002
        return size[0] * size[1]

    def packed(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        return np.ascontiguousarray(values, np.uint8).reshape(-1)

    def unpacked(self, data: NDArray[np.uint8], count: int, size: Size) -> NDArray[Any]:  # noqa: ARG002
        return data.reshape(size[1], size[0])


@dataclass(frozen=True)
class StoredMap:
    """The same for evaluation, uint8 [h, w] of the stored image: made of what the field ``stored_as``, one of
    ``PixelClasses``, stores."""

    stored_as: str = "map"
    per: Literal["image"] = "image"
    to_model: bool = False

    def column(self) -> Column:
        return Ragged()

    def read(self, annotated: Annotated) -> Sequence[bytes]:
        return PixelClasses().read(annotated)

    def placed(self, values: Any, seen: Seen) -> NDArray[Any]:
        return _pixels(values, seen.placement.stored)


def _packed(pixels: NDArray[np.uint8]) -> bytes:
    """What ``_pixels`` makes ``pixels`` [h, w] of: the length of each run, one row after the other, and then the value
    of each. Half as long as the compressed pixels, and unpacked in half the time."""
    line = pixels.ravel()
    starts = np.concatenate(([0], np.flatnonzero(line[1:] != line[:-1]) + 1))
    lengths = np.diff(starts, append=line.size).astype(LENGTH)
    return zlib.compress(lengths.tobytes() + line[starts].tobytes(), level=1)


def _pixels(values: Sequence[bytes], stored: Size) -> NDArray[np.uint8]:
    width, height = stored
    runs = zlib.decompress(values[0])
    count = len(runs) // (LENGTH.itemsize + 1)
    lengths = np.frombuffer(runs, LENGTH, count)
    return np.frombuffer(runs, np.uint8, offset=lengths.nbytes).repeat(lengths).reshape(height, width)
