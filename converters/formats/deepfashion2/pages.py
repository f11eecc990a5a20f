"""The pages of DeepFashion2: decoded into their types at once, and field by field where that fails, for the words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from converters.files import json_file
from converters.files.json_file import FIX, Fields
from converters.files.numerals import FAR
from converters.model import Box, Keypoints, Object, Polygon, garments, rules
from converters.model.findings import Findings
from tltpipe.errors import DataError

_Pixel = Annotated[int, Meta(gt=-int(FAR), lt=int(FAR))] | Annotated[float, Meta(gt=-FAR, lt=FAR)]
_Whole = Annotated[int, Meta(ge=0, le=2**53)]
_VISIBILITIES = frozenset((0, 1, 2))
_RATINGS = ("scale", "zoom_in", "viewpoint")


class Item(msgspec.Struct, forbid_unknown_fields=True):
    """One garment as its file has it. Raises ValueError where it has not the landmarks of its category, or half points.

    Landmarks that are not labelled are at 0, 0: their place means nothing. Where no other is, which real items have,
    there are none.
    """

    bounding_box: tuple[_Pixel, _Pixel, _Pixel, _Pixel]
    category_id: Annotated[int, Meta(ge=1, le=len(garments.CATEGORIES))]
    category_name: str | UnsetType | None = UNSET
    segmentation: tuple[tuple[_Pixel, ...], ...] | None = None
    landmarks: tuple[_Pixel, ...] | None = None
    occlusion: Annotated[int, Meta(ge=1, le=3)] | None = None
    style: _Whole | None = None
    scale: _Whole | None = None
    zoom_in: _Whole | None = None
    viewpoint: _Whole | None = None

    def __post_init__(self) -> None:
        for ring in self.segmentation or ():
            if len(ring) % 2:
                raise ValueError
        if not (numbers := self.landmarks):
            return
        seen = set(numbers[2::3])
        if len(numbers) != 3 * garments.BY_ID[self.category_id].landmarks or not seen <= _VISIBILITIES:
            raise ValueError
        if 0 in seen:
            flat = list(numbers)
            for place in range(2, len(flat), 3):
                if not flat[place]:
                    flat[place - 2 : place + 1] = 0, 0, 0
            self.landmarks = tuple(flat) if len(seen) > 1 else None


Page = tuple[int | None, str | None, list[tuple[str, Item]]]
"""``pair_id``, ``source``, and the items by their names."""

_DECODER = msgspec.json.Decoder(dict[str, Item | _Whole | str | None])


def typed(content: bytes) -> Page | None:
    """What the file with this ``content`` holds, as it should be; None where it is not, for ``checked`` to say."""
    try:
        page = _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    pair_id, source = page.get("pair_id"), page.get("source")
    names = _items(page)
    items = [(name, item) for name in names if isinstance(item := page[name], Item)]
    if not (pair_id is None or isinstance(pair_id, int)) or not (source is None or isinstance(source, str)):
        return None
    return (pair_id, source, items) if len(items) == len(names) else None


def checked(page: dict[str, Any], path: Path) -> Page:
    """The same, one field after the other. Raises DataError for the first thing wrong."""
    fields = Fields(page, path)
    pair_id, source = fields.whole("pair_id"), fields.text("source")
    items = []
    for name in _items(page):
        if not isinstance(page[name], dict):
            raise DataError(f"{name} must be an object, not {json_file.name(page[name])}", where=path, hint=FIX)
        items.append((name, _item(Fields(page[name], path, f"{name}."))))
    return pair_id, source, items


def _items(page: Iterable[str]) -> list[str]:
    """The names of the items among those in ``page``, in order."""
    names = [name for name in page if name.startswith("item")]
    if len(names) > 1:
        names.sort(key=_natural)
    return names


def _item(fields: Fields) -> Item:
    number = fields.needed("category_id", fields.whole("category_id", low=1, high=len(garments.CATEGORIES)))
    return Item(
        category_id=number,
        category_name=fields.values.get("category_name", UNSET),
        occlusion=fields.whole("occlusion", low=1, high=3),
        **{key: fields.whole(key) for key in _RATINGS},
        bounding_box=_corners(fields),
        segmentation=_rings(fields),
        landmarks=_landmarks(fields, garments.BY_ID[number]),
        style=fields.whole("style"),
    )


def _corners(fields: Fields) -> tuple[float, float, float, float]:
    key = "bounding_box"
    corners = fields.numbers(key, fields.needed(key, fields.values.get(key)))
    if len(corners) != 4:
        raise fields.error(key, f"must hold 4 numbers (left, top, right, bottom), but holds {len(corners)}")
    return corners[0], corners[1], corners[2], corners[3]


def _rings(fields: Fields) -> tuple[Polygon, ...]:
    key = "segmentation"
    rings = fields.values.get(key) or []
    if type(rings) is not list:
        raise fields.error(key, f"must be a list of polygons, not {json_file.name(rings)}")
    for ring in rings:
        if len(fields.numbers(key, ring)) % 2:
            raise fields.error(key, f"holds a polygon of {len(ring)} numbers; x and y must come in pairs")
    return tuple(map(tuple, rings))


def _landmarks(fields: Fields, garment: garments.Garment) -> tuple[float, ...]:
    key = "landmarks"
    numbers = fields.numbers(key, fields.values.get(key) or [])
    if numbers and len(numbers) != 3 * garment.landmarks:
        needs = f"{garment.label} has {garment.landmarks} landmarks of 3 numbers"
        what = f"holds {len(numbers)} numbers, not {3 * garment.landmarks}: {needs}"
        raise fields.error(key, what, code=rules.LANDMARK_COUNT.code)
    wrong = next((value for value in numbers[2::3] if value not in _VISIBILITIES), None)
    if wrong is not None:
        raise fields.error(key, f"holds the visibility {wrong:g}, but must be 0, 1 or 2")
    return tuple(numbers)


def thing(name: str, item: Item, pair_id: int | None, stem: str, findings: Findings) -> Object:
    """The ``item`` of that ``name`` on the picture ``stem``; what is odd goes to ``findings``."""
    garment = garments.BY_ID[item.category_id]
    if item.category_name != garment.label and item.category_name is not UNSET:
        findings.add(rules.OTHER_NAME, f"{stem} {name}")
    if not item.landmarks:
        findings.add(rules.NO_LANDMARKS, f"{stem} {name}")
    return Object(
        garment.name,
        Box(*item.bounding_box),
        item.segmentation or (),
        Keypoints(item.landmarks) if item.landmarks else (),
        # 1, 2, 3 slight, medium, heavy: KITTI's 0, 1, 2. How much of a garment lies outside is not told.
        item.occlusion - 1 if item.occlusion else 0,
        pair_id=pair_id,
        style=item.style,
        extra={key: value for key in _RATINGS if (value := getattr(item, key)) is not None},
        origin=name,
    )


@lru_cache(maxsize=256)
def _natural(key: str) -> tuple[int, str]:
    """item2 before item10."""
    digits = re.fullmatch(r"item(\d{1,9})", key)
    return (int(digits[1]), key) if digits else (10**9, key)
