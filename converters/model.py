"""The model in the middle: what every format is read into and written out of.

One convention inside, converted at the edges: absolute pixels of the image as stored (before any EXIF rotation),
x to the right, y down, a box as left, top, right, bottom with width = right - left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Polygon = tuple[float, ...]
"""A ring as x1, y1, x2, y2, ... in pixels; at least three points, open or closed."""


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)


@dataclass(frozen=True, slots=True)
class Keypoint:
    """A landmark in pixels; visibility as in COCO: 2 visible, 1 labelled but occluded, 0 not labelled (x = y = 0)."""

    x: float
    y: float
    visibility: int


@dataclass(frozen=True, slots=True)
class Object:
    """One annotated thing in a picture.

    ``occlusion`` counts as in KITTI: 0 fully visible, 1 partly, 2 largely, 3 unknown. ``truncation`` is the share
    outside the picture, 0 to 1. ``pair_id`` and ``style`` tell which garment this is (style 0: no identity).
    ``extra`` holds a format's own scalar fields by name (DeepFashion2: scale, zoom_in, viewpoint).
    """

    category: str
    box: Box
    polygons: tuple[Polygon, ...] = ()
    keypoints: tuple[Keypoint, ...] = ()
    occlusion: int = 0
    truncation: float = 0.0
    pair_id: int | None = None
    style: int | None = None
    extra: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture and what is on it. ``id`` is the file's stem, unique within a split; sizes in pixels."""

    id: str
    image: Path
    width: int
    height: int
    objects: tuple[Object, ...] = ()
    source: str | None = None


@dataclass(frozen=True)
class KeypointSlot:
    """Where a category's own keypoints lie in the vector of points that COCO keeps for it, and what those are called.

    DeepFashion2 has one vector of 294 points for all garments, of which each uses ``count`` from ``offset`` on;
    people have 17 points, all their own.
    """

    names: tuple[str, ...]
    offset: int
    count: int


@dataclass(frozen=True)
class Dataset:
    """Categories in order, and a way to stream the samples; every ``iter()`` starts at the first one again.

    ``keypoints`` has an entry for each category whose objects may carry keypoints.
    """

    categories: tuple[str, ...]
    open: Callable[[], Iterator[Sample]]
    keypoints: Mapping[str, KeypointSlot] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Sample]:
        return self.open()
