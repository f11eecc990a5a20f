"""A COCO data set to augment: one annotation file and its pictures; outlines, masks and keypoints follow.

Records are written as they were, ids and foreign fields too, but for what the augmentation changes: sizes, boxes,
segmentations, areas, keypoints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from converters.files import strays
from converters.formats.coco import lists
from converters.formats.coco.pictures import File
from converters.model import KeypointSlot, Object, listed
from converters.model.findings import Findings
from converters.model.splits import Place
from converters.transfer import losing
from runtime.augmenting import ANNOTATED, IMAGES, Augmented, Collector, Done, Folders, names, outlines, pictures
from runtime.augmenting.recipe import Recipe
from runtime.imaging import landmarks, transforms
from runtime.imaging.placement import Placement
from tltpipe.errors import DataError
from tltpipe.losses import Losses

ANNOTATIONS = "annotations.json"
_DECIMALS = 3
"""Of coordinates: a thousandth of a pixel."""


@dataclass(frozen=True)
class Coco:
    """``file`` reads the annotation file; ``slots`` tells where the keypoints of a category lie in its vector."""

    file: File
    slots: Mapping[str, KeypointSlot]

    shared = ANNOTATIONS

    @classmethod
    def open(cls, annotations: Path, images: Path) -> Coco:
        """The data set of the file ``annotations``; raises DataError for what is no COCO."""
        from converters.formats import coco

        dataset = coco.read(Place(annotations.parent, annotations, images))
        if not dataset.annotated:
            raise DataError('"annotations" is missing', where=annotations)
        file: Any = dataset.pictures
        return cls(file, dataset.keypoints)

    @property
    def inputs(self) -> Sequence[Path]:
        return (self.file.path, self.file.images)

    notes: Sequence[str] = ()

    def keys(self) -> Sequence[Any]:
        keys = self.file.keys()
        if not keys:
            raise DataError("no pictures are listed", where=self.file.path)
        return keys

    def name(self, key: Any) -> str:
        return self.file.name(key)

    def items(self, key: Any) -> Sequence[str]:
        return listed(self.file, key)

    def unmatched(self) -> Losses:
        place = Place(self.file.path.parent, self.file.path, self.file.images)
        return losing.count_strays([strays.Claim(place, losing.names(self.file))], [self.file])[0]

    def folders(self, output: Path) -> Mapping[str, Path]:
        return {"images": output / IMAGES, "annotated": output / ANNOTATED}

    def augment(self, key: Any, recipe: Recipe, folders: Folders) -> Augmented:
        """Write the augmented picture; its record and those of its annotations are returned."""
        sample = self.file.load(key, Findings())
        told = (sample.width, sample.height)
        picture, placement = pictures.augmented(sample.image_path, sample.file_name, recipe, folders, told=told)
        width, height = placement.size
        image, records = self.file.records(key)
        image |= {"width": width, "height": height, "file_name": names.written(str(image["file_name"]))}
        pairs = list(zip(sample.objects, records, strict=True))
        for thing, record in pairs:
            try:
                self._move(record, thing, placement, refine=recipe.refine)
            except ValueError as problem:  # a mask whose runs do not fill it
                raise DataError(str(problem), where=sample.where(thing)) from None
        outside, read = sum(min(record["bbox"][2:]) <= 0 for record in records), [thing.category for thing, _ in pairs]
        if recipe.drop_outside:
            pairs = [(thing, record) for thing, record in pairs if min(record["bbox"][2:]) > 0]
            records = [record for _, record in pairs]
        if folders.annotated is not None:
            boxes = [(thing.category, _corners(record)) for thing, record in pairs]
            pictures.draw(picture, boxes, folders.annotated, sample.file_name)
        written = [thing.category for thing, _ in pairs]
        texts = list(map(orjson.dumps, records))
        return Augmented(Done(1, len(records), outside), read, written, (orjson.dumps(image), texts))

    def collector(self, path: Path) -> AbstractContextManager[Collector]:
        return _written(path, self.file)

    def _move(self, record: dict[str, Any], thing: Object, placement: Placement, *, refine: bool) -> None:
        """Change ``record``, which is that of ``thing``."""
        box = thing.box
        corners = box.left, box.top, box.right, box.bottom
        (moved,) = transforms.move_boxes([corners], placement.matrix, placement.size)
        shape = outlines.moved(thing, placement)
        if shape is not None:
            record["segmentation"] = shape.segmentation
            if refine and shape.box is not None:
                moved = shape.box
        left, top, right, bottom = moved
        record["bbox"] = [round(value, _DECIMALS) for value in (left, top, right - left, bottom - top)]
        if "area" in record:
            area = shape.area if shape is not None else (right - left) * (bottom - top)
            record["area"] = round(area, _DECIMALS)
        if record.get("keypoints"):
            self._move_keypoints(record, thing.category, placement)

    def _move_keypoints(self, record: dict[str, Any], category: str, placement: Placement) -> None:
        """Those that leave the canvas are none any more; a mirror makes left ones right ones."""
        points = np.array(record["keypoints"], np.float64).reshape(-1, 3)
        order = list(range(len(points)))
        slot = self.slots.get(category)
        if slot is not None and len(points) >= slot.offset + slot.count:
            own = landmarks.flip_order(category, slot)
            order[slot.offset : slot.offset + slot.count] = [slot.offset + place for place in own]
        points = placement.points(points, order)
        record["keypoints"] = [
            number
            for x, y, visibility in points.tolist()
            for number in (round(x, _DECIMALS) or 0, round(y, _DECIMALS) or 0, int(visibility))
        ]
        record["num_keypoints"] = int((points[:, 2] > 0).sum())


def _corners(record: dict[str, Any]) -> tuple[float, float, float, float]:
    left, top, width, height = record["bbox"]
    return left, top, left + width, top + height


@contextmanager
def _written(path: Path, source: File) -> Iterator[Collector]:
    """The new file at ``path``, with the members of its ``source``."""
    kept = lists.walk(source.path, keep=("info", "licenses", "categories"))
    members = {"info": {}, "licenses": []} | {key: value for key, value in kept.items() if key != "categories"}
    with lists.written(path, orjson.dumps(members)[:-1], lambda: kept.get("categories", [])) as grown:
        yield _Collected(grown)


@dataclass(frozen=True)
class _Collected:
    lists: lists.Lists

    def take(self, records: Sequence[tuple[bytes, Sequence[bytes]]]) -> None:
        self.lists.images(lists.JOINT + image for image, _ in records)
        self.lists.annotations(lists.JOINT + text for _, texts in records for text in texts)
