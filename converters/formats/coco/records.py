"""COCO's records as objects of the model: every field judged by its type, none by its sense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from converters.files import json_file
from converters.files.numerals import FAR, is_number
from converters.model import Box, Keypoint, Keypoints, KeypointSlot, Mask, Object, Polygon, landmarks, rules
from converters.model.findings import Findings

Record = dict[str, Any]
Identity = int | str
"""What tells records apart: a whole number, or a text where an export has texts."""

ATTRIBUTES, ATTRIBUTE_IDS, UNKNOWN_ATTRIBUTE_IDS = "attributes", "attribute_ids", "unknown_attribute_ids"
"""The list of them beside the categories, and the fields of an annotation that name some of them."""

VOID = "void"
"""The field of an image with run lengths of the pixels that are of no class."""

_SHAPE = ("bbox", "iscrowd", "segmentation", "num_keypoints", "keypoints")
_ATTRIBUTES = (ATTRIBUTE_IDS, UNKNOWN_ATTRIBUTE_IDS)
OWN = frozenset(("id", "image_id", "category_id", *_SHAPE, *_ATTRIBUTES, "occlusion", "truncation", "pair_id", "style"))
"""Fields of an annotation that have a meaning of their own; ``area`` is kept where it is not what we would write."""

_NUMBERS = frozenset((int, float))
_SCALARS = (int, float, str, bool)


class OddRecord(Exception):
    """What is wrong with a record; who knows where it lies makes a DataError of it."""

    def __init__(self, what: str, *, code: str | None = None) -> None:
        super().__init__(what)
        self.code = code


def identity(record: Record, key: str) -> Identity:
    """The field ``key``, which tells or names a record: 7, 7.0 and "7" are allowed, and "7" is another than 7."""
    value = record.get(key)
    if type(value) is int or type(value) is str:
        return value
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    raise wrong(record, key, "a whole number")


def as_number(value: Any) -> Any:
    """The number that ``value`` is, or is the decimal text of, as some exports write all of them; else ``value``."""
    if type(value) is not str or not is_number(value):
        return value
    found = float(value)
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def wrong(record: Record, key: str, needed: str) -> OddRecord:
    told = json_file.name(record[key]) if key in record else "missing"
    return OddRecord(f'"{key}" of {title(record)} must be {needed}, but is {told}')


def title(record: Record) -> str:
    return f"the record with id {_shown(record.get('id'))}"


def origin(record: Record) -> str:
    """What ``Object.origin`` says of an annotation."""
    return f"annotation {record.get('id')}"


def _shown(value: object) -> str:
    """``value`` as the file has it, so that a text is not taken for a number."""
    return json_file.name(value).removeprefix("the number ")


@dataclass(frozen=True)
class Category:
    """One entry of ``categories``; ``slot`` says where its keypoints lie, if it has any.

    ``channels``: where the file has channels that garments share in place of that vector, that of each own point, from
    1.
    """

    name: str
    slot: KeypointSlot | None = None
    supercategory: str = ""
    channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reader:
    """Makes objects of annotations. Picklable; ``attributes`` has the place of each by its id."""

    categories: Mapping[Identity, Category] = field(default_factory=dict)
    attributes: Mapping[Identity, int] = field(default_factory=dict)

    def object(self, record: Record, name: str, findings: Findings) -> Object:
        """The object of ``record``, on the picture ``name``. Raises OddRecord."""
        category = self._category(record)
        polygons, mask = _segmentation(record)
        box = _box(record, polygons, mask)
        keypoints: Sequence[Keypoint] = ()
        if category.slot is not None:
            keypoints = _keypoints(record, category.slot, category.channels)
            if not keypoints:
                findings.add(rules.NO_LANDMARKS, f"{name} annotation {record.get('id')}")
        extra = {key: value for key, value in record.items() if key not in OWN and type(value) in _SCALARS}
        if "area" in extra:
            extra["area"] = area = as_number(extra["area"])
            if type(area) not in (int, float) or area <= 0 or _is_ours(area, box, mask):
                del extra["area"]
        occlusion, truncation = record.get("occlusion", 1), record.get("truncation", 0.0)
        if type(occlusion) is not int or not 1 <= occlusion <= 4:  # somebody else's
            occlusion = _foreign(record, "occlusion", extra, 1)
        if type(truncation) not in (int, float) or not 0 <= truncation <= 1:
            truncation = _foreign(record, "truncation", extra, 0.0)
        return Object(
            category.name,
            box,
            polygons,
            keypoints,
            occlusion - 1,
            truncation,
            _whole(record, "pair_id", extra) if "pair_id" in record else None,
            _whole(record, "style", extra) if "style" in record else None,
            extra,
            mask,
            _crowd(record) if record.get("iscrowd") else False,
            origin(record),
            *self._attributes(record),
        )

    def _attributes(self, record: Record) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The places of those that it has, and of those that nobody judged: all where it says nothing of any."""
        if record.get(ATTRIBUTE_IDS) is None:
            return (), tuple(self.attributes.values())
        own, unknown = (self._places(record, key) for key in (ATTRIBUTE_IDS, UNKNOWN_ATTRIBUTE_IDS))
        return own, tuple(place for place in unknown if place not in own)

    def _places(self, record: Record, key: str) -> tuple[int, ...]:
        numbers = record.get(key) or []
        if type(numbers) is not list:
            raise wrong(record, key, "a list of ids")
        try:
            return tuple(sorted({self.attributes[number] for number in numbers}))
        except (KeyError, TypeError):
            odd = next(each for each in numbers if type(each) not in (int, str) or each not in self.attributes)
            raise OddRecord(f"{title(record)} has the attribute {_shown(odd)}, which is not listed") from None

    def _category(self, record: Record) -> Category:
        value = record.get("category_id")
        own = value if type(value) is int else identity(record, "category_id")
        try:
            return self.categories[own]
        except KeyError:
            other = as_number(own) if type(own) is str else str(own)  # one side has texts, the other numbers
            if type(other) is not float and other in self.categories:
                return self.categories[other]
            what = f"{title(record)} has the category {_shown(own)}, which is not listed"
            raise OddRecord(what, code=rules.UNKNOWN_CLASS.code) from None


def is_numbers(values: Any) -> bool:
    """Whether this is a list of numbers that can be pixels."""
    if type(values) is not list:
        return False
    return not values or (_NUMBERS.issuperset(map(type, values)) and max(values) < FAR and min(values) > -FAR)


def _box(record: Record, polygons: tuple[Polygon, ...], mask: Mask | None) -> Box:
    values = record.get("bbox")
    right = is_numbers(values)
    if not right and type(values) is list:
        values = list(map(as_number, values))
        right = is_numbers(values)
    if values in (None, [], [0, 0, 0, 0]) and (any(polygons) or mask):  # it says no more than they do
        return _around(polygons, mask, record)
    if not right or len(values) != 4:  # type: ignore[arg-type]
        raise _no_numbers(record, "bbox", "a list of 4 numbers", values)
    left, top, width, height = values  # type: ignore[misc]
    return Box(left, top, left + width, top + height)


def _around(polygons: tuple[Polygon, ...], mask: Mask | None, record: Record) -> Box:
    from converters.model import run_lengths

    across = [x for ring in polygons for x in ring[::2]]
    down = [y for ring in polygons for y in ring[1::2]]
    box = run_lengths.box(mask) if mask else Box(min(across), min(down), max(across), max(down)) if across else None
    if box is None:
        raise wrong(record, "bbox", "a list of 4 numbers")
    return box


def _segmentation(record: Record) -> tuple[tuple[Polygon, ...], Mask | None]:
    parts = record.get("segmentation")
    if not parts:
        if parts in (None, [], {}):
            return (), None
        raise wrong(record, "segmentation", "polygons or run lengths")
    if type(parts) is list:
        if len(parts) >= 6 and is_numbers(parts):
            parts = [parts]  # one ring, not in a list of its own
        for ring in parts:
            if not is_numbers(ring) or len(ring) % 2:
                raise _no_numbers(record, "segmentation", "lists of x, y, x, y, ...", ring)
        return tuple(map(tuple, parts)), None
    if type(parts) is dict:
        return (), _mask(record, "segmentation")
    raise wrong(record, "segmentation", "polygons or run lengths")


def void(picture: Record) -> Mask | None:
    """The pixels of a picture that nobody says anything about: our own field, None without. Raises OddRecord."""
    return _mask(picture, VOID) if type(picture.get(VOID)) is dict else None


def _mask(record: Record, key: str) -> Mask:
    from converters.model import run_lengths

    size, counts = record[key].get("size"), record[key].get("counts")
    if type(size) is not list or len(size) != 2 or set(map(type, size)) != {int}:
        raise OddRecord(f'"{key}" of {title(record)} must have a "size" of height and width')
    height, width = size
    try:
        if type(counts) is list and set(map(type, counts)) == {int}:
            return run_lengths.compressed(counts, width, height)
        mask = Mask(width, height, counts.encode("ascii"))
        run_lengths.runs(mask)
    except (ValueError, OverflowError, AttributeError) as problem:
        why = f": {problem}" if type(problem) is ValueError else ""
        what = f'"{key}" of {title(record)} has "counts" that are no run lengths{why}'
        raise OddRecord(what, code=rules.ODD_MASK.code) from None
    return mask


def _keypoints(record: Record, slot: KeypointSlot, channels: Sequence[int]) -> Sequence[Keypoint]:
    """The category's own points; none when not one of them is labelled."""
    numbers = record.get("keypoints")
    if not numbers and (numbers is None or numbers == []):
        return ()
    length = 3 * (landmarks.AGGREGATED if channels else len(slot.names))
    if type(numbers) is not list or len(numbers) != length:
        held = f"holds {len(numbers)}" if type(numbers) is list else f"is {json_file.name(numbers)}"
        what = f'"keypoints" of {title(record)} must be a list of {length} numbers, but {held}'
        raise OddRecord(what, code=rules.LANDMARK_COUNT.code)
    own = numbers[3 * slot.offset : 3 * (slot.offset + slot.count)]
    if channels:
        own = [number for channel in channels for number in numbers[3 * channel - 3 : 3 * channel]]
    if not is_numbers(own):
        raise _no_numbers(record, "keypoints", f"a list of {length} numbers", own)
    seen = set(own[2::3])
    if not seen <= _VISIBILITIES:
        raise OddRecord(f'"keypoints" of {title(record)} holds a visibility that is none of 0, 1, 2')
    if seen == {0}:
        return ()
    if 0 in seen and _is_anywhere(own):  # where it is means nothing
        for place in range(2, len(own), 3):
            if not own[place]:
                own[place - 2 : place + 1] = 0, 0, 0
    return Keypoints(own)


_VISIBILITIES = frozenset((0, 1, 2))


def _is_anywhere(own: list[float]) -> bool:
    """Whether a point that is not labelled has a place all the same."""
    unseen = [not value for value in own[2::3]]
    return any(compress(own[::3], unseen)) or any(compress(own[1::3], unseen))


def _no_numbers(record: Record, key: str, needed: str, values: Any) -> OddRecord:
    if type(values) is list and values and _NUMBERS.issuperset(map(type, values)):
        most = max(values, key=abs)
        if abs(most) >= FAR:
            return OddRecord(f'"{key}" of {title(record)} holds {most:g}, which cannot be a pixel')
    odd = next((value for value in values if type(value) not in (int, float)), None) if type(values) is list else values
    held = f" holds {json_file.name(odd)}" if odd is not None else ""
    return OddRecord(f'"{key}" of {title(record)} must be {needed}{", but" if held else ""}{held}')


def _is_ours(area: Any, box: Box, mask: Mask | None) -> bool:
    """Whether ``area`` says no more than box and mask do."""
    if mask is not None:
        from converters.model import run_lengths

        return bool(area == run_lengths.area(mask))
    own = (box.right - box.left) * (box.bottom - box.top)
    return bool(abs(area - own) <= 1e-6 * abs(own))


def _foreign(record: Record, key: str, extra: dict[str, Any], default: Any) -> Any:
    """Keep what is there, which means something else to whoever wrote it, as a field of theirs."""
    if record[key] is not None:
        if type(record[key]) not in _SCALARS:
            raise wrong(record, key, "a number")
        extra[key] = record[key]
    return default


def _whole(record: Record, key: str, extra: dict[str, Any]) -> int | None:
    value = record[key]
    if type(value) is int and 0 <= value < 2**53:
        return value
    _foreign(record, key, extra, None)
    return None


def _crowd(record: Record) -> bool:
    value = as_number(record["iscrowd"])
    if type(value) in (int, float, bool) and value in (0, 1):
        return bool(value)
    raise wrong(record, "iscrowd", "0 or 1")
