"""DeepFashion2: a folder of pictures and one JSON file for each, as the data set is published.

    <split>/image/000001.jpg    <split>/annos/000001.json

Every landmark, polygon and field is kept as it stands. Categories go by their number; the names inside are the
underscore names of ``converters.model.garments``, which the official COCO conversion uses too. A split without
``annos``, as the test split is published, has pictures and nothing on them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.files import json_file, listing
from converters.files.json_file import FIX, Fields
from converters.model import Box, Dataset, Keypoint, Keypoints, KeypointSlot, Object, Polygon, Sample, garments, rules
from converters.model.findings import Findings
from converters.model.splits import Place, by_name, only_split
from converters.pictures import headers
from tltpipe.errors import DataError

ABOUT = "DeepFashion2: <split>/image/*.jpg, <split>/annos/*.json"
CARRIES = frozenset({"box", "polygons", "keypoints", "occlusion", "pair_id", "style", "extra", "source"})

IMAGES_INSIDE = True

CATEGORIES = tuple(garment.name for garment in garments.CATEGORIES)

_NAMES = tuple(str(number) for number in range(1, garments.LANDMARKS + 1))
KEYPOINTS = {garment.name: KeypointSlot(_NAMES, garment.offset, garment.landmarks) for garment in garments.CATEGORIES}
"""The official layout: one vector of 294 points, in which each garment has its own stretch."""

_SUPERCATEGORIES = dict.fromkeys(CATEGORIES, "clothes")


def find(root: Path) -> dict[str, Place]:
    """The splits at ``root``: one split folder, or a folder of them, also where an archive unpacked one level deeper.

    A folder of pictures alone counts when it is called test or stands beside an annotated split.
    """
    if (root / "annos").is_dir() and (root / "image").is_dir():
        return {only_split(root.name): _place(root)}
    if not root.is_dir():
        return {}
    splits = [(folder.name, found) for folder in listing.folders(root) if (found := _split(folder)) is not None]
    if not any(place.annotations.is_dir() for _, place in splits):
        return {}
    return by_name(splits)


def _split(folder: Path) -> Place | None:
    for inner in (folder, folder / folder.name):
        if (inner / "image").is_dir() and ((inner / "annos").is_dir() or not (inner / "label").is_dir()):
            return _place(inner)
    return None


def _place(folder: Path) -> Place:
    # The categories are DeepFashion2's own: a class map that lies with the data is that of what was made of them.
    return Place(root=folder / "annos", annotations=folder / "annos", images=folder / "image")


def read(
    place: Place,
    *,
    classes: tuple[str, ...] | None = None,  # noqa: ARG001
    image_extension: str | None = None,
    any_kind: bool = False,
) -> Dataset:
    """The split at ``place``, in the order of the picture names.

    ``image_extension``, with its dot, is that of all its pictures; None takes whatever can be read. ``any_kind``:
    they may be something else by their content.
    """
    annotated = place.annotations.is_dir()
    split = Split(place.annotations.parent, image_extension, annotated=annotated, any_kind=any_kind)
    return Dataset(
        CATEGORIES,
        split,
        KEYPOINTS,
        _SUPERCATEGORIES,
        joint_pairs=False,
        annotated=split.annotated,
    )


@dataclass(frozen=True)
class Split:
    """One split folder. Small and picklable, so that worker processes can each read a part of it.

    A key is a name without extension, then that of the picture: none where it is missing, several where pictures
    share a name.
    """

    folder: Path
    image_extension: str | None = None
    annotated: bool = True
    any_kind: bool = False

    PAIRED = True

    @property
    def inputs(self) -> tuple[Path, ...]:
        pictures = (self.folder / "image",)
        return (*pictures, self.folder / "annos") if self.annotated else pictures

    def keys(self) -> list[tuple[str, ...]]:
        """Of all pictures and all annotation files, sorted by name: one may lack the other.

        Raises DataError when there is no picture that counts, saying which ones there are.
        """
        folder = self.folder / "image"
        pictures = _pictures(folder)
        if self.image_extension is not None:
            own = self.image_extension.removeprefix(".")
            pictures = {stem: (own,) for stem, found in pictures.items() if own in found}
        if not pictures:
            others = sorted({path.suffix for path in folder.iterdir() if path.suffix})
            raise DataError(
                f"there is no *{self.image_extension or ''} picture in this folder that can be read",
                where=folder,
                hint=f"there are {', '.join(others)}" if others else "put the pictures there",
            )
        names = set(pictures).union(_stems(self.folder / "annos", ".json") if self.annotated else ())
        return [(stem, *pictures.get(stem, ())) for stem in sorted(names)]

    def name(self, key: tuple[str, ...]) -> str:
        return key[0]

    def items(self, key: tuple[str, ...]) -> list[str]:
        page = json_file.load(Path(f"{self.folder}/annos/{key[0]}.json"))
        numbers = [each.get("category_id") for name, each in page.items() if name.startswith("item")]
        return [garments.BY_ID[number].name if number in garments.BY_ID else "" for number in numbers]

    def load(self, key: tuple[str, ...], findings: Findings) -> Sample:
        """The picture of ``key`` and what is on it. Raises DataError for the first thing wrong with either file."""
        stem, *extensions = key
        if len(extensions) > 1:
            raise listing.ambiguous(self.folder / "image", (f"{stem}.{extension}" for extension in extensions))
        # One parse of each path: joining with "/" would cost as much as reading the file.
        image = Path(f"{self.folder}/image/{stem}.{extensions[0] if extensions else 'jpg'}")
        path = Path(f"{self.folder}/annos/{stem}.json")
        if not self.annotated:
            return Sample(stem, str(image), *self._size(image, path, findings), annotations=str(image))
        try:
            page = json_file.load(path)
        except DataError:
            if path.exists():
                raise
            what = "the annotations of this picture are missing"
            raise DataError(what, where=path, hint=_missing(image), code=rules.NO_ANNOTATIONS.code) from None
        width, height = self._size(image, path, findings)
        fields = Fields(page, path)
        pair_id, source = fields.whole("pair_id"), fields.text("source")
        items = [name for name in page if name.startswith("item")]
        if len(items) > 1:
            items.sort(key=_natural)
        objects = []
        for name in items:
            if not isinstance(page[name], dict):
                raise DataError(f"{name} must be an object, not {json_file.name(page[name])}", where=path, hint=FIX)
            item = _Item(Fields(page[name], path, f"{name}."), f"{stem} {name}", findings)
            objects.append(item.object(name, pair_id))
        return Sample(stem, str(image), width, height, tuple(objects), source, str(path))

    def _size(self, image: Path, path: Path, findings: Findings) -> tuple[int, int]:
        format = "JPEG" if image.suffix.lower() in (".jpg", ".jpeg") and not self.any_kind else None
        try:
            return headers.look(image, findings, format=format)
        except DataError as problem:
            if problem.code != rules.NO_PICTURE.code:
                raise
            what, hint = "the picture of these annotations is missing", _missing(path)
            if beside := listing.unsupported_beside(image.parent, image.stem):
                hint = f"{beside} is there, but cannot be read: convert it to JPEG or PNG"
            raise DataError(what, where=image, hint=hint, code=problem.code) from None


@dataclass(slots=True)
class _Item:
    """One garment of a picture."""

    fields: Fields
    name: str
    findings: Findings

    def object(self, origin: str, pair_id: int | None) -> Object:
        fields = self.fields
        number = fields.needed("category_id", fields.whole("category_id", low=1, high=len(garments.CATEGORIES)))
        garment = garments.BY_ID[number]
        if fields.values.get("category_name", garment.label) != garment.label:
            self.findings.add(rules.OTHER_NAME, self.name)
        occlusion = fields.whole("occlusion", low=1, high=3)
        extra = {key: value for key in _RATINGS if (value := fields.whole(key)) is not None}
        return Object(
            category=garment.name,
            box=self.box(),
            polygons=self.polygons(),
            keypoints=self.keypoints(garment),
            # 1, 2, 3 slight, medium, heavy: KITTI's 0, 1, 2. How much of a garment lies outside is not told.
            occlusion=occlusion - 1 if occlusion is not None else 0,
            pair_id=pair_id,
            style=fields.whole("style"),
            extra=extra,
            origin=origin,
        )

    def box(self) -> Box:
        key, fields = "bounding_box", self.fields
        corners = fields.numbers(key, fields.needed(key, fields.values.get(key)))
        if len(corners) != 4:
            raise fields.error(key, f"must hold 4 numbers (left, top, right, bottom), but holds {len(corners)}")
        return Box(*corners)

    def polygons(self) -> tuple[Polygon, ...]:
        """Rings as they stand."""
        key = "segmentation"
        rings = self.fields.values.get(key) or []
        if type(rings) is not list:
            raise self.fields.error(key, f"must be a list of polygons, not {json_file.name(rings)}")
        polygons = []
        for ring in rings:
            if len(self.fields.numbers(key, ring)) % 2:
                raise self.fields.error(key, f"holds a polygon of {len(ring)} numbers; x and y must come in pairs")
            polygons.append(tuple(ring))
        return tuple(polygons)

    def keypoints(self, garment: garments.Garment) -> Sequence[Keypoint]:
        """The garment's own landmarks; none when not one of them is labelled, which real items have."""
        key = "landmarks"
        numbers = self.fields.numbers(key, self.fields.values.get(key) or [])
        if numbers and len(numbers) != 3 * garment.landmarks:
            needs = f"{garment.label} has {garment.landmarks} landmarks of 3 numbers"
            what = f"holds {len(numbers)} numbers, not {3 * garment.landmarks}: {needs}"
            raise self.fields.error(key, what, code=rules.LANDMARK_COUNT.code)
        seen = set(numbers[2::3])
        if not seen <= _VISIBILITIES:
            wrong = next(value for value in numbers[2::3] if value not in _VISIBILITIES)
            raise self.fields.error(key, f"holds the visibility {wrong:g}, but must be 0, 1 or 2")
        if seen <= _UNLABELLED:
            self.findings.add(rules.NO_LANDMARKS, self.name)
            return ()
        if 0 in seen:  # their place means nothing
            for place in range(2, len(numbers), 3):
                if not numbers[place]:
                    numbers[place - 2 : place + 1] = 0, 0, 0
        return Keypoints(numbers)


_VISIBILITIES = frozenset((0, 1, 2))
_UNLABELLED = frozenset((0,))
_RATINGS = ("scale", "zoom_in", "viewpoint")


def _missing(other: Path) -> str:
    return f"put it there, remove {other}, or leave such pictures out with --skip-bad"


def _stems(folder: Path, extension: str) -> set[str]:
    return {
        name.removesuffix(extension)
        for name in os.listdir(folder)  # noqa: PTH208 - names are all that is needed, of 200,000 files
        if name.endswith(extension) and not _is_hidden(name)
    }


def _pictures(folder: Path) -> dict[str, tuple[str, ...]]:
    """Extensions of the pictures in ``folder`` by their names without them, whatever bytes these are."""
    found: dict[str, tuple[str, ...]] = {}
    for name in os.listdir(folder):  # noqa: PTH208 - as above
        stem, _, extension = name.rpartition(".")
        if extension.lower() in listing.PICTURES and stem and not _is_hidden(name):
            found[stem] = (*found[stem], extension) if stem in found else (extension,)
    return found


def _is_hidden(name: str) -> bool:
    """Whether this is what file managers and archives leave behind."""
    return name.startswith((".", "_"))


def _natural(key: str) -> tuple[int, str]:
    """item2 before item10."""
    digits = re.fullmatch(r"item(\d{1,9})", key)
    return (int(digits[1]), key) if digits else (10**9, key)
