"""Boxes from elsewhere: a file of detections in COCO's results format as the samples of a split, for networks that are
shown one object at a time (``tlt-evaluate --boxes``)."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from converters.files import json_file
from converters.formats.coco import results
from converters.formats.coco.results import Row
from runtime.data import checks
from runtime.data.columns import Annotated, Fixed
from runtime.data.fields import BOXES, Fields, Value
from runtime.data.recipe import Recipe
from runtime.data.split import Split
from runtime.imaging import boxes as geometry
from tltpipe.errors import DataError
from tltpipe.losses import Losses

UNKNOWN = -1
"""The number of an image that has none in the files of its annotations."""
LOW, OTHER_CLASS, FLAT = (
    "scores below {:g}",
    "of classes that the model does not have",
    "without width or height on their images",
)
OVERLAP, FEWEST = 0.5, 10
"""Boxes that overlap an object by as much should be of its class; so many are needed to say that they are not."""
INFER = "tlt-infer --class_map FILE writes the ids of that COCO file"


def _not_annotated(annotated: Annotated) -> NoReturn:
    raise TypeError(f"the detections on {annotated.name} come from a file of results, not from annotations")


FIELDS: Fields = {
    "boxes": BOXES["boxes"],
    "labels": BOXES["labels"],
    "scores": Value(np.float32, _not_annotated, to_model=False),
}
"""Of samples that are detections."""


@dataclass(frozen=True)
class Numbering:
    """What ids in results mean: the places of ``images`` in ``split``, and the labels of ``categories`` (0 for those
    that the model does not have)."""

    split: Split
    images: Mapping[int, int]
    categories: Mapping[int, int]

    def image(self, row: Row) -> int:
        """The place of the image of ``row``. Raises DataError."""
        number, called = row.whole("image_id"), row.record.get("file_name")
        if (place := self.images.get(number)) is None:
            raise row.error(f"the validation data have no image with the id {number}", INFER)
        own = Path(self.split.name(place)).name
        if isinstance(called, str) and called.rpartition("/")[2] != own:
            raise row.error(f"image {number} is {called} here, and {own} in the validation data", INFER)
        return place

    def label(self, row: Row) -> int:
        """The label of ``row``, 0 where the model does not have it. Raises DataError."""
        number = row.whole("category_id")
        if (label := self.categories.get(number)) is None:
            known = ", ".join(map(str, sorted(self.categories)[:30]))
            raise row.error(f"the validation data have no category with the id {number}, but {known}", INFER)
        return label


def numbering(recipe: Recipe[Any], classes: Sequence[str], split: Split) -> Numbering:
    """The ids of the validation data of ``recipe``, which is ``split``.

    Images without an id have the number that they are called by, as in COCO itself; categories without ids are
    counted from 1 in their order. Raises DataError where that is not enough, or two images have the same id.
    """
    found: dict[int, int] = {}
    for place, number in enumerate(_image_ids(split)):
        if found.setdefault(number, place) != place:
            what = f"{split.name(found[number])} and {split.name(place)} both have the id {number}"
            hint = "results tell images apart by their ids: evaluate one data source at a time"
            raise DataError(what, where=split.roots[split.folders[place]], hint=hint)
    labels = recipe.data.labels(classes)
    return Numbering(split, found, {number: labels.get(name, 0) for name, number in split.category_ids.items()})


def _image_ids(split: Split) -> list[int]:
    numbers = [UNKNOWN] if split.image_ids is None else split.image_ids.tolist()
    if UNKNOWN not in numbers:
        return numbers
    stems = [Path(split.name(place)).stem for place in range(len(split))]
    if all(stem.isascii() and stem.isdigit() for stem in stems):
        return [int(stem) for stem in stems]
    other = next(stem for stem in stems if not (stem.isascii() and stem.isdigit()))
    hint = "name a COCO file as validation data: its images have ids"
    raise DataError(f"images such as {other} have no ids, which detections need", where=split.roots[0], hint=hint)


def read(path: Path, split: Split, ids: Numbering, *, threshold: float = 0.0) -> Split:
    """The detections in ``path`` that score ``threshold`` or more, each a sample, on the images of ``split``.

    ``losses`` of what is returned count the rows, and those that are no samples by reason. Raises DataError with the
    place for a file that is no list of detections, a row that is none, ids that ``ids`` lacks; and where none is left.
    """
    rows = _Rows(split, ids, threshold)
    for row in results.read(path):
        rows.add(row)
    found = rows.split()
    if not found.samples:
        lost = ", ".join(f"{count.items} {reason}" for reason, count in found.losses.lost.items())
        what = f"none of its {found.losses.read.items} detections is left: {lost}" if lost else "it has no detections"
        hint = "give a lower --boxes_threshold, or the results of a detector of these classes"
        raise DataError(what, where=path, hint=hint)
    return found


@dataclass
class _Rows:
    """Grows by detections: the image, box, label and score of each that is a sample."""

    whole: Split
    ids: Numbering
    threshold: float
    losses: Losses = field(default_factory=Losses)

    def __post_init__(self) -> None:
        self.images, self.labels = array("q"), array("q")
        self.boxes, self.scores = array("f"), array("f")

    def add(self, row: Row) -> None:
        """Raises DataError."""
        image = self.ids.image(row)
        label = self.ids.label(row)
        box, score = row.box(), _score(row)
        self.losses.count_read(items=1)
        if score < self.threshold:
            self.losses.lose(LOW.format(self.threshold), items=1)
        elif not label:
            self.losses.lose(OTHER_CLASS, items=1)
        else:
            self.images.append(image)
            self.labels.append(label)
            self.boxes.extend(box)
            self.scores.append(score)

    def split(self) -> Split:
        """All that was added, by image in the order of the split. Nothing can be added any more."""
        images = np.frombuffer(self.images, np.int64)
        boxes = np.frombuffer(self.boxes, np.float32).reshape(-1, 4)
        flat = checks.without_area(boxes, self.whole.sizes[images])
        if flat.any():
            self.losses.lose(FLAT, items=int(flat.sum()))
        order = np.argsort(images, kind="stable")
        order = order[~flat[order]]
        self.losses.count_written(items=len(order))
        self.losses.require_balance()
        labels, scores = np.frombuffer(self.labels, np.int64), np.frombuffer(self.scores, np.float32)
        values: dict[str, NDArray[Any]] = {"boxes": boxes, "labels": labels, "scores": scores}
        counts = np.bincount(images[order], minlength=len(self.whole))
        found = replace(
            self.whole, fields=FIELDS, columns={name: _column(name, values[name][order]) for name in FIELDS},
            starts=np.concatenate([[0], np.cumsum(counts)]), sources=((len(self.whole), 1.0),), units=None,
            notes=(), losses=self.losses,
        )  # fmt: skip
        return found.per_object()


def _column(name: str, values: NDArray[Any]) -> Fixed:
    column = FIELDS[name].column()
    assert isinstance(column, Fixed)
    column.extend(values)
    return column


def _score(row: Row) -> float:
    """Raises DataError."""
    if not 0 <= (score := row.score()) <= 1:
        raise row.error(f'"score" must be a number from 0 to 1, not {json_file.name(row.record["score"])}')
    return score


def disagreement(found: Split, truth: Split) -> str | None:
    """What to say where most detections that overlap an object are of another class: their category ids may not be
    those of ``truth``, which has the same images."""
    over, right = 0, 0
    for image in range(len(found)):
        own, others = found.places(image), truth.places(image)
        overlaps = geometry.iou(found.boxes[own, None], truth.boxes[None, others]) >= OVERLAP
        same = found.labels[own, None] == truth.labels[None, others]
        over += int(overlaps.any(axis=1).sum())
        right += int((overlaps & same).any(axis=1).sum())
    if over < FEWEST or 2 * right >= over:
        return None
    told = f"only {right} of {over} boxes that overlap an object are of its class"
    return f"{told}: are the category ids those of the validation data? {INFER}"
