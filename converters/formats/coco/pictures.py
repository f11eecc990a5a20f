"""The pictures of a COCO file, each parsed when its turn comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from converters.files import json_document, listing
from converters.files.filenames import ImageNames, UnclearName
from converters.files.json_document import Document
from converters.formats.coco.naming import Naming, is_foreign
from converters.formats.coco.records import (
    VOID,
    Category,
    Identity,
    OddRecord,
    Reader,
    Record,
    as_number,
    identity,
    origin,
    title,
    void,
    wrong,
)
from converters.model import Object, Sample, rules
from converters.model.findings import Findings
from converters.pictures import headers as images
from tltpipe.errors import Location

if TYPE_CHECKING:
    from converters.formats.coco.index import Key

_LARGEST = 1_000_000  # pixels, one way


@dataclass(frozen=True)
class File:
    """One annotation file and the folder of its pictures. Picklable; what a worker reads it finds by its key."""

    path: Path
    images: Path
    naming: Naming
    categories: Mapping[Identity, Category]
    attributes: Mapping[Identity, int] = field(default_factory=dict)

    @property
    def inputs(self) -> Sequence[Path]:
        return (self.path,)

    def keys(self) -> Sequence[Key]:
        from converters.formats.coco.index import index

        return index(json_document.opened(self.path), self.naming).keys

    def name(self, key: Key) -> str:
        document = json_document.opened(self.path)
        try:
            name, _ = self._image(document.parse(key[0], key[0] + key[1]), Findings())
        except OddRecord as odd:
            return str(odd)
        return listing.without_extension(name)

    def load(self, key: Key, findings: Findings) -> Sample:
        document = json_document.opened(self.path)
        start, length, spans, double = key
        picture: Record = document.parse(start, start + length)
        try:
            name, image = self._image(picture, findings)
            width, height = self._size(picture, image, findings)
            unknown = void(picture) if VOID in picture else None
        except OddRecord as odd:
            raise document.error(str(odd), start, code=odd.code) from None
        id = listing.without_extension(name)
        if double >= 0:
            what = f'another image is called "{id}", too: {document.place(double)}'
            hint = "rename one of the two: labels are named after their picture"
            raise document.error(what, start, hint=hint, code=rules.SAME_NAME.code)
        source = picture.get("source")
        objects = self._objects(document, spans, picture, id, findings)
        number = picture["id"] if type(picture["id"]) is int else None
        source = source if type(source) is str else None
        return Sample(id, image, width, height, objects, source, str(self.path), number=number, void=unknown)

    def items(self, key: Key) -> list[str]:
        document = json_document.opened(self.path)
        found = (self.categories.get(record.get("category_id", "")) for _, record in _records(document, key[2]))
        return [category.name if category is not None else "" for category in found]

    def locate(self, key: Key, thing: Object) -> Location | None:
        """Line and column of ``thing``, one of those that ``load`` gives for ``key``."""
        document = json_document.opened(self.path)
        for offset, record in _records(document, key[2]):
            if thing.origin == origin(record):
                return document.place(offset)
        return None

    def records(self, key: Key) -> tuple[Record, list[Record]]:
        """The picture of ``key`` and its annotations as the file has them, in the order of ``load``'s objects."""
        document = json_document.opened(self.path)
        start, length, spans, _ = key
        return document.parse(start, start + length), [record for _, record in _records(document, spans)]

    def _image(self, picture: Record, findings: Findings) -> tuple[str, str]:
        """The file of ``picture`` and its path: so named, or the one that the name means. Raises OddRecord."""
        name, raw = self.naming.file_name(picture), picture.get("file_name")
        image = listing.joined(self.images, name)
        try:
            findings.measured = image, images.quick_size(image)
        except (FileNotFoundError, NotADirectoryError):
            return self._match(picture, name, findings)
        except OSError:  # is told by whoever needs it
            pass
        if name != raw and type(raw) is str and raw != f"{self.images}/{name}" and is_foreign(raw):
            findings.add(rules.OTHER_FILE_NAME, f"{raw} -> {name} (end of a path that is not here)")
        return name, image

    def _match(self, picture: Record, name: str, findings: Findings) -> tuple[str, str]:
        """The same for a ``name`` that no file has; a missing image is the business of whoever needs it."""
        try:
            match = _names(self).match(name)
        except UnclearName as unclear:
            raise OddRecord(f'"file_name" of {title(picture)}: {unclear}', code=rules.SAME_NAME.code) from None
        if match is not None:
            findings.add(rules.OTHER_FILE_NAME, match.example(str(picture.get("file_name") or name)))
            name = match.path
        return name, listing.joined(self.images, name)

    def _objects(
        self, document: Document, spans: Sequence[int], picture: Record, name: str, findings: Findings
    ) -> tuple[Object, ...]:
        reader, number = Reader(self.categories, self.attributes), picture["id"]
        objects = []
        for offset, record in _records(document, spans):
            try:
                if record.get("image_id") != number and not _same(record.get("image_id"), number):
                    raise OddRecord(f"{title(record)} has image_id more than once")
                objects.append(reader.object(record, name, findings))
            except OddRecord as odd:
                raise document.error(str(odd), offset, code=odd.code) from None
        return tuple(objects)

    def _size(self, picture: Record, image: str, findings: Findings) -> tuple[int, int]:
        width, height = picture.get("width"), picture.get("height")
        if width is None and height is None:
            return images.look(image, findings)
        return _side(picture, "width"), _side(picture, "height")


def _side(picture: Record, key: str) -> int:
    value = as_number(identity(picture, key))
    if type(value) is int and 0 < value < _LARGEST:
        return value
    raise wrong(picture, key, "a number of pixels")


def _same(one: object, other: object) -> bool:
    """Whether both are one id, written as a number here and as a text there."""
    return bool(_whole(one) == _whole(other))


def _whole(value: Any) -> Any:
    found = as_number(value)
    return int(found) if type(found) is float and found.is_integer() else found


def _names(file: File) -> ImageNames:
    """What the names in ``file`` mean; made anew when the file or the folder of its pictures has changed."""
    changed = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in (file.path, file.images))
    return _known_names(file.path, file.images, file.naming, changed)


@lru_cache(maxsize=4)
def _known_names(path: Path, images: Path, naming: Naming, changed: tuple[int, ...]) -> ImageNames:  # noqa: ARG001
    return ImageNames(images, lambda: _all_names(path, images, naming))


def _all_names(path: Path, images: Path, naming: Naming) -> Iterator[str]:
    document = json_document.opened(path)
    for start, length, *_ in File(path, images, naming, {}).keys():  # noqa: SIM118 - no mapping
        try:
            yield naming.file_name(document.parse(start, start + length))
        except OddRecord:  # said when it is loaded
            continue


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
