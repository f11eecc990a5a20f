"""A drawn data set in DeepFashion2's format: pictures to try everything on, free of anybody's rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converters.model.garments import BY_ID
from converters.sample.scene import Placed, Scene
from converters.sample.shape import Points, along, clipped, points
from tltpipe import files
from tltpipe.errors import UsageError
from tltpipe.progress import Progress
from tltpipe.workers import parallel_map

SPLITS = ("train", "validation")
QUALITY = 90


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


def draw(
    out: Path,
    *,
    train: int,
    validation: int,
    seed: int,
    progress: Progress,
    size: int = 420,
    workers: int | None = None,
) -> None:
    """Draw ``train`` and ``validation`` pictures with annotations to ``out/<split>/{image,annos}``.

    The longer side of a picture is about ``size`` pixels. The same seed draws the same bytes with any number of
    ``workers``. Each split appears whole or not at all. Raises UsageError for a split that is there already.
    """
    counts = {split: count for split, count in zip(SPLITS, (train, validation), strict=True) if count > 0}
    for split in counts:
        if (out / split).exists():
            raise UsageError("this split is there already", where=out / split, hint="choose another folder")
    with progress.bar("draw", total=sum(counts.values()), unit="pictures") as bar:
        for split, count in counts.items():
            with files.staged(out / split) as folder:
                for name in ("image", "annos"):
                    (folder / name).mkdir()
                items = pairs(folder, (seed, SPLITS.index(split)), count, size)
                for drawn in parallel_map(draw_pair, items, workers=workers):
                    bar.advance(drawn)


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
    rows, columns = np.nonzero(scene.owners == place + 1)
    box = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
    marks, seen = _landmarks(scene, place)
    # Landmarks outside the picture would leave corners out of a ring of landmarks: cropped garments get a contour.
    dense = rng.random() < 0.4 or not seen.all()
    return {
        "segmentation": [_dense(garment, scene.size)] if dense else _rings(garment, marks),
        "scale": _rate(_area(box) / (scene.size[0] * scene.size[1]), 0.10, 0.40),
        "viewpoint": scene.viewpoint,
        "zoom_in": 1 if seen.all() else _rate(float((seen == 0).mean()), 0.0, 0.30),
        "landmarks": [int(value) for mark, v in zip(marks, seen, strict=True) for value in (*(mark * (v > 0)), v)],
        "style": garment.design.style,
        "bounding_box": box,
        "category_id": category.id,
        "occlusion": _rate(float((seen == 1).sum() / max(1, (seen > 0).sum())), 0.20, 0.50),
        "category_name": category.label,
    }


def _area(box: list[int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _rate(value: float, low: float, high: float) -> int:
    """1 below ``low``, 2 up to ``high``, 3 above."""
    return 1 if value < low else 2 if value <= high else 3


def _landmarks(scene: Scene, place: int) -> tuple[Points, np.ndarray[Any, np.dtype[np.int64]]]:
    """Whole pixels (n, 2) and visibility (n,): 2 where the garment's own cloth shows within two pixels, 1 where
    another garment covers it, 0 outside the picture."""
    width, height = scene.size
    marks = np.floor(scene.garments[place].figure.landmarks)
    inside = (marks >= 0).all(axis=1) & (marks[:, 0] < width) & (marks[:, 1] < height)
    own = np.pad(scene.owners == place + 1, 2)
    seen = np.zeros(len(marks), dtype=np.int64)
    for i in np.flatnonzero(inside):
        x, y = int(marks[i, 0]), int(marks[i, 1])
        seen[i] = 2 if own[y : y + 5, x : x + 5].any() else 1
    return marks, seen


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
