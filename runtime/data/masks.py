"""Masks of objects as fields of targets: kept as the polygons or run lengths that annotations hold.

Rings of an object are united. What a model is trained on follows the view; what an evaluation compares with stays as it
is annotated, in pixels of the stored image, so that its figures are those of COCO's own programs.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from converters.model import Mask, Object, Polygon, geometry, run_lengths
from runtime.data.columns import Annotated, Column, Ragged
from runtime.imaging import outlines
from runtime.imaging.placement import Seen
from runtime.imaging.transforms import Points as Floats
from runtime.imaging.transforms import Size
from tltpipe.errors import DataError

EMPTY = "masks without a pixel on their images are not trained on"


@dataclass(frozen=True)
class Outlines:
    """Masks uint8 [n, H, W], 1 on the object; stored as the polygons or run lengths that the annotations hold."""

    per: Literal["object"] = "object"
    to_model: bool = True

    def column(self) -> Column:
        return Ragged()

    def read(self, annotated: Annotated) -> Sequence[bytes]:
        return [_stored(thing, annotated) for thing in annotated.rich("masks").objects]

    def unusable(self, annotated: Annotated) -> Mapping[int, str]:
        """``runtime.data.fields.Judging``: outlines that enclose nothing of the image, and masks of no pixel."""
        size = annotated.width, annotated.height
        things = annotated.rich("masks").objects
        return {place: EMPTY for place, thing in enumerate(things) if _is_empty(thing, size)}

    def ignored(self, annotated: Annotated) -> int:
        return sum(
            1
            for thing in annotated.rich("masks").objects
            for ring in thing.polygons
            if thing.mask is None and not geometry.encloses(ring)
        )

    @property
    def ignores(self) -> str:
        return "rings of fewer than three points, which enclose nothing"

    def placed(self, values: Any, seen: Seen) -> NDArray[Any]:
        width, height = seen.placement.size
        masks = np.zeros((len(values), height, width), np.uint8)
        for number, value in enumerate(values):
            shape = _outline(value)
            if isinstance(shape, Mask):
                masks[number] = seen.placement.mask(run_lengths.decode(shape))
            else:
                masks[number] = outlines.filled(seen.placement.polygons(shape), seen.placement.size)
        return masks

    def room(self, count: int, size: Size) -> int:
        return count * (-(-size[0] * size[1] // 8))

    def packed(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        return np.packbits(values.reshape(len(values), prod(values.shape[1:])), axis=1).reshape(-1)

    def unpacked(self, data: NDArray[np.uint8], count: int, size: Size) -> NDArray[Any]:
        area = size[0] * size[1]
        bits = np.unpackbits(data.reshape(count, -(-area // 8)), axis=1, count=area)
        return bits.reshape(count, size[1], size[0])


@dataclass(frozen=True)
class Segmentations:
    """What is annotated, for evaluation: COCO's compressed run lengths in pixels of the stored image, objects of bytes
    [n]. It is made of what the field ``stored_as``, one of ``Outlines``, stores."""

    stored_as: str = "masks"
    per: Literal["object"] = "object"
    to_model: bool = False

    def column(self) -> Column:
        return Ragged()

    def read(self, annotated: Annotated) -> Sequence[bytes]:
        return Outlines().read(annotated)

    def placed(self, values: Any, seen: Seen) -> NDArray[Any]:
        placed = np.empty(len(values), object)
        for number, value in enumerate(values):
            shape = _outline(value)
            placed[number] = shape.counts if isinstance(shape, Mask) else outlines.runs(shape, seen.placement.stored)
        return placed


_MASK = 0xFFFF
_HEAD = struct.Struct("=Hc")


def _stored(thing: Object, annotated: Annotated) -> bytes:
    """Raises DataError where there is no mask, or one of another size than the image."""
    if (mask := thing.mask) is not None:
        if (mask.width, mask.height) != (annotated.width, annotated.height):
            what = f"the mask of {thing.category} is {mask.width}x{mask.height}, "
            what += f"its image {annotated.width}x{annotated.height}"
            hint = "masks have the size of their image: export them again"
            raise DataError(what, where=annotated.where(thing), hint=hint)
        return _HEAD.pack(_MASK, b"I") + struct.pack("=II", mask.width, mask.height) + mask.counts
    if not thing.polygons:
        raise annotated.lacking("mask", thing)
    rings = usable_rings(thing.polygons)
    if not rings:
        what = f"the polygon of {thing.category} has fewer than three points: it encloses nothing"
        raise DataError(what, where=annotated.where(thing), hint="draw it anew, or remove this object")
    points = _exact([value for ring in rings for value in ring])
    lengths = struct.pack(f"={len(rings)}I", *(len(ring) // 2 for ring in rings))
    return _HEAD.pack(len(rings), points.typecode.encode()) + lengths + points.tobytes()


def _exact(numbers: Sequence[float]) -> array[Any]:
    """``numbers`` in four bytes each where that loses nothing: in single precision or, as type "i", as hundredths.

    COCO's rule rounds to fifths of a pixel, so that the last bit of 10.7 tells one pixel from the next.
    """
    single = array("f", numbers)
    if single.tolist() == [*numbers]:
        return single
    double = np.array(numbers, np.float64)
    hundredths = np.rint(double * _HUNDRED)
    if (hundredths / _HUNDRED == double).all() and np.abs(hundredths).max() < _LARGEST:
        return array("i", hundredths.astype(np.int32).tobytes())
    return array("d", double.tobytes())


_HUNDRED, _LARGEST = 100, 1 << 31


def usable_rings(rings: Sequence[Polygon]) -> list[Polygon]:
    """Those of three points or more: others enclose nothing."""
    return [ring for ring in rings if geometry.encloses(ring)]


def _outline(value: bytes) -> list[Floats] | Mask:
    """The rings, each float64 [N, 2], or the mask that the column of ``Outlines`` holds."""
    count, kind = _HEAD.unpack_from(value)
    if count == _MASK:
        width, height = struct.unpack_from("=II", value, _HEAD.size)
        return Mask(width, height, value[_HEAD.size + 8 :])
    lengths = struct.unpack_from(f"={count}I", value, _HEAD.size)
    points = np.frombuffer(value, kind.decode(), offset=_HEAD.size + 4 * count).reshape(-1, 2).astype(np.float64)
    if kind == b"i":
        points /= _HUNDRED
    return np.split(points, np.cumsum(lengths)[:-1])


def _is_empty(thing: Object, size: Size) -> bool:
    """Whether nothing of the mask of ``thing`` is on an image of ``size`` (width, height)."""
    if thing.mask is not None:
        return len(thing.mask.counts) <= _FEW and not run_lengths.area(thing.mask)
    rings = usable_rings(thing.polygons)
    return bool(rings) and all(_is_flat(ring, size) for ring in rings)


_FEW = 16
"""Bytes that the run lengths of an empty mask can have."""


def _is_flat(ring: Polygon, size: Size) -> bool:
    """Whether all of it is beside the image, or all of its points are on a line."""
    across, down = ring[::2], ring[1::2]
    for places, length in zip((across, down), size, strict=True):
        if min(max(places), length) <= max(min(places), 0):
            return True
    x, y = ring[:2]
    right, below = next((u - x, v - y) for u, v in zip(across, down, strict=True) if (u, v) != (x, y))
    return all((u - x) * below == (v - y) * right for u, v in zip(across, down, strict=True))
