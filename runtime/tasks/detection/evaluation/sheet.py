"""The worst pictures side by side: what was missed, and what was found where it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
TILE, GAP, CAPTION, HEAD, COLUMNS = 400, 16, 52, 92, 4


class Tile(NamedTuple):
    """An ``image`` of at most ``TILE`` pixels a side, and two lines below it."""

    image: Image.Image
    name: str
    told: str


def draw(
    path: Path, analysis: Analysis, pictures: Sequence[Picture], places: Sequence[tuple[str, Place]], *, about: str
) -> None:
    """A sheet of ``pictures``, worst first; ``places`` are their names, and where their bytes are."""
    tiles = [
        Tile(_tile(analysis, picture, place), name, told(picture))
        for picture, (name, place) in zip(pictures, places, strict=True)
    ]
    page(path, tiles, title="The worst pictures", about=about, legend=KINDS)


def page(path: Path, tiles: Sequence[Tile], *, title: str, about: str, legend: Mapping[str, Colour]) -> None:
    """``tiles`` in rows as a PNG, under ``title`` and a ``legend`` of what frames and lines mean by their colour."""
    columns = max(1, min(COLUMNS, len(tiles)))
    rows = -(-len(tiles) // columns)
    width = max(GAP + columns * (TILE + GAP), 900)
    sheet = Image.new("RGB", (width, HEAD + rows * (TILE + CAPTION + GAP) + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, 16), title, fill=INK, font=outline_font(24))
    pen.text((GAP, 54), about, fill=MUTED, font=outline_font(15))
    _legend(pen, width, legend)
    for number, tile in enumerate(tiles):
        left = GAP + number % columns * (TILE + GAP)
        top = HEAD + number // columns * (TILE + CAPTION + GAP)
        pen.rectangle((left, top, left + TILE - 1, top + TILE - 1), fill=(243, 245, 248))
        sheet.paste(tile.image, (left + (TILE - tile.image.width) // 2, top + (TILE - tile.image.height) // 2))
        font = outline_font(15)
        pen.text((left, top + TILE + 7), _cut(tile.name, font), fill=INK, font=font)
        pen.text((left, top + TILE + 28), tile.told, fill=MUTED, font=outline_font(14))
    with atomic(path, "wb") as stream:
        sheet.save(stream, format="PNG", optimize=True)


def told(picture: Picture) -> str:
    """``2 missed, 3 wrong (surest 0.91)``"""
    parts = [f"{picture.missed} missed"] if picture.missed else []
    if picture.wrong:
        parts.append(f"{len(picture.wrong)} wrong (surest {picture.wrong[0]:.2f})")
    return ", ".join(parts)


def _tile(analysis: Analysis, picture: Picture, place: Place) -> Image.Image:
    """The picture with its objects below its detections; what is wrong or missed lies on top of what is right."""
    findings = analysis.findings
    whole = decode(place, *WHOLE)
    scale = TILE / max(whole.size)
    small = whole.resize((max(1, round(whole.width * scale)), max(1, round(whole.height * scale))))
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


def _legend(pen: ImageDraw.ImageDraw, width: int, legend: Mapping[str, Colour]) -> None:
    font = outline_font(15)
    right = width - GAP
    for text, colour in reversed([*legend.items()]):
        right -= round(font.getlength(text))
        pen.text((right, 20), text, fill=INK, font=font)
        pen.rounded_rectangle((right - 26, 21, right - 8, 37), radius=4, outline=colour, width=4)
        right -= 26 + 22


def _cut(name: str, font: ImageFont.FreeTypeFont) -> str:
    """``name`` as far as it fits below a tile, its end rather than its beginning."""
    if font.getlength(name) <= TILE:
        return name
    while font.getlength("…" + name) > TILE:
        name = name[1:]
    return "…" + name
