"""What DeepFashion2 would write about a scene: boxes, landmarks, polygons and the four ratings."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.model.garments import BY_ID
from converters.sample.scene import Placed, Scene
from converters.sample.shape import Points, along, clipped, points

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
