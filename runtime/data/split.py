"""A split of the data in a few compact arrays.

Some sixty bytes an image and what its targets take stay in memory; the images themselves stay on disk.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.data import checks
from runtime.data.columns import Annotated, Column, Fixed
from runtime.data.fields import Derived, Fields, Judging, Sampling
from runtime.imaging.decoding import Embedded, Stored
from tltpipe.errors import DataError
from tltpipe.losses import Losses
from tltpipe.progress import Bar

UNMAPPED = "of classes that {} does not name"
FLAT = "boxes without width or height on their images are not trained on"
DIFFICULT = "marked as occluded, and include_difficult_in_training is off"
CROWD = "crowds: groups of things in one box are not trained on"
CROWDS = "crowds: groups of things in one box"


@dataclass(frozen=True)
class Split:
    """The images of a split: image ``i`` has the objects ``starts[i]:starts[i + 1]``.

    ``names`` are paths below ``roots[folders[i]]`` (UTF-8, one after the other, each up to ``ends[i]``), ``sizes``
    [N, 2] width and height in pixels as stored. ``columns`` has the values of ``fields`` by name, those of objects [M]
    or of images [N]; boxes are left, top, right, bottom in stored pixels. ``parts`` [N, 2] byte offset and length of
    images inside record files, which are then the ``roots``; a length of 0 for one in a file of its own.
    ``sources`` has for each data source how many images it has and how often they are shown, relative to others.
    ``units`` [U, 2] image and object that make a sample each, None where every image is one. ``notes`` are lines for
    the user about what was found; ``losses`` has what was read and what of it is here. ``categories`` are the classes
    that data sets which name them all have, lower case, ``category_ids`` the numbers that those give them and
    ``image_ids`` [N] those of the images, -1 where an image has none.
    """

    roots: tuple[Path, ...]
    names: bytes | bytearray
    ends: NDArray[np.int64]
    folders: NDArray[np.uint16]
    sizes: NDArray[np.int32]
    fields: Fields
    columns: Mapping[str, Column]
    starts: NDArray[np.int64]
    parts: NDArray[np.int64] | None = None
    sources: tuple[tuple[int, float], ...] = ()
    units: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()
    losses: Losses = field(default_factory=Losses, compare=False)
    categories: tuple[str, ...] = ()
    category_ids: Mapping[str, int] = field(default_factory=dict)
    image_ids: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def samples(self) -> int:
        """How many an epoch has: images, or objects."""
        return len(self) if self.units is None else len(self.units)

    @property
    def nbytes(self) -> int:
        """Of all that grows with the data."""
        arrays: list[NDArray[Any] | None] = [self.ends, self.folders, self.sizes, self.starts, self.parts, self.units]
        arrays.append(self.image_ids)
        columns = sum(column.nbytes for column in {id(column): column for column in self.columns.values()}.values())
        return len(self.names) + columns + sum(each.nbytes for each in arrays if each is not None)

    def name(self, index: int) -> str:
        """Path below its folder; frame id for an image inside a record."""
        start = int(self.ends[index - 1]) if index else 0
        return self.names[start : int(self.ends[index])].decode()

    def image(self, index: int) -> Stored:
        root = self.roots[int(self.folders[index])]
        if self.parts is not None and self.parts[index, 1]:
            offset, length = self.parts[index].tolist()
            return Embedded(root, offset, length)
        return root / self.name(index)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """All values of the field ``name``, whose column is one of ``Fixed``."""
        column = self.columns[name]
        assert isinstance(column, Fixed)
        return column.array

    @property
    def boxes(self) -> NDArray[np.float32]:
        """[M, 4]"""
        return self["boxes"]

    @property
    def labels(self) -> NDArray[np.int64]:
        """[M] from 1."""
        return self["labels"]

    def places(self, index: int) -> slice:
        """Places in the columns of the objects of image ``index``."""
        return slice(int(self.starts[index]), int(self.starts[index + 1]))

    def per_object(self, chosen: NDArray[np.bool_] | None = None) -> Split:
        """The same with every object, or those ``chosen`` [M], a sample of its own: an epoch counts objects."""
        images = np.repeat(np.arange(len(self)), np.diff(self.starts))
        things = np.arange(len(images)) if chosen is None else np.flatnonzero(chosen)
        units = np.column_stack([images[things], things])
        ends = np.cumsum([0, *(count for count, _ in self.sources)])
        counts = np.diff(np.searchsorted(units[:, 0], ends)).tolist()
        weights = [weight for _, weight in self.sources]
        return replace(self, units=units, sources=tuple(zip(counts, weights, strict=True)))

    def part(self, start: int, stop: int) -> tuple[Split, int]:
        """A split of the samples from ``start`` to ``stop``, with their images alone, and the place of its first image.

        It has neither notes nor losses.
        """
        units = None if self.units is None else self.units[start:stop]
        first, end = (start, stop) if units is None else (int(units[:, 0].min()), int(units[:, 0].max()) + 1)
        things, letters = (
            slice(int(self.starts[first]), int(self.starts[end])),
            int(self.ends[first - 1]) if first else 0,
        )
        stored: dict[int, Column] = {}
        for name, column in self.columns.items():
            if id(column) not in stored:
                places = things if self.fields[name].per == "object" else slice(first, end)
                stored[id(column)] = self.fields[name].column()
                stored[id(column)].extend(column.take(np.arange(places.start, places.stop)))
        own = Split(
            self.roots, bytes(self.names[letters : int(self.ends[end - 1])]), self.ends[first:end] - letters,
            self.folders[first:end], self.sizes[first:end], self.fields,
            {name: stored[id(column)] for name, column in self.columns.items()},
            self.starts[first : end + 1] - things.start,
            None if self.parts is None else self.parts[first:end],
            units=None if units is None else units - (first, things.start),
        )  # fmt: skip
        return own, first

    def unsampled(self) -> dict[str, NDArray[np.bool_]]:
        """Which objects [M] are no samples of their own, and what they are: crowds, or without what a field needs."""
        found = {CROWDS: self["crowd"]} if "crowd" in self.columns else {}
        for name, each in self._sampling.items():
            found[each.unsampled] = ~each.sampled(self.columns[name], self._sizes)
        return found

    def doubts(self) -> list[str]:
        """What is odd about objects that are to be samples."""
        return [line for name, each in self._sampling.items() for line in each.doubts(self.columns[name], self._sizes)]

    @property
    def _sampling(self) -> dict[str, Sampling]:
        return {name: each for name, each in self.fields.items() if isinstance(each, Sampling)}

    @property
    def _sizes(self) -> NDArray[np.int32]:
        """Width and height [M, 2] of the image of each object."""
        return np.repeat(self.sizes, np.diff(self.starts), axis=0)


def _flat(image: Annotated) -> Sequence[bool]:
    """Which of its objects have no area."""
    flat: list[bool] = checks.without_area(image.boxes, np.array([[image.width, image.height]], np.int32)).tolist()
    return flat


def _image_id(image: Annotated) -> int:
    """The number that its file gives it; -1 for none, or one that no program can count with."""
    number = None if image.sample is None else image.sample.number
    return -1 if number is None or not 0 <= number < 2**53 else number


@dataclass
class Gathered:
    """Grows by images, keeping what ``fields`` are of each.

    ``mapped`` and ``unmapped`` count objects by their class in the files, those that are trained and the others;
    ``left_out`` those too difficult, crowds, without area (unless ``flat``), or of no use to a field, by the reason;
    ``ignored`` counts parts of other objects; ``examples`` has an image for each reason.
    ``categories`` are the classes of data sets that name them, those that are trained and others, and ``category_ids``
    their numbers there. ``present`` are the classes (from 1) that any object has, 0 where one is not trained,
    ``largest`` the largest number of one in records that hold numbers, ``unnamed`` whether there are records without a
    list of what their numbers mean. ``naming`` is the field of the spec that names the classes.
    """

    fields: Fields
    mapping: Mapping[str, int]
    classes: tuple[str, ...]
    hard: bool
    crowds: bool
    flat: bool = True
    naming: str = "dataset_config.target_class_mapping"
    mapped: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    present: set[int] = field(default_factory=set)
    largest: int = 0
    unnamed: bool = False
    left_out: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    categories: dict[str, None] = field(default_factory=dict)
    category_ids: dict[str, int] = field(default_factory=dict)
    losses: Losses = field(default_factory=Losses)

    def __post_init__(self) -> None:
        self.roots: dict[Path, int] = {}
        self.names = bytearray()
        self.ends, self.folders, self.sizes = array("q"), array("H"), array("i")
        self.starts, self.parts, self.image_ids = array("q", [0]), array("q"), array("q")
        self.stored = {name: each for name, each in self.fields.items() if not isinstance(each, Derived)}
        self.columns = {name: each.column() for name, each in self.stored.items()}
        self.judging = [each for each in self.stored.values() if isinstance(each, Judging)]
        self.embedded = False

    def __len__(self) -> int:
        return len(self.ends)

    def take(self, images: Iterable[Annotated], folder: Path, bar: Bar) -> None:
        """Add ``images``, which lie below ``folder``, or inside the files that they name."""
        for image in images:
            inside = image.part is not None and image.file is not None
            self.embedded |= inside
            self.names += image.name.encode()
            self.ends.append(len(self.names))
            root = image.file if inside and image.file is not None else folder
            self.folders.append(self.roots.setdefault(root, len(self.roots)))
            self.sizes.extend((image.width, image.height))
            self.parts.extend(image.part or (0, 0))
            self.image_ids.append(_image_id(image))
            self._keep(image, self._chosen(image))
            bar.advance()

    def _chosen(self, image: Annotated) -> Sequence[int]:
        """Places of the objects that are trained; gives all their labels."""
        image.labels = [self._label(name, image.file) for name in image.classes]
        self.present.update(image.labels)
        unusable = self._unusable(image)
        if self.hard and all(image.labels) and (self.crowds or image.sample is None) and not unusable:
            return range(len(image.labels))
        chosen = []
        for place, (label, difficult) in enumerate(zip(image.labels, image.difficult, strict=True)):
            if not label:
                self.losses.lose(UNMAPPED.format(self.naming.removeprefix("dataset_config.")), items=1)
                continue
            if difficult and not self.hard:
                self._leave_out(DIFFICULT, image)
            elif not self.crowds and image.sample is not None and image.sample.objects[place].crowd:
                self._leave_out(CROWD, image)
            elif place in unusable:
                self._leave_out(unusable[place], image)
            else:
                chosen.append(place)
        return chosen

    def _unusable(self, image: Annotated) -> dict[int, str]:
        """Places of the objects that cannot be used, and why."""
        found: dict[int, str] = {}
        for each in self.judging:
            found |= each.unusable(image)
            if count := each.ignored(image):
                self.ignored[each.ignores] += count
                self.examples.setdefault(each.ignores, image.name)
        if not self.flat:
            found |= {place: FLAT for place, flat in enumerate(_flat(image)) if flat}
        return found

    def _leave_out(self, why: str, image: Annotated) -> None:
        self.left_out[why] += 1
        self.examples.setdefault(why, image.name)
        self.losses.lose(why, items=1)

    def _keep(self, image: Annotated, chosen: Sequence[int]) -> None:
        count = len(image.classes)
        kept = image if len(chosen) == count else image.only(chosen)
        for name, each in self.stored.items():
            values = each.read(kept if each.per == "object" else image)
            if len(values):
                self.columns[name].extend(values)
        self.starts.append(self.starts[-1] + len(chosen))
        self.losses.count_read(images=1, items=count)
        self.losses.count_written(images=1, items=len(chosen))

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
        """What has grown, in the same memory. Nothing can be added any more."""
        others = {name: each for name, each in self.fields.items() if isinstance(each, Derived)}
        derived = {name: self.columns[each.stored_as] for name, each in others.items()}
        return Split(
            roots=tuple(self.roots),
            names=self.names,
            ends=np.frombuffer(self.ends, np.int64),
            folders=np.frombuffer(self.folders, np.uint16),
            sizes=np.frombuffer(self.sizes, np.int32).reshape(-1, 2),
            fields=self.fields,
            columns={**self.columns, **derived},
            starts=np.frombuffer(self.starts, np.int64),
            parts=np.frombuffer(self.parts, np.int64).reshape(-1, 2) if self.embedded else None,
            sources=sources,
            notes=notes,
            losses=self.losses,
            categories=tuple(self.categories),
            category_ids=self.category_ids,
            image_ids=np.frombuffer(self.image_ids, np.int64),
        )
