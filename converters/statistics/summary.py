"""The numbers of a data set, made of what the pass over it brought home: plain values, ready for JSON.

``summary`` gives the dictionary that ``tltpipe stats --json`` prints. Its keys stay; new ones may come.

``input``: ``width`` and ``height`` of the network's input, ``categories``: names in order, ``splits``: by name

    ``pictures``, ``items``, ``without_items`` (pictures), ``annotated`` (False: nobody says what is on the pictures)
    ``left_out``: [{name, problem}], pictures that cannot be used
    ``without_area``: boxes without area inside their picture; they count as items, but have no size
    ``picture_sizes``: ``different``, ``width``, ``height`` (quantiles), ``most`` [{width, height, pictures}]
    ``items_per_picture``: ``mean``, ``histogram`` [{items, pictures}]
    ``all``: the numbers of all classes together, as those of one class
    ``classes``: by name
        ``items``, ``share`` of the items, ``pictures`` with it, ``pictures_share``
        ``width``, ``height``: quantiles in pixels of the picture; ``relative_width``, ``relative_height``,
        ``relative_area``: in shares of the picture; ``aspect_ratio``: height / width
        ``sizes``: shares of small, medium, large boxes as COCO draws the line, at 32² and 96² pixels of the picture;
        ``input_sizes``: the same in pixels of the network's input
        ``occlusion``: shares of "0" (none) to "3" (unknown); ``truncation``: shares by upper end
        ``landmarks``: None, or ``items`` with any, ``points``, shares ``visible``, ``occluded``, ``unlabelled``
        ``with_polygons``, ``with_mask``, ``crowd``: shares of the items
        ``mask_pixels``: share of its masks in the pixels of all pictures
        ``fields``: for each field of the format's own, shares of the items by value; None where too many differ
    ``attributes``: None, or ``items`` with any, ``mean`` of an item, and ``each`` by name: ``group``, ``items`` that
    have it, ``share`` of those of which it is known, ``unknown`` items
    ``sources``: pictures by source
    ``together``: ``classes`` (the most frequent), ``pictures`` with the first and the second, as rows
    ``heat``: rows of a grid over the picture, top first: mean number of boxes over each cell, 1 for the highest

Quantiles are {min, p5, p25, median, p75, p95, max, mean}, or None where there is nothing to measure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.model import Dataset
from converters.statistics.columns import OCCLUSIONS, TRUNCATIONS, Columns, Value

Numbers = dict[str, Any]
Mask = NDArray[np.bool_]

SMALL, MEDIUM = 32**2, 96**2
"""Where COCO's small and medium boxes end, in square pixels."""
_AT = {"min": 0.0, "p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95, "max": 1.0}
MOST_SIZES = 12
MOST_CLASSES = 20
"""Classes whose company is told."""
GRID = 24
"""Cells of the heat map in a row and in a column."""


def summary(datasets: Mapping[str, Dataset], columns: Mapping[str, Columns], size: tuple[int, int]) -> Numbers:
    """All numbers but those of anchors; ``size`` is (width, height) of the network's input."""
    categories = tuple(dict.fromkeys(name for dataset in datasets.values() for name in dataset.categories))
    return {
        "input": {"width": size[0], "height": size[1]},
        "categories": list(categories),
        "splits": {name: split(datasets[name], columns[name], size) for name in datasets},
    }


def split(dataset: Dataset, columns: Columns, size: tuple[int, int]) -> Numbers:
    """The numbers of one split."""
    names, told = dataset.categories, _Boxes(columns, size)
    classes = {name: told.numbers(columns.category == number, number) for number, name in enumerate(names)}
    return {
        "pictures": len(columns.items),
        "items": len(columns.category),
        "without_items": int((columns.items == 0).sum()),
        "annotated": dataset.annotated,
        "left_out": [{"name": name, "problem": problem} for name, problem in columns.left_out],
        "without_area": int(np.isnan(columns.box[:, 0]).sum()),
        "picture_sizes": _picture_sizes(columns.size),
        "items_per_picture": _per_picture(columns.items),
        "all": told.numbers(np.ones(len(columns.category), bool), None),
        "classes": classes,
        "attributes": _attributes(dataset, columns) if dataset.attributes else None,
        "sources": None if columns.sources is None else {str(k): v for k, v in sorted(columns.sources.items())},
        "together": _together(columns, names),
        "heat": heat(columns.relative).round(4).tolist(),
    }


def _attributes(dataset: Dataset, columns: Columns) -> Numbers:
    items, counts = len(columns.category), columns.attributes.tolist()
    each = {
        attribute.name: {
            "group": attribute.group,
            "items": own,
            "share": _share(own, items - unknown),
            "unknown": unknown,
        }
        for attribute, (own, unknown) in zip(dataset.attributes, counts, strict=True)
    }
    mean = round(int(columns.attributes[:, 0].sum()) / items, 3) if items else 0.0
    return {"items": columns.attributed, "mean": mean, "each": each}


def quantiles(values: NDArray[Any], *, digits: int = 2) -> dict[str, float] | None:
    """``values`` (NaN left aside) in eight numbers; None when there are none."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    found = np.quantile(values, list(_AT.values()))
    told = dict(zip(_AT, found, strict=True)) | {"mean": float(values.mean(dtype=np.float64))}
    return {name: round(float(value), digits) for name, value in told.items()}


def heat(boxes: NDArray[np.float32], grid: int = GRID) -> NDArray[np.float64]:
    """How often each cell of a ``grid`` x ``grid`` picture lies in one of ``boxes`` ([N, 4], in shares): the middle of
    the cell counts, and the highest cell is 1."""
    boxes = boxes[~np.isnan(boxes[:, 0])]
    left, top = (np.clip(np.ceil(boxes[:, k] * grid - 0.5), 0, grid).astype(np.intp) for k in (0, 1))
    right, bottom = (
        np.clip(np.ceil((boxes[:, k] + boxes[:, k + 2]) * grid - 0.5), 0, grid).astype(np.intp) for k in (0, 1)
    )
    # Corners with signs; summed up twice they fill their boxes.
    corners = np.zeros((grid + 1, grid + 1), np.float64)
    for rows, cells, sign in ((top, left, 1), (top, right, -1), (bottom, left, -1), (bottom, right, 1)):
        np.add.at(corners, (rows, cells), sign)
    filled: NDArray[np.float64] = corners.cumsum(axis=0).cumsum(axis=1)[:grid, :grid]
    return filled / max(float(filled.max(initial=0)), 1.0)


class _Boxes:
    """The boxes of a split, measured once, counted for one class after the other."""

    def __init__(self, columns: Columns, size: tuple[int, int]) -> None:
        self.columns = columns
        self.relative = columns.relative
        self.picture = columns.picture
        self.pixels = int(columns.size.prod(axis=1, dtype=np.int64).sum())
        self.area = columns.box[:, 2] * columns.box[:, 3]
        self.input_area = self.relative[:, 2] * self.relative[:, 3] * size[0] * size[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            self.aspect = columns.box[:, 3] / columns.box[:, 2]

    def numbers(self, chosen: Mask, number: int | None) -> Numbers:
        """Of the items ``chosen``, those of class ``number`` or, with None, of all."""
        columns, items = self.columns, int(chosen.sum())
        pictures = int(np.count_nonzero(np.diff(self.picture[chosen], prepend=-1)))  # items lie in their order
        classes = slice(None) if number is None else slice(number, number + 1)
        has = columns.has[classes].sum(axis=0)
        return {
            "items": items,
            "share": _share(items, len(chosen)),
            "pictures": pictures,
            "pictures_share": _share(pictures, len(columns.items)),
            "width": quantiles(columns.box[chosen, 2]),
            "height": quantiles(columns.box[chosen, 3]),
            "relative_width": quantiles(self.relative[chosen, 2], digits=4),
            "relative_height": quantiles(self.relative[chosen, 3], digits=4),
            "relative_area": quantiles(self.relative[chosen, 2] * self.relative[chosen, 3], digits=4),
            "aspect_ratio": quantiles(self.aspect[chosen], digits=3),
            "sizes": _sizes(self.area[chosen]),
            "input_sizes": _sizes(self.input_area[chosen]),
            "occlusion": _shares(np.bincount(columns.occlusion[chosen], minlength=OCCLUSIONS), range(OCCLUSIONS)),
            "truncation": _shares(columns.truncation[classes].sum(axis=0), TRUNCATIONS),
            "landmarks": _landmarks(columns.landmarks[classes].sum(axis=0), int(has[0])),
            "with_polygons": _share(int(has[1]), items),
            "with_mask": _share(int(has[2]), items),
            "crowd": _share(int(has[3]), items),
            "mask_pixels": _share(int(columns.pixels[classes].sum()), self.pixels),
            "fields": {
                name: None if counts is None else _field(counts, number, items)
                for name, counts in columns.values.items()
            },
        }


def _share(count: int, total: int) -> float:
    return round(count / total, 4) if total else 0.0


def _shares(counts: NDArray[Any], names: Sequence[float]) -> dict[str, float]:
    total = int(counts.sum())
    return {f"{name:g}": _share(int(count), total) for name, count in zip(names, counts, strict=True)}


def _field(counts: Mapping[tuple[Value, int], int], number: int | None, items: int) -> dict[str, float]:
    found: Counter[Value] = Counter()
    for (value, own), count in counts.items():
        if number is None or own == number:
            found[value] += count
    order = sorted(found, key=lambda value: (isinstance(value, str), value))
    return {str(value): _share(found[value], items) for value in order}


def _sizes(areas: NDArray[np.float32]) -> dict[str, float]:
    areas = areas[~np.isnan(areas)]
    small, medium = int((areas < SMALL).sum()), int((areas < MEDIUM).sum())
    ends = {"small": small, "medium": medium - small, "large": len(areas) - medium}
    return {name: _share(count, len(areas)) for name, count in ends.items()}


def _landmarks(points: NDArray[np.int64], items: int) -> Numbers | None:
    total = int(points.sum())
    if not total:
        return None
    shares = dict(zip(("visible", "occluded", "unlabelled"), (_share(int(n), total) for n in points), strict=True))
    return {"items": items, "points": total, **shares}


def _picture_sizes(sizes: NDArray[np.int32]) -> Numbers:
    different, counts = np.unique(sizes, axis=0, return_counts=True)
    order = sorted(range(len(counts)), key=lambda place: (-counts[place], *different[place].tolist()))[:MOST_SIZES]
    return {
        "different": len(different),
        "width": quantiles(sizes[:, 0].astype(np.float64), digits=0),
        "height": quantiles(sizes[:, 1].astype(np.float64), digits=0),
        "most": [
            {"width": int(different[k][0]), "height": int(different[k][1]), "pictures": int(counts[k])} for k in order
        ],
    }


def _per_picture(items: NDArray[np.int32]) -> Numbers:
    amounts, counts = np.unique(items, return_counts=True)
    return {
        "mean": round(float(items.mean()), 3) if len(items) else 0.0,
        "histogram": [{"items": int(n), "pictures": int(c)} for n, c in zip(amounts, counts, strict=True)],
    }


def _together(columns: Columns, names: Sequence[str]) -> Numbers:
    """In how many pictures two classes meet; of a class with itself, in how many it is at all."""
    frequent = np.argsort(-np.bincount(columns.category, minlength=len(names)), kind="stable")[:MOST_CLASSES]
    frequent = np.sort(frequent)
    picture = columns.picture
    there = np.zeros((len(columns.items), len(frequent)), bool)
    for place, number in enumerate(frequent):
        there[picture[columns.category == number], place] = True
    # One class at a time: a product of all with all would take 32 bits for each bit.
    rows = [
        [int((there[:, one] & there[:, other]).sum()) for other in range(len(frequent))] for one in range(len(frequent))
    ]
    return {"classes": [names[number] for number in frequent], "pictures": rows}
