"""Annotated pictures: a frame around each find and a chip with its name and score; many of them on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from converters.files import listing
from converters.pictures.drawing import Framed, Rectangle, colour_of, frames
from tltpipe.files import atomic

__all__ = ["Find", "colour_of", "draw", "save", "sheet", "thumbnail"]

JPEG = {"quality": 92, "subsampling": 0}
"""Sharp letters and coloured edges need more than Pillow's defaults."""
CELL, GAP, COLUMNS = 300, 8, 6
PAPER = (250, 250, 248)


@dataclass(frozen=True)
class Find:
    """One detection: ``box`` is left, top, right, bottom in pixels of the picture; ``label`` counts from 1."""

    box: Rectangle
    label: int
    name: str
    score: float


def draw(picture: Image.Image, finds: Sequence[Find]) -> Image.Image:
    """A copy of ``picture`` (RGB) with ``finds`` drawn on it, surer ones on top of less sure ones."""
    rising = sorted(finds, key=lambda find: find.score)
    return frames(picture, [Framed(find.box, colour_of(find.label), _caption(find)) for find in rising])


def save(picture: Image.Image, path: Path) -> None:
    """As its extension says, JPEG where that says nothing; never seen half done."""
    extension = listing.extension_of(path.name)
    format = next((each for each, known in listing.FORMATS.items() if extension in known), "JPEG")
    with atomic(path, "wb") as stream:
        picture.save(stream, format=format, **(JPEG if format == "JPEG" else {}))


def thumbnail(picture: Image.Image, finds: Sequence[Find]) -> Image.Image:
    """``picture`` as large as a cell of a sheet, with ``finds`` drawn in that size, so that letters can be read."""
    share = CELL / max(picture.size)
    size = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    scaled = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    wide, high = scaled.width / picture.width, scaled.height / picture.height
    return draw(scaled, [_scaled(find, wide, high) for find in finds])


def sheet(pictures: Sequence[Image.Image]) -> Image.Image:
    """Thumbnails in a grid, in their order."""
    columns = max(1, min(COLUMNS, len(pictures)))
    rows = max(1, -(-len(pictures) // columns))
    step = CELL + GAP
    page = Image.new("RGB", (columns * step + GAP, rows * step + GAP), PAPER)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        left = GAP + column * step + (CELL - picture.width) // 2
        top = GAP + row * step + (CELL - picture.height) // 2
        page.paste(picture, (left, top))
    return page


def _scaled(find: Find, wide: float, high: float) -> Find:
    left, top, right, bottom = find.box
    return Find((left * wide, top * high, right * wide, bottom * high), find.label, find.name, find.score)


def _caption(find: Find) -> str:
    return f"{find.name.replace('_', ' ')} {find.score:.2f}"
