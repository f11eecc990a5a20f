"""A split of the data in a few compact arrays.

Some sixty bytes a picture and thirty an object stay in memory; the pictures themselves stay on disk.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.data.sources import Annotated
from runtime.imaging.decoding import Embedded, Place
from tltpipe.errors import DataError
from tltpipe.losses import Losses
from tltpipe.progress import Bar

UNMAPPED = "of classes that target_class_mapping does not name"
DIFFICULT = "marked as occluded, and include_difficult_in_training is off"


@dataclass(frozen=True)
class Split:
    """The pictures of a split: picture ``i`` has the objects ``starts[i]:starts[i + 1]``.

    ``names`` are paths below ``roots[folders[i]]`` (UTF-8, one after the other, each up to ``ends[i]``), ``sizes``
    [N, 2] width and height in pixels as stored, ``boxes`` float32 [M, 4] left, top, right, bottom in those pixels,
    ``labels`` [M] from 1, ``difficult`` [M] whether marked as occluded. ``parts`` [N, 2] byte offset and length of
    pictures inside record files, which are then the ``roots``; a length of 0 for one in a file of its own.
    ``sources`` tell for each data source how many pictures it has and how often they are shown, relative to others.
    ``notes`` are lines for the user about what was found; ``losses`` has what was read and what of it is here.
    """

    roots: tuple[Path, ...]
    names: bytes
    ends: NDArray[np.int64]
    folders: NDArray[np.uint16]
    sizes: NDArray[np.int32]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    difficult: NDArray[np.bool_]
    starts: NDArray[np.int64]
    parts: NDArray[np.int64] | None = None
    sources: tuple[tuple[int, float], ...] = ()
    notes: tuple[str, ...] = ()
    losses: Losses = field(default_factory=Losses, compare=False)

    def __len__(self) -> int:
        return len(self.ends)

    def name(self, index: int) -> str:
        """Path below its folder; frame id for a picture inside a record."""
        start = int(self.ends[index - 1]) if index else 0
        return self.names[start : int(self.ends[index])].decode()

    def image(self, index: int) -> Place:
        root = self.roots[int(self.folders[index])]
        if self.parts is not None and self.parts[index, 1]:
            offset, length = self.parts[index].tolist()
            return Embedded(root, offset, length)
        return root / self.name(index)

    def objects(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Boxes [n, 4] and labels [n] of picture ``index``."""
        part = slice(self.starts[index], self.starts[index + 1])
        return self.boxes[part], self.labels[part]

    def hard(self, index: int) -> NDArray[np.bool_]:
        """Which of its objects [n] are difficult."""
        return self.difficult[self.starts[index] : self.starts[index + 1]]


@dataclass
class Gathered:
    """Grows by pictures.

    ``mapped`` and ``unmapped`` count objects by their class in the files, those that are trained and the others;
    ``left_out`` those too difficult. ``present`` are the classes (from 1) that any object has,
    ``largest`` the largest number of one in records that hold numbers, ``unnamed`` whether there are records without a
    list of what their numbers mean.
    """

    mapping: dict[str, int]
    classes: tuple[str, ...]
    hard: bool
    mapped: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    present: set[int] = field(default_factory=set)
    largest: int = 0
    unnamed: bool = False
    left_out: int = 0
    losses: Losses = field(default_factory=Losses)

    def __post_init__(self) -> None:
        self.roots: dict[Path, int] = {}
        self.names = bytearray()
        self.ends, self.folders, self.sizes = array("q"), array("H"), array("i")
        self.boxes, self.labels, self.difficult = array("f"), array("h"), array("b")
        self.starts, self.parts = array("q", [0]), array("q")
        self.embedded = False

    def __len__(self) -> int:
        return len(self.ends)

    def take(self, pictures: Iterator[Annotated], folder: Path, bar: Bar, records: Path | None = None) -> None:
        """Add ``pictures``, which lie below ``folder``, or inside the file ``records``."""
        for picture in pictures:
            inside = picture.part is not None
            root = records if inside and records is not None else folder
            self.embedded |= inside
            self.names += picture.name.encode()
            self.ends.append(len(self.names))
            self.folders.append(self.roots.setdefault(root, len(self.roots)))
            self.sizes.extend((picture.width, picture.height))
            self.parts.extend(picture.part or (0, 0))
            boxes = picture.boxes.tolist()
            before = len(self.labels)
            for name, box, difficult in zip(picture.classes, boxes, picture.difficult, strict=True):
                label = self._label(name, records)
                if not label:
                    self.losses.lose(UNMAPPED, items=1)
                    continue
                self.present.add(label)
                if difficult and not self.hard:
                    self.left_out += 1
                    self.losses.lose(DIFFICULT, items=1)
                    continue
                self.labels.append(label)
                self.boxes.extend(box)
                self.difficult.append(difficult)
            self.starts.append(len(self.labels))
            self.losses.count_read(images=1, items=len(boxes))
            self.losses.count_written(images=1, items=len(self.labels) - before)
            bar.advance()

    def _label(self, name: str | int, where: Path | None) -> int:
        """The number of a class from 1; 0 for one that is not trained."""
        if isinstance(name, str):
            name = name.lower()
            label = self.mapping.get(name, 0)
            (self.mapped if label else self.unmapped)[name] += 1
            return label
        if not 1 <= name <= len(self.classes):
            what = f"these records have a class number {name}, but the spec has {len(self.classes)} classes"
            hint = "records with pictures hold the class numbers of the spec that converted them: convert them again"
            raise DataError(what, where=where, hint=hint)
        self.mapped[self.classes[name - 1]] += 1
        self.largest = max(self.largest, name)
        return name

    def split(self, sources: tuple[tuple[int, float], ...], notes: tuple[str, ...]) -> Split:
        return Split(
            roots=tuple(self.roots),
            names=bytes(self.names),
            ends=np.array(self.ends, np.int64),
            folders=np.array(self.folders, np.uint16),
            sizes=np.array(self.sizes, np.int32).reshape(-1, 2),
            boxes=np.array(self.boxes, np.float32).reshape(-1, 4),
            labels=np.array(self.labels, np.int64),
            difficult=np.array(self.difficult, np.bool_),
            starts=np.array(self.starts, np.int64),
            parts=np.array(self.parts, np.int64).reshape(-1, 2) if self.embedded else None,
            sources=sources,
            notes=notes,
            losses=self.losses,
        )
