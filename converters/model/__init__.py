"""The model in the middle: what every format is read into and written out of.

One convention inside, converted at the edges: absolute pixels of the image as stored (before any EXIF rotation),
x to the right, y down, a box as left, top, right, bottom with width = right - left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from converters.model.findings import Finding, Findings
from tltpipe.errors import Location, TltpipeError

Polygon = tuple[float, ...]
"""A ring as x1, y1, x2, y2, ... in pixels; at least three points, open or closed."""


class Box(msgspec.Struct, frozen=True):
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


class Keypoint(NamedTuple):
    """A landmark in pixels; visibility as in COCO: 2 visible, 1 labelled but occluded, 0 not labelled (x = y = 0)."""

    x: float
    y: float
    visibility: int


class Keypoints(Sequence[Keypoint]):
    """Keypoints kept as the flat x, y, visibility, ... that files hold: a picture has dozens, most are passed on."""

    __slots__ = ("flat",)

    def __init__(self, flat: Sequence[float]) -> None:
        self.flat = tuple(flat)

    def __len__(self) -> int:
        return len(self.flat) // 3

    def __getitem__(self, place: Any) -> Any:
        return tuple(self)[place]

    def __iter__(self) -> Iterator[Keypoint]:
        flat = self.flat
        return map(Keypoint, flat[::3], flat[1::3], map(int, flat[2::3]))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.flat)

    def __repr__(self) -> str:
        return f"Keypoints({self.flat})"


def flat(points: Sequence[Keypoint]) -> Sequence[float]:
    """``points`` as x, y, visibility, x, ..."""
    if isinstance(points, Keypoints):
        return points.flat
    return [number for point in points for number in point]


class Mask(msgspec.Struct, frozen=True):
    """A mask of ``width`` x ``height`` pixels as COCO's compressed run lengths (ASCII): columns first, 0s first."""

    width: int
    height: int
    counts: bytes


class Attribute(NamedTuple):
    """What an object can have beside its class, several at once; ``group`` is what it is about: "texture", "sleeve"."""

    name: str
    group: str = ""


class _Located(msgspec.Struct, frozen=True):
    """A value with its place in files, which does not count where two are compared: ``_PLACES`` are those fields."""

    _PLACES: ClassVar[tuple[str, ...]] = ()

    def __eq__(self, other: object) -> bool:
        return self._compared() == other._compared() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._compared())

    def _compared(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__struct_fields__ if name not in self._PLACES)


class Object(_Located, frozen=True):
    """One annotated thing in a picture.

    ``occlusion`` counts as in KITTI: 0 fully visible, 1 partly, 2 largely, 3 unknown. ``truncation`` is the share
    outside the picture, 0 to 1. ``crowd`` says that the box holds a group of such things. ``pair_id`` and ``style``
    tell which garment this is (style 0: no identity). ``extra`` holds a format's own scalar fields by name
    (DeepFashion2: scale, zoom_in, viewpoint). ``origin`` says where in its file it stands, a line number or a name.
    ``attributes`` are the places, from 0 and in order, in ``Dataset.attributes`` of those that it has;
    ``unknown_attributes`` of those that nobody judged; it has none of the others.
    """

    _PLACES = ("origin",)

    category: str
    box: Box
    polygons: tuple[Polygon, ...] = ()
    keypoints: Sequence[Keypoint] = ()
    occlusion: int = 0
    truncation: float = 0.0
    pair_id: int | None = None
    style: int | None = None
    extra: Mapping[str, int | float | str] = msgspec.field(default_factory=dict)
    mask: Mask | None = None
    crowd: bool = False
    origin: int | str | None = None
    attributes: tuple[int, ...] = ()
    unknown_attributes: tuple[int, ...] = ()


class Sample(_Located, frozen=True):
    """One picture and what is on it; sizes in pixels.

    ``id`` is the picture's path below the picture folder, without extension: the stem where nothing is nested.
    ``image_path`` is its file, ``annotations_path`` the file that says what is on it, both as texts: to make a ``Path``
    costs as much as to read a file. ``number`` is the image's id there, where it has one.
    ``ignored`` are regions in which things of any class may be, without labels of their own: KITTI's DontCare,
    VisDrone's ignored regions. They are items of no class. ``void`` are pixels, of the size of the picture, of which
    nobody says what they show: value 255 of a map of classes.
    """

    _PLACES = ("annotations_path", "number")

    id: str
    image_path: str
    width: int
    height: int
    objects: tuple[Object, ...] = ()
    source: str | None = None
    annotations_path: str | None = None
    ignored: tuple[Box, ...] = ()
    number: int | None = None
    void: Mask | None = None

    @property
    def image(self) -> Path:
        return Path(self.image_path)

    @property
    def annotations(self) -> Path | None:
        return None if self.annotations_path is None else Path(self.annotations_path)

    @property
    def file_name(self) -> str:
        """The picture's path below the picture folder."""
        name = self.image_path.rpartition("/")[2]
        dot = name.rfind(".")
        return self.id + name[dot:] if 0 < dot < len(name) - 1 else self.id

    def where(self, thing: Object | None = None) -> Location:
        """The place in the files that ``thing``, or the whole sample, comes from."""
        line = thing.origin if thing is not None and isinstance(thing.origin, int) else None
        return Location(self.annotations or self.image, line)


@dataclass(frozen=True)
class KeypointSlot:
    """Where a category's own keypoints lie in the vector of points that COCO keeps for it, and what those are called.

    DeepFashion2 has one vector of 294 points for all garments, of which each uses ``count`` from ``offset`` on;
    people have 17 points, all their own. ``skeleton`` joins points, counted from 1 as COCO does.
    """

    names: tuple[str, ...]
    offset: int
    count: int
    skeleton: tuple[tuple[int, int], ...] = ()


class Pictures(Protocol):
    """The pictures of one split, each read when its turn comes.

    Small and picklable, so that worker processes can each read a part: what differs from picture to picture is in
    the keys (a stem, or the offset of a record).
    """

    @property
    def inputs(self) -> Sequence[Path]:
        """Files and folders whose change makes other samples."""
        ...

    def keys(self) -> Sequence[Any]:
        """One small, picklable key for each picture, always in the same order. Raises DataError."""
        ...

    def name(self, key: Any) -> str:
        """The ``Sample.id`` of the picture, without reading it."""
        ...

    def load(self, key: Any, findings: Findings) -> Sample:
        """The picture of ``key``. What is odd goes to ``findings``; raises DataError for what cannot be read."""
        ...


def listed(pictures: Pictures, key: Any, *, method: str = "items") -> tuple[str, ...]:
    """The class of each item that the annotations of ``key`` list, though the picture cannot be used.

    With the ``method`` "items_beside" the key is the path of an image that lies in the folders of no split.

    Nothing where the format does not tell (see ``converters.formats``), or the annotations cannot be read either.
    """
    items = getattr(pictures, method, None)
    try:
        return tuple(items(key)) if items is not None else ()
    except (
        TltpipeError,
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
    ):  # known not to be as they should
        return ()


@dataclass(frozen=True)
class Wrapped:
    """``pictures`` under their own keys and names; what differs is how a picture is read."""

    pictures: Pictures

    @property
    def inputs(self) -> Sequence[Path]:
        return self.pictures.inputs

    def keys(self) -> Sequence[Any]:
        return self.pictures.keys()

    def name(self, key: Any) -> str:
        return self.pictures.name(key)

    def items(self, key: Any) -> tuple[str, ...]:
        return listed(self.pictures, key)

    def items_beside(self, image: Path) -> tuple[str, ...]:
        return listed(self.pictures, image, method="items_beside")


@dataclass(frozen=True)
class Dataset:
    """One split: categories in order, and the pictures; every ``iter()`` starts at the first one again.

    ``keypoints`` has an entry for each category whose objects may carry keypoints; ``supercategories`` for those
    that have one. ``joint_pairs`` is False where a ``pair_id`` says nothing about those of other splits
    (DeepFashion2 counts anew in each). ``annotated`` is False for pictures of which nobody says what is on them.
    ``ids`` are the numbers that the data set's own files give to categories, where those are not just their order.
    ``findings`` are about the split as a whole; the others come with its samples. ``attributes`` are those that its
    objects were judged by, in order: no names twice. ``tasks`` name the ``extra`` fields of which every object has one
    value to be told, the first of which is its category.
    """

    categories: tuple[str, ...]
    pictures: Pictures
    keypoints: Mapping[str, KeypointSlot] = field(default_factory=dict)
    supercategories: Mapping[str, str] = field(default_factory=dict)
    joint_pairs: bool = True
    annotated: bool = True
    ids: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    tasks: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Sample]:
        findings = Findings()
        return (self.pictures.load(key, findings) for key in self.pictures.keys())  # noqa: SIM118 - no mapping


def joint_ids(datasets: Sequence[Dataset]) -> dict[str, int]:
    """The ids of all categories; where ``datasets`` differ, the first one that gives a name or a number is right."""
    ids: dict[str, int] = {}
    for dataset in datasets:
        taken = set(ids.values())
        ids |= {name: number for name, number in dataset.ids.items() if name not in ids and number not in taken}
    return ids
