"""Masks that a network predicts as a small grid over each box, brought to pixels of the image as the edges of their
runs: no image is filled for it, however large it is.

Pixels count down the columns, as in COCO's run lengths: number ``x * height + y``. A mask is the rising numbers of the
pixels at which its inside begins and ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.imaging.transforms import Size
from runtime.tasks import Prediction

THRESHOLD = 0.5
"""Pixels whose probability is above it belong to the object."""
TOGETHER = 32
"""Masks that are looked at together: it bounds the memory for it."""

Edges = NDArray[np.int64]


class Window(NamedTuple):
    """The part of an image in which a mask lies: ``inside`` bool [h, w], its first pixel at ``left`` and ``top``."""

    left: int
    top: int
    inside: NDArray[np.bool_]


def pasted(grids: NDArray[Any], boxes: NDArray[Any], size: Size) -> Iterator[Edges]:
    """The mask of each of ``grids`` float [n, S, S], probabilities over ``boxes`` [n, 4], on an image of ``size``
    (width, height).

    The cells around a grid count as 0, corners of the box enlarged by them are cut to whole pixels, and between the
    centres of cells values change linearly, as in torchvision and Detectron: so that figures can be compared.
    """
    for start in range(0, len(grids), TOGETHER):
        part = slice(start, start + TOGETHER)
        yield from _pasted(np.asarray(grids[part], np.float32), np.asarray(boxes[part], np.float64), size)


def _pasted(grids: NDArray[np.float32], boxes: NDArray[np.float64], size: Size) -> list[Edges]:
    (width, height), count, side = size, len(grids), grids.shape[-1] + 2
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * (side / (side - 2))
    corner = np.trunc(middle - half).astype(np.int64)
    extent = np.maximum(np.trunc(middle + half).astype(np.int64) - corner + 1, 1)
    cells = np.zeros((count, side, side), np.float32)  # columns first
    cells[:, 1:-1, 1:-1] = grids.transpose(0, 2, 1)
    # Every column of pixels of every mask, with the values at the middles of its cells.
    first, last = corner[:, 0].clip(0, width), (corner + extent)[:, 0].clip(0, width)
    owner = np.repeat(np.arange(count), last - first)
    ends = np.cumsum(last - first)
    column = np.arange(len(owner)) + np.repeat(last - ends, last - first)
    across = (column - corner[owner, 0] + 0.5) * (side / extent[owner, 0]) - 0.5
    values = _between(cells.reshape(-1, side), owner * side, across.clip(0, side - 1), side)
    inside = values > THRESHOLD
    at, cell = np.nonzero(inside[:, 1:] != inside[:, :-1])
    before, after, who = values[at, cell], values[at, cell + 1], owner[at]
    # Where on the way to the next cell the threshold is passed, and the first pixel beyond that.
    down = (cell + (THRESHOLD - before) / (after - before) + 0.5) * (extent[who, 1] / side) - 0.5
    row = np.where(after > before, np.floor(down) + 1, np.ceil(down)).astype(np.int64) + corner[who, 1]
    edges = column[at] * height + row.clip(0, height)
    parts = np.split(edges, np.searchsorted(who, np.arange(1, count)))
    return [_without_empty_runs(part) for part in parts]


def _between(cells: NDArray[Any], first: NDArray[Any], places: NDArray[Any], side: int) -> NDArray[np.float32]:
    """Rows ``first + places`` of ``cells``, between two of them where a place is no whole number."""
    low = places.astype(np.int64)
    values: NDArray[np.float32] = cells[first + low]
    values += (places - low).astype(np.float32)[:, None] * (cells[first + np.minimum(low + 1, side - 1)] - values)
    return values


def _without_empty_runs(edges: Edges) -> Edges:
    """What begins where it ends is no run; what ends at the foot of a column may go on at the top of the next."""
    if len(edges) and (edges[1:] == edges[:-1]).any():
        edges, counts = np.unique(edges, return_counts=True)
        edges = edges[counts % 2 == 1]
    return edges


def edges_of(inside: NDArray[Any]) -> Edges:
    """Of a mask [H, W] that is not 0 on the object."""
    line = np.concatenate(([False], inside.ravel(order="F") > 0, [False]))
    return np.flatnonzero(line[1:] != line[:-1])


def area(edges: Edges) -> int:
    """How many pixels are inside."""
    return int((edges[1::2] - edges[::2]).sum())


def window(edges: Edges, height: int) -> Window:
    """The columns that the mask touches, as pixels; ``height`` is that of the image."""
    if not len(edges):
        return Window(0, 0, np.zeros((height, 0), np.bool_))
    left, right = int(edges[0]) // height, (int(edges[-1]) - 1) // height + 1
    turns = np.zeros((right - left) * height + 1, np.bool_)
    turns[edges - left * height] = True
    inside = np.logical_xor.accumulate(turns[:-1]).reshape(-1, height).T
    return Window(left, 0, inside)


def encoded(masks: Sequence[Edges], size: Size) -> list[bytes]:
    """``masks`` as COCO's compressed run lengths (``converters.model.Mask.counts``)."""
    from faster_coco_eval.core import mask

    width, height = size
    found = [{"size": [height, width], "counts": runs(edges, width * height).tolist()} for edges in masks]
    return [each["counts"] for each in mask.frPyObjects(found, height, width)] if found else []


def runs(edges: Edges, pixels: int) -> NDArray[np.int64]:
    """The lengths of the runs of a mask on an image of so many ``pixels``."""
    lengths = np.empty(len(edges) + 1, np.int64)
    lengths[:-1], lengths[-1] = edges, pixels
    lengths[1:] -= edges
    return lengths if lengths[-1] or not len(edges) else lengths[:-1]


def masks(prediction: Prediction) -> list[Edges]:
    """The mask of each object of ``prediction``, which is restored: it has an "image_size"."""
    if not len(prediction["labels"]):
        return []
    if "mask_grids" in prediction:
        return [*pasted(prediction["mask_grids"], prediction["boxes"], tuple(prediction["image_size"][0].tolist()))]
    return [edges_of(mask) for mask in prediction["masks"]]


def pixels(prediction: Prediction) -> NDArray[np.bool_]:
    """The same as whole masks [n, H, W]; without any object none knows how large the image is."""
    found = masks(prediction)
    width, height = prediction["image_size"][0].tolist() if found else (0, 0)
    whole = np.zeros((len(found), height, width), np.bool_)
    for number, edges in enumerate(found):
        part = window(edges, height)
        whole[number, :, part.left : part.left + part.inside.shape[1]] = part.inside
    return whole


def segmentations(prediction: Prediction) -> list[bytes]:
    """The same as COCO's compressed run lengths."""
    if "segmentations" in prediction:
        return [*prediction["segmentations"]]
    found = masks(prediction)
    return encoded(found, tuple(prediction["image_size"][0].tolist())) if found else []
