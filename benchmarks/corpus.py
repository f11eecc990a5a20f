"""Data as DeepFashion2 publishes it, in bulk: real JPEG files of 30 to 100 KB, annotations of its shapes and shares.

    python benchmarks/corpus.py FOLDER [PICTURES] [--light]

writes ``FOLDER/Original-Data/train/{image,annos}``. Nothing is drawn: a few hundred pictures of noise are encoded once,
and every file is one of them under a comment of its own, so no two files hold the same bytes or, but by chance, are
of the same length. The same seed gives the same bytes, on however many cores.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import tempfile
from bisect import bisect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import Any

import rest

from converters.model.garments import CATEGORIES, Garment
from tltpipe.files import write_text
from tltpipe.workers import parallel_map

VERSION = 1
"""Goes up when the same arguments give other bytes, so that no older corpus is taken for this one."""

POOL = 200
CHUNK = 250
PROGRESSIVE = 0.1
KILOBYTES = (34, 100)

CONSUMER, SHOP = "user", "shop"
CONSUMER_SHARE = 0.45
SIZES = {
    CONSUMER: {(468, 624): 70, (468, 468): 6, (468, 350): 8, (350, 468): 6, (300, 400): 5, (624, 468): 5},
    SHOP: {(640, 853): 20, (640, 702): 15, (640, 960): 15, (750, 1000): 15, (750, 750): 15, (800, 800): 10}
    | {(500, 667): 9, (1368, 1908): 1},
}
"""Width and height in pixels, and how often."""

# Items of the published training split by category, and the quantiles of box width and of height / width.
ITEMS = (71_645, 36_064, 543, 13_457, 16_095, 1_985, 36_616, 55_387, 30_835, 17_211, 7_907, 17_949, 6_492)
LEVELS = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
WIDTHS = {
    CONSUMER: (19, 64, 100, 188, 299, 438, 467, 467, 831),
    SHOP: (32, 107, 143, 218, 285, 373, 521, 637, 1368),
}
RATIOS = {
    CONSUMER: (0.12, 0.43, 0.63, 0.95, 1.22, 1.50, 2.22, 2.84, 4.96),
    SHOP: (0.18, 0.66, 0.82, 1.10, 1.32, 1.68, 2.44, 2.88, 4.30),
}
ITEMS_PER_PICTURE = (45, 48, 6, 1)
STYLES = (31, 43, 17, 5, 2, 1, 1)
VIEWPOINTS = (7, 78, 15)
CUT = {CONSUMER: 0.4, SHOP: 0.1}
"""How often a garment may reach beyond its picture."""
CONTOURS = 0.4
"""Share of garments whose polygon is a dense contour; the others' vertices are their landmarks."""
PICTURES_PER_PAIR = 13

Json = dict[str, Any]


def write(
    root: Path,
    *,
    pictures: int,
    seed: int = 1,
    split: str = "train",
    annotations_only: bool = False,
    light: bool = False,
    workers: int | None = None,
) -> Path:
    """Write ``pictures`` pictures and as many annotation files to ``root / split``; return that folder.

    ``light`` makes the pictures hard links to a few small files, for figures in which they do not matter;
    ``annotations_only`` leaves them out. A corpus of the same making that is there already is left as it is.
    Raises FileExistsError when something else is there.
    """
    folder, stamp = root / split, root / f".corpus-{split}.json"
    making = {"version": VERSION, "pictures": pictures, "seed": seed}
    making |= {"annotations_only": annotations_only, "light": light}
    if stamp.exists() and json.loads(stamp.read_text()) == making:
        return folder
    if folder.exists():
        raise FileExistsError(f"{folder} is there and is no corpus of this making: remove it, or name another folder")
    for part in ("annos",) if annotations_only else ("annos", "image"):
        (folder / part).mkdir(parents=True)
    workers = workers or (1 if pictures <= CHUNK else None)
    with tempfile.TemporaryDirectory(dir=root, prefix=".pool-") as name:
        pool = Path(name)
        moulds = [Mould.numbered(index, seed, pool, light=light) for index in range(POOL if pictures > CHUNK else 20)]
        if not annotations_only:
            list(parallel_map(Mould.encode, moulds, workers=workers))
        jobs = (
            Job(folder, moulds, range(first, min(first + CHUNK, pictures + 1)), seed, annotations_only, light)
            for first in range(1, pictures + 1, CHUNK)
        )
        for _ in parallel_map(Job.work, jobs, workers=workers):
            pass
    write_text(stamp, json.dumps(making))
    return folder


@dataclass(frozen=True)
class Bench:
    """A corpus to measure on (``split``), and a folder on the same disk for all else, which goes when all is done.

    Nothing is deleted between rounds, which would make creating files slow for some (``rest``).
    """

    split: Path
    scratch: Path

    def workspace(self, name: str) -> Path:
        """A new workspace without outputs, whose training split is the corpus."""
        split = self.folder(name) / "Original-Data" / self.split.name
        split.mkdir(parents=True)
        for part in ("image", "annos"):
            (split / part).symlink_to(self.split / part)
        return self.scratch / name

    def folder(self, name: str) -> Path:
        """A new empty folder."""
        (self.scratch / name).mkdir()
        return self.scratch / name


@contextmanager
def bench(folder: Path | None, *, pictures: int, light: bool = False) -> Iterator[Bench]:
    """A corpus in ``folder / "Original-Data"``, for this and later runs, or in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="tltpipe-corpus-") as name:
        place = folder or Path(name)
        split = write(place / "Original-Data", pictures=pictures, light=light)
        with tempfile.TemporaryDirectory(prefix=".rounds-", dir=place) as scratch:
            rest.wait(Path(scratch))
            yield Bench(split.absolute(), Path(scratch).absolute())


@dataclass(frozen=True)
class Mould:
    """One really encoded picture, of which many files are made; it lies in ``file``."""

    file: Path
    source: str
    width: int
    height: int
    seed: tuple[int, int]
    light: bool

    @staticmethod
    def numbered(index: int, seed: int, folder: Path, *, light: bool) -> Mould:
        chance = random.Random(f"{seed} mould {index}")
        source = CONSUMER if chance.random() < CONSUMER_SHARE else SHOP
        sizes = SIZES[source]
        width, height = chance.choices(list(sizes), list(sizes.values()))[0]
        return Mould(folder / f"{index}.jpg", source, width, height, (seed, index), light)

    def encode(self) -> None:
        """Blurred patches of colour under a fine grain, at the quality that gives a file of the wanted size."""
        import numpy as np
        from PIL import Image

        chance = np.random.default_rng(self.seed)
        patches = chance.integers(0, 256, (self.height // 60, self.width // 60, 3), dtype=np.uint8)
        picture = Image.fromarray(patches).resize((self.width, self.height), Image.Resampling.BICUBIC)
        if not self.light:
            grain = chance.normal(0, 14, (self.height, self.width, 1))
            picture = Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))
        target = 1000 * int(chance.integers(*KILOBYTES))
        progressive = bool(chance.random() < PROGRESSIVE)
        content = _jpeg(picture, 10 if self.light else 30, progressive=progressive)
        low, high = 1, 98
        while low < high and not 0.9 < len(content) / target <= 1 and not self.light:
            quality = (low + high + 1) // 2
            content = _jpeg(picture, quality, progressive=progressive)
            low, high = (quality, high) if len(content) < target else (low, quality - 1)
        self.file.write_bytes(content)


def _jpeg(picture: Any, quality: int, *, progressive: bool) -> bytes:
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=quality, progressive=progressive)
    return stream.getvalue()


@cache
def _halves(file: Path) -> tuple[bytes, bytes]:
    """A JPEG file cut behind its start and its JFIF header, where a comment may stand."""
    content = file.read_bytes()
    cut = 4 + int.from_bytes(content[4:6], "big")
    return content[:cut], content[cut:]


@dataclass(frozen=True)
class Job:
    """A stretch of the numbers, for one process."""

    folder: Path
    moulds: Sequence[Mould]
    numbers: range
    seed: int
    annotations_only: bool
    light: bool

    def work(self) -> None:
        for number in self.numbers:
            chance = random.Random(f"{self.seed} picture {number}")
            mould = chance.choice(self.moulds)
            with (self.folder / "annos" / f"{number:06d}.json").open("x") as stream:
                stream.write(json.dumps(page(chance, mould.source, mould.width, mould.height, number)))
            image = self.folder / "image" / f"{number:06d}.jpg"
            if self.light and not self.annotations_only:
                os.link(mould.file, image)
            elif not self.annotations_only:
                head, tail = _halves(mould.file)
                comment = b"%d " % number + chance.randbytes(chance.randrange(800))
                with image.open("xb", buffering=0) as file:
                    file.write(b"".join((head, b"\xff\xfe", (len(comment) + 2).to_bytes(2, "big"), comment, tail)))


def page(chance: random.Random, source: str, width: int, height: int, number: int) -> Json:
    """The annotation file of picture ``number``, ``width`` x ``height`` pixels."""
    count = 1 + _pick(chance, ITEMS_PER_PICTURE)
    items = {f"item{each}": item(chance, source, width, height) for each in range(1, count + 1)}
    return {**items, "source": source, "pair_id": 1 + (number - 1) // PICTURES_PER_PAIR}


def item(chance: random.Random, source: str, width: int, height: int) -> Json:
    """One garment: its landmarks on an outline stretched over the whole of it, what is beyond the picture cut off."""
    garment = CATEGORIES[_pick(chance, ITEMS)]
    across = max(20.0, min(width, _quantile(chance, WIDTHS[source])))
    down = max(24.0, min(height, across * _quantile(chance, RATIOS[source])))
    slack = 0.25 if chance.random() < CUT[source] else 0.0
    left = chance.uniform(-slack * across, width - across + slack * across)
    top = chance.uniform(-slack * down, height - down + slack * down)
    box = [max(0, int(left)), max(0, int(top)), min(width, int(left + across)), min(height, int(top + down))]
    points, outside = [], 0
    hidden = chance.uniform(0.1, 0.5)
    for x, y in _template(garment):
        x = round(left + across * min(1.0, max(0.0, x + 0.06 * chance.random() - 0.03)))
        y = round(top + down * min(1.0, max(0.0, y + 0.06 * chance.random() - 0.03)))
        if 0 <= x < width and 0 <= y < height:
            points.append((x, y, 1 if chance.random() < hidden else 2))
        else:
            points.append((0, 0, 0))
            outside += 1
    covered = sum(seen == 1 for _, _, seen in points) / len(points)
    cut = outside / len(points)
    share = (box[2] - box[0]) * (box[3] - box[1]) / (width * height)
    dense = chance.random() < CONTOURS
    return {
        "segmentation": [_contour(chance, box)] if dense else _rings(garment, points) or [_contour(chance, box)],
        "scale": 1 + (share >= 0.1) + (share > 0.4),
        "viewpoint": 1 + _pick(chance, VIEWPOINTS),
        "zoom_in": 1 + (cut > 0) + (cut > 0.3),
        "landmarks": [value for point in points for value in point],
        "style": _pick(chance, STYLES),
        "bounding_box": box,
        "category_id": garment.id,
        "occlusion": 1 + (covered >= 0.2) + (covered > 0.5),
        "category_name": garment.label,
    }


def _rings(garment: Garment, points: Sequence[tuple[int, int, int]]) -> list[list[int]]:
    """The outline through the landmarks, closed, and for sleeves and legs a part of it once more."""
    ring = [points[number - 1] for number in garment.ring]
    parts = [ring, ring[6:14], ring[-8:]] if garment.landmarks > 20 else [ring]
    rings = [[(x, y) for x, y, seen in part if seen] for part in parts]
    return [[value for point in (*each, each[0]) for value in point] for each in rings if len(set(each)) > 3]


def _contour(chance: random.Random, box: Sequence[int]) -> list[float]:
    """Some 64 vertices with two decimals within ``box``, open."""
    left, top, right, bottom = box
    count = chance.randint(40, 90)
    numbers = []
    for step in range(count):
        x, y = _outline(step / count)
        near = 1 - 0.04 * chance.random()
        numbers.append(round(left + (right - left) * (0.5 + near * (x - 0.5)), 2))
        numbers.append(round(top + (bottom - top) * (0.5 + near * (y - 0.5)), 2))
    return numbers


@cache
def _template(garment: Garment) -> tuple[tuple[float, float], ...]:
    """Where the landmarks lie in a box from 0 to 1; the back of the neck, which no outline has, is at the top."""
    places = {number: _outline(step / len(garment.ring)) for step, number in enumerate(garment.ring)}
    return tuple(places.get(number, (0.5, 0.05)) for number in range(1, garment.landmarks + 1))


def _outline(turn: float) -> tuple[float, float]:
    """A point of a rounded rectangle from 0 to 1, from right of its top counter-clockwise."""
    angle = -math.pi / 2 + 0.35 - math.tau * turn
    x, y = math.cos(angle), math.sin(angle)
    return 0.5 + 0.5 * math.copysign(abs(x) ** 0.6, x), 0.5 + 0.5 * math.copysign(abs(y) ** 0.6, y)


def _pick(chance: random.Random, weights: tuple[int, ...]) -> int:
    """An index, as often as its weight says."""
    sums = _sums(weights)
    return bisect(sums, chance.random() * sums[-1], hi=len(sums) - 1)


@cache
def _sums(weights: tuple[int, ...]) -> list[int]:
    return list(accumulate(weights))


def _quantile(chance: random.Random, values: Sequence[float]) -> float:
    """A number whose distribution has ``values`` at ``LEVELS``."""
    level = chance.random()
    place = bisect(LEVELS, level, hi=len(LEVELS) - 1)
    part = (level - LEVELS[place - 1]) / (LEVELS[place] - LEVELS[place - 1])
    return values[place - 1] + part * (values[place] - values[place - 1])


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--light"]
    count = int(arguments[1]) if len(arguments) > 1 else 20_000
    import corpus  # workers know this file by its name, not as the program

    print(corpus.write(Path(arguments[0]) / "Original-Data", pictures=count, light="--light" in sys.argv))
