"""Penn-Fudan's: people in each image, with boxes in a text file and a mask whose values number them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converters.sample.layouts import _series
from converters.sample.layouts._series import Picture
from converters.sample.people import Person, draw_person
from converters.sample.portrait import Portrait, Standing, photograph, stand
from converters.sample.scene import SEEN
from tltpipe import files
from tltpipe.progress import Bar

SPLITS = _series.SPLITS
SIZE = 420
"""Default for the longer side, in pixels."""
FOLDERS = ("PNGImages", "PedMasks", "Annotation")
MOST = 4
"""People in a picture: 1 up to this."""
LAPS = (0.4, 0.25, 0.1, 0.0)
"""How far people may stand before each other, until enough of everybody is seen."""

Random = np.random.Generator

outputs = _series.outputs


def draw(out: Path, counts: Mapping[str, int], *, seed: int, size: int, bar: Bar, workers: int | None) -> None:
    """Draw the splits to ``out/<split>``, each laid out as the data set is."""
    _series.draw(out, counts, draw_one, folders=FOLDERS, seed=seed, size=size, bar=bar, workers=workers)


def draw_one(picture: Picture) -> None:
    """Draw people, number their pixels and write down their boxes."""
    people, portrait = take(picture)
    images, masks, pages = FOLDERS
    portrait.image.save(picture.folder / images / f"{picture.stem}.png", compress_level=4)
    Image.fromarray(portrait.persons).save(picture.folder / masks / f"{picture.stem}_mask.png")
    page = "\n".join(_page(picture.stem, [_kind(person) for person in people], portrait.persons))
    files.write_text(picture.folder / pages / f"{picture.stem}.txt", page + "\n")


def take(picture: Picture) -> tuple[list[Person], Portrait]:
    """Who is in the picture, in the order of their numbers, and the picture."""
    rng = picture.rng()
    people = [draw_person(rng) for _ in range(int(rng.integers(1, MOST + 1)))]
    ratio = rng.uniform(0.55, 0.75) * (0.4 + 0.6 * len(people))
    size = (round(picture.size * min(1.0, ratio)), round(picture.size * min(1.0, 1 / ratio)))
    shop = bool(rng.random() < 0.2)
    for lap in LAPS:
        portrait = photograph(list(_row(people, size, rng, lap=lap)), size, rng, shop=shop)
        if min(portrait.seen) >= SEEN:
            break
    return people, portrait


def _row(people: list[Person], size: tuple[int, int], rng: Random, *, lap: float) -> Iterator[Standing]:
    """The people side by side, each in a share of the width which reaches into the next ones' by ``lap`` of it."""
    step = size[0] / len(people)
    for place, person in enumerate(people):
        left, right = max(0.0, (place - lap) * step), min(float(size[0]), (place + 1 + lap) * step)
        top, bottom = rng.uniform(0.02, 0.25) * size[1], rng.uniform(0.9, 0.99) * size[1]
        yield stand(person, (left, top, right, bottom), rng)


def _kind(person: Person) -> str:
    return "PASpersonWalking" if person.walking else "PASpersonStanding"


def _page(stem: str, kinds: list[str], persons: NDArray[np.uint8]) -> Iterator[str]:
    """The lines of a text file. Corners count from 1, and both belong to the box."""
    height, width = persons.shape
    yield "# Compatible with PASCAL Annotation Version 1.00"
    yield f'Image filename : "PennFudanPed/PNGImages/{stem}.png"'
    yield f"Image size (X x Y x C) : {width} x {height} x 3"
    yield 'Database : "The Penn-Fudan-Pedestrian Database"'
    yield f"Objects with ground truth : {len(kinds)} {{ {' '.join(map(_quoted, kinds))} }}"
    yield "# Note that there may be other objects in the image"
    yield "# Top left pixel co-ordinates : (1, 1)"
    for number, kind in enumerate(kinds, start=1):
        rows, columns = np.nonzero(persons == number)
        corners = f"({columns.min() + 1}, {rows.min() + 1}) - ({columns.max() + 1}, {rows.max() + 1})"
        yield ""
        yield f'# Details for pedestrian {number} ("{kind}")'
        yield f'Original label for object {number} "{kind}" : "PennFudanPed"'
        yield f'Bounding box for object {number} "{kind}" (Xmin, Ymin) - (Xmax, Ymax) : {corners}'
        yield f'Pixel mask for object {number} "{kind}" : "PennFudanPed/PedMasks/{stem}_mask.png"'


def _quoted(name: str) -> str:
    return f'"{name}"'
