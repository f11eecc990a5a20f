"""COCO: one JSON file with pictures, annotations and categories; boxes, polygons and keypoints.

Written as the official DeepFashion2 conversion has it, plus what that drops: ``source`` on pictures; ``occlusion``
(as DeepFashion2 counts it: 1 slight or none, 2 medium, 3 heavy; 4 is unknown), ``truncation`` where there is one, and
a format's own fields (scale, zoom_in, viewpoint) on annotations.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any

import orjson

from converters import json_file, rules
from converters.formats import Place
from converters.model import Box, Dataset, Keypoint, KeypointSlot, Object, Polygon, Sample, flat
from tltpipe.errors import DataError

ABOUT = "COCO JSON: annotations/instances_<split>.json, images/<split>"
CARRIES = frozenset({"box", "polygons", "keypoints", "occlusion", "truncation", "pair_id", "style", "extra", "source"})


@dataclass(frozen=True)
class Entry:
    """A sample as JSON records that lack only their ids: cheap to hand from a worker process to the writer."""

    id: str
    image: bytes
    annotations: tuple[bytes, ...]


@dataclass(frozen=True)
class Recorder:
    """Turns samples into entries; holds no file, so worker processes can have one each."""

    categories: tuple[str, ...]
    keypoints: Mapping[str, KeypointSlot]

    def record(self, sample: Sample) -> Entry:
        """Raises DataError for an object of a category that was not announced, or with keypoints of no known place."""
        image: dict[str, Any] = {
            "license": 0,
            "file_name": sample.file_name,
            "width": sample.width,
            "height": sample.height,
            "coco_url": "",
            "flickr_url": "",
            "date_captured": "",
        }
        if sample.source is not None:
            image["source"] = sample.source
        annotations = tuple(self._annotation(thing, sample) for thing in sample.objects)
        return Entry(sample.id, orjson.dumps(image), annotations)

    def _annotation(self, thing: Object, sample: Sample) -> bytes:
        box, slot = thing.box, self.keypoints.get(thing.category)
        width, height = box.right - box.left, box.bottom - box.top
        record: dict[str, Any] = {
            "category_id": self._number(thing, sample),
            "bbox": (box.left, box.top, width, height),
            "area": width * height,
            "iscrowd": int(thing.crowd),
            "segmentation": thing.polygons,
            **thing.extra,
        }
        if thing.pair_id is not None:
            record["pair_id"] = thing.pair_id
        if thing.style is not None:
            record["style"] = thing.style
        record["occlusion"] = thing.occlusion + 1
        if thing.truncation:
            record["truncation"] = thing.truncation
        if slot is not None:
            return orjson.dumps(record)[:-1] + self._vector(thing, slot, sample)
        if thing.keypoints:
            what = f"{thing.category} has keypoints, but was not announced with any"
            raise DataError(what, where=sample.where(thing))
        return orjson.dumps(record)

    def _number(self, thing: Object, sample: Sample) -> int:
        try:
            return self.categories.index(thing.category) + 1
        except ValueError:
            raise DataError(f"{thing.category} is none of the categories", where=sample.where(thing)) from None

    def _vector(self, thing: Object, slot: KeypointSlot, sample: Sample) -> bytes:
        """The end of a record: the whole vector, zeros outside the category's own part. Those are not encoded anew."""
        if not thing.keypoints:
            return b',"num_keypoints":0,"keypoints":[%s]}' % _zeros(len(slot.names))[1:]
        own = flat(thing.keypoints)
        if len(own) != 3 * slot.count:
            what = f"{thing.category} has {len(own) // 3} keypoints, not {slot.count}"
            raise DataError(what, where=sample.where(thing), code=rules.LANDMARK_COUNT.code)
        seen = slot.count - own[2::3].count(0)
        before, after = _zeros(slot.offset)[1:], _zeros(len(slot.names) - slot.offset - slot.count)
        comma = b"," if before else b""
        points = orjson.dumps(own)[1:-1]
        return b',"num_keypoints":%d,"keypoints":[%s%s%s%s]}' % (seen, before, comma, points, after)


@cache
def _zeros(points: int) -> bytes:
    """So many points that are none: ``,0,0,0,0...``."""
    return b",0,0,0" * points


class Writer:
    """Streams records to ``path``: pictures straight into the file, annotations beside it until they follow.

    A picture's id is the number that its name is (000123 -> 123), or the next free one where the name is none or the
    number is taken; annotation ids count from 1. ``keypoints`` says where each category's points lie.
    """

    def __init__(
        self,
        path: Path,
        categories: Sequence[str],
        *,
        keypoints: Mapping[str, KeypointSlot] | None = None,
        supercategories: Mapping[str, str] | None = None,
        joint_pairs: bool = True,
    ) -> None:
        self.path = path
        self.recorder = Recorder(tuple(categories), keypoints or {})
        self.supercategories = supercategories or {}
        self.joint_pairs = joint_pairs
        self._files = ExitStack()
        self._image_ids: set[int] = set()
        self._next_free = count(1)
        self._annotation_ids = count(1)

    def __enter__(self) -> Writer:
        self._out: IO[bytes] = self._files.enter_context(self.path.open("wb"))
        # Annotations are the bulk: they wait on the disk of the result, not in memory and not in a small /tmp.
        self._spool: IO[bytes] = self._files.enter_context(TemporaryFile(dir=self.path.parent))
        self._out.write(b'{"info":%s,\n"licenses":[],\n"images":[' % orjson.dumps(self._info()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._files.__exit__(kind, error, trace)
            return
        with self._files:
            self._out.write(b'],\n"annotations":[')
            self._spool.seek(0)
            shutil.copyfileobj(self._spool, self._out, 1 << 20)
            self._out.write(b'],\n"categories":%s}\n' % orjson.dumps(self._categories()))

    def append(self, entry: Entry) -> None:
        """Give ``entry`` its ids and write it."""
        image_id = self._image_id(entry.id)
        self._out.write(b'%s\n{"id":%d,%s' % (b"," if len(self._image_ids) > 1 else b"", image_id, entry.image[1:]))
        for annotation in entry.annotations:
            number = next(self._annotation_ids)
            ids = b'%s\n{"id":%d,"image_id":%d,' % (b"," if number > 1 else b"", number, image_id)
            self._spool.write(ids + annotation[1:])

    def _image_id(self, stem: str) -> int:
        number = int(stem) if stem.isascii() and stem.isdigit() and len(stem) <= 15 else 0
        while number == 0 or number in self._image_ids:
            number = next(self._next_free)
        self._image_ids.add(number)
        return number

    def _info(self) -> dict[str, Any]:
        """Which stretch of the keypoint vector is whose: COCO has no field for it, and ``info`` is free."""
        parts = {
            name: [slot.offset, slot.count]
            for name, slot in self.recorder.keypoints.items()
            if slot.count != len(slot.names)
        }
        told: dict[str, Any] = {"keypoint_slots": parts} if parts else {}
        return told if self.joint_pairs else told | {"pair_ids": "each split counts its own"}

    def _categories(self) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        for number, name in enumerate(self.recorder.categories, start=1):
            record: dict[str, Any] = {"id": number, "name": name, "supercategory": self.supercategories.get(name, "")}
            if slot := self.recorder.keypoints.get(name):
                record |= {"keypoints": slot.names, "skeleton": slot.skeleton}
            records.append(record)
        return records


def layout(root: Path, split: str) -> Place:
    return Place(root, root / "annotations" / f"instances_{split}.json", root / "images" / split)


def read(root: Path, *, images: Path | None = None) -> Dataset:
    """The data set in the file ``root``, its pictures in the folder ``images`` (default: the file's own).

    Crowd regions and masks given as run lengths are left out. The file is held in memory while it is read.
    Raises DataError when it is not COCO.
    """
    page = json_file.load(root)
    return _Reader(page, root, images or root.parent).dataset()


class _Reader:
    def __init__(self, page: dict[str, Any], path: Path, images: Path) -> None:
        self.path, self.images = path, images
        self.records = {key: self._records(page, key) for key in ("images", "annotations", "categories")}
        info = page.get("info")
        slots = info.get("keypoint_slots") if isinstance(info, dict) else None
        self.slots: dict[str, Any] = slots if isinstance(slots, dict) else {}
        self.names = {int(_take(record, "id", int, self.path)): str(record.get("name")) for record in self.categories}

    @property
    def categories(self) -> list[dict[str, Any]]:
        return self.records["categories"]

    def dataset(self) -> Dataset:
        keypoints = {self.names[record["id"]]: self._slot(record) for record in self.categories if _points(record)}
        by_image: dict[int, list[dict[str, Any]]] = {}
        for record in self.records["annotations"]:
            by_image.setdefault(_take(record, "image_id", int, self.path), []).append(record)
        unknown = by_image.keys() - {_take(record, "id", int, self.path) for record in self.records["images"]}
        if unknown:
            raise DataError(f"there are annotations for the image {min(unknown)}, which is not listed", where=self.path)

        def samples() -> Iterator[Sample]:
            for record in self.records["images"]:
                yield self._sample(record, by_image.get(record["id"], []), keypoints)

        return Dataset(tuple(self.names[number] for number in sorted(self.names)), samples, keypoints)

    def _sample(
        self, record: dict[str, Any], annotations: list[dict[str, Any]], keypoints: Mapping[str, KeypointSlot]
    ) -> Sample:
        name = _take(record, "file_name", str, self.path)
        width, height = (_take(record, key, int, self.path) for key in ("width", "height"))
        objects = tuple(self._object(each, keypoints) for each in annotations if not each.get("iscrowd"))
        source = _take(record, "source", str, self.path) if "source" in record else None
        return Sample(Path(name).stem, self.images / name, width, height, objects, source)

    def _object(self, record: dict[str, Any], keypoints: Mapping[str, KeypointSlot]) -> Object:
        number = _take(record, "category_id", int, self.path)
        if number not in self.names:
            raise DataError(f"{_title(record)} has the category {number}, which is not listed", where=self.path)
        category = self.names[number]
        left, top, width, height = _numbers(record, "bbox", self.path, length=4)
        rings = record.get("segmentation")
        return Object(
            category,
            Box(left, top, left + width, top + height),
            tuple(_ring(ring, record, self.path) for ring in rings) if isinstance(rings, list) else (),
            self._keypoints(record, keypoints.get(category)),
            occlusion=_take(record, "occlusion", int, self.path, default=1) - 1,
            truncation=_take(record, "truncation", float, self.path, default=0.0),
            pair_id=_take(record, "pair_id", int, self.path) if "pair_id" in record else None,
            style=_take(record, "style", int, self.path) if "style" in record else None,
            extra={k: v for k, v in record.items() if k not in _KNOWN and isinstance(v, int | float | str)},
        )

    def _keypoints(self, record: dict[str, Any], slot: KeypointSlot | None) -> tuple[Keypoint, ...]:
        if slot is None or not record.get("num_keypoints"):
            return ()
        numbers = _numbers(record, "keypoints", self.path, length=3 * len(slot.names))
        own = numbers[3 * slot.offset : 3 * (slot.offset + slot.count)]
        return tuple(Keypoint(x, y, int(v)) for x, y, v in zip(own[::3], own[1::3], own[2::3], strict=True))

    def _slot(self, record: dict[str, Any]) -> KeypointSlot:
        names = tuple(map(str, _points(record)))
        match self.slots.get(self.names[record["id"]]):
            case [int(offset), int(length)] if offset >= 0 and length > 0 and offset + length <= len(names):
                return KeypointSlot(names, offset, length)
        return KeypointSlot(names, 0, len(names))

    def _records(self, page: dict[str, Any], key: str) -> list[dict[str, Any]]:
        records = page.get(key)
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            hint = "a COCO file holds the lists images, annotations and categories"
            raise DataError(f'"{key}" must be a list of objects', where=self.path, hint=hint)
        return records


_KNOWN = {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "num_keypoints", "keypoints"}
_KNOWN |= {"pair_id", "style", "occlusion", "truncation"}


def _points(category: dict[str, Any]) -> list[Any]:
    names = category.get("keypoints")
    return names if isinstance(names, list) else []


def _title(record: dict[str, Any]) -> str:
    return f"the record with id {record.get('id')}"


def _take(record: dict[str, Any], key: str, kind: type, path: Path, *, default: Any = None) -> Any:
    """The field ``key`` of ``record``, which must be a ``kind`` (an int passes for a float)."""
    value = record.get(key, default)
    if not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool):
        word = {int: "a whole number", float: "a number", str: "a string"}[kind]
        told = json_file.name(value) if key in record else "missing"
        raise DataError(f'"{key}" of {_title(record)} must be {word}, but is {told}', where=path)
    return value


def _numbers(record: dict[str, Any], key: str, path: Path, *, length: int) -> list[float]:
    values = record.get(key)
    if not isinstance(values, list) or len(values) != length or not set(map(type, values)) <= {int, float}:
        raise DataError(f'"{key}" of {_title(record)} must be a list of {length} numbers', where=path)
    return values


def _ring(values: Any, record: dict[str, Any], path: Path) -> Polygon:
    if not isinstance(values, list) or len(values) % 2 or not set(map(type, values)) <= {int, float}:
        raise DataError(f'"segmentation" of {_title(record)} must be lists of x, y, x, y, ...', where=path)
    return tuple(values)
