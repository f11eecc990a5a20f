"""Writing COCO: records made in any process, one stream of them to the file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from converters.formats.coco import lists
from converters.formats.coco.reading import PAIRS, SLOTS
from converters.formats.coco.records import ATTRIBUTE_IDS, ATTRIBUTES, OWN, UNKNOWN_ATTRIBUTE_IDS, VOID
from converters.model import Attribute, KeypointSlot, Mask, Object, Sample, flat, rules
from tltpipe.errors import DataError


@dataclass(frozen=True)
class Entry:
    """A sample as JSON records that lack only their ids: cheap to hand from a worker process to the writer."""

    id: str
    image: bytes
    annotations: tuple[bytes, ...]
    number: int | None = None


@dataclass(frozen=True)
class Recorder:
    """Turns samples into entries; holds no file, so worker processes can have one each."""

    numbers: Mapping[str, int]
    """The id of each category, in their order."""
    keypoints: Mapping[str, KeypointSlot]
    attributes: bool = False
    """Whether the data set has any."""

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
        if sample.void is not None:
            image[VOID] = _run_lengths(sample.void)
        annotations = tuple(self._annotation(thing, sample) for thing in sample.objects)
        return Entry(sample.id, orjson.dumps(image), annotations, sample.number)

    def _annotation(self, thing: Object, sample: Sample) -> bytes:
        box, slot = thing.box, self.keypoints.get(thing.category)
        width, height = _extent(box.left, box.right), _extent(box.top, box.bottom)
        record: dict[str, Any] = {
            "category_id": self._number(thing, sample),
            "bbox": (box.left, box.top, width, height),
            "area": width * height,
            "iscrowd": int(thing.crowd),
            "segmentation": thing.polygons,
        }
        if thing.mask is not None and not thing.polygons:
            record |= _masked(thing.mask, sample, thing)
        if thing.extra:
            record |= thing.extra if OWN.isdisjoint(thing.extra) else _foreign(thing.extra)
        if thing.pair_id is not None:
            record["pair_id"] = thing.pair_id
        if thing.style is not None:
            record["style"] = thing.style
        if "occlusion" not in record:
            record["occlusion"] = thing.occlusion + 1
        if thing.truncation:
            record["truncation"] = thing.truncation
        if self.attributes:
            record[ATTRIBUTE_IDS] = thing.attributes
            if thing.unknown_attributes:
                record[UNKNOWN_ATTRIBUTE_IDS] = thing.unknown_attributes
        if slot is not None:
            return orjson.dumps(record)[:-1] + self._vector(thing, slot, sample)
        if thing.keypoints:
            what = f"{thing.category} has keypoints, but was not announced with any"
            raise DataError(what, where=sample.where(thing))
        return orjson.dumps(record)

    def _number(self, thing: Object, sample: Sample) -> int:
        try:
            return self.numbers[thing.category]
        except KeyError:
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


def _extent(low: float, high: float) -> float:
    """The shortest number that leads from ``low`` to ``high``: their difference has digits that nobody wrote."""
    extent = high - low
    if type(extent) is not float:
        return extent
    short = round(extent, 4)
    near = (short, extent, math.nextafter(extent, math.inf), math.nextafter(extent, -math.inf))
    return next((each for each in near if low + each == high), extent)


def _masked(mask: Mask, sample: Sample, thing: Object) -> dict[str, Any]:
    from converters.model import run_lengths

    try:
        area = run_lengths.area(mask)
    except ValueError as problem:
        raise DataError(str(problem), where=sample.where(thing), code=rules.ODD_MASK.code) from None
    return {"area": area, "segmentation": _run_lengths(mask)}


def _run_lengths(mask: Mask) -> dict[str, Any]:
    return {"size": (mask.height, mask.width), "counts": mask.counts.decode("ascii")}


def _foreign(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Without fields that mean something else here; "style" and the like come from files where they do, too."""
    return {key: value for key, value in extra.items() if key not in OWN or key in _SHARED}


_SHARED = frozenset(("occlusion", "truncation", "pair_id", "style"))


@cache
def _zeros(points: int) -> bytes:
    """So many points that are none: ``,0,0,0,0...``."""
    return b",0,0,0" * points


def numbered(categories: Sequence[str], ids: Mapping[str, int]) -> dict[str, int]:
    """The id of each of ``categories``, in order: those of ``ids``, and for the others the numbers after them.

    >>> numbered(["cat", "dog", "cow"], {"dog": 7})
    {'cat': 8, 'dog': 7, 'cow': 9}
    """
    free = count(1 + max((ids[name] for name in categories if name in ids), default=0))
    return {name: ids[name] if name in ids else next(free) for name in categories}


class Ids:
    """The numbers of the records of a split, whatever files they go to.

    A picture's id is its own number, else the one that its name is (000123 -> 123), or the next free one where there
    is none or it is taken; annotation ids count from 1.
    """

    def __init__(self) -> None:
        self._images: set[int] = set()
        self._next_free, self._annotations = count(1), count(1)

    def image(self, entry: Entry) -> int:
        stem, number = entry.id.rpartition("/")[2], entry.number
        if number is None:
            number = int(stem) if stem.isascii() and stem.isdigit() and len(stem) <= 15 else 0
            number = number or next(self._next_free)
        while number in self._images:
            number = next(self._next_free)
        self._images.add(number)
        return number

    def annotation(self) -> int:
        return next(self._annotations)


class Writer:
    """Streams records to ``path``: pictures straight into the file, annotations beside it until they follow.

    ``keypoints`` says where each category's points lie, ``ids`` what number it has (see ``numbered``). The id of an
    attribute is its place.
    """

    def __init__(
        self,
        path: Path,
        categories: Sequence[str],
        *,
        keypoints: Mapping[str, KeypointSlot] | None = None,
        supercategories: Mapping[str, str] | None = None,
        joint_pairs: bool = True,
        ids: Mapping[str, int] | None = None,
        attributes: Sequence[Attribute] = (),
    ) -> None:
        self.path = path
        self.recorder = Recorder(numbered(categories, ids or {}), keypoints or {}, bool(attributes))
        self.attributes = attributes
        self.supercategories = supercategories or {}
        self.joint_pairs = joint_pairs
        self._files = ExitStack()
        self._ids = Ids()

    def __enter__(self) -> Writer:
        head = b'{"info":%s,\n"licenses":[]' % orjson.dumps(self._info())
        if self.attributes:  # before the long lists, where a reader finds them at once
            head += b',\n"%s":%s' % (ATTRIBUTES.encode(), orjson.dumps(self._attributes()))
        self._lists = self._files.enter_context(lists.written(self.path, head, self._categories))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)

    def append(self, entry: Entry) -> None:
        """Give ``entry`` its ids and write it."""
        number = self._ids.image(entry)
        self.write(number, entry.image, ((self._ids.annotation(), each) for each in entry.annotations))

    def write(self, number: int, image: bytes, annotations: Iterable[tuple[int, bytes]]) -> None:
        """Write records with the numbers that they have: the ``image``, and its ``annotations`` each with its own."""
        self._lists.image(b'{"id":%d,%s' % (number, image[1:]))
        for own, annotation in annotations:
            self._lists.annotation(b'{"id":%d,"image_id":%d,' % (own, number) + annotation[1:])

    def _info(self) -> dict[str, Any]:
        """Which stretch of the keypoint vector is whose: COCO has no field for it, and ``info`` is free."""
        parts = {
            name: [slot.offset, slot.count]
            for name, slot in self.recorder.keypoints.items()
            if slot.count != len(slot.names)
        }
        told: dict[str, Any] = {SLOTS: parts} if parts else {}
        return told if self.joint_pairs else told | {PAIRS: "each split counts its own"}

    def _attributes(self) -> list[dict[str, Any]]:
        return [
            {"id": number, "name": each.name, "supercategory": each.group}
            for number, each in enumerate(self.attributes)
        ]

    def _categories(self) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        for name, number in self.recorder.numbers.items():
            record: dict[str, Any] = {"id": number, "name": name, "supercategory": self.supercategories.get(name, "")}
            if slot := self.recorder.keypoints.get(name):
                record |= {"keypoints": slot.names, "skeleton": slot.skeleton}
            records.append(record)
        return records
