"""DeepFashion2: a folder of pictures and one JSON file for each, as the data set is published.

    <split>/image/000001.jpg    <split>/annos/000001.json

Every landmark, polygon and field is kept as it stands. Categories go by their number; the names inside are the
underscore names of ``converters.garments``, which the official COCO conversion uses too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters import garments, geometry, images, json_file
from converters.findings import Findings
from converters.model import Box, Dataset, Keypoint, KeypointSlot, Object, Polygon, Sample
from tltpipe.errors import DataError

CARRIES = frozenset({"box", "polygons", "keypoints", "occlusion", "pair_id", "style", "extra", "source"})

CATEGORIES = tuple(garment.name for garment in garments.CATEGORIES)

_NAMES = tuple(str(number) for number in range(1, garments.LANDMARKS + 1))
KEYPOINTS = {garment.name: KeypointSlot(_NAMES, garment.offset, garment.landmarks) for garment in garments.CATEGORIES}
"""The official layout: one vector of 294 points, in which each garment has its own stretch."""

SUPERCATEGORY = "clothes"

ROUNDING = 1.0
"""Pixels that a box may reach beyond its picture and be clipped; further out it is taken for a mistake."""

_FAR = 1e6  # pixels; no picture is that large
_FIX = "correct the file, or leave such pictures out with --skip-bad"


def read(root: Path, *, image_extension: str = ".jpg", findings: Findings | None = None) -> Dataset:
    """The split at ``root`` (see ``locate``), in the order of the picture names.

    ``findings`` collects what is odd but no mistake. Raises DataError when there is no such split; iterating raises
    it at the first picture that is missing, unreadable or wrongly annotated.
    """
    split = Split(locate(root), image_extension)

    def samples() -> Iterator[Sample]:
        noted = findings if findings is not None else Findings()
        return (split.sample(stem, noted) for stem in split.stems())

    return Dataset(CATEGORIES, samples, KEYPOINTS)


def locate(root: Path) -> Path:
    """The folder that holds ``image`` and ``annos``: ``root`` or, where archives unpacked deeper, up to two below it.

    Raises DataError when there is none, or more than one at the same depth.
    """
    if not root.is_dir():
        raise DataError("there is no such folder", where=root, hint="put a DeepFashion2 split (image/, annos/) there")
    for pattern in ("annos", "*/annos", "*/*/annos"):
        found = sorted(annos.parent for annos in root.glob(pattern) if (annos.parent / "image").is_dir())
        if len(found) > 1:
            names = ", ".join(str(split.relative_to(root)) for split in found)
            raise DataError(f"this folder holds more than one split: {names}", where=root, hint="name one of them")
        if found:
            return found[0]
    lacking = [name for name in ("image", "annos") if not (root / name).is_dir()]
    raise DataError(
        f"this is no DeepFashion2 split: it has no folder {' and no folder '.join(lacking)}",
        where=root,
        hint="a split holds image/000001.jpg ... and annos/000001.json ...; the published test split has no annos",
    )


@dataclass(frozen=True)
class Split:
    """One split folder. Small and picklable, so that worker processes can each read a part of it."""

    folder: Path
    image_extension: str = ".jpg"

    def stems(self) -> list[str]:
        """Names without extension of all pictures and all annotation files, sorted: a stem may lack one of the two.

        Raises DataError when there is no picture with the extension, saying which ones there are.
        """
        pictures = _stems(self.folder / "image", self.image_extension)
        if not pictures:
            others = sorted({path.suffix for path in (self.folder / "image").iterdir() if path.suffix})
            raise DataError(
                f"there is no *{self.image_extension} picture in this folder",
                where=self.folder / "image",
                hint=f"there are {', '.join(others)}: set image_extension" if others else "put the pictures there",
            )
        return sorted(pictures | _stems(self.folder / "annos", ".json"))

    def sample(self, stem: str, findings: Findings) -> Sample:
        """The picture ``stem`` and what is on it. Raises DataError for the first thing wrong with either file."""
        image = self.folder / "image" / f"{stem}{self.image_extension}"
        path = self.folder / "annos" / f"{stem}.json"
        if not path.exists():
            raise DataError("the annotations of this picture are missing", where=path, hint=_missing(image))
        if not image.exists():
            raise DataError("the picture of these annotations is missing", where=image, hint=_missing(path))
        page = json_file.load(path)
        format = "JPEG" if self.image_extension.lower() in (".jpg", ".jpeg") else None
        width, height = images.size(image, format=format)
        pair_id = _Fields(page, path).whole("pair_id")
        items = sorted((key for key in page if key.startswith("item")), key=_natural)
        if not items:
            findings.add("pictures without items", stem)
        objects = []
        for key in items:
            if not isinstance(page[key], dict):
                raise DataError(f"{key} must be an object, not {json_file.name(page[key])}", where=path, hint=_FIX)
            reader = _Item(_Fields(page[key], path, f"{key}."), f"{stem} {key}", findings)
            objects.append(reader.object(width, height, pair_id))
        if len({(thing.category, thing.box) for thing in objects}) < len(objects):
            findings.add("pictures with the same box listed twice", stem)
        return Sample(stem, image, width, height, tuple(objects), _source(page, path))


@dataclass(frozen=True)
class _Fields:
    """The fields of one JSON object, each taken with its type checked."""

    values: dict[str, Any]
    path: Path
    prefix: str = ""

    def error(self, key: str, what: str) -> DataError:
        return DataError(f"{self.prefix}{key} {what}", where=self.path, hint=_FIX)

    def whole(self, key: str, *, low: int = 0, high: int = 2**53) -> int | None:
        """A whole number from ``low`` to ``high``, or None when the field is absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if type(value) is not int:  # a bool is an int to Python
            raise self.error(key, f"must be a whole number, not {json_file.name(value)}")
        if not low <= value <= high:
            limits = f"{low} to {high}" if high < 2**53 else f"{low} or more"
            raise self.error(key, f"is {value}, but must be {limits}")
        return value

    def needed(self, key: str, value: Any) -> Any:
        if value is None:
            raise self.error(key, "is missing")
        return value

    def numbers(self, key: str, values: Any) -> list[float]:
        """``values``, if that is a list of numbers that can be pixels."""
        if type(values) is not list:
            raise self.error(key, f"must be a list of numbers, not {json_file.name(values)}")
        if not set(map(type, values)) <= {int, float}:
            wrong = next(value for value in values if type(value) not in (int, float))
            raise self.error(key, f"must hold numbers, but holds {json_file.name(wrong)}")
        if values and not (min(values) > -_FAR and max(values) < _FAR):
            raise self.error(key, f"holds {max(values, key=abs):g}, which cannot be a pixel")
        return values


@dataclass(frozen=True)
class _Item:
    """One garment of a picture."""

    fields: _Fields
    name: str
    findings: Findings

    def object(self, width: int, height: int, pair_id: int | None) -> Object:
        fields = self.fields
        number = fields.needed("category_id", fields.whole("category_id", low=1, high=len(garments.CATEGORIES)))
        garment = garments.BY_ID[number]
        if fields.values.get("category_name", garment.label) != garment.label:
            self.findings.add("items whose category_name is not that of their category_id", self.name)
        occlusion = fields.whole("occlusion", low=1, high=3)
        extra = {key: fields.whole(key) for key in ("scale", "zoom_in", "viewpoint")}
        return Object(
            category=garment.name,
            box=self.box(width, height),
            polygons=self.polygons(),
            keypoints=self.keypoints(garment),
            # 1, 2, 3 slight, medium, heavy: KITTI's 0, 1, 2. How much of a garment lies outside is not told.
            occlusion=occlusion - 1 if occlusion is not None else 0,
            pair_id=pair_id,
            style=fields.whole("style"),
            extra={key: value for key, value in extra.items() if value is not None},
        )

    def box(self, width: int, height: int) -> Box:
        key, fields = "bounding_box", self.fields
        corners = fields.numbers(key, fields.needed(key, fields.values.get(key)))
        if len(corners) != 4:
            raise fields.error(key, f"must hold 4 numbers (left, top, right, bottom), but holds {len(corners)}")
        box = Box(*corners)
        if box.width <= 0 or box.height <= 0:
            raise fields.error(key, f"{corners} has no area: right and bottom must be larger than left and top")
        outside = geometry.overhang(box, width, height)
        if outside > ROUNDING:
            reach = f"reaches {outside:g} pixels beyond the picture, which is {width} x {height}"
            raise fields.error(key, f"{corners} {reach}")
        if outside:
            self.findings.add("boxes up to one pixel outside their picture, clipped", self.name)
            box = geometry.clip(box, width, height)
            if not box.area:
                raise fields.error(key, f"{corners} lies outside the picture, which is {width} x {height}")
        return box

    def polygons(self) -> tuple[Polygon, ...]:
        """Rings as they stand, without those of fewer than three different points, which enclose nothing."""
        key = "segmentation"
        rings = self.fields.values.get(key) or []
        if type(rings) is not list:
            raise self.fields.error(key, f"must be a list of polygons, not {json_file.name(rings)}")
        polygons = []
        for ring in rings:
            if len(self.fields.numbers(key, ring)) % 2:
                raise self.fields.error(key, f"holds a polygon of {len(ring)} numbers; x and y must come in pairs")
            if geometry.corners(ring := tuple(ring)) >= 3:
                polygons.append(ring)
            else:
                self.findings.add("items with a polygon of fewer than three points, dropped", self.name)
        return tuple(polygons)

    def keypoints(self, garment: garments.Garment) -> tuple[Keypoint, ...]:
        """The garment's own landmarks; none when not one of them is labelled, which real items have."""
        key = "landmarks"
        numbers = self.fields.numbers(key, self.fields.values.get(key) or [])
        if numbers and len(numbers) != 3 * garment.landmarks:
            needs = f"{garment.label} has {garment.landmarks} landmarks of 3 numbers"
            raise self.fields.error(key, f"holds {len(numbers)} numbers, not {3 * garment.landmarks}: {needs}")
        visibilities = numbers[2::3]
        if not set(visibilities) <= {0, 1, 2}:
            wrong = next(value for value in visibilities if value not in (0, 1, 2))
            raise self.fields.error(key, f"holds the visibility {wrong:g}, but must be 0, 1 or 2")
        if not any(visibilities):
            self.findings.add("items without landmarks", self.name)
            return ()
        points = zip(numbers[::3], numbers[1::3], visibilities, strict=True)
        return tuple(Keypoint(x, y, int(seen)) if seen else _UNSEEN for x, y, seen in points)


_UNSEEN = Keypoint(0, 0, 0)


def _source(page: dict[str, Any], path: Path) -> str | None:
    source = page.get("source")
    if source is not None and not isinstance(source, str):
        raise DataError(f"source must be a string, not {json_file.name(source)}", where=path, hint=_FIX)
    return source


def _missing(other: Path) -> str:
    return f"put it there, remove {other}, or leave such pictures out with --skip-bad"


def _stems(folder: Path, extension: str) -> set[str]:
    hidden = (".", "_")  # what file managers and archives leave behind
    return {
        path.name.removesuffix(extension)
        for path in folder.iterdir()
        if path.name.endswith(extension) and not path.name.startswith(hidden)
    }


def _natural(key: str) -> tuple[int, str]:
    """item2 before item10."""
    digits = re.fullmatch(r"item(\d{1,9})", key)
    return (int(digits[1]), key) if digits else (10**9, key)
