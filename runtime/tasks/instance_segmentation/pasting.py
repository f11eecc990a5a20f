"""Masks that a network predicts as a small grid over each box, in pixels of the image: one at a time, and only where
the box is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from converters.model import Mask
from runtime.imaging.transforms import Size
from runtime.tasks import Prediction

THRESHOLD = 0.5
"""Pixels whose probability is above it belong to the object."""


class Window(NamedTuple):
    """The part of an image in which a mask lies: ``inside`` bool [w, h], column by column, its first pixel at ``left``
    and ``top``."""

    left: int
    top: int
    inside: NDArray[np.bool_]

    @property
    def rows(self) -> NDArray[np.bool_]:
        """[h, w]"""
        return self.inside.T


def paste(grid: NDArray[Any], box: NDArray[Any], size: Size) -> Window:
    """The mask of ``grid`` float [S, S], probabilities over ``box`` [4], on an image of ``size`` (width, height).

    The cells around the grid count as 0, corners of the box enlarged by them are cut to whole pixels, and between the
    centres of cells values change linearly, as in torchvision and Detectron: so that figures can be compared.
    """
    cells = len(grid)
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * ((cells + 2) / cells)
    left, top = np.trunc(middle - half).astype(int).tolist()
    right, bottom = np.trunc(middle + half).astype(int).tolist()
    first_column, columns = _weights(left, right, cells, size[0])
    first_row, rows = _weights(top, bottom, cells, size[1])
    values = columns @ (np.asarray(grid, np.float32).T @ rows.T)
    return Window(first_column, first_row, values > THRESHOLD)


def _weights(first: int, last: int, cells: int, length: int) -> tuple[int, NDArray[np.float32]]:
    """The first pixel, and the share of each cell in each pixel from it on [n, ``cells``], along one axis of an image
    of ``length`` pixels; the enlarged box reaches from pixel ``first`` to ``last``."""
    count = max(last - first + 1, 1)
    begin, end = max(first, 0), min(last + 1, length)
    places = np.arange(begin, max(begin, end), dtype=np.float32) - np.float32(first)
    centres = ((places + np.float32(0.5)) * np.float32((cells + 2) / count) - np.float32(0.5)).clip(0, cells + 1) - 1
    distances = np.abs(centres[:, None] - np.arange(cells, dtype=np.float32))
    return begin, np.maximum(1 - distances, 0, dtype=np.float32)


def encoded(window: Window, size: Size) -> bytes:
    """``window`` on an image of ``size`` (width, height) as COCO's compressed run lengths (``Mask.counts``)."""
    from faster_coco_eval.core import mask

    width, height = size
    columns, rows = window.inside.shape
    step = rows + (rows < height)  # below it something is outside, so that no run goes on in the next column
    line = np.zeros((columns, step), np.bool_)
    line[:, :rows] = window.inside
    flat = line.reshape(-1)
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat.size and flat[0]:
        edges = np.concatenate(([0], edges))
    if flat.size and flat[-1]:
        edges = np.append(edges, flat.size)
    column, row = np.divmod(edges, step)
    places = (window.left + column) * height + window.top + row
    if not places.size or places[-1] < width * height:
        places = np.append(places, width * height)
    counts = np.diff(places, prepend=0).tolist()
    made: bytes = mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)["counts"]
    return made


def masks(prediction: Prediction) -> Iterator[Mask]:
    """The mask of each object of ``prediction``, which is restored: it has an "image_size"."""
    sizes = prediction["image_size"].tolist()
    if "segmentations" in prediction:
        for counts, (width, height) in zip(prediction["segmentations"], sizes, strict=True):
            yield Mask(width, height, counts)
        return
    if "mask_grids" in prediction:
        boxes = np.asarray(prediction["boxes"], np.float64)
        for grid, box, (width, height) in zip(prediction["mask_grids"], boxes, sizes, strict=True):
            yield Mask(width, height, encoded(paste(grid, box, (width, height)), (width, height)))
        return
    for pixels, (width, height) in zip(prediction["masks"], sizes, strict=True):
        yield Mask(width, height, encoded(Window(0, 0, pixels.T > 0), (width, height)))
