"""Where in a COCO file the records of each picture lie: a few bytes for each, made in one pass that parses little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from converters.files import json_file, json_records
from converters.files.json_document import Document
from converters.files.json_records import Offsets, Piece, Records
from converters.formats.coco.naming import Naming
from converters.formats.coco.records import ATTRIBUTES, Identity, OddRecord, Record, as_number, identity, title
from tltpipe.errors import DataError

Key = tuple[int, int, tuple[int, ...], int]
"""A picture: offset and length of its record, the same of each of its annotations, and the offset of an earlier
picture of the same name, -1 where there is none."""

_TEXT = 1 << 62


@dataclass(frozen=True)
class Keys(Sequence[Key]):
    """The pictures in the order of the file. ``first[n]`` counts the annotations of the pictures before number n."""

    offsets: Offsets
    lengths: NDArray[np.int32]
    first: Offsets
    annotation_offsets: Offsets
    annotation_lengths: NDArray[np.int32]
    doubles: dict[int, int]

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, place: int) -> Key: ...
    @overload
    def __getitem__(self, place: slice) -> list[Key]: ...
    def __getitem__(self, place: int | slice) -> Key | list[Key]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        start, end = self.first[place : place + 2].tolist()
        spans: list[int] = [0] * (2 * (end - start))
        spans[::2] = self.annotation_offsets[start:end].tolist()
        spans[1::2] = self.annotation_lengths[start:end].tolist()
        return int(self.offsets[place]), int(self.lengths[place]), tuple(spans), self.doubles.get(place, -1)


@dataclass(frozen=True)
class Index:
    """``members`` are those of ``KEPT`` as they stand; ``annotated`` is False without any "annotations"."""

    keys: Keys
    members: dict[str, Any]
    annotated: bool


LISTS = ("images", "annotations")
NEEDED = ("info", "categories")
KEPT = (*NEEDED, ATTRIBUTES)


@lru_cache(maxsize=4)
def index(document: Document, naming: Naming) -> Index:
    """That of the file, whose pictures are called as ``naming`` says.

    Raises DataError for what is no COCO, for pictures with the same id, and for annotations of no picture.
    """
    images, annotations = _Images(naming), _Annotations()
    members = json_records.scan(document, lists={"images": images.take, "annotations": annotations.take}, keep=KEPT)
    if not images.seen:
        hint = "a COCO file holds the lists images, annotations and categories"
        raise DataError('"images" is missing', where=document.path, hint=hint)
    return Index(_joined(document, images, annotations), members, annotations.seen)


class _Lines:
    """What is kept of the records of a list: place and id."""

    def __init__(self) -> None:
        self.seen = False
        self.parts: list[tuple[Offsets, NDArray[np.int32], Offsets]] = []

    def take(self, records: Records) -> None:
        self.seen = True
        for piece in records:
            self.parts.append((piece.offsets, piece.lengths, self.ids(piece)))

    def ids(self, piece: Piece) -> Offsets:
        raise NotImplementedError

    def joined(self) -> tuple[Offsets, NDArray[np.int32], Offsets]:
        if not self.parts:
            return np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64)
        offsets, lengths, ids = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        return offsets, lengths, ids


class _Images(_Lines):
    def __init__(self, naming: Naming) -> None:
        super().__init__()
        self.naming = naming
        self.names: list[Offsets] = []

    def ids(self, piece: Piece) -> Offsets:
        names, ids = [], []
        for number, record in enumerate(piece.parsed()):
            with _placed(piece, number):
                ids.append(_code(identity(record, "id")))
            names.append(self._name(record))
        self.names.append(np.array(names, np.int64))
        return np.array(ids, np.int64)

    def _name(self, record: Record) -> int:
        try:
            return hash(self.naming.id(record))
        except OddRecord:  # told when it is loaded
            return hash((record["id"],))


class _Annotations(_Lines):
    def ids(self, piece: Piece) -> Offsets:
        found = piece.integers("image_id")
        if found is not None:
            return found
        ids = []
        for number, record in enumerate(piece.parsed()):
            with _placed(piece, number):
                ids.append(_code(identity(record, "image_id")))
        return np.array(ids, np.int64)


@contextmanager
def _placed(piece: Piece, number: int) -> Iterator[None]:
    try:
        yield
    except OddRecord as odd:
        raise piece.document.error(str(odd), int(piece.offsets[number]), code=odd.code) from None


def _code(value: Identity) -> int:
    """``value`` as a number, texts by their hash: those that meet all the same are told apart when they are loaded."""
    if type(value) is str:
        return int.from_bytes(blake2b(value.encode(), digest_size=8).digest()) % _TEXT + _TEXT
    if abs(value) < _TEXT:  # type: ignore[arg-type]
        return value  # type: ignore[return-value]
    raise OddRecord(f"{value} is too large for an id")


def _joined(document: Document, images: _Images, annotations: _Annotations) -> Keys:
    offsets, lengths, ids = images.joined()
    order = np.argsort(ids, kind="stable")
    ranked = ids[order]
    if len(twice := np.flatnonzero(ranked[1:] == ranked[:-1])):
        place = int(order[1:][twice].min())
        record = document.parse(int(offsets[place]), int(offsets[place] + lengths[place]))
        told = json_file.name(record["id"]).removeprefix("the number ")
        raise document.error(f"there are two images with the id {told}", int(offsets[place]))
    notes, note_lengths, image_ids = annotations.joined()
    found, known = _places(ranked, image_ids)
    if not known.all():
        for place in np.flatnonzero(~known).tolist():  # texts there, numbers here, or the other way round
            record = document.parse(int(notes[place]), int(notes[place] + note_lengths[place]))
            image_ids[place] = _other_code(record)
        found, known = _places(ranked, image_ids)
    if not known.all():
        place = int(np.argmin(known))
        record = document.parse(int(notes[place]), int(notes[place] + note_lengths[place]))
        told = json_file.name(record.get("image_id")).removeprefix("the number ")
        what = f"{title(record)} is an annotation of the image {told}, which is not listed"
        raise document.error(what, int(notes[place]), hint="list the image, or remove its annotations")
    pictures = order[found] if len(ranked) else found
    by_picture = np.argsort(pictures, kind="stable")
    counts = np.bincount(pictures, minlength=len(offsets))
    first = np.concatenate(([0], np.cumsum(counts)))
    names = np.concatenate(images.names) if images.names else ids
    return Keys(offsets, lengths, first, notes[by_picture], note_lengths[by_picture], _doubles(names, offsets))


def _places(ranked: Offsets, ids: Offsets) -> tuple[Offsets, NDArray[np.bool_]]:
    """Where in ``ranked`` each of ``ids`` is, and whether it is there at all."""
    found = np.searchsorted(ranked, ids)
    found[found == len(ranked)] = 0
    return found, ranked[found] == ids if len(ranked) else np.zeros(len(ids), np.bool_)


def _other_code(record: Record) -> int:
    """The code of the image of an annotation, had its id been written as a text in place of a number, or reversed."""
    own = identity(record, "image_id")
    other = as_number(own) if type(own) is str else str(own)
    return _code(other if type(other) is not float else own)


def _doubles(names: Offsets, offsets: Offsets) -> dict[int, int]:
    """For each picture whose name is that of an earlier one the place of the record of that."""
    order = np.argsort(names, kind="stable")
    same = np.flatnonzero(names[order[1:]] == names[order[:-1]])
    doubles: dict[int, int] = {}
    for place in same.tolist():
        earlier, later = int(order[place]), int(order[place + 1])
        doubles[later] = doubles.get(earlier, int(offsets[earlier]))
    return doubles
