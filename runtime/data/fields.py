"""The fields of targets: how each is read from annotations, stored, placed on a network's input, and put into batches.

A task names its fields (``runtime.tasks.Task.FIELDS``); the kinds here are what most need. Any object with the methods
of ``Field`` is a field: the set is open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import DTypeLike, NDArray

from converters.model import Object, run_lengths
from runtime.data.columns import Annotated, Column, Fixed
from runtime.imaging.placement import Seen
from runtime.imaging.transforms import Size


class Field(Protocol):
    """One named array of a target. ``per``: a value for each object, or one for the image. ``to_model``: whether the
    model gets it, or evaluation alone."""

    @property
    def per(self) -> Literal["object", "image"]: ...

    @property
    def to_model(self) -> bool: ...

    def column(self) -> Column: ...

    def read(self, annotated: Annotated) -> Sequence[Any] | NDArray[Any]:
        """A value for each object in the order of the annotations; for the image a sequence of one. Raises DataError
        where there is none."""
        ...

    def placed(self, values: Any, seen: Seen) -> NDArray[Any]:
        """What a target holds of ``values``, which the column gave: those of the objects that the view kept."""
        ...


@runtime_checkable
class Large(Protocol):
    """A field whose arrays are as large as images: they travel by shared memory."""

    def room(self, count: int, size: Size) -> int:
        """Bytes that ``count`` values take on an input of ``size`` (width, height), at most."""
        ...

    def packed(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """``values`` as bytes."""
        ...

    def unpacked(self, data: NDArray[np.uint8], count: int, size: Size) -> NDArray[Any]: ...


@runtime_checkable
class Covering(Protocol):
    """A field that says which pixels of an image are of objects, so that these can be shown before another image."""

    def cover(self, values: Any, stored: Size) -> NDArray[np.bool_]:
        """Those pixels [h, w] of an image of ``stored`` (width, height); ``values`` are what its column gave."""
        ...


@runtime_checkable
class Judging(Protocol):
    """A field that objects may have in a way that nothing can be learned from."""

    def unusable(self, annotated: Annotated) -> Mapping[int, str]:
        """The places of objects that are left out, and why, in the words that they are counted by."""
        ...

    def ignored(self, annotated: Annotated) -> int:
        """How many parts of objects that stay are ignored."""
        ...

    @property
    def ignores(self) -> str:
        """What such parts are, in the words of a note."""
        ...


@runtime_checkable
class Derived(Protocol):
    """A field that is made of what another one stores, and has no column of its own."""

    @property
    def stored_as(self) -> str:
        """The name of that field."""
        ...


@runtime_checkable
class Sampling(Protocol):
    """A field without which an object is no sample of its own, though it stays with the objects of its image: to
    COCO's evaluation it is neither right nor wrong."""

    def sampled(self, column: Column, sizes: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which objects of ``column`` are samples [M]; ``sizes`` [M, 2] width and height of the image of each."""
        ...

    def doubts(self, column: Column, sizes: NDArray[np.int32]) -> Sequence[str]:
        """What is odd about the objects of ``column``, a line each for the user."""
        ...

    @property
    def unsampled(self) -> str:
        """What the others are, in the words that they are counted by."""
        ...


Fields = Mapping[str, Field]


@dataclass(frozen=True)
class Value:
    """Numbers that stay as they are, whatever the view shows; ``values`` reads them."""

    dtype: DTypeLike
    values: Callable[[Annotated], Sequence[Any] | NDArray[Any]]
    shape: tuple[int, ...] = ()
    per: Literal["object", "image"] = "object"
    to_model: bool = True

    def column(self) -> Column:
        return Fixed(self.dtype, self.shape)

    def read(self, annotated: Annotated) -> Sequence[Any] | NDArray[Any]:
        return self.values(annotated)

    def placed(self, values: Any, seen: Seen) -> NDArray[Any]:  # noqa: ARG002
        placed: NDArray[Any] = values if self.per == "object" else np.asarray(values[0])
        return placed


@dataclass(frozen=True)
class Boxes:
    """Float32 [n, 4] left, top, right, bottom; the view clips them and decides which objects are kept."""

    per: Literal["object"] = "object"
    to_model: bool = True

    def column(self) -> Column:
        return Fixed(np.float32, (4,))

    def read(self, annotated: Annotated) -> NDArray[Any]:
        return annotated.boxes

    def placed(self, values: Any, seen: Seen) -> NDArray[Any]:  # noqa: ARG002
        return seen.boxes


def labels(annotated: Annotated) -> Sequence[int]:
    """Numbers of the classes, from 1."""
    return annotated.labels


def difficult(annotated: Annotated) -> Sequence[bool]:
    """Whether each object is marked as occluded."""
    return annotated.difficult


def crowd(annotated: Annotated) -> Sequence[bool]:
    """Whether each box holds a group: not trained on, and neither right nor wrong to COCO's evaluation."""
    if annotated.sample is None:
        return [False] * len(annotated.classes)
    return [thing.crowd for thing in annotated.sample.objects]


def area(annotated: Annotated) -> Sequence[float]:
    """Pixels of each object on the stored image as COCO counts them, annotated or of its mask; -1: those of its box
    as it is shown, which may be cut at the image's border."""
    if annotated.sample is None:
        return [-1.0] * len(annotated.classes)
    return [_area(thing) for thing in annotated.sample.objects]


BOXES: Fields = {
    "boxes": Boxes(),
    "labels": Value(np.int64, labels),
    "difficult": Value(np.bool_, difficult, to_model=False),
    "crowd": Value(np.bool_, crowd, to_model=False),
    "area": Value(np.float32, area, to_model=False),
}
"""What every task of objects with boxes has."""


def _area(thing: Object) -> float:
    if "area" in thing.extra:
        return float(thing.extra["area"])
    return run_lengths.area(thing.mask) if thing.mask is not None else -1.0
