"""All that was found on a split, and all that is there: a few compact arrays, some thirty bytes a detection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Items:
    """Boxes of all pictures: ``picture`` int32 [K], ``label`` int32 [K] from 1, ``box`` float32 [K, 4] in pixels of
    the network, ``score`` float32 [K] (1 for objects), ``difficult`` bool [K] (False for detections).

    Pictures rise, labels rise within a picture, scores fall within a label.
    """

    picture: NDArray[np.int32]
    label: NDArray[np.int32]
    box: NDArray[np.float32]
    score: NDArray[np.float32]
    difficult: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, which: Any) -> Items:
        """Those that ``which``, an index or a mask, picks."""
        return Items(*(each[which] for each in (self.picture, self.label, self.box, self.score, self.difficult)))


@dataclass(frozen=True)
class Findings:
    """``found`` and ``truth`` on ``sizes``, int32 [N, 2]: width and height of each picture as it is stored.

    ``inputs`` int32 [N, 2], height and width: what the network saw, each picture stretched to it. None: boxes are in
    pixels of the stored pictures already.
    """

    classes: tuple[str, ...]
    found: Items
    truth: Items
    sizes: NDArray[np.int32]
    inputs: NDArray[np.int32] | None = None

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

    def groups(self, items: Items) -> NDArray[np.int64]:
        """Picture and class as one number, rising."""
        return items.picture.astype(np.int64) * (len(self.classes) + 1) + items.label

    def stored(self, items: Items) -> NDArray[np.float64]:
        """Boxes of ``items`` in pixels of the stored pictures."""
        boxes = items.box.astype(np.float64)
        if self.inputs is None:
            return boxes
        scale = self.sizes[items.picture] / self.inputs[items.picture, ::-1].astype(np.float64)
        return boxes * np.tile(scale, 2)


@dataclass
class Collector:
    """Takes pictures one by one, in the order of the split."""

    classes: Sequence[str]
    _found: list[tuple[Array, ...]] = field(default_factory=list)
    _truth: list[tuple[Array, ...]] = field(default_factory=list)
    _sizes: list[tuple[int, int]] = field(default_factory=list)
    _inputs: list[tuple[int, int]] = field(default_factory=list)

    def add(
        self,
        detections: Mapping[str, Any],
        truths: Mapping[str, Any],
        *,
        stored: tuple[int, int] = (0, 0),
        seen: tuple[int, int] | None = None,
    ) -> None:
        """A picture stored with ``stored`` (width, height) pixels, of which the network saw ``seen`` (height, width);
        None: boxes are in pixels of the stored picture.

        ``detections`` has "boxes" [K, 4] left, top, right, bottom, "labels" [K] from 1 and "scores" [K]; ``truths``
        "boxes" [N, 4], "labels" [N] and, if any, "difficult" bool [N]. Arrays or tensors on the CPU.
        Raises IndexError for a label outside 1 to the number of classes.
        """
        labels, true_labels = np.asarray(detections["labels"], np.int32), np.asarray(truths["labels"], np.int32)
        for given in (labels, true_labels):
            if given.size and not 1 <= given.min() <= given.max() <= len(self.classes):
                wrong = int(given[(given < 1) | (given > len(self.classes))][0])
                raise IndexError(f"label {wrong} is not one of the {len(self.classes)} classes")
        scores = np.asarray(detections["scores"], np.float32)
        difficult = np.asarray(truths.get("difficult", np.zeros(len(true_labels))), dtype=bool)
        boxes = (np.asarray(items["boxes"], np.float32).reshape(-1, 4) for items in (detections, truths))
        self._found.append((labels, next(boxes), scores, np.zeros(len(labels), bool)))
        self._truth.append((true_labels, next(boxes), np.ones(len(true_labels), np.float32), difficult))
        self._sizes.append(stored)
        self._inputs += [seen] if seen is not None else []

    def __len__(self) -> int:
        return len(self._sizes)

    def findings(self) -> Findings:
        """Everything added so far."""
        sizes = np.array(self._sizes, np.int32).reshape(-1, 2)
        inputs = np.array(self._inputs, np.int32).reshape(-1, 2) if self._inputs or not self._sizes else None
        return Findings(tuple(self.classes), _items(self._found), _items(self._truth), sizes, inputs)


def _items(parts: Sequence[tuple[Array, ...]]) -> Items:
    counts = [len(part[0]) for part in parts]
    picture = np.repeat(np.arange(len(parts), dtype=np.int32), counts)
    nothing = (np.zeros(0, np.int32), np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, bool))
    label, box, score, difficult = (np.concatenate(column) for column in zip(nothing, *parts, strict=True))
    order = np.lexsort((-score, label, picture))
    return Items(picture, label, box, score, difficult).take(order)
