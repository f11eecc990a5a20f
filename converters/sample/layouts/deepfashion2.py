"""DeepFashion2's: a folder a split, JSON an image, every garment with its box, outline and landmarks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.model.garments import BY_ID
from converters.sample.scene import QUALITY, Placed, Scene
from converters.sample.shape import Points, along, clipped, points
from converters.sample.visible import box, rate, visibility
from tltpipe import files
from tltpipe.progress import Bar
from tltpipe.workers import parallel_map

SPLITS = ("train", "validation")
SIZE = 420
"""Default for the longer side, in pixels."""


@dataclass(frozen=True)
class Pair:
    """Pictures ``number`` (a shop's) and ``number`` + 1 (a customer's) of a split, which show the same outfit."""

    folder: Path
    seed: tuple[int, int, int]
    number: int
    count: int
    size: int

    @property
    def category(self) -> int:
        """The main garment's: every thirteen pairs each category once."""
        block, place = divmod(self.number // 2, 13)
        return int(np.random.default_rng((*self.seed[:2], block)).permutation(13)[place]) + 1


def draw(out: Path, counts: Mapping[str, int], *, seed: int, size: int, bar: Bar, workers: int | None) -> None:
    """Draw the splits to ``out/<split>/{image,annos}``. Each of them appears whole or not at all."""
    for split, count in counts.items():
        with files.staged(out / split) as folder:
            for name in ("image", "annos"):
                (folder / name).mkdir()
            items = pairs(folder, (seed, SPLITS.index(split)), count, size)
            for drawn in parallel_map(draw_pair, items, workers=workers):
                bar.advance(drawn)


def outputs(out: Path, counts: Mapping[str, int]) -> list[Path]:
    """The folders that ``draw`` makes."""
    return [out / split for split in counts]


def pairs(folder: Path, seed: tuple[int, int], count: int, size: int) -> Iterable[Pair]:
    """The ``count`` pictures of one split as pairs, the last of which may be half."""
    return (Pair(folder, (*seed, number), number, min(2, count - number), size) for number in range(0, count, 2))


@dataclass(frozen=True)
class Page:
    """One picture before it is painted: where everything is, and what an annotator says about it."""

    number: int
    scene: Scene
    annotation: dict[str, Any]
    rng: np.random.Generator


def arrange_pair(pair: Pair) -> Iterator[Page]:
    """Design the pair's outfit and arrange it for the shop's picture, then for the customer's."""
    from converters.sample.outfits import draw_outfit
    from converters.sample.scene import arrange

    outfit = draw_outfit(pair.category, np.random.default_rng((*pair.seed, 0)))
    for place, shop in enumerate((True, False)[: pair.count]):
        rng = np.random.default_rng((*pair.seed, 1 + place))
        scene = arrange(outfit, _size(pair.size, rng, shop=shop), rng, shop=shop)
        yield Page(pair.number + place + 1, scene, annotation(scene, pair_id=pair.number // 2 + 1, rng=rng), rng)


def draw_pair(pair: Pair) -> int:
    """Draw the pictures of one pair; returns how many."""
    import orjson

    from converters.sample.scene import photograph

    for page in arrange_pair(pair):
        photograph(page.scene, page.rng).save(pair.folder / "image" / f"{page.number:06d}.jpg", quality=QUALITY)
        (pair.folder / "annos" / f"{page.number:06d}.json").write_bytes(orjson.dumps(page.annotation))
    return pair.count


def _size(longer: int, rng: np.random.Generator, *, shop: bool) -> tuple[int, int]:
    """Width and height: customers' phones mostly 3:4, shops as they please."""
    if not shop and rng.random() < 0.6:
        return longer * 3 // 4, longer
    ratio = rng.uniform(0.70, 0.98) if shop or rng.random() < 0.8 else rng.uniform(1.0, 1.3)
    side = rng.uniform(0.9, 1.08) * longer
    width, height = (side * ratio, side) if ratio <= 1 else (side, side / ratio)
    return round(width), round(height)


Random = np.random.Generator

VERTICES = 64
"""Points of a dense contour."""


def annotation(scene: Scene, *, pair_id: int, rng: Random) -> dict[str, Any]:
    """The JSON object of one picture."""
    items = {f"item{place + 1}": _item(scene, place, rng) for place in range(len(scene.garments))}
    return {**items, "source": "shop" if scene.shop else "user", "pair_id": pair_id}


def _item(scene: Scene, place: int, rng: Random) -> dict[str, Any]:
    garment = scene.garments[place]
    category = BY_ID[garment.design.category]
    extent = box(scene, place)
    marks, seen = _landmarks(scene, place)
    # Landmarks outside the picture would leave corners out of a ring of landmarks: cropped garments get a contour.
    dense = rng.random() < 0.4 or not seen.all()
    return {
        "segmentation": [_dense(garment, scene.size)] if dense else _rings(garment, marks),
        "scale": rate(_area(extent) / (scene.size[0] * scene.size[1]), 0.10, 0.40),
        "viewpoint": scene.viewpoint,
        "zoom_in": 1 if seen.all() else rate(float((seen == 0).mean()), 0.0, 0.30),
        "landmarks": [int(value) for mark, v in zip(marks, seen, strict=True) for value in (*(mark * (v > 0)), v)],
        "style": garment.design.style,
        "bounding_box": extent,
        "category_id": category.id,
        "occlusion": rate(float((seen == 1).sum() / max(1, (seen > 0).sum())), 0.20, 0.50),
        "category_name": category.label,
    }


def _area(box: list[int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _landmarks(scene: Scene, place: int) -> tuple[Points, NDArray[np.int64]]:
    """Whole pixels (n, 2) and visibility (n,), see ``visible.visibility``."""
    marks = np.floor(scene.garments[place].figure.landmarks)
    return marks, visibility(scene, place, marks)


def _rings(garment: Placed, marks: Points) -> list[list[float]]:
    """The outline through the landmarks, closed, and the sleeves once more, as the data set has them."""
    category = BY_ID[garment.design.category]
    rings = [category.ring, *_sleeves(category.id)]
    return [[int(value) for number in (*ring, ring[0]) for value in marks[number - 1]] for ring in rings]


def _sleeves(category: int) -> list[tuple[int, ...]]:
    """The left and the right sleeve as landmark numbers; none for sleeveless garments."""
    joints = {1: 6, 3: 6, 10: 6, 2: 10, 4: 10, 11: 10}.get(category)
    if joints is None:
        return []
    left = tuple(range(7, 7 + joints))
    mirror = BY_ID[category].flip
    return [left, tuple(mirror[number - 1] + 1 for number in reversed(left))]


def _dense(garment: Placed, size: tuple[int, int]) -> list[float]:
    """The same outline as 64 points with two decimals, clipped to the picture, not closed."""
    ring = points([garment.figure.landmarks[number - 1] for number in BY_ID[garment.design.category].ring])
    seen = clipped(ring, size)
    run = along(np.concatenate([seen, seen[:1]]), np.linspace(0, 1, VERTICES, endpoint=False))
    return [round(float(value), 2) for value in np.clip(run, 0, size).ravel()]
