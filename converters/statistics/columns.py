"""What one pass over a split brings home: a few numbers a picture, a few an item, and tallies of everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.files.unsupported import unsupported_files
from converters.model import Dataset, Mask, Object, Sample, flat, geometry, rules, run_lengths
from converters.model.findings import Findings
from converters.transfer.columns import ColumnStore, walk
from converters.transfer.passes import Batch
from tltpipe.errors import DataError
from tltpipe.progress import Bar

Value = int | str

VALUES = 64
"""Different values of a field of its own kind (a viewpoint, a source) that are told apart; with more none is."""
FIELDS = 32
"""Such fields that are looked at."""
NAME = 80
"""Characters of a value that are kept: whatever is longer names no kind."""

OCCLUSIONS = 4
TRUNCATIONS = (0.0, 0.1, 0.3, 0.5, 1.0)
"""Upper ends of the classes that truncation is counted in; the first one is "wholly inside"."""

_ITEM = (
    *("category", "left", "top", "width", "height", "occlusion", "truncation"),
    *("visible", "occluded", "unlabelled", "polygons", "mask", "crowd", "pixels"),
)
_AT = {name: place for place, name in enumerate(_ITEM)}


@dataclass(frozen=True)
class Columns:
    """One split as arrays: 36 bytes at most for a picture or an item, P pictures, N items, C classes.

    ``size``: int32 [P, 2], width and height of each picture in pixels; ``items``: int32 [P], how many it has;
    ``place``: int32 [P], where it stands among the keys of its split. ``box``: float32 [N, 4], left, top, width,
    height in pixels, clipped to the picture, NaN for a box without area there; ``category``: uint16 [N];
    ``occlusion``: uint8 [N], 0 to 3. Items lie in the order of their pictures.

    ``truncation``: int64 [C, 5], items by the classes of ``TRUNCATIONS``; ``landmarks``: int64 [C, 3], points that are
    visible, occluded, not labelled; ``has``: int64 [C, 4], items with landmarks, polygons, a mask, the crowd flag;
    ``pixels``: int64 [C], those of masks.
    ``attributes``: int64 [A, 2], items that have each attribute, and items of which nobody knows; ``attributed`` counts
    items with any. ``values``: for each field of the format's own (and style), how many items of class c have the
    value v, by (v, c); None where too many differ. ``sources``: pictures by source. ``left_out``: pictures that cannot
    be used, and why.
    """

    size: NDArray[np.int32]
    items: NDArray[np.int32]
    place: NDArray[np.int32]
    box: NDArray[np.float32]
    category: NDArray[np.uint16]
    occlusion: NDArray[np.uint8]
    truncation: NDArray[np.int64]
    landmarks: NDArray[np.int64]
    has: NDArray[np.int64]
    pixels: NDArray[np.int64]
    attributes: NDArray[np.int64]
    attributed: int
    values: Mapping[str, Mapping[tuple[Value, int], int] | None]
    sources: Mapping[Value, int] | None
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def picture(self) -> NDArray[np.intp]:
        """For each item the row of its picture: [N]."""
        return np.repeat(np.arange(len(self.items)), self.items)

    @property
    def relative(self) -> NDArray[np.float32]:
        """``box`` in shares of its picture's width and height: float32 [N, 4]."""
        scale = np.tile(np.maximum(self.size, 1), 2).astype(np.float32)
        return np.divide(self.box, np.repeat(scale, self.items, axis=0), dtype=np.float32)


@dataclass
class Rows:
    """Gathers a chunk of samples as rows of plain numbers."""

    categories: Mapping[str, int]
    pictures: list[tuple[int, int, int]] = field(default_factory=list)
    items: list[tuple[float, ...]] = field(default_factory=list)
    values: Counter[tuple[str, Value, int]] = field(default_factory=Counter)
    attributes: Counter[int] = field(default_factory=Counter)
    unknown_attributes: Counter[int] = field(default_factory=Counter)
    attributed: int = 0
    sources: Counter[str] = field(default_factory=Counter)

    def add(self, sample: Sample, findings: Findings) -> None:  # noqa: ARG002 - part of the protocol
        rows = [self._row(thing, sample) for thing in sample.objects]
        self.pictures.append((sample.width, sample.height, len(rows)))
        self.items += rows
        if sample.source is not None:
            self.sources[sample.source[:NAME]] += 1

    def _row(self, thing: Object, sample: Sample) -> tuple[float, ...]:
        number = self.categories.get(thing.category)
        if number is None:
            what = f'the class "{thing.category}" is not among those of the data set'
            raise DataError(what, where=sample.where(thing), code=rules.UNKNOWN_CLASS.code)
        values = self.values
        for name, value in thing.extra.items():
            values[name, value if isinstance(value, int) else str(value)[:NAME], number] += 1
        if thing.style is not None:
            values["style", thing.style, number] += 1
        if thing.attributes:
            self.attributes.update(thing.attributes)
            self.attributed += 1
        if thing.unknown_attributes:
            self.unknown_attributes.update(thing.unknown_attributes)
        box, mask = thing.box, thing.mask
        if geometry.overhang(box, sample.width, sample.height):
            box = geometry.clip(box, sample.width, sample.height)
        marks = flat(thing.keypoints)[2::3]
        visible, occluded = marks.count(2), marks.count(1)
        return (
            number,
            left := box.left,
            top := box.top,
            box.right - left,
            box.bottom - top,
            thing.occlusion,
            thing.truncation,
            visible,
            occluded,
            len(marks) - visible - occluded,
            bool(thing.polygons),
            mask is not None,
            thing.crowd,
            0 if mask is None else _pixels(mask, thing, sample),
        )


def _pixels(mask: Mask, thing: Object, sample: Sample) -> int:
    """Those of the ``mask`` of ``thing``. Raises DataError for a damaged one."""
    try:
        return run_lengths.area(mask)
    except ValueError as problem:
        raise DataError(str(problem), where=sample.where(thing), code=rules.ODD_MASK.code) from None


def gather(
    dataset: Dataset, keys: Sequence[Any], *, bar: Bar, skip_bad: bool = False, workers: int | None = None
) -> Columns:
    """Read the pictures ``keys`` of ``dataset``. Raises DataError, unless ``skip_bad`` leaves such pictures out."""
    total = _Total(len(dataset.categories), len(dataset.attributes))
    gatherer = partial(Rows, {name: number for number, name in enumerate(dataset.categories)})
    for paths in unsupported_files(dataset.pictures, keys).values():
        total.left_out += [(path, "images of this format cannot be read") for path in paths]
    for batch, places in walk(dataset.pictures, keys, gatherer, bar=bar, skip_bad=skip_bad, workers=workers):
        total.add(batch, places)
    return total.columns()


_KINDS: dict[str, str | tuple[str, int]] = {
    "size": ("int32", 2),
    "items": "int32",
    "place": "int32",
    "box": ("float32", 4),
    "category": "uint16",
    "occlusion": "uint8",
}


@dataclass
class _Total:
    """All chunks so far: arrays, and tallies added up."""

    classes: int
    kinds: int
    """Attributes."""
    store: ColumnStore = field(default_factory=partial(ColumnStore, _KINDS))
    values: dict[str, Counter[tuple[Value, int]] | None] = field(default_factory=dict)
    sources: Counter[Value] = field(default_factory=Counter)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    attributed: int = 0

    def __post_init__(self) -> None:
        self.truncation = np.zeros((self.classes, len(TRUNCATIONS)), np.int64)
        self.landmarks = np.zeros((self.classes, 3), np.int64)
        self.has = np.zeros((self.classes, 4), np.int64)
        self.pixels = np.zeros(self.classes, np.int64)
        self.attributes = np.zeros((self.kinds, 2), np.int64)

    def add(self, batch: Batch[Rows], places: Sequence[int]) -> None:
        rows = batch.gathered
        pictures = np.array(rows.pictures, np.int32).reshape(-1, 3)
        items = np.array(rows.items, np.float64).reshape(-1, len(_ITEM))
        box = items[:, 1:5].astype(np.float32)
        box[~((box[:, 2] > 0) & (box[:, 3] > 0))] = np.nan
        category, occlusion = items[:, 0].astype(np.uint16), items[:, _AT["occlusion"]]
        levels = np.clip(occlusion, 0, OCCLUSIONS - 1).astype(np.uint8)
        self.store.add(size=pictures[:, :2], items=pictures[:, 2], place=places)
        self.store.add(box=box, category=category, occlusion=levels)

        truncation = np.searchsorted(TRUNCATIONS[:-1], items[:, _AT["truncation"]])
        np.add.at(self.truncation, (category, truncation), 1)
        marks = items[:, _AT["visible"] : _AT["unlabelled"] + 1].astype(np.int64)
        np.add.at(self.landmarks, category, marks)
        shapes = items[:, _AT["polygons"] : _AT["crowd"] + 1]
        flags = np.concatenate([marks.any(axis=1, keepdims=True), shapes], axis=1)
        np.add.at(self.has, category, flags.astype(np.int64))
        np.add.at(self.pixels, category, items[:, _AT["pixels"]].astype(np.int64))

        for column, counts in enumerate((rows.attributes, rows.unknown_attributes)):
            for place, count in counts.items():
                self.attributes[place, column] += count
        self.attributed += rows.attributed
        self.left_out += [(name, str(problem)) for name, problem in batch.left_out]
        self.sources.update(rows.sources)
        for (name, value, number), count in rows.values.items():
            self._count(name, (value, number), count)

    def columns(self) -> Columns:
        sources = self.sources if len(self.sources) <= VALUES else None
        return Columns(
            truncation=self.truncation,
            landmarks=self.landmarks,
            has=self.has,
            pixels=self.pixels,
            attributes=self.attributes,
            attributed=self.attributed,
            values=self.values,
            sources=sources,
            left_out=tuple(self.left_out),
            **self.store.take(),
        )

    def _count(self, name: str, key: tuple[Value, int], count: int) -> None:
        if name not in self.values:
            if len(self.values) == FIELDS:
                return
            self.values[name] = Counter()
        known = self.values[name]
        if known is None:
            return
        new = key not in known
        known[key] += count
        if new and len(known) > VALUES and len({value for value, _ in known}) > VALUES:
            self.values[name] = None
