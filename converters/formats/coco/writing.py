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

import msgspec
import orjson

from converters.formats.coco import lists
from converters.formats.coco.reading import PAIRS, SLOTS
from converters.formats.coco.records import ATTRIBUTE_IDS, ATTRIBUTES, OWN, UNKNOWN_ATTRIBUTE_IDS, VOID
from converters.model import Attribute, KeypointSlot, Mask, Object, Sample, flat, rules
from tltpipe.errors import DataError

Annotation = tuple[bytes, int, int]
"""A JSON record without its brace and ids; where the category's own points begin in it, 0 where there are none; and the
number of the category. The zeros around those points are left to the writer."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A sample as JSON records that lack their ids: cheap to hand from a worker process to the writer.

    ``number`` is the id that the image should have, None for the next free one."""

    number: int | None
    image: bytes
    annotations: list[Annotation]


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
        number = _number(sample.id) if sample.number is None else sample.number
        return Entry(number, _open(image), [self._annotation(thing, sample) for thing in sample.objects])

    def _annotation(self, thing: Object, sample: Sample) -> Annotation:
        box, category = thing.box, self._category(thing, sample)
        width, height = _extent(box.left, box.right), _extent(box.top, box.bottom)
        record: dict[str, Any] = {
            "category_id": category,
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
        slot = self.keypoints.get(thing.category)
        if slot is not None:
            own = self._points(thing, slot, sample)
            record["num_keypoints"] = len(own) // 3 - own[2::3].count(0)
            record["keypoints"] = own
            text = _open(record)
            return (text, text.rindex(b"[") + 1 if slot.count else 0, category)
        if thing.keypoints:
            what = f"{thing.category} has keypoints, but was not announced with any"
            raise DataError(what, where=sample.where(thing))
        return (_open(record), 0, category)

    def _category(self, thing: Object, sample: Sample) -> int:
        try:
            return self.numbers[thing.category]
        except KeyError:
            raise DataError(f"{thing.category} is none of the categories", where=sample.where(thing)) from None

    def _points(self, thing: Object, slot: KeypointSlot, sample: Sample) -> Sequence[float]:
        """The category's own part of the vector; all of it where none is its own."""
        if not thing.keypoints:
            return _zeros(slot.count or len(slot.names))
        own = flat(thing.keypoints)
        if len(own) != 3 * slot.count:
            what = f"{thing.category} has {len(own) // 3} keypoints, not {slot.count}"
            raise DataError(what, where=sample.where(thing), code=rules.LANDMARK_COUNT.code)
        return own


def _open(record: Mapping[str, Any]) -> bytes:
    """``record`` as JSON behind its brace, where ids go. A copy: what orjson returns lies in more memory than it needs,
    and to take new memory for every record costs more than all else."""
    return orjson.dumps(record)[1:]


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
def _zeros(points: int) -> tuple[int, ...]:
    """So many points that are none."""
    return (0, 0, 0) * points


def _around(slot: KeypointSlot) -> tuple[bytes, bytes]:
    """What stands before the own part of a category's vector, and after it: zeros. Those are not handed over."""
    return b"0,0,0," * slot.offset, b",0,0,0" * (len(slot.names) - slot.offset - slot.count) + b"]}"


def _number(name: str) -> int | None:
    """The number that the name of an image is (000123 -> 123); None where it is none."""
    stem = name.rpartition("/")[2]
    return (int(stem) or None) if stem.isascii() and stem.isdigit() and len(stem) <= 15 else None


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
        self._next_free, self.annotations = count(1), count(1)

    def image(self, entry: Entry) -> int:
        number = next(self._next_free) if entry.number is None else entry.number
        while number in self._images:
            number = next(self._next_free)
        self._images.add(number)
        return number


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
        slots = {number: self.recorder.keypoints.get(name) for name, number in self.recorder.numbers.items()}
        self._around = {number: _around(slot) for number, slot in slots.items() if slot is not None}
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

    def append(self, records: Sequence[Entry]) -> None:
        """Give each entry its ids and write it."""
        numbers = self._ids.annotations
        self.write(
            (self._ids.image(each), each.image, zip(each.annotations, numbers, strict=False)) for each in records
        )

    def write(self, records: Iterable[tuple[int, bytes, Iterable[tuple[Annotation, int]]]]) -> None:
        """Write records with the numbers that they have: images, each with its annotations and their own."""
        images, pieces = list[bytes](), list[bytes]()  # records of annotations in pieces, put together once
        for number, image, items in records:
            images.append(b',\n{"id":%d,%s' % (number, image))
            for (text, points, category), own in items:
                pieces.append(b',\n{"id":%d,"image_id":%d,' % (own, number))
                if points:
                    before, after = self._around[category]
                    pieces += (text[:points], before, text[points:-2], after)
                else:
                    pieces.append(text)
        self._lists.images(images)
        self._lists.annotations(pieces)

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
