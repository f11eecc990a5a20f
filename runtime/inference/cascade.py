"""Two models in a row: the objects of the first, people, are cropped, and the second finds clothes in the crops.

``load_cascade`` is for who writes Python, with images in files or in memory. To the rest of inference a cascade is a
model like any other, of images of their own sizes, and its results are those of ``CascadeTask``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.imaging import boxes as geometry
from runtime.imaging.decoding import WHOLE, InMemory, Pixels, decode
from runtime.imaging.pixels import PixelBatch
from runtime.imaging.placement import Placement
from runtime.inference.backends import LoadImage
from runtime.inference.cascade_task import OBJECT, PART_OF, CascadeTask, require_boxes
from runtime.inference.crops import Crops
from runtime.inference.front_door import LoadedModel
from runtime.tasks import ImageInfo, Prediction
from tltpipe.errors import UsageError

CUT_OFF = "cut_off"
"""Whether an object is cut off by the edge of its crop; bool [n]."""
AT_EDGE = 2.0
"""Pixels from the edge of its crop within which a box is cut off by it."""


@dataclass
class Counts:
    """What became of the images so far."""

    images: int = 0
    without: int = 0
    """Images on which the first model finds nothing."""
    cropped: int = 0
    too_small: int = 0
    duplicates: int = 0

    def text(self) -> str:
        small = f", {self.too_small} too small to be cropped" if self.too_small else ""
        twice = f"; {self.duplicates} duplicates dropped" if self.duplicates else ""
        none = f"; nothing to crop on {self.without} of {self.images} images" if self.without else ""
        return f"{self.cropped} crops{small}{twice}{none}"


class Crop(NamedTuple):
    """``pixels`` of an image from ``corner`` (left, top) on, around the object ``number``; ``image`` is its place in
    the batch."""

    image: int
    number: int
    corner: tuple[int, int]
    pixels: Pixels


class Cascade:
    """A ``runtime.inference.backends.Model`` of ``first`` and ``second``; its predictions have PART_OF and OBJECT.

    Classes are those of the second, then those of the first that it lacks. Raises UsageError for a class in ``crops``
    that the first model does not have.
    """

    input_size: tuple[int, int] | None = None

    def __init__(self, first: LoadedModel, second: LoadedModel, crops: Crops, *, batch: int = 8) -> None:
        self.first, self.second, self.crops, self.batch = first, second, crops, batch
        if missing := [name for name in crops.classes if name not in first.classes]:
            what = f"the first model has no class {', '.join(missing)}"
            raise UsageError(what, hint=f"it has: {', '.join(first.classes)}")
        own = crops.classes or first.classes
        self.classes = (*second.classes, *(name for name in own if name not in second.classes))
        self.name, self.recipe = second.model.name, second.model.recipe
        self.about = f"in crops of {first.model.name}; {second.model.about}"
        self.load_image: LoadImage = whole
        self.counts = Counts()

    def __call__(self, pixels: PixelBatch) -> Sequence[Prediction]:
        people = [self._cropped_objects(each.fields) for each in self.first.predict(pixels, batch_size=self.batch)]
        crops = [
            crop for at, image in enumerate(pixels) for crop in self._crops(at, image, people[at]["boxes"].tolist())
        ]
        inside = self.second.predict([crop.pixels for crop in crops], batch_size=self.batch)
        parts: list[list[tuple[Crop, Prediction]]] = [[] for _ in pixels]
        for crop, found in zip(crops, inside, strict=True):
            parts[crop.image].append((crop, found.fields))
        return [self._joined(*each) for each in zip(pixels, people, parts, strict=True)]

    def _cropped_objects(self, found: Prediction) -> Prediction:
        """Of what the first model finds the boxes of the classes in question, with their labels here."""
        names = [self.first.classes[label - 1] for label in found["labels"].tolist()]
        chosen = [at for at, name in enumerate(names) if name in (self.crops.classes or names)]
        labels = np.array([self.classes.index(names[at]) + 1 for at in chosen], np.int64)
        self.counts.images += 1
        self.counts.without += not chosen
        return {"boxes": found["boxes"][chosen], "labels": labels, "scores": found["scores"][chosen]}

    def _crops(self, at: int, image: Pixels, boxes: Sequence[Sequence[float]]) -> Iterator[Crop]:
        height, width = image.shape[:2]
        for number, (left, top, right, bottom) in enumerate(boxes, start=1):
            wide, high = (right - left) * self.crops.margin, (bottom - top) * self.crops.margin
            seen = min(right, width) - max(left, 0), min(bottom, height) - max(top, 0)
            if min(seen) < self.crops.min_size:
                self.counts.too_small += 1
                continue
            self.counts.cropped += 1
            corner = max(0, int(left - wide)), max(0, int(top - high))
            ends = min(width, int(np.ceil(right + wide))), min(height, int(np.ceil(bottom + high)))
            yield Crop(at, number, corner, image[corner[1] : ends[1], corner[0] : ends[0]])

    def _joined(self, image: Pixels, people: Prediction, parts: Sequence[tuple[Crop, Prediction]]) -> Prediction:
        """All objects on ``image``, best first, in its pixels."""
        count, size = len(people["labels"]), (image.shape[1], image.shape[0])
        own = {**people, PART_OF: np.zeros(count, np.int64), OBJECT: np.arange(1, count + 1)}
        if not parts:
            return own
        placed = [self._placed(crop, found, size) for crop, found in parts]
        found = {name: np.concatenate([each[name] for each in placed]) for name in placed[0]}
        stay = surviving(found, self.crops.overlap)
        self.counts.duplicates += len(found[PART_OF]) - len(stay)
        inside = {name: values[stay] for name, values in found.items() if name != CUT_OFF}
        inside[OBJECT] = np.zeros(len(stay), np.int64)
        order = np.argsort(-np.concatenate([own["scores"], inside["scores"]]), kind="stable")
        return {name: _stacked(own.get(name), values, count)[order] for name, values in inside.items()}

    def _placed(self, crop: Crop, found: Prediction, size: tuple[int, int]) -> dict[str, NDArray[Any]]:
        """What is ``found`` in a crop, in pixels of the image of ``size``, with whose part it is, and whether the
        edge of the crop cuts it off."""
        (left, top), (height, width) = crop.corner, crop.pixels.shape[:2]
        to_crop = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
        placement = Placement(to_crop, (width, height), size)
        whole = self.second.task.restore(found, ImageInfo("", size, (height, width), placement))
        edges = np.array([left, top, left + width, top + height], np.float64)
        inner = np.array([left > 0, top > 0, left + width < size[0], top + height < size[1]])
        beyond = np.array([1, 1, -1, -1]) * (whole["boxes"] - edges) < AT_EDGE
        return {
            **whole,
            PART_OF: np.full(len(whole["labels"]), crop.number, np.int64),
            CUT_OFF: (beyond & inner).any(axis=1),
        }


def whole(place: Path | InMemory) -> tuple[NDArray[np.uint8], Placement]:
    """All pixels of an image."""
    pixels = np.asarray(decode(place, *WHOLE))
    size = pixels.shape[1], pixels.shape[0]
    return pixels, Placement.resize(size, size)


def surviving(found: Mapping[str, NDArray[Any]], overlap: float) -> list[int]:
    """Which objects of several crops of an image are no duplicates, by ``Crops.overlap``; those that no edge cuts off
    go before those that are, then by score."""
    boxes, labels, parts, cut = found["boxes"], found["labels"], found[PART_OF], found[CUT_OFF]
    there, stay = np.ones(len(labels), bool), list[int]()
    for place in np.lexsort((-found["scores"], cut)).tolist():
        if not there[place]:
            continue
        stay.append(place)
        others = there & (labels == labels[place]) & (parts != parts[place])
        shared = geometry.iou(boxes[place], boxes)
        within = geometry.iou(boxes, boxes[place][None], crowd=True)
        there &= ~(others & ((shared > overlap) | (cut & (within > overlap))))
        there[stay] = True
    return sorted(stay)


def _stacked(first: NDArray[Any] | None, second: NDArray[Any], count: int) -> NDArray[Any]:
    """A field of both; what only objects of the second have is 0 for the ``count`` of the first."""
    return np.concatenate([np.zeros((count, *second.shape[1:]), second.dtype) if first is None else first, second])


def load_cascade(
    first: Path | str,
    second: Path | str,
    *,
    first_threshold: float = 0.3,
    threshold: float = 0.3,
    crops: Crops | None = None,
    key: str | None = None,
    device: str | None = None,
) -> LoadedModel:
    """The model ``second`` in crops of what the model ``first`` finds, opened once for any number of images.

    Objects that score less than ``first_threshold`` are not cropped, those in crops less than ``threshold`` dropped.
    Raises as ``LoadedModel.load`` does, and UsageError for models that find no boxes.
    """
    people = LoadedModel.load(first, threshold=first_threshold, key=key, device=device)
    clothes = LoadedModel.load(second, threshold=threshold, key=key, device=device)
    for model, path in ((people, first), (clothes, second)):
        require_boxes(model.task, Path(path))
    return LoadedModel(Cascade(people, clothes, crops or Crops()), CascadeTask(clothes.task), threshold=0.0)
