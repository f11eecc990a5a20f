"""The pictures of a COCO file, each parsed when its turn comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from converters import images, json_document, rules
from converters.coco.naming import Naming
from converters.coco.records import Category, Identity, OddRecord, Reader, Record, identity, title, wrong
from converters.findings import Findings
from converters.json_document import Document
from converters.model import Object, Sample

if TYPE_CHECKING:
    from converters.coco.index import Key

_LARGEST = 1_000_000  # pixels, one way


@dataclass(frozen=True)
class File:
    """One annotation file and the folder of its pictures. Picklable; what a worker reads it finds by its key."""

    path: Path
    images: Path
    naming: Naming
    categories: Mapping[Identity, Category]

    @property
    def inputs(self) -> Sequence[Path]:
        return (self.path,)

    def keys(self) -> Sequence[Key]:
        from converters.coco.index import index

        return index(json_document.opened(self.path), self.naming).keys

    def name(self, key: Key) -> str:
        document = json_document.opened(self.path)
        try:
            return self.naming.id(document.parse(key[0], key[0] + key[1]))
        except OddRecord as odd:
            return str(odd)

    def load(self, key: Key, findings: Findings) -> Sample:
        document = json_document.opened(self.path)
        start, length, spans, double = key
        picture: Record = document.parse(start, start + length)
        try:
            name = self.naming.file_name(picture)
            image = Path(f"{self.images}/{name}")
            width, height = self._size(picture, image, findings)
        except OddRecord as odd:
            raise document.error(str(odd), start, code=odd.code) from None
        id = name.removesuffix(image.suffix)
        if double >= 0:
            what = f'another image is called "{id}", too: {document.place(double)}'
            hint = "rename one of the two: labels are named after their picture"
            raise document.error(what, start, hint=hint, code=rules.SAME_NAME.code)
        source = picture.get("source")
        objects = self._objects(document, spans, picture, id, findings)
        return Sample(id, image, width, height, objects, source if type(source) is str else None, self.path)

    def items(self, key: Key) -> list[str]:
        document = json_document.opened(self.path)
        found = (self.categories.get(record.get("category_id", "")) for _, record in _records(document, key[2]))
        return [category.name if category is not None else "" for category in found]

    def records(self, key: Key) -> tuple[Record, list[Record]]:
        """The picture of ``key`` and its annotations as the file has them, in the order of ``load``'s objects."""
        document = json_document.opened(self.path)
        start, length, spans, _ = key
        return document.parse(start, start + length), [record for _, record in _records(document, spans)]

    def _objects(
        self, document: Document, spans: Sequence[int], picture: Record, name: str, findings: Findings
    ) -> tuple[Object, ...]:
        reader, number = Reader(self.categories), picture["id"]
        objects = []
        for offset, record in _records(document, spans):
            try:
                if record.get("image_id") != number:
                    raise OddRecord(f"{title(record)} has image_id more than once")
                objects.append(reader.object(record, name, findings))
            except OddRecord as odd:
                raise document.error(str(odd), offset, code=odd.code) from None
        return tuple(objects)

    def _size(self, picture: Record, image: Path, findings: Findings) -> tuple[int, int]:
        width, height = picture.get("width"), picture.get("height")
        if width is None and height is None:
            return images.look(image, findings)
        return _side(picture, "width"), _side(picture, "height")


def _side(picture: Record, key: str) -> int:
    value = identity(picture, key)
    if type(value) is int and 0 < value < _LARGEST:
        return value
    raise wrong(picture, key, "a number of pixels")


def _records(document: Document, spans: Sequence[int]) -> list[tuple[int, Record]]:
    """Offset and content of each annotation; those that lie together, as most do, are read together."""
    offsets, lengths = spans[::2], spans[1::2]
    if len(offsets) < 2:
        return [
            (offset, document.parse(offset, offset + length)) for offset, length in zip(offsets, lengths, strict=True)
        ]
    first, last = offsets[0], offsets[-1] + lengths[-1]
    if last - first > 2 * sum(lengths):
        return [
            (offset, document.parse(offset, offset + length)) for offset, length in zip(offsets, lengths, strict=True)
        ]
    text = memoryview(document.read(first, last - first))
    records = []
    for offset, length in zip(offsets, lengths, strict=True):
        try:
            records.append((offset, orjson.loads(text[offset - first : offset - first + length])))
        except orjson.JSONDecodeError:
            records.append((offset, document.parse(offset, offset + length)))  # says where
    return records
