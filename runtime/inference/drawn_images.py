"""Drawn images as files: each of its own, and many small ones on one sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from converters.files import listing
from converters.pictures.drawing import outline_font
from runtime.tasks import ImageInfo, Prediction, Presents
from tltpipe.files import atomic

JPEG, SMALL_JPEG = {"quality": 92, "subsampling": 0}, {"quality": 80}
"""Sharp letters and coloured edges need more than Pillow's defaults."""
CELL, GAP, COLUMNS = 300, 8, 6
CUTOUTS = "[0-9]*_*.png"
"""Files that are cut-outs: their names begin with the value of the class."""
LINE = 30
"""Height of a title."""
PAPER, INK = (250, 250, 248), (60, 62, 68)


def save(image: Image.Image, path: Path, *, small: bool = False) -> None:
    """As its extension says, JPEG where that says nothing; never seen half done. ``small``: a JPEG of a third of the
    bytes, whose coloured lines are a little blurred."""
    extension = listing.extension_of(path.name)
    format = next((each for each, known in listing.FORMATS.items() if extension in known), "JPEG")
    with atomic(path, "wb") as stream:
        image.save(stream, format=format, **((SMALL_JPEG if small else JPEG) if format == "JPEG" else {}))


def save_cutouts(images: Mapping[str, Image.Image], folder: Path) -> None:
    """As PNG below ``folder``; those of an earlier run that are not among them go."""
    for old in folder.glob(CUTOUTS):
        if old.stem not in images:
            old.unlink()
    for name, image in images.items():
        save(image, folder / f"{name}.png")


def thumbnail(image: Image.Image, prediction: Prediction, task: Presents, classes: Sequence[str]) -> Image.Image:
    """``image`` as large as a cell of a sheet, with ``prediction`` drawn in that size, so that letters can be read."""
    share = CELL / max(image.size)
    size = max(1, round(image.width * share)), max(1, round(image.height * share))
    scaled = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return task.draw(scaled, task.restore(prediction, ImageInfo("", size, image.size[::-1])), classes)


def sheet(
    thumbnails: Sequence[Image.Image], *, columns: int = COLUMNS, cell: int = CELL, title: str = ""
) -> Image.Image:
    """Thumbnails, none larger than ``cell``, in a grid, in their order, below ``title``."""
    columns = max(1, min(columns, len(thumbnails)))
    rows, head = max(1, -(-len(thumbnails) // columns)), LINE if title else 0
    step = cell + GAP
    page = Image.new("RGB", (columns * step + GAP, head + rows * step + GAP), PAPER)
    ImageDraw.Draw(page).text((GAP, head / 2 + 2), title, fill=INK, font=outline_font(16), anchor="lm")
    for number, image in enumerate(thumbnails):
        row, column = divmod(number, columns)
        left = GAP + column * step + (cell - image.width) // 2
        top = head + GAP + row * step + (cell - image.height) // 2
        page.paste(image, (left, top))
    return page
