"""Pictures side by side, the worst or the best: what was found, what was missed, and what was found where it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from converters.pictures.drawing import Colour, Framed, frames, outline_font
from runtime.imaging.decoding import WHOLE, Place, decode
from runtime.tasks.detection.drawing import readable
from runtime.tasks.detection.evaluation.analysis import Analysis, Picture
from runtime.tasks.detection.findings import Items
from tltpipe.files import atomic

FOUND: Colour = (46, 160, 67)
MISSED: Colour = (255, 170, 0)
RIGHT: Colour = (29, 120, 216)
WRONG: Colour = (220, 38, 54)
KINDS = {"object, found": FOUND, "object, missed": MISSED, "detection, right": RIGHT, "detection, wrong": WRONG}
INK: Colour = (27, 31, 39)
MUTED: Colour = (91, 100, 114)
TILE, GAP, HEAD, COLUMNS = 400, 16, 92, 4
NAME, LINE = 31, 21
"""Heights of the name below a tile and of each line that follows."""
LETTERS = 14
"""Their size."""


class Tile(NamedTuple):
    """An image of at most TILE pixels a side, its name, and what is said of it, line by line with a colour each."""

    image: Image.Image
    name: str
    lines: Sequence[tuple[str, Colour]]


def draw(
    analysis: Analysis, pictures: Sequence[Picture], places: Sequence[tuple[str, Place]], *, title: str, about: str
) -> bytes:
    """A sheet of ``pictures`` in their order, as PNG; ``places`` are their names, and where their bytes are."""
    pairs = zip(pictures, places, strict=True)
    tiles = [Tile(_tile(analysis, picture, place), name, [(told(picture), MUTED)]) for picture, (name, place) in pairs]
    return png(tiles, title=title, about=about, kinds=KINDS)


def write(path: Path, tiles: Sequence[Tile], *, title: str, about: str, kinds: Mapping[str, Colour]) -> None:
    """Write ``png`` to ``path``."""
    with atomic(path, "wb") as stream:
        stream.write(png(tiles, title=title, about=about, kinds=kinds))


def png(tiles: Sequence[Tile], *, title: str, about: str, kinds: Mapping[str, Colour]) -> bytes:
    """A page of ``tiles`` in their order under a ``title``; ``kinds`` of frames are explained beside it."""
    columns = max(1, min(COLUMNS, len(tiles)))
    rows = -(-len(tiles) // columns)
    caption = NAME + LINE * max((len(tile.lines) for tile in tiles), default=0)
    width = max(GAP + columns * (TILE + GAP), 900)
    sheet = Image.new("RGB", (width, HEAD + rows * (TILE + caption + GAP) + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, 16), title, fill=INK, font=outline_font(24))
    pen.text((GAP, 54), about, fill=MUTED, font=outline_font(15))
    _legend(pen, width, kinds)
    for number, tile in enumerate(tiles):
        left = GAP + number % columns * (TILE + GAP)
        top = HEAD + number // columns * (TILE + caption + GAP)
        pen.rectangle((left, top, left + TILE - 1, top + TILE - 1), fill=(243, 245, 248))
        sheet.paste(tile.image, (left + (TILE - tile.image.width) // 2, top + (TILE - tile.image.height) // 2))
        font = outline_font(15)
        pen.text((left, top + TILE + 7), _cut(tile.name, font), fill=INK, font=font)
        for line, (text, colour) in enumerate(tile.lines):
            font = outline_font(LETTERS)
            shown = _cut(text, font, beginning=False)
            pen.text((left, top + TILE + 28 + line * LINE), shown, fill=colour, font=font)
    stream = BytesIO()
    sheet.save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def fitted(place: Place) -> Image.Image:
    """The image at ``place`` as large as a tile."""
    whole = decode(place, *WHOLE)
    scale = TILE / max(whole.size)
    return whole.resize((max(1, round(whole.width * scale)), max(1, round(whole.height * scale))))


def told(picture: Picture) -> str:
    """``1 found, 2 missed, 3 wrong (surest 0.91)``"""
    counts = {"found": picture.found, "missed": picture.missed}
    parts = [f"{count} {what}" for what, count in counts.items() if count]
    if picture.wrong:
        parts.append(f"{len(picture.wrong)} wrong (surest {picture.wrong[0]:.2f})")
    return ", ".join(parts)


def _tile(analysis: Analysis, picture: Picture, place: Place) -> Image.Image:
    """The picture with its objects below its detections; what is wrong or missed lies on top of what is right."""
    findings, small = analysis.findings, fitted(place)
    _, hit = analysis.marks
    truth, found = findings.truth, findings.found
    framed: list[tuple[int, Framed]] = []
    own = np.flatnonzero(truth.picture == picture.number)
    for n, box in zip(own, _fitted(analysis, truth.take(own), small), strict=True):
        colour = FOUND if hit[n] else MISSED
        framed.append((0 if hit[n] else 2, Framed(box, colour, readable(findings.classes, truth.label[n]))))
    own = np.flatnonzero((found.picture == picture.number) & analysis.above)
    for k, box in zip(own, _fitted(analysis, found.take(own), small), strict=True):
        wrong = analysis.outcome.truth[k] < 0
        text = f"{readable(findings.classes, found.label[k])} {found.score[k]:.2f}"
        framed.append((3 if wrong else 1, Framed(box, WRONG if wrong else RIGHT, text)))
    return frames(small, [each for _, each in sorted(framed, key=lambda item: item[0])])


def _fitted(analysis: Analysis, items: Items, image: Image.Image) -> list[tuple[float, float, float, float]]:
    """The boxes of ``items``, of one picture, on ``image``, a smaller copy of it."""
    findings = analysis.findings
    scale = np.tile(np.array(image.size) / findings.sizes[items.picture], 2)
    return [(float(a), float(b), float(c), float(d)) for a, b, c, d in findings.stored(items) * scale]


def _legend(pen: ImageDraw.ImageDraw, width: int, kinds: Mapping[str, Colour]) -> None:
    font = outline_font(15)
    right = width - GAP
    for text, colour in reversed(list(kinds.items())):
        right -= round(font.getlength(text))
        pen.text((right, 20), text, fill=INK, font=font)
        pen.rounded_rectangle((right - 26, 21, right - 8, 37), radius=4, outline=colour, width=4)
        right -= 26 + 22


def _cut(text: str, font: ImageFont.FreeTypeFont, *, beginning: bool = True) -> str:
    """``text`` as far as it fits below a tile, without its ``beginning`` or else without its end."""
    if font.getlength(text) <= TILE:
        return text
    while font.getlength("…" + text) > TILE:
        text = text[1:] if beginning else text[:-1]
    return f"…{text}" if beginning else f"{text}…"
