"""A contact sheet: many pictures on one, in a grid."""

from __future__ import annotations

from math import ceil
from pathlib import Path

from converters.files import listing
from converters.pictures import headers
from tltpipe import files

GAP = 6
PAPER = (250, 250, 248)


def sheet(folder: Path, target: Path, *, count: int = 24, columns: int = 6, cell: int = 240) -> Path:
    """Draw the first ``count`` pictures of ``folder`` (by name) as a JPEG grid of ``cell`` pixel squares.

    Each keeps its shape. Raises HostError when ``target`` cannot be written.
    """
    from PIL import Image

    pictures = sorted(path for path in folder.iterdir() if listing.extension_of(path.name) in listing.PICTURES)[:count]
    columns = max(1, min(columns, len(pictures)))
    rows = max(1, ceil(len(pictures) / columns))
    step = cell + GAP
    page = Image.new("RGB", (columns * step + GAP, rows * step + GAP), PAPER)
    for number, path in enumerate(pictures):
        row, column = divmod(number, columns)
        with headers.opened(path) as picture:
            picture.draft("RGB", (cell, cell))
            small = picture.convert("RGB")
        small.thumbnail((cell, cell), Image.Resampling.LANCZOS)
        left = GAP + column * step + (cell - small.width) // 2
        top = GAP + row * step + (cell - small.height) // 2
        page.paste(small, (left, top))
    with files.atomic(target, "wb") as stream:
        page.save(stream, "JPEG", quality=90)
    return target
