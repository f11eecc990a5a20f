"""Which row of which file is about which image: one pass over all of them, kept for all splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from converters.formats.deepfashion import attribute_rows, places, tables
from converters.formats.deepfashion.attribute_rows import Judged
from converters.formats.deepfashion.places import Part
from converters.formats.deepfashion.tables import Cell, Named, Rows, shown
from converters.model.splits import CANONICAL
from tltpipe.errors import DataError

IMAGES = b"img/"
"""What paths in the lists begin with."""
SEVERAL = (places.BOX, places.LANDMARKS)
"""Files with several numbers a row."""


class Values(NamedTuple):
    """What is known of one image: bits of the attributes that it has, and of those nobody judged; or what is wrong."""

    line: int
    yes: bytes
    unknown: bytes
    problem: str | None


class Key(NamedTuple):
    """One image and all that the files say of it; None for what they do not say."""

    name: str
    line: int
    garment: int
    category: Cell | None
    box: Cell | None
    landmarks: Cell | None
    attributes: Values | None

    @property
    def id(self) -> str:
        """What the image is called: its path below img, without extension."""
        return self.below.rpartition(".")[0]

    @property
    def below(self) -> str:
        return self.name.removeprefix(IMAGES.decode())


@dataclass(frozen=True)
class Index:
    """All images of the lists, in their order, with the number of the garment on each, which is that of its folder.

    ``chosen`` has the places of those of each split.
    """

    names: list[bytes]
    first: int
    garments: NDArray[np.int32]
    folders: Sequence[bytes]
    category: Named
    others: Mapping[str, Named]
    judged: Judged | None
    chosen: Mapping[str, NDArray[np.int64]]

    def key(self, place: int) -> Key:
        name = self.names[place]
        box, landmarks = (
            table.cell(place, name) if table is not None else None for table in map(self.others.get, SEVERAL)
        )
        return Key(
            name.decode("utf-8", "surrogateescape"),
            self.first + place,
            int(self.garments[place]),
            self.category.cell(place, name),
            box,
            landmarks,
            self._values(place),
        )

    def _values(self, place: int) -> Values | None:
        judged = self.judged
        if judged is None or not judged.lines[place]:
            return None
        bits = judged.yes[place].tobytes(), judged.unknown[place].tobytes()
        return Values(int(judged.lines[place]), *bits, judged.problems.get(place))


class Keys(Sequence[Key]):
    """The images of one split, each put together when it is asked for."""

    def __init__(self, index: Index, chosen: NDArray[np.int64]) -> None:
        self._index, self._chosen = index, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def folder(self, garment: int) -> str:
        """The folder of a garment."""
        return self._index.folders[garment].decode("utf-8", "surrogateescape")

    @overload
    def __getitem__(self, place: int) -> Key: ...
    @overload
    def __getitem__(self, place: slice) -> list[Key]: ...
    def __getitem__(self, place: int | slice) -> Key | list[Key]:
        if isinstance(place, slice):
            return [self._index.key(each) for each in self._chosen[place].tolist()]
        return self._index.key(int(self._chosen[place]))


def keys(place: Part, attributes: int) -> Keys:
    """The images of the split at ``place``, in the order of its lists, where there are so many ``attributes``.

    Raises DataError for a file that is not as the data set has it; what is wrong with the row of one image is told
    when that is loaded.
    """
    files = used(place)
    stamps = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in files)
    found = _fine(place, attributes, stamps) if place.fine else _coarse(_shared(place), attributes, stamps)
    chosen = found.chosen.get(place.part)
    if chosen is None or not len(chosen):
        raise DataError(f"{place.part} has no image", where=place.partition or place.table(places.CATEGORY))
    return Keys(found, chosen)


def used(place: Part) -> tuple[Path, ...]:
    """The files that say something of the split."""
    tables = [places.CATEGORY, places.BOX]
    tables += [places.LANDMARKS] if place.has_landmarks else []
    tables += [places.ATTRIBUTE] if place.has_attributes else []
    own = place.lists / f"{place.prefix}.txt" if place.fine else place.partition
    return (*map(place.table, tables), *([own] if own is not None else []))


def _shared(place: Part) -> Part:
    """The same for all splits of the lists."""
    return Part(**(place.__dict__ | {"part": "", "beside": ()}))


@lru_cache(maxsize=2)
def _coarse(place: Part, attributes: int, stamps: tuple[int, ...]) -> Index:  # noqa: ARG001
    listed = place.table(places.CATEGORY)
    rows = tables.headed(listed, "image_name")
    names = rows.names()
    known = _known(rows, names)
    others = {places.BOX: _named(place, places.BOX, names, known)}
    if place.has_landmarks:
        others[places.LANDMARKS] = _named(place, places.LANDMARKS, names, known)
    judged = None
    if place.has_attributes:
        judged = attribute_rows.read(place.table(places.ATTRIBUTE), names, known, attributes, listed)
    chosen = _partition(place.partition, names, known, listed)
    return Index(names, rows.first, *_garments(names, names), Named(rows), others, judged, chosen)


def _named(place: Part, name: str, names: Sequence[bytes], known: Mapping[bytes, int]) -> Named:
    rows = tables.headed(place.table(name), "image_name")
    return tables.named(rows, names, known, place.table(places.CATEGORY))


def _partition(
    path: Path | None, names: Sequence[bytes], known: Mapping[bytes, int], listed: Path
) -> dict[str, NDArray[np.int64]]:
    if path is None:
        return {"train": np.arange(len(names))}
    rows = tables.headed(path, "image_name")
    own = rows.names()
    order = np.arange(len(names)) if own == names else tables.order(rows, own, known, listed)
    if len(lacking := np.flatnonzero(order < 0)):
        what = f"{shown(names[lacking[0]])} of {listed.name} has no row here"
        more = f" (and {len(lacking) - 1:,} more)" if len(lacking) > 1 else ""
        raise DataError(what + more, where=path, hint="add it with train, val or test")
    words = np.array([rows.text(row).split()[-1] for row in range(len(rows))])
    found: dict[str, list[NDArray[np.int64]]] = {}
    for word in np.unique(words).tolist():
        split = CANONICAL.get(word.decode("ascii", "replace"))
        if split is None:
            row = int(np.flatnonzero(words == word)[0])
            raise rows.error(row, f"{shown(word)} is none of train, val, test")
        found.setdefault(split, []).append(np.flatnonzero(words[order] == word))
    return {split: np.sort(np.concatenate(each)) for split, each in found.items()}


@lru_cache(maxsize=4)
def _fine(place: Part, attributes: int, stamps: tuple[int, ...]) -> Index:  # noqa: ARG001
    rows = tables.bare(place.lists / f"{place.prefix}.txt")
    names = _lines(rows)
    _known(rows, names)
    found = {
        name: _aligned(tables.bare(place.table(name)), rows)
        for name in (places.CATEGORY, *SEVERAL)
        if name != places.LANDMARKS or place.has_landmarks
    }
    judged = None
    if place.has_attributes:
        own = _aligned(tables.bare(place.table(places.ATTRIBUTE)), rows)
        judged = attribute_rows.judge_rows(own.rows, attributes)
    category = found.pop(places.CATEGORY)
    every = [place.lists / f"{prefix}.txt" for prefix in places.FINE]
    garments = _garments(names, [name for path in every if path.is_file() for name in _lines(tables.bare(path))])
    return Index(names, 1, *garments, category, found, judged, {place.part: np.arange(len(rows))})


def _lines(rows: Rows) -> list[bytes]:
    return [rows.text(row).strip() for row in range(len(rows))]


def _aligned(rows: Rows, names: Rows) -> Named:
    if len(rows) != len(names):
        what = f"has {len(rows):,} rows, but {names.path.name} has {len(names):,}"
        raise DataError(what, where=rows.path, hint="row by row they are about the same images: unpack them again")
    return Named(rows, bare=True)


def _known(rows: Rows, names: Sequence[bytes]) -> dict[bytes, int]:
    """The place of each name. Raises DataError where one is there twice."""
    known = {name: place for place, name in enumerate(names)}
    if len(known) < len(names):
        row = next(row for row, name in enumerate(names) if known[name] != row)
        what = f"{shown(names[row])} is listed here and in line {rows.first + known[names[row]]}"
        raise rows.error(row, what, "remove one of the two")
    return known


def _garments(names: Sequence[bytes], every: Sequence[bytes]) -> tuple[NDArray[np.int32], tuple[bytes, ...]]:
    """The garment on each of the images ``names``: the number, from 1, of its folder in img among those of ``every``
    image, sorted; 0 for an image in no folder. And the folders by number."""
    folders = sorted({b"", *map(_folder, every)})
    numbers = {folder: number for number, folder in enumerate(folders)}
    return np.fromiter((numbers[_folder(name)] for name in names), np.int32, len(names)), tuple(folders)


def _folder(name: bytes) -> bytes:
    return name.removeprefix(IMAGES).rpartition(b"/")[0]
