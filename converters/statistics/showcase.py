"""Which pictures a report shows, and these as small JPEGs with what is on them as outlines."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converters.model import Keypoint, Object, Sample
from converters.model.findings import Findings
from converters.pictures.drawing import Rectangle, colour_of, overlap
from converters.pictures.overlays import labelled, opened, silhouette
from converters.statistics import Report
from converters.statistics.columns import Columns
from converters.transfer.selection import ranked
from tltpipe.errors import DataError

SIDE = 360
"""The longer side of a picture in the report, in pixels."""
QUALITY = 78
OBJECTS, RINGS, POINTS = 40, 12, 90
"""Most things of a picture, outlines of a thing and points of an outline that are drawn."""
LETTERS, LETTER, LINE = 32, 7.0, 15.0
"""Letters of a class name that are shown, and the size of one on the page in pixels of the picture, about."""
BYTES = 3_800_000
"""Of pictures in base64, all together."""


@dataclass(frozen=True)
class Pick:
    """A picture of a split, by the row it has in the columns, and why it is shown."""

    split: str
    row: int
    why: str


@dataclass(frozen=True)
class Outline:
    """A thing in pixels of the small picture; ``shape`` is an SVG path, ``mask`` a PNG in base64.

    ``box`` is left, top, width, height; ``name`` where the class name begins, on its base line.
    """

    category: str
    label: int
    box: tuple[float, float, float, float]
    name: tuple[float, float]
    shape: str
    mask: str
    points: tuple[Keypoint, ...]


@dataclass(frozen=True)
class Shot:
    """A small picture (JPEG, base64) and what is on it."""

    split: str
    name: str
    why: str
    width: int
    height: int
    jpeg: str
    things: tuple[Outline, ...] = field(default_factory=tuple)


def picks(report: Report, count: int) -> list[Pick]:
    """``count`` pictures at most: rare and extreme ones first, then as many of each class as there is room for."""
    found: list[Pick] = []
    taken: set[tuple[str, int]] = set()
    for pick in _candidates(report):
        if len(found) == count:
            break
        if (pick.split, pick.row) not in taken:
            taken.add((pick.split, pick.row))
            found.append(pick)
    order = list(report.datasets)
    return sorted(found, key=lambda pick: (order.index(pick.split), pick.row))


def shots(report: Report, count: int) -> Iterator[Shot]:
    """The pictures of ``picks``, read one after the other; those that cannot be read are passed over."""
    names = report.numbers["categories"]
    labels = {name: number for number, name in enumerate(names, start=1)}
    size = 0
    for pick in picks(report, count):
        dataset, columns = report.datasets[pick.split], report.columns[pick.split]
        try:
            sample = dataset.pictures.load(report.keys[pick.split][int(columns.place[pick.row])], Findings())
            shot = _shot(sample, pick, labels)
        except DataError:
            continue
        size += len(shot.jpeg) + sum(len(thing.mask) for thing in shot.things)
        if size > BYTES:
            return
        yield shot


def _candidates(report: Report) -> Iterator[Pick]:
    main = report.main
    if not main:
        return
    yield from _extremes(main, report.columns[main])
    # Round by round one more picture of each class and split, so that however few there is room for, none is missing.
    queues = [
        (split, name, _of_class(report, split, number))
        for split, dataset in report.datasets.items()
        for number, name in enumerate(dataset.categories)
    ]
    splits = sorted(report.datasets, key=lambda name: name != main)
    queues.sort(key=lambda queue: splits.index(queue[0]))
    for turn in range(12):
        for split, name, rows in queues:
            if turn < len(rows) and (split == main or turn < 2):
                yield Pick(split, rows[turn], name.replace("_", " "))
    for split, columns in report.columns.items():
        rest = _spread(report, split, np.arange(len(columns.items)))
        yield from (Pick(split, row, "") for row in rest)


def _extremes(split: str, columns: Columns) -> Iterator[Pick]:
    if len(columns.items) and columns.items.max() > 2:
        most = int(columns.items.argmax())
        yield Pick(split, most, f"most items: {columns.items[most]}")
    if (columns.items == 0).any():
        yield Pick(split, int((columns.items == 0).argmax()), "no items")
    relative, picture = columns.relative, columns.picture
    if not len(relative) or np.isnan(relative).all():
        return
    area = relative[:, 2] * relative[:, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        aspect = columns.box[:, 3] / columns.box[:, 2]
    for values, pick, why in (
        (area, np.nanargmin, "smallest box"),
        (aspect, np.nanargmax, "tallest box"),
        (aspect, np.nanargmin, "widest box"),
    ):
        yield Pick(split, int(picture[pick(values)]), why)
    heavy = np.flatnonzero(columns.occlusion == 2)
    if len(heavy):
        yield Pick(split, int(picture[heavy[len(heavy) // 2]]), "largely occluded")


def _of_class(report: Report, split: str, number: int) -> list[int]:
    columns = report.columns[split]
    rows: NDArray[Any] = np.unique(columns.picture[columns.category == number])
    return _spread(report, split, rows)[:12]


def _spread(report: Report, split: str, rows: NDArray[Any]) -> list[int]:
    """Some of ``rows``, in the order of a hash of the pictures' names, so that the choice is the same everywhere."""
    rows = rows[:: max(1, len(rows) // 400)]
    pictures, keys, place = report.datasets[split].pictures, report.keys[split], report.columns[split].place
    names = [pictures.name(keys[int(place[row])]) for row in rows]
    return [int(rows[number]) for number in ranked(names)]


def _shot(sample: Sample, pick: Pick, labels: dict[str, int]) -> Shot:
    picture, scale = opened(sample, shortest=1, longest=SIDE)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=QUALITY, optimize=True)
    largest = sorted(sample.objects, key=lambda thing: -thing.box.area)[:OBJECTS]
    taken: list[Rectangle] = []
    things = tuple(_outline(thing, labels, scale, picture.size, taken) for thing in largest)
    jpeg = base64.b64encode(stream.getvalue()).decode()
    return Shot(pick.split, sample.id, pick.why, *picture.size, jpeg, things)


def _outline(
    thing: Object, labels: dict[str, int], scale: tuple[float, float], size: tuple[int, int], taken: list[Rectangle]
) -> Outline:
    box = thing.box
    corners = (box.left * scale[0], box.top * scale[1], max(0.0, box.width) * scale[0], max(0.0, box.height) * scale[1])
    left, top, width, height = (round(value, 1) for value in corners)
    shape = "".join(_path(ring, scale) for ring in thing.polygons[:RINGS])
    points = tuple(Keypoint(round(x * scale[0], 1), round(y * scale[1], 1), v) for x, y, v in labelled(thing)[:POINTS])
    label, name = labels.get(thing.category, 1), _name(thing.category, (left, top), size, taken)
    return Outline(thing.category, label, (left, top, width, height), name, shape, _mask(thing, label, size), points)


def _name(text: str, corner: tuple[float, float], size: tuple[int, int], taken: list[Rectangle]) -> tuple[float, float]:
    """Inside the box's upper left corner, or the first free line below it."""
    wide = LETTER * min(len(text), LETTERS)
    left = max(2.0, min(corner[0] + 5, size[0] - wide - 2))
    tops = [max(2.0, corner[1] + 4) + line * LINE for line in range(12)]
    places = [(left, top, left + wide, top + LINE) for top in tops if top + LINE <= size[1]] or [
        (left, 2.0, left, LINE)
    ]
    place = next((place for place in places if not any(overlap(place, other) for other in taken)), places[0])
    taken.append(place)
    return round(place[0], 1), round(place[1] + LINE - 4, 1)


def _path(ring: Sequence[float], scale: tuple[float, float]) -> str:
    corners = list(zip(ring[::2], ring[1::2], strict=True))
    corners = corners[:: -(-len(corners) // POINTS) or 1]
    if len(corners) < 3:
        return ""
    return "M" + "L".join(f"{x * scale[0]:.1f} {y * scale[1]:.1f}" for x, y in corners) + "Z"


def _mask(thing: Object, label: int, size: tuple[int, int]) -> str:
    """The mask as a PNG in the class's colour."""
    shape = silhouette(thing.mask, size) if thing.mask is not None else None
    if shape is None:
        return ""
    flat = Image.new("RGB", size, colour_of(label))
    flat.putalpha(shape.point(lambda value: 255 if value > 127 else 0))
    stream = io.BytesIO()
    flat.save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()
