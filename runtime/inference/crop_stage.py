"""A second stage that is a detector: the objects of the first, people, are cropped, and it finds clothes in the crops.

Its results are those of ``CascadeTask``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.imaging import boxes as geometry
from runtime.imaging.decoding import Pixels
from runtime.imaging.pixels import PixelBatch
from runtime.imaging.placement import Placement
from runtime.inference.cascade_task import OBJECT, PART_OF
from runtime.inference.crops import Crops
from runtime.inference.front_door import LoadedModel
from runtime.tasks import ImageInfo, Prediction, class_names

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


class CropStage:
    """A ``runtime.inference.cascade.SecondStage``; its predictions have PART_OF and OBJECT.

    Classes are those of ``second``, then those of the ``first`` model that are cropped and that it lacks. ``batch``
    crops pass through the model together.
    """

    about = "in crops of"

    def __init__(self, first: Sequence[str], second: LoadedModel, crops: Crops, *, batch: int) -> None:
        self.first, self.second, self.crops, self.batch = first, second, crops, batch
        self.classes = (*second.classes, *(name for name in crops.classes or first if name not in second.classes))
        self.counts = Counts()

    def __call__(self, images: PixelBatch, objects: Sequence[Prediction]) -> Sequence[Prediction]:
        people = [self._people(each) for each in objects]
        crops = [
            crop for at, image in enumerate(images) for crop in self._crops(at, image, people[at]["boxes"].tolist())
        ]
        inside = self.second.predict([crop.pixels for crop in crops], batch_size=self.batch)
        parts: list[list[tuple[Crop, Prediction]]] = [[] for _ in images]
        for crop, found in zip(crops, inside, strict=True):
            parts[crop.image].append((crop, found.fields))
        return [self._joined(*each) for each in zip(images, people, parts, strict=True)]

    def _people(self, found: Prediction) -> Prediction:
        """The objects of the first model with their labels here."""
        labels = [self.classes.index(name) + 1 for name in class_names(found, self.first)]
        self.counts.images += 1
        self.counts.without += not labels
        return {"boxes": found["boxes"], "labels": np.array(labels, np.int64), "scores": found["scores"]}

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
