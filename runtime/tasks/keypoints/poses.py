"""Points of all objects, or of all predictions: a few arrays that grow by what an object has of its own."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from converters.model.landmarks import Layout
from runtime.data.keypoints import stored_points
from runtime.data.recipe import Area, Visibility
from runtime.data.split import Split
from runtime.tasks.detection.findings import Findings, Items

VISIBLE = 2


@dataclass(frozen=True)
class Poses:
    """``image`` int32 [N] is the place in the split, ``label`` int32 [N] from 1, ``score`` float64 [N] (1 for objects);
    ``box`` float64 [N, 4] and ``area`` float64 [N] are in stored pixels; ``crowd`` bool [N]: a group in one box.

    The own points of pose n are those from ``first[n]`` on, as many as its class has: ``points`` float64 [P, 2] in
    stored pixels, ``marks`` float32 [P] their visibility (0, 1, 2) or, of predictions, their confidence.

    Images rise, labels rise within an image, scores fall within a label. ``whole`` has, by their ``first``, the vectors
    [K, 2] of those predictions that also have points of other classes, where these matter (``Collector``).
    """

    image: NDArray[np.int32]
    label: NDArray[np.int32]
    score: NDArray[np.float64]
    box: NDArray[np.float64]
    area: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    first: NDArray[np.int64]
    points: NDArray[np.float64]
    marks: NDArray[np.float32]
    whole: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.label)

    def ordered(self) -> Poses:
        order = np.lexsort((-self.score, self.label, self.image))
        return replace(
            self, image=self.image[order], label=self.label[order], score=self.score[order], box=self.box[order],
            area=self.area[order], crowd=self.crowd[order], first=self.first[order],
        )  # fmt: skip

    def own(self, which: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Places [n, count] in ``points`` of those of the poses ``which`` [n], of a class with ``count`` points."""
        places: NDArray[np.int64] = self.first[which, None] + np.arange(count)
        return places

    @property
    def items(self) -> Items:
        """Boxes, as figures of detections are counted from."""
        none = np.zeros(len(self), np.bool_)
        return Items(self.image, self.label, self.box, self.score, none, self.crowd, self.area)


def findings(found: Poses, truth: Poses, classes: Sequence[str], sizes: NDArray[np.int32]) -> Findings:
    """Both on images of ``sizes`` [N, 2], width and height, in pixels of these."""
    same = np.tile((1.0, 1.0, 0.0, 0.0), (len(sizes), 1))
    return Findings(tuple(classes), found.items, truth.items, sizes, sizes[:, ::-1], same)


class Collector:
    """Takes poses one by one, in any order of images; some four hundred bytes each. Whole vectors are kept of those on
    ``images`` alone: COCO compares an object without labelled points with all of a prediction."""

    def __init__(self, images: Set[int] = frozenset()) -> None:
        self.images, self.whole = images, dict[int, NDArray[np.float64]]()
        self.image, self.label, self.first = array("i"), array("i"), array("q")
        self.score, self.box, self.area, self.points = array("d"), array("d"), array("d"), array("d")
        self.marks = array("f")

    def __len__(self) -> int:
        return len(self.label)

    def add(
        self, image: int, label: int, score: float, box: Sequence[float], whole: NDArray[np.float64], layout: Layout,
        *, area: float | None = None,
    ) -> None:  # fmt: skip
        """``whole`` [K, 3]: x, y and confidence of the vector of all points, of which those of ``layout`` are kept.

        Without an ``area`` it is that of the rectangle around all of them, unused ones at (0, 0) included, as COCO's
        programs have it: it decides what unmatched predictions count as medium or large.
        """
        own = whole[layout.offset : layout.offset + layout.count]
        if area is None:
            area = float(np.ptp(whole[:, 0]) * np.ptp(whole[:, 1]))
        self.image.append(image)
        self.label.append(label)
        self.score.append(score)
        self.box.extend(box)
        self.area.append(area)
        if image in self.images:
            self.whole[len(self.marks)] = whole[:, :2].copy()
        self.first.append(len(self.marks))
        self.points.frombytes(np.ascontiguousarray(own[:, :2], np.float64).tobytes())
        self.marks.frombytes(own[:, 2].astype(np.float32).tobytes())

    def poses(self) -> Poses:
        """All that was added so far."""
        return Poses(
            np.array(self.image, np.int32), np.array(self.label, np.int32), np.array(self.score, np.float64),
            np.array(self.box, np.float64).reshape(-1, 4), np.array(self.area, np.float64),
            np.zeros(len(self), np.bool_), np.array(self.first, np.int64),
            np.array(self.points, np.float64).reshape(-1, 2), np.array(self.marks, np.float32),
            self.whole,
        ).ordered()  # fmt: skip


def of_split(split: Split, layouts: Sequence[Layout], visibility: Visibility, area: Area) -> Poses:
    """What is true of ``split``. ``visibility`` "visible": occluded points are as if they were not labelled; ``area``
    "box": that of the box, whatever is annotated."""
    labels, boxes = split.labels, split.boxes.astype(np.float64)
    counts = np.array([0, *(layout.count for layout in layouts)])[labels]
    ends = np.cumsum(counts)
    first = ends - counts
    points, marks = np.zeros((int(counts.sum()), 2)), np.zeros(int(counts.sum()), np.float32)
    for label, layout in enumerate(layouts, start=1):
        which = np.flatnonzero(labels == label)
        stored = stored_points(split.columns["keypoints"], which, layout.count)
        places = first[which, None] + np.arange(layout.count)
        points[places], marks[places] = stored[..., :2], stored[..., 2]
    if visibility == "visible":
        marks[marks < VISIBLE] = 0
    annotated, own = split["area"].astype(np.float64), np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    areas = own if area == "box" else np.where(annotated < 0, own, annotated)
    image = np.repeat(np.arange(len(split), dtype=np.int32), np.diff(split.starts))
    score = np.ones(len(labels))
    return Poses(image, labels.astype(np.int32), score, boxes, areas, split["crowd"], first, points, marks).ordered()


def labelled(poses: Poses, layouts: Sequence[Layout]) -> NDArray[np.bool_]:
    """Which of ``poses`` have a point with a mark above 0 [N]."""
    found = np.zeros(len(poses), np.bool_)
    for label, layout in enumerate(layouts, start=1):
        which = np.flatnonzero(poses.label == label)
        found[which] = (poses.marks[poses.own(which, layout.count)] > 0).any(axis=1)
    return found


def nobody() -> Poses:
    """No pose at all."""
    return Collector().poses()
