"""Images side by side, the worst or the best: where their classes are, and where the model sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from converters.model.painting import VOID
from runtime.tasks import Images
from runtime.tasks.detection.drawing import PREDICTION, TARGET
from runtime.tasks.detection.evaluation import sheet
from runtime.tasks.detection.evaluation.sheet import MUTED, WRONG, Tile
from runtime.tasks.segmentation.counts import Map
from runtime.tasks.segmentation.drawing import outline

if TYPE_CHECKING:
    from runtime.tasks.segmentation.measuring import ShownImage

KINDS = {"annotated": TARGET, "predicted": PREDICTION, "wrong pixels": WRONG}
TINT = 0.5
LISTED = 3
"""Mistakes that are named below an image."""


def draw(
    path: Path, shown: Sequence[ShownImage], names: Sequence[str], images: Images, *, title: str, about: str
) -> None:
    """A sheet of what is ``shown``, in its order; ``names`` are those of value 0 to N."""
    tiles = [_tile(each, names, images) for each in shown]
    sheet.write(path, tiles, title=title, about=about, kinds=KINDS)


def _tile(each: ShownImage, names: Sequence[str], images: Images) -> Tile:
    """Wrong pixels red, the outlines of both maps on top; below it the IoU, and what was most often taken for what."""
    small = sheet.fitted(images.image(each.number))
    truth, said = (_enlarged(values, small.size) for values in (each.truth, each.said))
    pixels, wrong = np.array(small), (truth != said) & (truth != VOID)
    pixels[wrong] = np.rint(pixels[wrong] * (1 - TINT) + np.array(WRONG) * TINT)
    outline(pixels, truth, TARGET, 1)
    outline(pixels, said, PREDICTION, 1)
    lines = [(f"mean IoU {each.iou:.3f}", MUTED), *((text, WRONG) for text in _mistakes(each, names))]
    return Tile(Image.fromarray(pixels), images.name(each.number), lines)


def _enlarged(values: Map, size: tuple[int, int]) -> Map:
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.NEAREST))


def _mistakes(each: ShownImage, names: Sequence[str]) -> Iterator[str]:
    """``skirt taken for dress: 12 % of all pixels``, the most frequent first."""
    names, counts = [name.replace("_", " ") for name in names], each.counts.matrix.copy()
    everything = int(counts.sum())
    np.fill_diagonal(counts, 0)
    for at in np.argsort(-counts, axis=None, kind="stable")[:LISTED].tolist():
        row, column = divmod(at, len(names))
        if counts[row, column]:
            yield f"{names[row]} taken for {names[column]}: {counts[row, column] / everything:.0%} of the pixels"
