"""All that was found on a split, and all that is there: a few compact arrays, some thirty bytes a detection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.tasks import ImageInfo

Array = NDArray[Any]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Items:
    """Boxes of all pictures: ``picture`` int32 [K], ``label`` int32 [K] from 1, ``box`` float [K, 4] in pixels of the
    network, ``score`` float [K] (1 for objects), ``difficult`` bool [K] (False for detections). ``crowd`` bool [K]: a
    group in one box; ``area`` float [K] in stored pixels, negative: that of the box.

    Pictures rise, labels rise within a picture, scores fall within a label.
    """

    picture: NDArray[np.int32]
    label: NDArray[np.int32]
    box: Floats
    score: Floats
    difficult: NDArray[np.bool_]
    crowd: NDArray[np.bool_]
    area: Floats

    def __len__(self) -> int:
        return len(self.label)

    def take(self, which: Any) -> Items:
        """Those that ``which``, an index or a mask, picks."""
        return Items(*(getattr(self, each.name)[which] for each in fields(self)))


@dataclass(frozen=True)
class Findings:
    """``found`` and ``truth`` on ``sizes``, int32 [N, 2]: width and height of each picture as it is stored.

    ``inputs`` int32 [N, 2], height and width: what the network saw; ``to_stored`` float64 [N, 4] from its pixels to
    those of the stored picture: factors across and down, then offsets.
    """

    classes: tuple[str, ...]
    found: Items
    truth: Items
    sizes: NDArray[np.int32]
    inputs: NDArray[np.int32]
    to_stored: NDArray[np.float64]

    @property
    def pictures(self) -> int:
        return len(self.sizes)

    def reordered(self, order: Sequence[int]) -> Findings:
        """The same with other labels: class ``n`` is the one that was number ``order[n]``, from 0."""
        labels = np.argsort(order).astype(np.int32) + 1

        def relabelled(items: Items) -> Items:
            label = labels[items.label - 1]
            return replace(items, label=label).take(np.lexsort((-items.score, label, items.picture)))

        classes = tuple(self.classes[number] for number in order)
        return replace(self, classes=classes, found=relabelled(self.found), truth=relabelled(self.truth))

    @cached_property
    def ranked(self) -> list[NDArray[np.intp]]:
        """The detections of each class, best first."""
        own = (np.flatnonzero(self.found.label == label) for label in range(1, len(self.classes) + 1))
        return [each[np.argsort(-self.found.score[each], kind="stable")] for each in own]

    def groups(self, items: Items) -> NDArray[np.int64]:
        """Picture and class as one number, rising."""
        return items.picture.astype(np.int64) * (len(self.classes) + 1) + items.label

    def stored(self, items: Items) -> NDArray[np.float64]:
        """Boxes of ``items`` in pixels of the stored pictures."""
        moved = self.to_stored[:, [0, 1, 0, 1, 2, 3, 2, 3]][items.picture]
        stored: NDArray[np.float64] = items.box * moved[:, :4] + moved[:, 4:]
        return stored

    def areas(self, items: Items) -> NDArray[np.float64]:
        """In pixels of the stored pictures: as annotated, else of the boxes."""
        boxes = self.stored(items)
        own = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        return np.where(items.area < 0, own, items.area)


@dataclass
class Collector:
    """Takes pictures one by one, in the order of the split."""

    classes: Sequence[str]
    _found: list[tuple[Array, ...]] = field(default_factory=list)
    _truth: list[tuple[Array, ...]] = field(default_factory=list)
    _images: list[tuple[int | float, ...]] = field(default_factory=list)

    def add(self, detections: Mapping[str, Any], truths: Mapping[str, Any], image: ImageInfo) -> None:
        """A picture.

        ``detections`` has "boxes" [K, 4] left, top, right, bottom, "labels" [K] from 1 and "scores" [K]; ``truths``
        "boxes" [N, 4], "labels" [N] and, if any, "difficult" and "crowd" bool [N] and "area" [N]. Arrays or tensors on
        the CPU.
        Raises IndexError for a label outside 1 to the number of classes.
        """
        labels, true_labels = np.asarray(detections["labels"], np.int32), np.asarray(truths["labels"], np.int32)
        for given in (labels, true_labels):
            if given.size and not 1 <= given.min() <= given.max() <= len(self.classes):
                wrong = int(given[(given < 1) | (given > len(self.classes))][0])
                raise IndexError(f"label {wrong} is not one of the {len(self.classes)} classes")
        scores = np.asarray(detections["scores"], np.float32)
        none, boxes = np.zeros(len(labels), bool), np.asarray(detections["boxes"], np.float32).reshape(-1, 4)
        self._found.append((labels, boxes, scores, none, none, np.full(len(labels), -1, np.float32)))
        count, boxes = len(true_labels), np.asarray(truths["boxes"], np.float32).reshape(-1, 4)
        difficult, crowd = (np.asarray(truths.get(name, np.zeros(count)), bool) for name in ("difficult", "crowd"))
        area = np.asarray(truths.get("area", np.full(count, -1)), np.float32)
        self._truth.append((true_labels, boxes, np.ones(count, np.float32), difficult, crowd, area))
        self._images.append((*image.size, *image.input_size, *image.to_stored))

    def __len__(self) -> int:
        return len(self._images)

    def findings(self) -> Findings:
        """Everything added so far."""
        images = np.array(self._images, np.float64).reshape(-1, 8)
        sizes, inputs = images[:, :2].astype(np.int32), images[:, 2:4].astype(np.int32)
        return Findings(
            tuple(self.classes), _items(self._found), _items(self._truth), sizes, inputs, images[:, 4:]
        )  # fmt: skip


def _items(parts: Sequence[tuple[Array, ...]]) -> Items:
    counts = [len(part[0]) for part in parts]
    picture = np.repeat(np.arange(len(parts), dtype=np.int32), counts)
    floats, flags = np.zeros(0, np.float32), np.zeros(0, bool)
    nothing = (np.zeros(0, np.int32), np.zeros((0, 4), np.float32), floats, flags, flags, floats)
    label, box, score, difficult, crowd, area = (np.concatenate(column) for column in zip(nothing, *parts, strict=True))
    if ((np.diff(score) <= 0) | (np.diff(picture) > 0)).all():  # as predictions are
        order = np.argsort(picture.astype(np.int64) * (label.max(initial=0) + 1) + label, kind="stable")
    else:
        order = np.lexsort((-score, label, picture))
    return Items(picture, label, box, score, difficult, crowd, area).take(order)
