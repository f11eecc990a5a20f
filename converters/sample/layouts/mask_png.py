"""Per-pixel classes: a person in each image, and an index PNG of the same stem that says what every pixel shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import orjson

from converters.pictures import index_maps
from converters.sample.layouts import _series
from converters.sample.layouts._series import Picture
from converters.sample.people import LABELS, draw_person
from converters.sample.portrait import Portrait, photograph, stand
from converters.sample.scene import QUALITY
from tltpipe import files
from tltpipe.progress import Bar

SPLITS = _series.SPLITS
SIZE = 512
"""Default for the longer side, in pixels."""
IMAGES, MASKS, TABLE = "images", "masks", "label_mapping.json"

CHINESE = (
    "背景",
    "皮肤",
    "头发",
    "外套",
    "内搭上衣",
    "半身裙",
    "连衣裙",
    "外穿下装",
    "内搭下装",
    "鞋",
    "包",
    "配饰",
    "其他",
)
"""The names of ``LABELS`` as the table has them beside the English ones."""
FRAMINGS = ((-0.9, 3.45), (-1.3, 3.6), (-0.9, 2.4), (-0.9, 1.6), (-0.15, 3.45), (0.8, 3.45))
"""Heights of the body that a picture shows from its upper to its lower edge."""
_WEIGHTS = (0.5, 0.15, 0.13, 0.1, 0.07, 0.05)

Random = np.random.Generator

outputs = _series.outputs


def draw(out: Path, counts: Mapping[str, int], *, seed: int, size: int, bar: Bar, workers: int | None) -> None:
    """Draw the splits to ``out/<split>/{images,masks}``, each with the table of its values."""
    _series.draw(out, counts, draw_one, folders=(IMAGES, MASKS), seed=seed, size=size, bar=bar, workers=workers)


def draw_one(picture: Picture) -> None:
    """Draw a person and write what its pixels show; the first picture of a split brings the table."""
    portrait = take(picture)
    portrait.image.save(picture.folder / IMAGES / f"{picture.stem}.jpg", quality=QUALITY)
    index_maps.image_of(portrait.labels).save(picture.folder / MASKS / f"{picture.stem}.png", optimize=True)
    if picture.seed[2] == 0:
        files.write_text(picture.folder / TABLE, table())


def take(picture: Picture) -> Portrait:
    """The picture and its maps."""
    rng = picture.rng()
    size = (max(32, round(picture.size * rng.uniform(0.55, 0.75))), picture.size)
    top, bottom = FRAMINGS[rng.choice(len(FRAMINGS), p=_WEIGHTS)]
    person = stand(draw_person(rng), (0, 0, *size), rng, top=top, bottom=bottom)
    return photograph([person], size, rng, shop=bool(rng.random() < 0.4))


def table() -> str:
    """A JSON object a line: the value of a pixel, and what it means in English and in Chinese."""
    rows = ({"id": value, "name": name, "ch_name": CHINESE[value]} for value, name in enumerate(LABELS))
    return "".join(f"{orjson.dumps(row).decode()}\n" for row in rows)
