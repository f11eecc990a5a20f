"""Offline augmentation: pictures and what is on them, out of a data set and into another.

``recipe`` says what to do, ``pixels`` does it to a picture, ``kitti`` and ``coco`` are data sets it is done to, and
``work`` goes through one of them in processes, so that a killed run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from tltpipe.losses import Losses

if TYPE_CHECKING:
    from runtime.augmenting.recipe import Recipe

Record = tuple[bytes, list[bytes]]
"""A picture and its annotations as JSON texts, for the file that all pictures share."""

IMAGES, LABELS, ANNOTATED = "images", "labels", "images_annotated"


@dataclass(frozen=True)
class Folders:
    """Where pictures and labels go; ``labels`` None writes none, ``annotated`` None draws none."""

    images: Path
    labels: Path | None = None
    annotated: Path | None = None

    def __iter__(self) -> Iterator[Path]:
        return (folder for folder in (self.images, self.labels, self.annotated) if folder is not None)


class Done(Struct, frozen=True):
    """What was written: images, boxes, those of no area (``outside``); and scores dropped from label lines."""

    images: int = 0
    boxes: int = 0
    outside: int = 0
    scores: int = 0

    def __add__(self, other: Done) -> Done:
        return Done(
            self.images + other.images,
            self.boxes + other.boxes,
            self.outside + other.outside,
            self.scores + other.scores,
        )


class Augmented(Struct, frozen=True):
    """What came of a picture; ``record`` is for the data set's collector, where it has one.

    ``read`` and ``written`` have the class of each item, empty for what is of none.
    """

    done: Done
    read: Sequence[str]
    written: Sequence[str]
    record: Record | None = None


class Collector(Protocol):
    """Takes the records of all pictures, in order, and makes a file of them."""

    def take(self, records: Sequence[Record]) -> None: ...


class Source(Protocol):
    """A data set. Small and picklable: worker processes each have one."""

    @property
    def inputs(self) -> Sequence[Path]:
        """Files and folders whose change makes other pictures."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know of it before."""
        ...

    def keys(self) -> Sequence[Any]:
        """One small, picklable key for each picture, always in the same order."""
        ...

    def name(self, key: Any) -> str:
        """The file name of a picture, by which its random values are drawn."""
        ...

    def items(self, key: Any) -> Sequence[str]:
        """The class of each item that the annotations of a picture list; none where they cannot be read."""
        ...

    def unmatched(self) -> Losses:
        """What lies beside the pictures and is not among them."""
        ...

    def folders(self, output: Path) -> Mapping[str, Path]:
        """The folders below ``output`` that are filled, by the names of ``Folders``' fields."""
        ...

    def augment(self, key: Any, recipe: Recipe, folders: Folders) -> Augmented:
        """Write the picture of ``key``, augmented. Raises DataError."""
        ...

    @property
    def shared(self) -> str | None:
        """The name of the file that all pictures share, if there is one."""
        ...

    def collector(self, path: Path) -> AbstractContextManager[Collector]:
        """What makes that file, at ``path``; it is whole when the block has ended."""
        ...


@dataclass
class Told:
    """What a whole run did; ``left_out`` has the pictures that could not be used, and why."""

    done: Done = field(default_factory=Done)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
