"""A COCO file as a data set: categories, where keypoints lie, and the pictures to be read later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from converters.files import json_document, listing
from converters.files.json_document import Document
from converters.formats.coco.naming import naming
from converters.formats.coco.pictures import File
from converters.formats.coco.places import First, example
from converters.formats.coco.records import (
    ATTRIBUTE_IDS,
    ATTRIBUTES,
    Category,
    Identity,
    OddRecord,
    Record,
    identity,
    wrong,
)
from converters.model import Attribute, Dataset, KeypointSlot, garments, landmarks, rules
from converters.model.findings import Finding, Findings
from converters.model.splits import Place
from tltpipe.errors import DataError

LARGE = 16 << 20
"""Bytes; of larger files only the two ends are looked at before their pictures are asked for."""

_FIRST = 1 << 16  # bytes, in which there is an annotation

SLOTS, PAIRS = "keypoint_slots", "pair_ids"
"""Members of ``info``: where each category's points lie in its vector; and, where it is there, that pair ids are not
those of other splits."""


def read(place: Place, classes: Sequence[str] | None = None) -> Dataset:
    """The file at ``place``. Raises DataError for what is no COCO; what is between the ends is judged later.

    Categories are in the order of their ids, or in that of the class map ``classes`` where it has the same names.
    """
    path = place.annotations
    document = json_document.opened(path)
    file = File(path, place.images, naming(place.images, example(path)), {})
    members, annotated = _members(document, file)
    info = members.get("info")
    info = info if isinstance(info, dict) else {}
    try:
        categories = _categories(members.get("categories", []), info.get(SLOTS))
        attributes = _attributes(members.get(ATTRIBUTES))
    except OddRecord as odd:
        raise DataError(str(odd), where=path) from None
    if annotated and "categories" not in members:
        hint = "a COCO file holds the lists images, annotations and categories"
        raise DataError('"categories" is missing', where=path, hint=hint)
    # Files of ours that hold such vectors say whose points are whose, and whether pairs are numbered anew.
    garments_told = (_is_garment(each.name, each.slot.names) for each in categories.values() if each.slot)
    official = SLOTS not in info and any(garments_told)
    first = {category.name: category for category in reversed(categories.values())}
    names = tuple(dict.fromkeys(category.name for category in categories.values()))
    if classes is not None and sorted(classes) == sorted(names):
        names = tuple(classes)
    return Dataset(
        names,
        replace(file, categories=categories, attributes={number: at for at, number in enumerate(attributes)}),
        {name: slot for name in names if (slot := first[name].slot) is not None},
        {name: first[name].supercategory for name in names if first[name].supercategory},
        joint_pairs=PAIRS not in info and not official,
        annotated=annotated,
        ids=_ids(categories),
        findings=_undescribed(place.undescribed) if isinstance(place, First) else (),
        attributes=tuple(attributes.values()),
    )


def _ids(categories: Mapping[Identity, Category]) -> dict[str, int]:
    """The id of each name, the first where several have it; none where ids are texts, or not to be counted with."""
    numbers = [number for number in categories if isinstance(number, int) and 0 <= number < 2**53]
    if len(numbers) != len(categories):
        return {}
    return {categories[number].name: number for number in reversed(numbers)}


def _undescribed(folders: Sequence[Path]) -> tuple[Finding, ...]:
    findings = Findings()
    for folder in folders:
        if count := sum(1 for _ in listing.files(folder, listing.PICTURES)):
            findings.add(rules.UNDESCRIBED, folder, count=count)
    return findings.all()


def _members(document: Document, file: File) -> tuple[dict[str, Any], bool]:
    """``info`` and ``categories``, and whether there are annotations."""
    from converters.files import json_records
    from converters.formats.coco.index import LISTS, NEEDED, index

    if document.size > LARGE:
        members = json_records.edges(document, first=LISTS, last="categories")
        place = document.find(b'"annotations"')
        first = document.read(place, _FIRST) if place >= 0 else b""
        if members.keys() >= set(NEEDED) and (ATTRIBUTES in members or ATTRIBUTE_IDS.encode() not in first):
            return members, place >= 0
    found = index(document, file.naming)
    return found.members, found.annotated


def _categories(records: Any, slots: Any) -> dict[Identity, Category]:
    """By id and in the order of ids. Two ids may have the same name, and then are the same category."""
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise OddRecord('"categories" must be a list of objects')
    found: dict[Identity, Category] = {}
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    for record in records:
        number, name = identity(record, "id"), record.get("name")
        if not isinstance(name, str) or not name:
            raise wrong(record, "name", "a name")
        if number in found:
            raise OddRecord(f"there are two categories with the id {number}")
        points = record.get("keypoints")
        slot = _slot(record, slots, shared) if isinstance(points, list) and points else None
        layout, channels = landmarks.layout(name), tuple[int, ...]()
        if slot is not None and layout is not None and layout.aggregated and slot.names == _CHANNELS:
            slot, channels = KeypointSlot(_GARMENT_POINTS, layout.offset, layout.count), layout.aggregated
        above = record.get("supercategory")
        found[number] = Category(name, slot, above if isinstance(above, str) else "", channels)
    return {number: found[number] for number in sorted(found, key=_rank)}


def _slot(record: Record, slots: Any, shared: dict[tuple[str, ...], tuple[str, ...]]) -> KeypointSlot:
    names = tuple(map(str, record["keypoints"]))
    names = shared.setdefault(names, names)  # 13 times the same 294: they travel to every worker
    skeleton = record.get("skeleton")
    lines = skeleton if isinstance(skeleton, list) else []
    pairs = tuple(tuple(line) for line in lines if _is_line(line, len(names)))
    own = slots.get(record["name"]) if isinstance(slots, Mapping) else None
    match own:
        case [int(offset), int(count)] if offset >= 0 and count > 0 and offset + count <= len(names):
            return KeypointSlot(names, offset, count, pairs)
    if _is_garment(record["name"], names):
        garment = garments.BY_NAME[record["name"]]
        return KeypointSlot(names, garment.offset, garment.landmarks, pairs)
    return KeypointSlot(names, 0, len(names), pairs)


def _is_garment(name: str, points: tuple[str, ...]) -> bool:
    """Whether this is the vector of the official DeepFashion2 conversion, whose files do not say what is whose."""
    return name in garments.BY_NAME and points == _GARMENT_POINTS


_CHANNELS = tuple(str(number) for number in range(1, landmarks.AGGREGATED + 1))
_GARMENT_POINTS = tuple(str(number) for number in range(1, garments.LANDMARKS + 1))


def _is_line(line: Any, points: int) -> bool:
    if not isinstance(line, list) or len(line) != 2:
        return False
    return all(type(point) is int and 1 <= point <= points for point in line)


def _attributes(records: Any) -> dict[Identity, Attribute]:
    """By id, in the order of the file; none where that member is another program's."""
    if not isinstance(records, list) or not all(isinstance(record, dict) and "name" in record for record in records):
        return {}
    found: dict[Identity, Attribute] = {}
    for record in records:
        number, name, above = identity(record, "id"), record["name"], record.get("supercategory")
        if not isinstance(name, str) or not name:
            raise wrong(record, "name", "a name")
        if number in found or name in {each.name for each in found.values()}:
            raise OddRecord(f'there are two attributes with the id {number}, or the name "{name[:80]}"')
        found[number] = Attribute(name, above if isinstance(above, str) else "")
    return found


def _rank(number: Identity) -> tuple[bool, int, str]:
    """Numbers by value, then texts, those of digits by value too."""
    if isinstance(number, int):
        return False, number, ""
    return True, int(number) if number.isascii() and number.isdigit() and len(number) < 20 else 1 << 70, number
