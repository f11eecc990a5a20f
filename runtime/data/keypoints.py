"""Landmarks of objects as fields of targets: kept are an object's own points, and their places in the vector of all."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from converters.model import KeypointSlot, Object, Sample, flat, landmarks
from runtime.data.columns import Annotated, Column, Indices, Ragged
from runtime.imaging.landmarks import flip_order
from runtime.imaging.placement import Seen
from runtime.imaging.transforms import Points as Floats
from tltpipe.errors import DataError


@dataclass(frozen=True)
class Keypoints:
    """Float32 [n, ``count``, 3] x, y, visibility (2 visible, 1 occluded, 0 not labelled, then x = y = 0).

    Stored are an object's own points alone, of a vector in which each class has its place, and what a mirror swaps.
    Objects of which none is labelled on the image are no samples. Points that leave the input are labelled no more,
    unless they are kept ``beyond`` it: of a heat map that is centred there a part may be seen.
    """

    count: int
    beyond: bool = False
    per: Literal["object"] = "object"
    to_model: bool = True
    unsampled: str = "items without landmarks: no labelled point of them lies on their image"

    def column(self) -> Column:
        return Ragged()

    def read(self, annotated: Annotated) -> Sequence[bytes]:
        sample = annotated.rich("keypoints")
        if sample.objects and not annotated.slots:
            raise annotated.lacking("keypoints")
        return [self._bytes(thing, annotated.slots.get(thing.category), sample) for thing in sample.objects]

    def placed(self, values: Any, seen: Seen) -> NDArray[Any]:
        placed = np.zeros((len(values), self.count, 3), np.float32)
        for number, value in enumerate(values):
            own = own_points(value)
            placed[number, own.slots] = seen.placement.points(own.points, own.mirror, beyond=self.beyond)
        return placed

    def sampled(self, column: Column, sizes: NDArray[np.int32]) -> NDArray[np.bool_]:
        return _counts(column, sizes)[:, 0] > 0

    def doubts(self, column: Column, sizes: NDArray[np.int32]) -> Sequence[str]:
        outside = _counts(column, sizes)[:, 1]
        if not outside.any():
            return ()
        objects = np.count_nonzero(outside)
        return (f"{outside.sum()} labelled landmarks of {objects} objects lie outside their images",)

    def _bytes(self, thing: Object, slot: KeypointSlot | None, sample: Sample) -> bytes:
        if slot is None or not thing.keypoints:
            return _NO_POINTS
        offset = self._offset(thing, slot, sample)
        numbers, order = flat(thing.keypoints), flip_order(thing.category, slot)
        places = array("f", numbers[::3]) + array("f", numbers[1::3])
        head = struct.pack("=HH", offset, len(order)) + array("H", order).tobytes()
        return head + places.tobytes() + bytes(map(int, numbers[2::3]))

    def _offset(self, thing: Object, slot: KeypointSlot, sample: Sample) -> int:
        """Where the points of ``thing`` begin; a file may hold no others than its own."""
        layout = landmarks.layout(thing.category)
        offset = slot.offset
        if layout is not None and layout.total == self.count:
            if slot.count != layout.count:
                what = f"{thing.category} has {slot.count} keypoints in these annotations, it needs {layout.count}"
                raise DataError(what, where=sample.where(thing))
            offset = layout.offset
        if offset + slot.count > self.count:
            what = f"{thing.category} has keypoints up to number {offset + slot.count}, the network {self.count}"
            raise DataError(what, where=sample.where(thing))
        return offset


def stored_points(column: Column, places: Indices, count: int) -> NDArray[np.float32]:
    """Own points [n, count, 3] x, y, visibility in pixels of the stored image of objects of one class, which has
    ``count``, at ``places`` in the ``column`` of ``Keypoints``; those of an object without any are 0."""
    assert isinstance(column, Ragged)
    ends = np.frombuffer(column.ends, np.int64)
    length = len(_NO_POINTS) + 11 * count
    some = ends[places + 1] - ends[places] == length
    values = np.frombuffer(column.data, np.uint8)[ends[places][some, None] + np.arange(length)]
    numbers = np.ascontiguousarray(values[:, 4 + 2 * count : 4 + 10 * count]).view(np.float32)
    stored = np.zeros((len(places), count, 3), np.float32)
    stored[some] = np.stack([numbers[:, :count], numbers[:, count:], values[:, 4 + 10 * count :]], axis=2)
    return stored


class OwnPoints(NamedTuple):
    """An object's own points [k, 3] x, y, visibility in pixels of the stored image, their ``slots`` in the vector of
    all, and what each is in the ``mirror``."""

    slots: slice
    mirror: Sequence[int]
    points: Floats


def own_points(value: bytes) -> OwnPoints:
    """What the column of ``Keypoints`` holds of an object; no points where it has none."""
    offset, count = struct.unpack_from("=HH", value)
    order = np.frombuffer(value, np.uint16, count, 4).tolist()
    places = np.frombuffer(value, np.float32, 2 * count, 4 + 2 * count).reshape(2, -1)
    points = np.column_stack([*places, np.frombuffer(value, np.uint8, count, 4 + 10 * count)])
    return OwnPoints(slice(offset, offset + count), order, points)


def _counts(column: Column, sizes: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many labelled points of each object of ``column`` lie on its image, and outside it [M, 2]; ``sizes`` [M, 2]
    are those of the images."""
    assert isinstance(column, Ragged)
    lengths, counts = np.diff(np.frombuffer(column.ends, np.int64)), np.zeros((len(sizes), 2), np.int64)
    for length in np.unique(lengths[lengths > len(_NO_POINTS)]).tolist():
        alike = np.flatnonzero(lengths == length)
        for places in np.array_split(alike, -(-len(alike) // PART)):
            points = stored_points(column, places, (length - len(_NO_POINTS)) // 11)
            inside = ((points[..., :2] >= 0) & (points[..., :2] <= sizes[places, None])).all(axis=2)
            labelled = points[..., 2] > 0
            counts[places, 0] = (labelled & inside).sum(axis=1)
            counts[places, 1] = (labelled & ~inside).sum(axis=1)
    return counts


PART = 4096
"""Objects whose points are looked at together."""
_NO_POINTS = struct.pack("=HH", 0, 0)
