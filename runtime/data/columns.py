"""What is read of annotations, and the columns that it is kept in: a few bytes a value, in one piece of memory.

Processes forked from this one share that memory; nothing is copied to them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from msgspec import structs
from numpy.typing import DTypeLike, NDArray

from converters.model import Attribute, KeypointSlot, Object, Sample
from tltpipe.errors import DataError, Location

Indices = NDArray[np.integer[Any]]


@dataclass(slots=True)
class Annotated:
    """An image and what is on it.

    ``name`` is its path below the source's folder of images, with extension; for one inside a record its frame id.
    Size in pixels as stored; ``classes`` as the file has them, lower case, or numbers from 1; ``boxes`` [n, 4] left,
    top, right, bottom in those pixels; ``difficult`` marks objects as occluded; ``part`` is where in the record file
    ``file`` the image is: byte offset and length. ``sample`` has the rest where a format of ``converters`` was read,
    its objects in the same order, with the ``slots`` of their keypoints by class. ``labels`` are numbers from 1 of the
    classes that are trained, 0 for others. ``locate`` gives the line and column of an object, where the format knows.
    ``attributes`` are those that the data set lists, in the order that its objects count them by; the same object for
    all of its images.
    """

    name: str
    width: int
    height: int
    classes: Sequence[str | int]
    boxes: NDArray[np.float32]
    difficult: Sequence[bool]
    part: tuple[int, int] | None = None
    file: Path | None = None
    sample: Sample | None = None
    slots: Mapping[str, KeypointSlot] = field(default_factory=dict)
    labels: Sequence[int] = ()
    locate: Callable[[Object], Location | None] | None = None
    attributes: Sequence[Attribute] = ()

    def rich(self, what: str) -> Sample:
        """The sample. Raises DataError where the format has no ``what``, which the task needs."""
        if self.sample is None:
            hint = "train on a format that has them, such as COCO"
            raise DataError(f"these annotations hold no {what}, which this network needs", where=self.file, hint=hint)
        return self.sample

    def only(self, chosen: Sequence[int]) -> Annotated:
        """The same with the objects at these places alone."""

        def of_objects(values: Sequence[Any]) -> list[Any]:
            return [values[place] for place in chosen]

        sample = self.sample and structs.replace(self.sample, objects=tuple(of_objects(self.sample.objects)))
        return replace(
            self, classes=of_objects(self.classes), boxes=self.boxes[list(chosen)],
            difficult=of_objects(self.difficult), labels=of_objects(self.labels), sample=sample,
        )  # fmt: skip

    def where(self, thing: Object | None = None) -> Location | Path | None:
        """The place of ``thing``, or of the whole image, in the files."""
        if thing is not None and self.locate is not None and (place := self.locate(thing)) is not None:
            return place
        return self.sample.where(thing) if self.sample is not None else self.file

    def lacking(self, what: str, thing: Object | None = None) -> DataError:
        """For the caller to raise where ``thing``, or the whole image, has no ``what``, which the task needs."""
        image = self.sample.id if self.sample is not None else self.name
        whose = f"{thing.category} ({thing.origin}) of {image}" if thing is not None else image
        hint = "annotate it, or leave it out of the annotations; another network can do without"
        return DataError(f"{whose} has no {what}, which this network needs", where=self.where(thing), hint=hint)


class Column(Protocol):
    """The values of a field, one after the other in little memory; grows, and is read when it is complete."""

    @property
    def nbytes(self) -> int: ...

    def extend(self, values: Sequence[Any] | NDArray[Any]) -> None: ...

    def take(self, places: Indices) -> Any:
        """The values at ``places``: an array, or a list where they are ragged."""
        ...


@dataclass
class Fixed:
    """A column of arrays of one ``shape``."""

    dtype: DTypeLike
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        kind = np.dtype(self.dtype)
        self.data = array("B" if kind == np.bool_ or self.shape else kind.char)

    @property
    def nbytes(self) -> int:
        return self.data.itemsize * len(self.data)

    def extend(self, values: Sequence[Any] | NDArray[Any]) -> None:
        if self.shape or isinstance(values, np.ndarray):
            self.data.frombytes(np.asarray(values, self.dtype).tobytes())
        else:
            self.data.extend(values)

    def take(self, places: Indices) -> NDArray[Any]:
        values: NDArray[Any] = self.array[places]
        return values

    @cached_property
    def array(self) -> NDArray[Any]:
        """All values [M, *shape]. The column cannot grow any more."""
        return np.frombuffer(self.data, self.dtype).reshape(-1, *self.shape)


@dataclass
class Ragged:
    """A column of bytes of any length."""

    data: bytearray = field(default_factory=bytearray)
    ends: array[int] = field(default_factory=lambda: array("q", [0]))

    def __len__(self) -> int:
        return len(self.ends) - 1

    @property
    def nbytes(self) -> int:
        return len(self.data) + self.ends.itemsize * len(self.ends)

    def extend(self, values: Sequence[Any] | NDArray[Any]) -> None:
        for value in values:
            self.data += value
            self.ends.append(len(self.data))

    def take(self, places: Indices) -> list[bytes]:
        return [bytes(self.data[self.ends[place] : self.ends[place + 1]]) for place in places.tolist()]
